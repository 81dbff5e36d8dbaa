//! The account: who somebody is here, and what they can prove it with.

mod events;
mod state;

pub use events::{
    AccountEvent, AuthenticatorCause, AuthenticatorKind, Language, PasswordCause, RecoveryCodeHash, RejectReason,
    ReportedEntry,
};
pub use state::AccountState;
