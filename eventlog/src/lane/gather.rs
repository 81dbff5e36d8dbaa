//! Which of the waiting units go into the next batch.

use std::collections::{HashSet, VecDeque};

use super::{Job, Limits, SealedUnit};

/// What the units of a batch, and those that were passed over, touch. No two units of a batch meet on
/// a stream that one of them writes, nor on an idempotency key: the later one waits for the next batch,
/// where it is judged against what the earlier one left.
#[derive(Default)]
struct Touched<'a> {
    written: HashSet<(&'a str, &'a str)>,
    read: HashSet<(&'a str, &'a str)>,
    keys: HashSet<(&'a str, &'a str)>,
}

impl<'a> Touched<'a> {
    fn meets(&self, unit: &'a SealedUnit) -> bool {
        let writes =
            |(kind, id): &(&str, &str)| self.written.contains(&(*kind, *id)) || self.read.contains(&(*kind, *id));
        written(unit).any(|stream| writes(&stream))
            || read(unit).any(|stream| self.written.contains(&stream))
            || key(unit).is_some_and(|key| self.keys.contains(&key))
    }

    fn add(&mut self, unit: &'a SealedUnit) {
        self.written.extend(written(unit));
        self.read.extend(read(unit));
        self.keys.extend(key(unit));
    }
}

fn written(unit: &SealedUnit) -> impl Iterator<Item = (&str, &str)> {
    unit.events.iter().map(|event| (event.header.aggregate_type.as_str(), event.header.aggregate_id.as_str()))
}

fn read(unit: &SealedUnit) -> impl Iterator<Item = (&str, &str)> {
    unit.conditions.iter().map(|((kind, id), _)| (kind.as_str(), id.as_str()))
}

fn key(unit: &SealedUnit) -> Option<(&str, &str)> {
    unit.answer.as_ref().map(|answer| (answer.scope.as_str(), answer.key.as_str()))
}

/// Takes the next batch out of the waiting units, oldest first. Never empty unless `waiting` is.
pub(super) fn next_batch(waiting: &mut VecDeque<Job>, limits: Limits) -> Vec<Job> {
    let chosen: Vec<bool> = {
        let mut touched = Touched::default();
        let (mut units, mut bytes) = (0, 0);
        waiting
            .iter()
            .map(|job| {
                let fits = units == 0 || (units < limits.units && bytes + job.unit.bytes() <= limits.bytes);
                let chosen = fits && !touched.meets(&job.unit);
                // One that is passed over holds its place: nothing that meets it may overtake it.
                touched.add(&job.unit);
                if chosen {
                    units += 1;
                    bytes += job.unit.bytes();
                }
                chosen
            })
            .collect()
    };
    let mut batch = Vec::new();
    let mut left = VecDeque::with_capacity(waiting.len());
    for (job, chosen) in waiting.drain(..).zip(chosen) {
        if chosen { batch.push(job) } else { left.push_back(job) }
    }
    *waiting = left;
    batch
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::sync::oneshot;

    use super::*;
    use crate::lane::SealedEvent;
    use crate::recorded::tests::header;

    const LIMITS: Limits = Limits { queue: 100, units: 5, bytes: 1_000_000 };

    fn job(reads: &[u8], writes: &[u8]) -> Job {
        let stream = |id: &u8| ("account".to_owned(), id.to_string());
        let conditions = reads.iter().chain(writes).map(|id| (stream(id), 0)).collect();
        let events = writes
            .iter()
            .map(|id| {
                let mut header = header();
                (header.aggregate_type, header.aggregate_id) = stream(id);
                SealedEvent { header, payload: String::new() }
            })
            .collect();
        Job { unit: SealedUnit { conditions, events, answer: None }, reply: oneshot::channel().0 }
    }

    proptest! {
        #[test]
        fn a_batch_never_meets_itself_and_nothing_is_lost_or_overtaken(
            units in prop::collection::vec((prop::collection::vec(0..6_u8, 0..3), prop::collection::vec(0..6_u8, 0..3)), 1..30)
        ) {
            let mut waiting: VecDeque<Job> = units.iter().map(|(r, w)| job(r, w)).collect();
            let mut last_writer = std::collections::HashMap::new();
            let total = waiting.len();
            for (number, job) in waiting.iter_mut().enumerate() {
                for (_, version) in &mut job.unit.conditions { *version = number as u64; }
            }
            let mut seen = 0;
            while !waiting.is_empty() {
                let batch = next_batch(&mut waiting, LIMITS);
                prop_assert!(!batch.is_empty() && batch.len() <= LIMITS.units);
                let mut touched = Touched::default();
                for job in &batch {
                    prop_assert!(!touched.meets(&job.unit));
                    touched.add(&job.unit);
                    for (stream, number) in &job.unit.conditions {
                        if job.unit.events.iter().any(|e| e.header.aggregate_id == stream.1) {
                            let before = last_writer.insert(stream.clone(), *number);
                            prop_assert!(before.is_none_or(|before| before <= *number));
                        }
                    }
                }
                seen += batch.len();
            }
            prop_assert_eq!(seen, total);
        }
    }

    #[test]
    fn readers_of_one_stream_go_together() {
        let mut waiting: VecDeque<Job> = [job(&[1], &[2]), job(&[1], &[3])].into();
        assert_eq!(next_batch(&mut waiting, LIMITS).len(), 2);
    }
}
