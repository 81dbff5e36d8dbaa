//! From a purpose and the facts to a requirement.

use chrono::{DateTime, Utc};

use super::defaults::{GroupDefault, IMPLEMENTED, Needed, default_of};
use super::{AccountFacts, Cause, GroupName, Method, ProofGroup, Purpose, Requirement, TrustFacts};

/// What must be proved for `purpose`, and why. Never weaker than the purpose's default.
///
/// Give `AccountFacts::default()` for an unknown account: what is then demanded is what a plain known
/// account is asked for.
pub fn requirement(
    purpose: Purpose,
    account: &AccountFacts,
    trust: Option<&TrustFacts>,
    at: DateTime<Utc>,
) -> Requirement {
    let default = default_of(purpose);
    let mut causes = vec![Cause::PurposeDefault];
    let mut groups = Vec::new();
    for group in default.groups {
        match group.needed {
            Needed::Always => {}
            Needed::WithTwoStep | Needed::WithFactor if account.two_step => {
                push_once(&mut causes, Cause::TwoStepEnabled)
            }
            Needed::WithFactor if account.has_enrolled_factor() => push_once(&mut causes, Cause::FactorEnrolled),
            Needed::WithTwoStep | Needed::WithFactor => continue,
        }
        groups.push(proof_group(group, account));
    }
    let skips = groups.iter().any(|group| group.skipped_by_trust);
    let trusted_until = trust.map(|trust| trust.until).filter(|until| skips && *until > at);
    if let Some(until) = trusted_until {
        causes.push(Cause::DeviceTrusted { until });
    }
    let (stars, kinds) = match default.single_factor {
        Some(weaker) if !account.two_step && account.second_factors.is_empty() => {
            causes.push(Cause::SingleFactorAccount);
            weaker
        }
        _ => (default.stars, default.kinds),
    };
    Requirement {
        purpose,
        groups,
        stars,
        kinds,
        evidence: implemented(default.evidence),
        fresh_seconds: default.fresh_seconds,
        trusted_device: trusted_until.is_some(),
        causes,
    }
}

/// Every method that can serve `purpose` in this version, whatever an account has.
pub fn offered(purpose: Purpose) -> Vec<Method> {
    let default = default_of(purpose);
    let groups = default.groups.iter().flat_map(|group| group.accepts);
    let mut methods: Vec<Method> = groups.chain(default.evidence).copied().collect();
    methods.retain(|method| IMPLEMENTED.contains(method));
    methods.sort_unstable();
    methods.dedup();
    methods
}

fn push_once(causes: &mut Vec<Cause>, cause: Cause) {
    if !causes.contains(&cause) {
        causes.push(cause);
    }
}

fn implemented(methods: &[Method]) -> Vec<Method> {
    methods.iter().copied().filter(|method| IMPLEMENTED.contains(method)).collect()
}

/// A second step is offered by what the account has. Where it has nothing that would do, the whole
/// list stands: the group is demanded all the same, and its holder is told what to enrol.
fn proof_group(group: &GroupDefault, account: &AccountFacts) -> ProofGroup {
    let offered = implemented(group.accepts);
    let own: Vec<Method> = offered.iter().copied().filter(|method| account.second_factors.contains(method)).collect();
    let accepts = if group.name == GroupName::Second && !own.is_empty() { own } else { offered };
    ProofGroup { name: group.name, accepts, skipped_by_trust: group.skipped_by_trust }
}
