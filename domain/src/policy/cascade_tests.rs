//! What each trigger reaches, as a table.

use uuid::Uuid;

use super::Purpose;
use super::cascade::*;
use crate::account::AuthenticatorCause;
use crate::device::TrustDropCause;
use crate::id::{CeremonyId, CredentialId, DeviceId, SessionId};
use crate::session::SessionEndCause;

const PHONE: DeviceId = DeviceId(Uuid::from_u128(1));
const LAPTOP: DeviceId = DeviceId(Uuid::from_u128(2));
const TABLET: DeviceId = DeviceId(Uuid::from_u128(3));
const ON_PHONE: SessionId = SessionId(Uuid::from_u128(11));
const ON_LAPTOP: SessionId = SessionId(Uuid::from_u128(12));
const NOWHERE: SessionId = SessionId(Uuid::from_u128(13));
const APP: CredentialId = CredentialId(Uuid::from_u128(21));
const OTHER_APP: CredentialId = CredentialId(Uuid::from_u128(22));
const SIGN_IN_PHONE: CeremonyId = CeremonyId(Uuid::from_u128(31));
const STEP_UP_LAPTOP: CeremonyId = CeremonyId(Uuid::from_u128(32));
const MAIL: CeremonyId = CeremonyId(Uuid::from_u128(33));
const NEW_ADDRESS: CeremonyId = CeremonyId(Uuid::from_u128(35));
const OPENED_NOWHERE: CeremonyId = CeremonyId(Uuid::from_u128(34));

/// A trusted phone and laptop, a tablet without trust; a session on each of the first two and one on no
/// device; an authenticator on the phone and one elsewhere; three ceremonies under way.
fn facts() -> CascadeFacts {
    let device = |device, trusted| DeviceFacts { device, trusted };
    let session = |session, device, ceremony| SessionFacts { session, device, ceremony };
    let ceremony = |ceremony, purpose, device, session| CeremonyFacts {
        ceremony,
        purpose,
        device,
        session,
        changes_email: ceremony == NEW_ADDRESS,
    };
    CascadeFacts {
        devices: vec![device(PHONE, true), device(LAPTOP, true), device(TABLET, false)],
        sessions: vec![
            session(ON_PHONE, Some(PHONE), None),
            session(ON_LAPTOP, Some(LAPTOP), None),
            session(NOWHERE, None, Some(OPENED_NOWHERE)),
        ],
        authenticators: vec![
            AuthenticatorFacts { credential: APP, carried_by: Some(PHONE) },
            AuthenticatorFacts { credential: OTHER_APP, carried_by: None },
        ],
        ceremonies: vec![
            ceremony(SIGN_IN_PHONE, Purpose::SignIn, Some(PHONE), None),
            ceremony(STEP_UP_LAPTOP, Purpose::Settings, Some(LAPTOP), Some(ON_LAPTOP)),
            ceremony(MAIL, Purpose::VerifyEmail, None, None),
        ],
    }
}

fn trust(device: DeviceId, cause: TrustDropCause) -> Effect {
    Effect::DropTrust { device, cause }
}

fn end(session: SessionId, cause: SessionEndCause) -> Effect {
    Effect::EndSession { session, cause }
}

fn fail(ceremony: CeremonyId) -> Effect {
    Effect::FailCeremony { ceremony }
}

fn suspend(credential: CredentialId, cause: AuthenticatorCause) -> Effect {
    Effect::SuspendAuthenticator { credential, cause }
}

#[test]
fn what_each_trigger_reaches() {
    let both = |cause| vec![trust(PHONE, cause), trust(LAPTOP, cause)];
    let with = |mut first: Vec<Effect>, more: &[Effect]| {
        first.extend_from_slice(more);
        first
    };
    let changed = SessionEndCause::PasswordChanged;
    let cases: Vec<(Trigger, Vec<Effect>)> = vec![
        (
            Trigger::DeviceLost { device: PHONE },
            vec![
                trust(PHONE, TrustDropCause::DeviceLost),
                end(ON_PHONE, SessionEndCause::DeviceLost),
                suspend(APP, AuthenticatorCause::DeviceLost),
                fail(SIGN_IN_PHONE),
            ],
        ),
        (
            Trigger::DeviceLost { device: LAPTOP },
            vec![
                trust(LAPTOP, TrustDropCause::DeviceLost),
                end(ON_LAPTOP, SessionEndCause::DeviceLost),
                fail(STEP_UP_LAPTOP),
            ],
        ),
        (Trigger::DeviceLost { device: TABLET }, vec![]),
        (
            Trigger::DeviceForgotten { device: PHONE },
            vec![
                trust(PHONE, TrustDropCause::Forgotten),
                end(ON_PHONE, SessionEndCause::DeviceForgotten),
                fail(SIGN_IN_PHONE),
            ],
        ),
        (
            Trigger::PasswordChanged { sessions: OtherSessions::Keep },
            with(both(TrustDropCause::PasswordChanged), &[fail(SIGN_IN_PHONE), fail(STEP_UP_LAPTOP)]),
        ),
        (
            Trigger::PasswordChanged { sessions: OtherSessions::End { except: Some(ON_LAPTOP) } },
            with(
                both(TrustDropCause::PasswordChanged),
                &[end(ON_PHONE, changed), end(NOWHERE, changed), fail(SIGN_IN_PHONE)],
            ),
        ),
        (
            Trigger::PasswordChanged { sessions: OtherSessions::End { except: None } },
            with(
                both(TrustDropCause::PasswordChanged),
                &[
                    end(ON_PHONE, changed),
                    end(ON_LAPTOP, changed),
                    end(NOWHERE, changed),
                    fail(SIGN_IN_PHONE),
                    fail(STEP_UP_LAPTOP),
                ],
            ),
        ),
        (Trigger::FactorRemoved, both(TrustDropCause::FactorRemoved)),
        (Trigger::RecoveryCodeUsed, both(TrustDropCause::RecoveryCodeUsed)),
        (Trigger::SupportCodeUsed, both(TrustDropCause::SupportCodeUsed)),
        (Trigger::PolicyTightened, both(TrustDropCause::PolicyTightened)),
        (Trigger::TwoStepDisabled, both(TrustDropCause::TwoStepDisabled)),
        (
            Trigger::NotMe(NotMe { device: Some(PHONE), reporter: Some(ON_LAPTOP), ..NotMe::default() }),
            with(both(TrustDropCause::NotMe), &[end(ON_PHONE, SessionEndCause::NotMe), fail(SIGN_IN_PHONE)]),
        ),
        (
            Trigger::NotMe(NotMe {
                device: Some(LAPTOP),
                session: Some(ON_LAPTOP),
                reporter: Some(ON_LAPTOP),
                ..NotMe::default()
            }),
            with(both(TrustDropCause::NotMe), &[fail(STEP_UP_LAPTOP)]),
        ),
        (
            Trigger::NotMe(NotMe { ceremony: Some(OPENED_NOWHERE), ..NotMe::default() }),
            with(both(TrustDropCause::NotMe), &[end(NOWHERE, SessionEndCause::NotMe)]),
        ),
        (
            Trigger::NotMe(NotMe { session: Some(ON_LAPTOP), added: Some(OTHER_APP), ..NotMe::default() }),
            with(
                both(TrustDropCause::NotMe),
                &[
                    end(ON_LAPTOP, SessionEndCause::NotMe),
                    suspend(OTHER_APP, AuthenticatorCause::NotMe),
                    fail(STEP_UP_LAPTOP),
                ],
            ),
        ),
        // Nothing is known of what is pointed at: a session or ceremony without a device is not meant.
        (Trigger::NotMe(NotMe::default()), both(TrustDropCause::NotMe)),
    ];
    for (trigger, expected) in cases {
        let effects = cascade(&trigger, &facts());
        assert_eq!(effects, expected, "{trigger:?}");
        for (index, effect) in effects.iter().enumerate() {
            assert!(!effects[..index].contains(effect), "{trigger:?} does {effect:?} twice");
        }
        assert_eq!(cascade(&trigger, &CascadeFacts::default()), [], "{trigger:?} on nothing");
    }
}

#[test]
fn effects_survive_their_serialised_form() {
    for effect in cascade(&Trigger::DeviceLost { device: PHONE }, &facts()) {
        let json = serde_json::to_string(&effect).unwrap();
        assert_eq!(serde_json::from_str::<Effect>(&json).unwrap(), effect);
    }
}

#[test]
fn a_change_of_address_under_way_falls_with_the_password_a_report_and_a_loss() {
    let mut facts = facts();
    facts.ceremonies = vec![
        CeremonyFacts {
            ceremony: NEW_ADDRESS,
            purpose: Purpose::VerifyEmail,
            device: None,
            session: None,
            changes_email: true,
        },
        CeremonyFacts {
            ceremony: MAIL,
            purpose: Purpose::VerifyEmail,
            device: None,
            session: None,
            changes_email: false,
        },
    ];
    let kept = OtherSessions::End { except: Some(ON_LAPTOP) };
    for trigger in [
        Trigger::PasswordChanged { sessions: kept },
        Trigger::PasswordChanged { sessions: OtherSessions::Keep },
        Trigger::NotMe(NotMe::default()),
        Trigger::DeviceLost { device: PHONE },
    ] {
        let effects = cascade(&trigger, &facts);
        assert!(effects.contains(&fail(NEW_ADDRESS)), "{trigger:?}");
        assert!(!effects.contains(&fail(MAIL)), "{trigger:?}");
    }
}

#[test]
fn a_report_stops_every_way_back_in_that_was_begun() {
    let mut facts = facts();
    let begun =
        |ceremony, purpose| CeremonyFacts { ceremony, purpose, device: None, session: None, changes_email: false };
    facts.ceremonies = vec![begun(SIGN_IN_PHONE, Purpose::ReplaceFactor), begun(MAIL, Purpose::PasswordReset)];
    let effects = cascade(&Trigger::NotMe(NotMe::default()), &facts);
    assert!(effects.contains(&fail(SIGN_IN_PHONE)) && effects.contains(&fail(MAIL)), "{effects:?}");
}
