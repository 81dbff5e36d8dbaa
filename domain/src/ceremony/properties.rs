//! What holds for every story, told in any order and with any page missing.

use cqrs_es::{Aggregate as _, DomainEvent as _};
use proptest::prelude::*;

use super::tests::*;
use super::*;
use crate::policy::{AccountFacts, Method, Purpose, TrustFacts};

fn any_command() -> impl Strategy<Value = CeremonyCommand> {
    let method = prop::sample::select(vec![Method::Password, Method::Totp, Method::RecoveryCode, Method::EmailLink]);
    (0_u8..9, method, 0_i64..1200, any::<bool>()).prop_map(|(which, method, seconds, flag)| match which {
        0 | 1 => CeremonyCommand::AcceptProof(AcceptProof { device_trusted: flag, ..proof(method, seconds) }),
        2 => reject(method, seconds),
        3 => send_link(b"link", seconds),
        4 => follow_link(if flag { b"link" } else { b"none" }, seconds),
        5 => CeremonyCommand::Spend { at: at(seconds) },
        6 => CeremonyCommand::Expire { at: at(seconds) },
        7 => CeremonyCommand::Abandon { at: at(seconds) },
        _ => CeremonyCommand::Report,
    })
}

proptest! {
    /// Whatever is asked of it in whatever order: it completes only when satisfied, at most once, and
    /// what has ended stays ended.
    #[test]
    fn a_ceremony_keeps_its_rules(purpose in prop::sample::select(Purpose::ALL.to_vec()), known: bool, second: bool,
        trusted: bool, commands in prop::collection::vec(any_command(), 0..30)) {
        let facts = if second { two_step() } else { AccountFacts::default() };
        let trust = (trusted && known).then(|| TrustFacts { until: at(900) });
        let mut ceremony = Ceremony::default();
        let start = beginning(purpose, known.then_some(&facts), trust);
        carry_out(&mut ceremony, CeremonyCommand::Start(Box::new(start.clone()))).unwrap();
        let mut all = Vec::new();
        for command in commands {
            let ended = ceremony.phase() != Phase::Pending;
            let events = carry_out(&mut ceremony, command).unwrap_or_default();
            if ended {
                let after = |event: &CeremonyEvent| matches!(event,
                    CeremonyEvent::CeremonySpent {} | CeremonyEvent::CeremonyReported {});
                prop_assert!(events.iter().all(after), "{:?}", types(&events));
            }
            all.extend(events);
        }
        let count = |name: &str| types(&all).iter().filter(|event| *event == name).count();
        let completed = count("CeremonyCompleted");
        prop_assert!(completed + count("CeremonyFailed") + count("CeremonyExpired") + count("CeremonyAbandoned") <= 1);
        prop_assert!(count("CeremonySpent") <= completed);
        prop_assert!(known || completed == 0);
        prop_assert!(count("CeremonyProofRejected") <= MAX_REJECTED as usize);
        if let Some(done) = ceremony.completion() {
            let mut required = start.requirement;
            if !done.by_device_trust {
                required = required.without_trust();
            }
            prop_assert!(required.outcome(ceremony.proofs(), done.auth_time).satisfied);
        }
    }

    /// A story with any page missing folds, and decides nothing.
    #[test]
    fn shredded_stories_fold_safely(gone in 0_usize..4) {
        let mut ceremony = begun(Purpose::SignIn, Some(&two_step()));
        let mut events = Ceremony::default()
            .decide(&CeremonyCommand::Start(Box::new(beginning(Purpose::SignIn, Some(&two_step()), None)))).unwrap();
        events.extend(carry_out(&mut ceremony, accept(Method::Password, 1)).unwrap());
        events.extend(carry_out(&mut ceremony, accept(Method::Totp, 2)).unwrap());
        prop_assert_eq!(events.len(), 4);
        let mut read = Ceremony::default();
        for (index, event) in events.into_iter().enumerate() {
            read.apply(if index == gone {
                CeremonyEvent::Shredded { event_type: event.event_type(), event_version: event.event_version() }
            } else {
                event
            });
        }
        prop_assert_eq!(read.phase(), Phase::Forgotten);
        prop_assert_eq!(read.view(at(3)), None);
        prop_assert_eq!(read.achievement(ID), None);
        for command in [accept(Method::Totp, 3), reject(Method::Totp, 3), CeremonyCommand::Spend { at: at(3) },
            CeremonyCommand::Expire { at: at(5000) }, CeremonyCommand::Abandon { at: at(3) }] {
            prop_assert_eq!(read.decide(&command), Err(CeremonyError::Forgotten));
        }
        // It can still be pointed at.
        prop_assert_eq!(types(&read.decide(&CeremonyCommand::Report).unwrap()), ["CeremonyReported"]);
    }
}
