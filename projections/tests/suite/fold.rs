//! However a run of events is cut into batches, the rows and the parked come out the same.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use vitne_eventlog::{Position, Recorded};
use vitne_projections::RowKey;
use vitne_projections::runner::testing::{MemoryLog, Tally, erased, forgotten, person, renamed, seen, unknown};
use vitne_projections::runner::{BatchOutcome, Before, Holder, fold_batch, touched_keys};

/// What a database would hold.
#[derive(Debug, Default, PartialEq)]
struct Kept {
    rows: BTreeMap<RowKey, String>,
    parked: BTreeMap<Holder, Position>,
    erased: BTreeSet<vitne_domain::id::AccountId>,
}

impl Kept {
    fn before(&self, events: &[Recorded], skips: &BTreeSet<Position>) -> Before {
        let keys = touched_keys(&Tally::default(), events);
        let row = |key: RowKey| Some((key, serde_json::from_str(self.rows.get(&key)?).unwrap()));
        Before {
            rows: keys.into_iter().filter_map(row).collect(),
            parked: self.parked.keys().cloned().collect(),
            erased: self.erased.iter().copied().collect(),
            skips: skips.clone(),
        }
    }

    fn take(&mut self, outcome: BatchOutcome) {
        self.rows.retain(|key, _| !outcome.erased.contains_key(&key.subject));
        self.parked.retain(|holder, _| holder.subject().is_none_or(|subject| !outcome.erased.contains_key(&subject)));
        self.erased.extend(outcome.erased.into_keys());
        for key in outcome.deletes {
            assert!(self.rows.remove(&key).is_some(), "a row that is not there is deleted");
        }
        self.rows.extend(outcome.upserts.into_iter().map(|row| (row.key, row.doc)));
        self.parked.extend(outcome.parked.into_iter().map(|(holder, parking)| (holder, parking.position)));
    }
}

fn event() -> impl Strategy<Value = Recorded> {
    (0_u32..4, 0_u32..3, 0_u32..20).prop_map(|(who, which, what)| match what {
        0 => unknown(Some(person(who))),
        1 => unknown(None),
        2 => erased(person(who)),
        3 => renamed(person(who), which, "poison"),
        4 => renamed(person(who), which, "nul \u{0}"),
        5..=8 => forgotten(person(who), which),
        9..=13 => renamed(person(who), which, &format!("name {what}")),
        _ => seen(person(who), which),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn batches_of_any_split_give_the_same_rows(
        events in prop::collection::vec(event(), 0..80),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        skips in prop::collection::btree_set(1_u64..80, 0..6),
    ) {
        let skips: BTreeSet<Position> = skips.into_iter().map(Position).collect();
        let log = MemoryLog::default();
        log.append(events);
        let events = log.all();

        let mut whole = Kept::default();
        whole.take(fold_batch(&Tally::default(), &whole.before(&events, &skips), &events));

        let cuts: BTreeSet<usize> = cuts.iter().map(|cut| cut.index(events.len() + 1)).chain([events.len()]).collect();
        let mut split = Kept::default();
        let mut from = 0;
        for cut in cuts {
            let batch = &events[from..cut];
            let before = split.before(batch, &skips);
            split.take(fold_batch(&Tally::default(), &before, batch));
            from = cut;
        }
        prop_assert_eq!(whole, split);
    }
}

#[test]
fn an_event_that_fails_changes_none_of_its_rows() {
    let log = MemoryLog::default();
    log.append([seen(person(1), 0), renamed(person(1), 0, "poison"), seen(person(1), 0), seen(person(2), 0)]);
    let outcome = fold_batch(&Tally::default(), &Before::default(), &log.all());
    assert_eq!(outcome.held, 1);
    let parked: Vec<_> = outcome.parked.values().map(|parking| (parking.holder.clone(), parking.position)).collect();
    assert_eq!(parked, [(Holder::Subject(person(1)), Position(2))]);
    for row in &outcome.upserts {
        assert_eq!(row.columns[0].as_deref(), Some("1"), "{row:?}");
    }
    assert_eq!(outcome.upserts.len(), 4);
}

#[test]
fn a_row_of_somebody_else_is_never_touched() {
    let log = MemoryLog::default();
    let mut foreign = seen(person(1), 0);
    foreign.header.subject = None;
    log.append([foreign]);
    // Nobody's event has no keys; a projection that gives one is stopped.
    struct Greedy(Tally);
    impl vitne_projections::Projection for Greedy {
        fn name(&self) -> &'static str {
            "greedy"
        }
        fn version(&self) -> u32 {
            1
        }
        fn table(&self) -> &'static vitne_projections::Table {
            self.0.table()
        }
        fn keys(&self, _: &Recorded) -> Vec<RowKey> {
            vec![RowKey { subject: person(2), id: person(2).0 }]
        }
        fn fold(
            &self,
            _: &RowKey,
            _: Option<serde_json::Value>,
            _: &Recorded,
        ) -> Result<Option<serde_json::Value>, vitne_projections::FoldError> {
            Ok(Some(serde_json::json!({})))
        }
    }
    let outcome = fold_batch(&Greedy(Tally::default()), &Before::default(), &log.all());
    assert!(outcome.upserts.is_empty());
    assert_eq!(outcome.parked.len(), 1);
}

#[test]
fn erasure_reaches_parked_people_and_nothing_is_folded_after_it() {
    let log = MemoryLog::default();
    log.append([seen(person(1), 0), unknown(Some(person(1))), erased(person(1)), seen(person(1), 1)]);
    let outcome = fold_batch(&Tally::default(), &Before::default(), &log.all());
    assert!(outcome.upserts.is_empty() && outcome.parked.is_empty());
    assert_eq!(outcome.erased.into_iter().collect::<Vec<_>>(), [(person(1), Position(3))]);
}
