//! What the tests share: fixed identifiers, secrets and moments, and a short way to a state.

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::Aggregate;
use uuid::Uuid;
use vitne_domain::Protected;
use vitne_domain::account::{
    Account, AccountCommand, AccountError, AccountEvent, AuthenticatorKind, Enrolment, Language, RecoveryCodeHash, totp,
};
use vitne_domain::id::{AccountId, CredentialId};
use vitne_domain::policy::Method;

/// A fixed account.
pub(crate) fn account_id(number: u128) -> AccountId {
    AccountId(Uuid::from_u128(number))
}

/// A fixed authenticator.
pub(crate) fn credential(number: u128) -> CredentialId {
    CredentialId(Uuid::from_u128(number))
}

/// A fixed morning, and seconds after it.
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    let morning: DateTime<Utc> = "2026-11-22T07:00:00Z".parse().expect("a moment");
    morning + TimeDelta::seconds(seconds)
}

/// A secret of its own for each authenticator.
pub(crate) fn secret(id: CredentialId) -> Protected {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;
    totp::generate_secret(&mut ChaCha20Rng::seed_from_u64(id.0.as_u128() as u64))
}

/// What the authenticator shows.
pub(crate) fn code(id: CredentialId, at: DateTime<Utc>) -> Protected {
    Protected::new(totp::code_at(&secret(id), at).expect("the secret is one"))
}

/// A set of code hashes; no test of decisions looks into them.
pub(crate) fn hashes() -> Vec<RecoveryCodeHash> {
    (1..=10).map(|number| RecoveryCodeHash { number, hash: Protected::new(format!("hash {number}")) }).collect()
}

/// A registration.
pub(crate) fn register() -> AccountCommand {
    AccountCommand::Register {
        email: "Anna@example.se".to_owned(),
        display_name: "Anna".to_owned(),
        language: Language::Sv,
        password_hash: Protected::new("hash"),
        at: at(0),
    }
}

/// The beginning of an enrolment, good for ten minutes.
pub(crate) fn start(id: CredentialId, replaces: Option<CredentialId>, begins: DateTime<Utc>) -> AccountCommand {
    AccountCommand::StartEnrolment {
        enrolment: Enrolment {
            credential: id,
            kind: AuthenticatorKind::Totp,
            label: "Phone".to_owned(),
            secret: secret(id),
            carried_by: None,
            replaces,
            expires_at: begins + TimeDelta::minutes(10),
            first_factor: Method::Password,
        },
        at: begins,
    }
}

/// Its confirmation without a further proof.
pub(crate) fn confirm(id: CredentialId, moment: DateTime<Utc>) -> AccountCommand {
    AccountCommand::ConfirmEnrolment { credential: id, code: code(id, moment), proof: None, at: moment }
}

/// A time-based code.
pub(crate) fn totp_code(id: CredentialId, moment: DateTime<Utc>) -> AccountCommand {
    AccountCommand::AcceptTotp { code: code(id, moment), at: moment }
}

/// Carries a command out, and gives the events.
pub(crate) fn carry_out(account: &mut Account, command: AccountCommand) -> Result<Vec<AccountEvent>, AccountError> {
    let events = account.decide(command)?;
    for event in &events {
        account.apply(event.clone());
    }
    Ok(events)
}

/// An account after the given commands, each of which must succeed.
pub(crate) fn after(commands: impl IntoIterator<Item = AccountCommand>) -> Account {
    let mut account = Account::default();
    for command in commands {
        let shown = format!("{command:?}");
        carry_out(&mut account, command).unwrap_or_else(|error| panic!("{shown}: {error}"));
    }
    account
}

/// An account with two-step verification and one authenticator, confirmed at second 60.
pub(crate) fn with_two_step() -> Account {
    let phone = credential(1);
    after([
        register(),
        start(phone, None, at(30)),
        confirm(phone, at(60)),
        AccountCommand::EnableTwoStep { first_factor: Method::Password, codes: hashes() },
    ])
}
