//! What a loss, a change of credentials or a report does to other things.

use async_graphql::{Enum, ID, SimpleObject};
use vitne_domain::policy::cascade::Effect;

use super::super::ids::Kind;
use super::Scope;
use super::devices::code;

/// What happens to something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum EffectKind {
    /// A session ends.
    SessionEnded,
    /// A device is trusted no longer.
    TrustDropped,
    /// An authenticator cannot be used until its owner decides.
    AuthenticatorSuspended,
    /// An attempt under way cannot be completed any more.
    AttemptFailed,
}

/// One thing that happens, or would happen, to something else.
#[derive(SimpleObject)]
#[graphql(name = "Effect")]
pub(crate) struct EffectNode {
    /// What.
    kind: EffectKind,
    /// Why, as a code.
    cause: Option<String>,
    /// To what: the global id of a session, device, authenticator or entry. Null for somebody who is not
    /// signed in, as after a password reset.
    target: Option<ID>,
}

impl EffectNode {
    /// All of them; with ids for their owner only.
    pub(crate) fn all(scope: Option<&Scope>, effects: &[Effect]) -> Vec<Self> {
        effects.iter().map(|effect| Self::new(scope, effect)).collect()
    }

    fn new(scope: Option<&Scope>, effect: &Effect) -> Self {
        let (kind, cause, named, id) = match effect {
            Effect::EndSession { session, cause } => {
                (EffectKind::SessionEnded, Some(code(cause)), Kind::Session, session.0)
            }
            Effect::DropTrust { device, cause } => {
                (EffectKind::TrustDropped, Some(code(cause)), Kind::Device, device.0)
            }
            Effect::SuspendAuthenticator { credential, cause } => {
                (EffectKind::AuthenticatorSuspended, Some(code(cause)), Kind::Authenticator, credential.0)
            }
            Effect::FailCeremony { ceremony } => (EffectKind::AttemptFailed, None, Kind::Entry, ceremony.0),
        };
        Self { kind, cause, target: scope.map(|scope| scope.id(named, id)) }
    }
}
