//! The measurements that `make bench` prints and `docs/performance.md` explains. Everything runs on this
//! machine in one go; compare the ratios, not the seconds.
#![allow(clippy::print_stdout, reason = "the numbers are what this program is for")]

mod command_path;
mod lag;
mod machine;
mod rebuild;
mod server;
mod sign_in;
mod world;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use vitne::clock::SystemClock;

/// Whatever goes wrong ends the run.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    if arguments.get(1).is_some_and(|word| word == "serve") {
        // The server under measurement is a process of its own, so that its cost is its own.
        return vitne::cli::run(arguments, Arc::new(SystemClock));
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(Box::pin(measure())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(error.as_ref()),
    }
}

fn failed(error: &dyn Error) -> ExitCode {
    println!("bench: {error}");
    ExitCode::FAILURE
}

/// The parts to run: all, or those that `VITNE_BENCH_PARTS` names, such as `command,rebuild`.
fn wanted(part: &str) -> bool {
    std::env::var("VITNE_BENCH_PARTS").map_or(true, |parts| parts.split(',').any(|wanted| wanted.trim() == part))
}

async fn measure() -> Outcome<()> {
    let events: u64 = std::env::var("VITNE_BENCH_EVENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let world = world::World::open().await?;
    let result = parts(&world, events).await;
    world.close().await;
    result
}

async fn parts(world: &world::World, events: u64) -> Outcome<()> {
    machine::conditions(world).await?;
    let started = Instant::now();
    let small = world.simulate((events / 10).min(100_000), 1).await?;
    if wanted("pages") {
        world.rebuild_all().await?;
        sign_in::pages(world, small).await?;
    }
    let last = world.simulate(events.saturating_sub(small), 2).await?;
    println!("    all histories: {last} events, {:.0} s with what lay between", started.elapsed().as_secs_f64());
    if wanted("rebuild") || wanted("pages") || wanted("lag") {
        world.rebuild_all().await?;
    }
    if wanted("rebuild") {
        rebuild::measure(world).await?;
    }
    if wanted("pages") {
        sign_in::pages(world, last).await?;
    }
    if wanted("check") {
        sign_in::session_checks(world).await?;
    }
    if wanted("signin") {
        sign_in::measure(world).await?;
    }
    if wanted("lag") {
        lag::measure(world).await?;
    }
    if wanted("command") {
        command_path::measure(world).await?;
    }
    Ok(())
}
