//! Rebuilding the activity log, against copying the same events out and the same rows in.

use super::Outcome;
use super::machine::load;
use super::world::World;

pub(crate) async fn measure(world: &World) -> Outcome<()> {
    let context = world.replay();
    for workers in [1, 2] {
        let bench = vitne_replay::bench_rebuild(&context, "activity", workers).await?;
        println!(
            "(c) rebuild of activity, {workers} worker(s): {} events to {} rows in {:.1} s ({:.1} s with indexes, comparison and flip); COPY out {:.1} s, COPY in {:.1} s; ratio {:.2} (aim 3); load {}",
            bench.events,
            bench.rows,
            bench.fold_seconds,
            bench.rebuild_seconds,
            bench.copy_out_seconds,
            bench.copy_in_seconds,
            bench.ratio(),
            load()
        );
    }
    Ok(())
}
