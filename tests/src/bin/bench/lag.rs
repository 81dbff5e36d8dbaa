//! How far the activity log is behind its events under a steady load.

use std::sync::Arc;
use std::time::{Duration, Instant};

use vitne_projections::runner::{Runner, RunnerOptions, Waited};

use super::Outcome;
use super::command_path::Devices;
use super::machine::{load, quantile};
use super::world::World;

const RATE: u64 = 1_000;
const SECONDS: u64 = 20;
const WRITERS: u64 = 20;

pub(crate) async fn measure(world: &World) -> Outcome<()> {
    let source = Arc::new(world.log.clone());
    let runner = Runner::start(world.server().clone(), source, vitne_projections::all(), RunnerOptions::default());
    let read_models = runner.read_models();
    let head = world.log.head().await?;
    let caught_up = read_models.wait_for("activity", head, Duration::from_secs(600)).await?;
    if caught_up != Waited::Reached {
        return Err("the activity log did not catch up within ten minutes".into());
    }
    let started = Instant::now();
    let writers = (0..WRITERS).map(|number| {
        let read_models = read_models.clone();
        async move {
            let mut devices = Devices::new(world);
            let (mut samples, mut late) = (tokio::task::JoinSet::new(), 0_u64);
            let step = Duration::from_secs(1) * u32::try_from(WRITERS)? / u32::try_from(RATE)?;
            for turn in 0..(RATE * SECONDS / WRITERS) {
                let due = started + step * u32::try_from(turn)? + Duration::from_millis(number);
                tokio::time::sleep_until(due.into()).await;
                late += u64::from(due.elapsed() > Duration::from_millis(100));
                let (context, work) = devices.next(world);
                let (_, committed) = world.log.transact(context, &work).await?;
                if (turn + number) % 10 == 0 {
                    let (read_models, since) = (read_models.clone(), Instant::now());
                    samples.spawn(async move {
                        let waited = read_models.wait_for("activity", committed.last, Duration::from_secs(60)).await;
                        waited
                            .is_ok_and(|waited| waited == Waited::Reached)
                            .then(|| since.elapsed().as_secs_f64() * 1e3)
                    });
                }
            }
            Outcome::Ok((samples.join_all().await, late))
        }
    });
    let results = futures::future::try_join_all(writers).await?;
    let seconds = started.elapsed().as_secs_f64();
    runner.stop().await;
    let late: u64 = results.iter().map(|(_, late)| late).sum();
    let all: Vec<Option<f64>> = results.into_iter().flat_map(|(samples, _)| samples).collect();
    let missed = all.iter().filter(|sample| sample.is_none()).count();
    let mut lags: Vec<f64> = all.into_iter().flatten().collect();
    lags.sort_by(f64::total_cmp);
    println!(
        "(g) lag of the activity log under {:.0} events/s (asked: {RATE}; {late} of {} appends began over 100 ms late), all seven read models running: p50 {:.0} ms, p99 {:.0} ms, worst {:.0} ms of {} samples, {missed} never seen; load {}",
        (RATE * SECONDS) as f64 / seconds,
        RATE * SECONDS,
        quantile(&lags, 0.5),
        quantile(&lags, 0.99),
        quantile(&lags, 1.0),
        lags.len(),
        load()
    );
    Ok(())
}
