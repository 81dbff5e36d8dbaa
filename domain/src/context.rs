//! Who, where and why: what is known about an event beside the event itself.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, CeremonyId, CorrelationId, DeviceId, EventId, SessionId};

/// What kind of actor caused an event. Kept in clear in the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Actor {
    /// The subject themselves, proved or in the act of proving it.
    User,
    /// Somebody who has proved nothing yet.
    Anonymous,
    /// Vitne itself: a timer, a policy, a follower of the log.
    System,
    /// A support agent within a case.
    Support,
    /// A compliance officer.
    Officer,
    /// An operator on the command line.
    Operator,
}

impl Actor {
    /// The header's name of this kind of actor.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "USER",
            Self::Anonymous => "ANONYMOUS",
            Self::System => "SYSTEM",
            Self::Support => "SUPPORT",
            Self::Officer => "OFFICER",
            Self::Operator => "OPERATOR",
        }
    }

    /// The actor that [`Actor::as_str`] names.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::User, Self::Anonymous, Self::System, Self::Support, Self::Officer, Self::Operator]
            .into_iter()
            .find(|actor| actor.as_str() == name)
    }
}

/// Where a request came from. Personal: sealed apart from the body, under the `network` class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkContext {
    /// The client's address as told by the socket or a configured proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<std::net::IpAddr>,
    /// The `User-Agent` header, cut to 512 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// ISO 3166-1 alpha-2 country of the address, if a database is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

/// What all events of one unit of work share. Built from server state only.
#[derive(Clone, Debug)]
pub struct EventContext {
    /// When it happened, by the injected clock. Kept to the millisecond.
    pub at: DateTime<Utc>,
    /// Whose data this is: the key it is sealed with. `None` for events about nobody.
    pub subject: Option<AccountId>,
    /// Who did it.
    pub actor: Actor,
    /// The request that caused it.
    pub correlation: CorrelationId,
    /// The event that caused it, if an event did.
    pub causation: Option<EventId>,
    /// The ceremony it belongs to.
    pub ceremony: Option<CeremonyId>,
    /// The session it happened in.
    pub session: Option<SessionId>,
    /// The device it happened on.
    pub device: Option<DeviceId>,
    /// Where the request came from.
    pub network: NetworkContext,
}
