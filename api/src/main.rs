//! The `vitne` binary.

use std::process::ExitCode;
use std::sync::Arc;

use vitne::cli;
use vitne::clock::SystemClock;

fn main() -> ExitCode {
    cli::run(std::env::args_os(), Arc::new(SystemClock))
}
