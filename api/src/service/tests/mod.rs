//! Attacks on the services, each on a real log. A test's name says what must not come of it.

mod changes;
mod house;
mod races;
mod strangers;
