//! What must be proved, for what, and why.

pub mod cascade;
mod decide;
mod defaults;
mod facts;
mod method;
mod outcome;
mod purpose;
mod requirement;

pub use decide::{offered, requirement};
pub use defaults::{DEFAULTS, GroupDefault, IMPLEMENTED, Needed, PurposeDefault, default_of};
pub use facts::{AccountFacts, TrustFacts};
pub use method::{Kind, Method};
pub use outcome::{GivenProof, Missing, Outcome};
pub use purpose::Purpose;
pub use requirement::{Cause, GroupName, ProofGroup, Requirement};

#[cfg(test)]
mod cascade_tests;
#[cfg(test)]
mod tests;
