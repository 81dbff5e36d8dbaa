//! The `vitne` binary.
fn main() {}
