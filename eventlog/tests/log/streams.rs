//! Streams: bounded ones equal the full fold.

use cqrs_es::Aggregate;
use proptest::prelude::*;
use vitne_domain::AnyEvent;
use vitne_domain::account::{Account, AccountCommand, RejectReason};
use vitne_domain::id::AccountId;
use vitne_domain::policy::Method;
use vitne_eventlog::Body;

use crate::support::*;

/// The fold of a whole stream, from the log's own order and without any summary.
async fn full_fold(bench: &Bench, account: AccountId) -> (Account, u64) {
    let mut folded = Account::default();
    let mut summaries = 0;
    for event in bench.all().await {
        if event.header.aggregate_id != account.to_string() {
            continue;
        }
        if event.header.event_type == "AccountSummarised" {
            summaries += 1;
            continue;
        }
        let Body::Event(AnyEvent::Account(event)) = event.body else { panic!("{event:?}") };
        folded.apply(event);
    }
    (folded, summaries)
}

fn command(choice: u8, number: usize) -> AccountCommand {
    let at = now() + chrono::Duration::hours(number as i64);
    match choice {
        0 => rename_to(&format!("name {number}")),
        1 => AccountCommand::ChangeProfile {
            display_name: None,
            phone: Some(format!("+4791{number:06}")),
            language: None,
        },
        2 => rename_to("Kari"),
        3 => AccountCommand::AcceptPassword { generation: 1, at },
        _ => AccountCommand::RejectProof { method: Method::Totp, credential: None, reason: RejectReason::Wrong, at },
    }
}

#[test]
fn loading_from_the_last_summary_equals_the_full_fold() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let bench = runtime.block_on(Bench::new());
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig { cases: 6, ..ProptestConfig::default() });
    let number = std::sync::atomic::AtomicU64::new(1);
    let commands = prop::collection::vec((0..5_u8, 1..4_usize), 130..220);
    runner
        .run(&commands, |commands| {
            let account = person(u128::from(number.fetch_add(1, std::sync::atomic::Ordering::Relaxed)));
            runtime.block_on(async {
                register(&bench.log, account).await;
                let mut commands = commands.into_iter().enumerate().peekable();
                while commands.peek().is_some() {
                    let size = commands.peek().map_or(1, |(_, (_, size))| *size);
                    let mut unit = bench.log.unit(context(account));
                    for (index, (choice, _)) in commands.by_ref().take(size) {
                        // A refusal is an answer too; both folds see the same events.
                        let _ = unit.execute::<Account>(account, command(choice, index)).await;
                    }
                    unit.commit().await.unwrap();
                }
                let loaded = bench.log.load::<Account>(account).await.unwrap();
                let (folded, summaries) = full_fold(&bench, account).await;
                assert_eq!(loaded.aggregate, folded);
                assert!(summaries >= 1, "the stream was summarised");
            });
            Ok(())
        })
        .unwrap();
    runtime.block_on(bench.check());
    let tail = "SELECT max(n) FROM (SELECT e.aggregate_id, count(*) n FROM log.events e WHERE sequence > coalesce((
        SELECT max(s.sequence) FROM log.events s WHERE s.aggregate_id = e.aggregate_id AND s.event_type = 'AccountSummarised'), 0)
        GROUP BY 1) t";
    let tail = runtime.block_on(bench.count(tail));
    assert!(tail <= 105, "no tail grows without bound: {tail}");
    drop(bench);
}
