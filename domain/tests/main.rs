//! The domain's tests: what is kept for ever, and what every rule decides.

mod account;
mod account_properties;
mod catalogue;
mod claim;
mod enrolment;
mod golden;
mod secrets;
mod support;
mod text;
