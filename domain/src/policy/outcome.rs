//! Whether given proofs satisfy a requirement, and what is missing.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{Cause, GroupName, Kind, Method, ProofGroup, Requirement};
use crate::id::CredentialId;

/// How far in the future a fresh proof may seem to lie: nodes' clocks differ a little. A clock that was set
/// back further must not keep proofs fresh until it has caught up.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(1);

/// A proof that was given and found good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenProof {
    /// By which method.
    pub method: Method,
    /// By which authenticator.
    pub credential: Option<CredentialId>,
    /// When.
    pub at: DateTime<Utc>,
}

/// Something that is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", tag = "what")]
pub enum Missing {
    /// A group's proof.
    Group {
        /// Which group.
        name: GroupName,
        /// Any one of these will do.
        accepts: Vec<Method>,
        /// It was given, too long ago.
        stale: bool,
    },
    /// Evidence.
    Stars {
        /// The weight still wanted.
        more: u8,
    },
    /// Evidence of another kind.
    Kinds {
        /// How many kinds more.
        more: u8,
    },
}

impl Missing {
    /// The key of the text that explains it.
    pub const fn message_key(&self) -> &'static str {
        match self {
            Self::Group { name: GroupName::First, stale: false, .. } => "policy.missing.first",
            Self::Group { name: GroupName::Second, stale: false, .. } => "policy.missing.second",
            Self::Group { stale: true, .. } => "policy.missing.fresh",
            Self::Stars { .. } => "policy.missing.stars",
            Self::Kinds { .. } => "policy.missing.kinds",
        }
    }
}

/// What given proofs come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Nothing is missing.
    pub satisfied: bool,
    /// Device trust took the place of a proof.
    pub by_device_trust: bool,
    /// Empty if satisfied, never otherwise.
    pub missing: Vec<Missing>,
    /// The methods that bring it on now. A later group's are not among them before the earlier group
    /// is satisfied.
    pub next: Vec<Method>,
}

/// Which proof serves which group, in the groups' order, and what evidence is left over.
struct Assignment {
    groups: Vec<Option<Method>>,
    stars: u8,
    kinds: u8,
}

impl Requirement {
    /// Whether proofs given are enough at `at`, and what is missing.
    pub fn outcome(&self, given: &[GivenProof], at: DateTime<Utc>) -> Outcome {
        let fresh = self.fresh(given, at);
        let skip = self.trust_holds(at);
        let best = self.assign(&fresh, skip);
        let mut missing = Vec::new();
        let mut by_device_trust = false;
        for (group, served) in self.groups.iter().zip(&best.groups) {
            if served.is_some() {
                continue;
            }
            if skip && group.skipped_by_trust {
                by_device_trust = true;
                continue;
            }
            let stale =
                given.iter().any(|proof| group.accepts.contains(&proof.method) && !fresh.contains(&proof.method));
            missing.push(Missing::Group { name: group.name, accepts: group.accepts.clone(), stale });
        }
        let used: Vec<Method> = best.groups.iter().flatten().copied().collect();
        let next = self.next(&missing, &fresh, &used, best.stars < self.stars || best.kinds < self.kinds);
        if best.stars < self.stars {
            missing.push(Missing::Stars { more: self.stars - best.stars });
        }
        if best.kinds < self.kinds {
            missing.push(Missing::Kinds { more: self.kinds - best.kinds });
        }
        let satisfied = missing.is_empty();
        Outcome { satisfied, by_device_trust: satisfied && by_device_trust, missing, next }
    }

    /// The methods whose proofs are still fresh. Each method once: giving the same kind of code twice
    /// proves one thing.
    pub fn fresh(&self, given: &[GivenProof], at: DateTime<Utc>) -> Vec<Method> {
        let mut methods = Vec::new();
        for proof in given {
            let good = match self.fresh_seconds {
                None => true,
                Some(seconds) => {
                    let age = at.signed_duration_since(proof.at);
                    age > -CLOCK_TOLERANCE && age < TimeDelta::seconds(i64::from(seconds))
                }
            };
            if good && !methods.contains(&proof.method) {
                methods.push(proof.method);
            }
        }
        methods
    }

    /// The same requirement on a device whose trust has been dropped.
    pub fn without_trust(&self) -> Self {
        Self { trusted_device: false, ..self.clone() }
    }

    /// Whether a trusted device skips groups at `at`.
    fn trust_holds(&self, at: DateTime<Utc>) -> bool {
        let lasts = |cause: &Cause| matches!(cause, Cause::DeviceTrusted { until } if *until > at);
        self.trusted_device && self.causes.iter().any(lasts)
    }

    /// The best use of the proofs: as many groups as possible, then the most evidence. A proof that
    /// serves a group is no evidence. All uses are tried: there are at most ten methods and few groups.
    fn assign(&self, fresh: &[Method], skip: bool) -> Assignment {
        let mut best: Option<(u64, Assignment)> = None;
        self.try_groups(&self.groups, &mut Vec::new(), fresh, &mut |groups: &[Option<Method>]| {
            let left = |method: &&Method| self.evidence.contains(method) && !groups.contains(&Some(**method));
            let stars = fresh.iter().filter(left).fold(0_u8, |sum, method| sum.saturating_add(method.stars()));
            let mut seen: Vec<Kind> = fresh.iter().filter(left).map(|method| method.kind()).collect();
            seen.sort_unstable();
            seen.dedup();
            let kinds = u8::try_from(seen.len()).unwrap_or(u8::MAX);
            // Earlier groups weigh more than later ones, groups that trust would skip least of all,
            // and evidence beyond what is needed nothing.
            let mut score = 0_u64;
            for (group, served) in self.groups.iter().zip(groups) {
                let open = served.is_some() || (skip && group.skipped_by_trust);
                score = score * 2 + u64::from(open);
            }
            score = score << 20 | u64::from(stars.min(self.stars)) << 12 | u64::from(kinds.min(self.kinds)) << 4;
            score += groups.iter().flatten().take(15).count() as u64;
            if best.as_ref().is_none_or(|(top, _)| score > *top) {
                best = Some((score, Assignment { groups: groups.to_vec(), stars, kinds }));
            }
        });
        best.map_or(Assignment { groups: vec![None; self.groups.len()], stars: 0, kinds: 0 }, |(_, best)| best)
    }

    fn try_groups(
        &self,
        rest: &[ProofGroup],
        chosen: &mut Vec<Option<Method>>,
        fresh: &[Method],
        found: &mut dyn FnMut(&[Option<Method>]),
    ) {
        let Some((group, rest)) = rest.split_first() else { return found(chosen) };
        for method in fresh {
            if group.accepts.contains(method) && !chosen.contains(&Some(*method)) {
                chosen.push(Some(*method));
                self.try_groups(rest, chosen, fresh, found);
                chosen.pop();
            }
        }
        chosen.push(None);
        self.try_groups(rest, chosen, fresh, found);
        chosen.pop();
    }

    /// What brings it on now: the first missing group's methods, then evidence not given yet.
    fn next(&self, missing: &[Missing], fresh: &[Method], used: &[Method], evidence: bool) -> Vec<Method> {
        match missing.first() {
            Some(Missing::Group { accepts, .. }) => {
                accepts.iter().copied().filter(|method| !used.contains(method)).collect()
            }
            _ if evidence => self.evidence.iter().copied().filter(|method| !fresh.contains(method)).collect(),
            _ => Vec::new(),
        }
    }
}
