//! Registering, the profile, and the address.

use async_graphql::{Context, InputObject, Object, Result};
use vitne_domain::Protected;

use super::super::enums::Language;
use super::super::status::{Answer, settle};
use super::{Act, ActionPayload};
use crate::service::{ProfileChange, Registration};

#[derive(Default)]
pub(super) struct AccountMutations;

/// Who wants an account.
#[derive(InputObject)]
struct RegisterInput {
    /// The address.
    email: String,
    /// A password of at least 15 characters; 8 once two-step verification is on.
    password: String,
    /// The name to be called by.
    display_name: String,
    /// The language of texts and mail; the server's own if absent.
    language: Option<Language>,
    /// A key of the client's, by which a repeated request is answered as the first one was.
    idempotency_key: Option<String>,
}

/// The parts of a profile to change; absent parts stay.
#[derive(InputObject)]
struct UpdateProfileInput {
    /// The name to be called by.
    display_name: Option<String>,
    /// The phone number in E.164; empty to remove it. Asks for fresh proof.
    phone: Option<String>,
    /// The language of texts and mail.
    language: Option<Language>,
}

/// Another address.
#[derive(InputObject)]
struct ChangeEmailInput {
    /// The new address. It takes the place of the present one when the link sent to it is followed.
    email: String,
}

/// An answer without its place in the log: how far the log has grown would tell how many events were
/// written, and so whether somebody has the address.
fn unplaced(answer: Answer) -> Answer {
    Answer { position: None, ..answer }
}

#[Object]
impl AccountMutations {
    /// Registers. The answer is the same whether or not the address has an account: its owner learns the
    /// rest by mail.
    async fn register(&self, ctx: &Context<'_>, input: RegisterInput) -> Result<ActionPayload> {
        let act = Act::of(ctx)?;
        let result = async {
            let caller = act.stranger(input.idempotency_key, Some(&input.email)).await?;
            let registration = Registration {
                email: input.email,
                password: Protected::new(input.password),
                display_name: input.display_name,
                language: input.language.map_or(act.state.language, Into::into),
            };
            act.state.services.register(&caller, registration).await
        };
        let (answer, _) = settle(ctx, result.await)?;
        Ok(ActionPayload { answer: unplaced(answer) })
    }

    /// Changes parts of the profile.
    async fn update_profile(&self, ctx: &Context<'_>, input: UpdateProfileInput) -> Result<ActionPayload> {
        let act = Act::of(ctx)?;
        let result = async {
            let (caller, viewer) = act.viewer(None).await?;
            let UpdateProfileInput { display_name, phone, language } = input;
            let change = ProfileChange { display_name, phone, language: language.map(Into::into) };
            act.state.services.change_profile(&caller, &viewer, change).await
        };
        let (answer, _) = settle(ctx, result.await)?;
        Ok(ActionPayload { answer })
    }

    /// Asks for another address; asks for fresh proof. The answer does not tell whether somebody has it.
    async fn change_email(&self, ctx: &Context<'_>, input: ChangeEmailInput) -> Result<ActionPayload> {
        let act = Act::of(ctx)?;
        let result = async {
            let (caller, viewer) = act.viewer(None).await?;
            // It sends mail to an address of the caller's choosing: that has its own budget.
            act.asked.spend(act.state, Some(&input.email)).await?;
            act.state.services.change_email(&caller, &viewer, input.email).await
        };
        let (answer, _) = settle(ctx, result.await)?;
        Ok(ActionPayload { answer: unplaced(answer) })
    }
}
