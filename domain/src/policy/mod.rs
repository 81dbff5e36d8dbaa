//! What must be proved, for what, and why.

mod method;
mod purpose;
mod requirement;

pub use method::{Kind, Method};
pub use purpose::Purpose;
pub use requirement::{Cause, GroupName, ProofGroup, Requirement};
