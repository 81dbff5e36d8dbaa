//! Who is wrong when an event and its recorded leaf differ? Two trees are grown side by side, one over
//! the events as they are and one over the leaves as they were recorded; the next signed root tells
//! which of the two was signed.

use super::report::{Place, Report};
use crate::tree::edge::{FullTile, RightEdge};
use crate::tree::hash::TreeHash;

/// A position where the two trees differ.
struct Dispute {
    event: Place,
    run: Place,
}

/// The two trees.
#[derive(Default)]
pub(super) struct Votes {
    events: RightEdge,
    recorded: RightEdge,
    disputes: Vec<Dispute>,
    unsettled: u64,
}

/// The full tiles that one leaf completed: by the events, and by the recorded leaves.
#[derive(Default)]
pub(super) struct Completed {
    pub(super) by_events: Vec<FullTile>,
    pub(super) by_recorded: Vec<FullTile>,
}

/// Disputes held open at once; the rest are counted. Checkpoints come every few thousand events.
const MAX_DISPUTES: usize = 10_000;

impl Votes {
    /// Adds the leaf of an event as it is and as it was recorded.
    pub(super) fn push(&mut self, event: (Place, TreeHash), recorded: (Place, TreeHash)) -> Completed {
        let mut completed = Completed::default();
        self.events.push(event.1, &mut completed.by_events);
        self.recorded.push(recorded.1, &mut completed.by_recorded);
        if event.1 != recorded.1 {
            match self.disputes.len() < MAX_DISPUTES {
                true => self.disputes.push(Dispute { event: event.0, run: recorded.0 }),
                false => self.unsettled += 1,
            }
        }
        completed
    }

    /// Judges everything since the last judgement by a root that was signed at this size.
    pub(super) fn judge(&mut self, size: u64, root: TreeHash, report: &mut Report) {
        let (events, recorded) = (self.events.root() == root, self.recorded.root() == root);
        if !events && !recorded && self.disputes.is_empty() {
            let what = "the root it signs is not that of the first events, nor of their recorded leaves";
            report.find(Place::Checkpoint { size }, what);
        }
        self.settle(events, recorded, report);
        // From here on both grow from the tree that was signed, so that one fault is told once.
        match (events, recorded) {
            (false, true) => self.events = self.recorded.clone(),
            (true, false) => self.recorded = self.events.clone(),
            _ => {}
        }
    }

    /// Says what is left when no signed root follows.
    pub(super) fn end(mut self, report: &mut Report) {
        self.settle(false, false, report);
    }

    fn settle(&mut self, events: bool, recorded: bool, report: &mut Report) {
        for dispute in self.disputes.drain(..) {
            match (events, recorded) {
                (true, _) => report.find(dispute.run, "the hash is not that of the event, which is as it was signed"),
                (_, true) => report.find(dispute.event, "its header is not what was signed: a column was changed"),
                (false, false) => {
                    report.find(
                        dispute.event,
                        "its header and its recorded leaf differ, and neither leads to a signed root",
                    );
                }
            }
        }
        report.left_out += std::mem::take(&mut self.unsettled);
    }
}
