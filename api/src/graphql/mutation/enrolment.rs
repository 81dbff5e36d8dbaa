//! Enrolling an authenticator app.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use qrcode::QrCode;
use qrcode::render::svg;
use vitne_domain::Protected;
use vitne_domain::id::{CredentialId, DeviceId};

use super::super::ids::Kind;
use super::super::status::{Answer, settle};
use super::Act;
use super::credentials::RecoveryCode;
use crate::service::{Authority, Caller, EnrolmentInput, Refusal, ServiceError};

#[derive(Default)]
pub(super) struct EnrolmentMutations;

/// A new authenticator app.
#[derive(InputObject)]
struct StartTotpEnrolmentInput {
    /// Its owner's name for it.
    label: String,
    /// The device it lives on, so that losing that device suspends it.
    carried_by: Option<ID>,
    /// The authenticator it takes the place of. In a replacement ceremony it may be left out if there is
    /// only one.
    replaces: Option<ID>,
    /// The token of a completed ceremony for replacing a lost factor, for somebody who is not signed in.
    ceremony: Option<String>,
}

/// The first code of a new authenticator app.
#[derive(InputObject)]
struct ConfirmTotpEnrolmentInput {
    /// The enrolment.
    enrolment: ID,
    /// What the new authenticator shows.
    code: String,
    /// An authenticator that is already in use, where there is one.
    existing_authenticator: Option<ID>,
    /// What that one shows.
    existing_code: Option<String>,
    /// The token of the ceremony it was started in, for somebody who is not signed in.
    ceremony: Option<String>,
    /// A key of the client's, by which a repeated request shows the same recovery codes.
    idempotency_key: Option<String>,
}

/// What an authenticator app needs; shown once.
#[derive(SimpleObject)]
struct StartTotpEnrolmentPayload {
    #[graphql(flatten)]
    answer: Answer,
    /// The enrolment: give it with the first code.
    enrolment: Option<ID>,
    /// The `otpauth://` URI, for scanning.
    uri: Option<String>,
    /// The same as a QR code, SVG.
    qr_svg: Option<String>,
    /// The shared secret in base32, for typing.
    secret: Option<String>,
    /// When the first code must have been given.
    expires_at: Option<DateTime<Utc>>,
}

/// An authenticator that is in use from now on.
#[derive(SimpleObject)]
struct ConfirmTotpEnrolmentPayload {
    #[graphql(flatten)]
    answer: Answer,
    /// Its global id; null for somebody who is not signed in.
    authenticator: Option<ID>,
    /// Whether two-step verification was switched on with it.
    two_step_enabled: Option<bool>,
    /// The recovery codes, where it is the account's first authenticator; shown this once.
    recovery_codes: Option<Vec<RecoveryCode>>,
}

/// Under what authority: the ceremony's if one is named, else the viewer's.
async fn authority(
    act: &Act<'_>,
    ceremony: Option<String>,
    idempotency: Option<String>,
) -> Result<(Caller, Authority), ServiceError> {
    match ceremony {
        Some(token) => Ok((act.stranger(idempotency, None).await?, Authority::Replacement(token))),
        None => {
            let (caller, viewer) = act.viewer(idempotency).await?;
            Ok((caller, Authority::Viewer(viewer)))
        }
    }
}

/// The thing of the viewer's that an id names; nobody else can name any.
fn own(act: &Act<'_>, authority: &Authority, kind: Kind, id: Option<&ID>) -> Result<Option<uuid::Uuid>, ServiceError> {
    match (authority, id) {
        (_, None) => Ok(None),
        (Authority::Viewer(viewer), Some(id)) => Ok(Some(act.state.ids().open(kind, viewer.account(), id)?)),
        (Authority::Replacement(_), Some(_)) => Err(Refusal::NotFound("such id outside a session").into()),
    }
}

fn qr(uri: &str) -> Option<String> {
    let code = QrCode::new(uri.as_bytes()).ok()?;
    Some(code.render::<svg::Color<'_>>().min_dimensions(240, 240).build())
}

#[Object]
impl EnrolmentMutations {
    /// Begins the enrolment of an authenticator app; asks for fresh proof, or for a completed ceremony for
    /// replacing a lost factor. Nothing changes before the app has shown a code.
    async fn start_totp_enrolment(
        &self,
        ctx: &Context<'_>,
        input: StartTotpEnrolmentInput,
    ) -> Result<StartTotpEnrolmentPayload> {
        let act = Act::of(ctx)?;
        let result = async {
            let (caller, authority) = authority(&act, input.ceremony, None).await?;
            let input = EnrolmentInput {
                label: input.label,
                carried_by: own(&act, &authority, Kind::Device, input.carried_by.as_ref())?.map(DeviceId),
                replaces: own(&act, &authority, Kind::Authenticator, input.replaces.as_ref())?.map(CredentialId),
            };
            act.state.services.start_enrolment(&caller, &authority, input).await
        };
        let (answer, started) = settle(ctx, result.await)?;
        let uri = started.as_ref().map(|started| started.uri.expose().to_owned());
        Ok(StartTotpEnrolmentPayload {
            answer,
            enrolment: started.as_ref().map(|started| ID::from(started.credential)),
            qr_svg: uri.as_deref().and_then(qr),
            uri,
            secret: started.as_ref().map(|started| started.secret.expose().to_owned()),
            expires_at: started.map(|started| started.expires_at),
        })
    }

    /// Confirms an enrolment with a code from the new authenticator; a second one also asks for a code from
    /// the first. The first one switches two-step verification on and gives out recovery codes; one that
    /// replaces another retires it only now.
    async fn confirm_totp_enrolment(
        &self,
        ctx: &Context<'_>,
        input: ConfirmTotpEnrolmentInput,
    ) -> Result<ConfirmTotpEnrolmentPayload> {
        let act = Act::of(ctx)?;
        let result = async {
            // A code can be guessed here as anywhere else.
            act.asked.spend(act.state, None).await?;
            let (caller, authority) = authority(&act, input.ceremony, input.idempotency_key).await?;
            let credential: CredentialId = input.enrolment.parse().map_err(|_| Refusal::BadHandle)?;
            let existing =
                own(&act, &authority, Kind::Authenticator, input.existing_authenticator.as_ref())?.map(CredentialId);
            let existing = existing.zip(input.existing_code.map(Protected::new));
            let code = Protected::new(input.code);
            act.state.services.confirm_enrolment(&caller, &authority, credential, code, existing).await
        };
        let (answer, enrolled) = settle(ctx, result.await)?;
        let Some(enrolled) = enrolled else {
            return Ok(ConfirmTotpEnrolmentPayload {
                answer,
                authenticator: None,
                two_step_enabled: None,
                recovery_codes: None,
            });
        };
        let scope = act.scope().await.ok().flatten();
        Ok(ConfirmTotpEnrolmentPayload {
            answer,
            authenticator: scope.map(|scope| scope.id(Kind::Authenticator, enrolled.credential.0)),
            two_step_enabled: Some(enrolled.two_step_enabled),
            recovery_codes: Some(enrolled.recovery_codes.into_iter().map(RecoveryCode::from).collect()),
        })
    }
}
