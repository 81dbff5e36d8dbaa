//! Live connections: graphql-transport-ws, for subscriptions only.
//!
//! A connection belongs to a session: shown by the cookie or header of the upgrade, or by a token in the
//! first message. Pages of other origins are refused before they come here.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_graphql::futures_util::stream::BoxStream;
use async_graphql::http::{WebSocket as Protocol, WebSocketProtocols, WsMessage};
use async_graphql::{Data, Executor, Request, Response as Executed, ServerError};
use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use axum::response::Response;
use futures::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use vitne_domain::Protected;
use vitne_domain::id::SessionId;

use super::admission;
use super::authority::Asked;
use super::errors::coded;
use super::http::{Endpoint, dress};
use super::loaders::loaders;
use crate::http::RequestContext;

/// The name of the protocol.
const PROTOCOL: &str = "graphql-transport-ws";
/// How long a connection may stay silent before its first message.
const INIT_TIME: Duration = Duration::from_secs(10);
/// How long a connection may go without answering a ping.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// The largest message, in bytes.
const MAX_MESSAGE: usize = 65_536;
/// The most live connections of one session on one node.
const CONNECTIONS_PER_SESSION: usize = 5;
/// The most live subscriptions of one session on one node.
const SUBSCRIPTIONS_PER_SESSION: usize = 10;
/// The most live connections of one node.
const CONNECTIONS: usize = 10_000;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Counted {
    /// A connection.
    Connection,
    /// A subscription.
    Subscription,
}

/// The places that live connections take on this node.
#[derive(Default)]
pub(super) struct Places {
    taken: Mutex<HashMap<(SessionId, Counted), usize>>,
}

/// A place; given back when dropped.
pub(super) struct Place {
    places: Arc<Places>,
    key: (SessionId, Counted),
}

impl Places {
    /// Takes a place, if the session has one left.
    pub(super) fn take(self: &Arc<Self>, session: SessionId, counted: Counted) -> Option<Place> {
        let most = match counted {
            Counted::Connection => CONNECTIONS_PER_SESSION,
            Counted::Subscription => SUBSCRIPTIONS_PER_SESSION,
        };
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.len() >= CONNECTIONS {
            return None;
        }
        let count = taken.entry((session, counted)).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place { places: Arc::clone(self), key: (session, counted) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.remove(&self.key);
            }
        }
    }
}

/// Executes subscriptions, and nothing else: what changes something sets cookies and has its own limits.
#[derive(Clone)]
struct Subscriptions {
    endpoint: Endpoint,
    context: RequestContext,
}

impl Executor for Subscriptions {
    async fn execute(&self, _: Request) -> Executed {
        dress(&self.context, Executed::from_errors(vec![only_subscriptions()]))
    }

    fn execute_stream(&self, request: Request, session: Option<Arc<Data>>) -> BoxStream<'static, Executed> {
        let context = self.context.clone();
        let refuse = |error| {
            let refused = dress(&context, Executed::from_errors(vec![error]));
            futures::stream::once(std::future::ready(refused)).boxed()
        };
        let mut request = match admission::measured(request) {
            Ok(request) => request,
            Err(refused) => return refuse(coded(refused.code, refused.message).into_server_error(Default::default())),
        };
        if !admission::is_subscription(&mut request) {
            return refuse(only_subscriptions());
        }
        let request = request.data(Arc::clone(&self.endpoint.places)).data(loaders(self.endpoint.state.pool().clone()));
        let answers = self.endpoint.schema.execute_stream_with_session_data(request, session.unwrap_or_default());
        answers.map(move |executed| dress(&context, executed)).boxed()
    }
}

fn only_subscriptions() -> ServerError {
    coded("ONLY_SUBSCRIPTIONS", "send queries and mutations with POST").into_server_error(Default::default())
}

/// Answers an upgrade.
pub(super) fn upgrade(endpoint: Endpoint, context: RequestContext, upgrade: WebSocketUpgrade) -> Response {
    let upgrade = upgrade.protocols([PROTOCOL]).max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE);
    upgrade.on_upgrade(move |socket| converse(endpoint, context, socket))
}

async fn converse(endpoint: Endpoint, context: RequestContext, socket: WebSocket) {
    if socket.protocol().and_then(|protocol| protocol.to_str().ok()) != Some(PROTOCOL) {
        return;
    }
    let (mut sink, stream) = socket.split();
    let begun = Arc::new(AtomicBool::new(false));
    let texts = stream.take_while(|message| std::future::ready(message.is_ok())).filter_map(text);
    let (opened, server, asked) = (Arc::clone(&begun), endpoint.clone(), context.clone());
    let executor = Subscriptions { endpoint, context };
    let answers = Protocol::new(executor, texts, WebSocketProtocols::GraphQLWS)
        .on_connection_init(move |payload| async move {
            let data = connect(&server, asked, &payload).await?;
            opened.store(true, Ordering::Relaxed);
            Ok(data)
        })
        .keepalive_timeout(Some(KEEP_ALIVE));
    let mut answers = std::pin::pin!(answers);
    let mut patience = std::pin::pin!(tokio::time::sleep(INIT_TIME));
    loop {
        let answer = tokio::select! {
            answer = answers.next() => answer,
            () = &mut patience, if !begun.load(Ordering::Relaxed) => {
                Some(WsMessage::Close(4408, "connection initialisation timeout".to_owned()))
            }
        };
        let (message, last) = match answer {
            None => break,
            Some(WsMessage::Text(text)) => (Message::Text(text.into()), false),
            Some(WsMessage::Close(code, reason)) => {
                (Message::Close(Some(CloseFrame { code, reason: reason.into() })), true)
            }
        };
        if sink.send(message).await.is_err() || last {
            break;
        }
    }
}

async fn text(message: Result<Message, axum::Error>) -> Option<Vec<u8>> {
    match message.ok()? {
        Message::Text(text) => Some(text.as_bytes().to_vec()),
        Message::Binary(bytes) => Some(bytes.to_vec()),
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) => None,
    }
}

/// Checks who connects, and takes a place.
async fn connect(endpoint: &Endpoint, context: RequestContext, payload: &Value) -> async_graphql::Result<Data> {
    let asked = Asked::connection(context.clone(), payload_token(payload));
    let viewer = asked.viewer(&endpoint.state).await;
    let viewer = viewer.map_err(|error| super::errors::from_service(&context, error))?.cloned();
    let viewer = viewer.ok_or_else(|| coded("NOT_SIGNED_IN", "sign in first"))?;
    let place = endpoint.places.take(viewer.session(), Counted::Connection);
    let place = place.ok_or_else(|| coded("TOO_MANY_CONNECTIONS", "close another connection first"))?;
    let mut data = Data::default();
    data.insert(asked);
    data.insert(place);
    Ok(data)
}

/// The token of a first message: `{"token": "…"}` or `{"authorization": "Bearer …"}`.
fn payload_token(payload: &Value) -> Option<Protected> {
    let said = |name| payload.get(name).and_then(Value::as_str);
    let bearer = |value: &str| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    };
    let authorization = said("authorization").or(said("Authorization")).and_then(bearer);
    said("token").map(str::to_owned).or(authorization).map(Protected::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_so_many_places() {
        let places = Arc::<Places>::default();
        let session = |n| SessionId(uuid::Uuid::from_u128(n));
        let taken: Vec<_> = (0..10).filter_map(|_| places.take(session(1), Counted::Connection)).collect();
        assert_eq!(taken.len(), CONNECTIONS_PER_SESSION);
        assert!(places.take(session(1), Counted::Subscription).is_some());
        assert!(places.take(session(2), Counted::Connection).is_some());
        drop(taken);
        assert!(places.take(session(1), Counted::Connection).is_some());
        assert!(places.taken.lock().unwrap().is_empty());
    }

    #[test]
    fn tokens_come_in_the_first_message() {
        for (payload, expected) in [
            (serde_json::json!({ "token": "t" }), Some("t")),
            (serde_json::json!({ "authorization": "Bearer t" }), Some("t")),
            (serde_json::json!({ "Authorization": "bearer  t" }), Some("t")),
            (serde_json::json!({ "authorization": "Basic t" }), None),
            (serde_json::json!({ "token": 7 }), None),
            (serde_json::json!({}), None),
            (Value::Null, None),
        ] {
            let token = payload_token(&payload);
            assert_eq!(token.as_ref().map(|token| token.expose()), expected, "{payload}");
        }
    }
}
