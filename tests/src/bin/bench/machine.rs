//! The conditions of a run, and what processes cost.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use super::Outcome;
use super::world::World;

/// Prints what the numbers depend on.
pub(crate) async fn conditions(world: &World) -> Outcome<()> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let version: String = sqlx::query_scalar("SHOW server_version").fetch_one(world.owner()).await?;
    let load = fs::read_to_string("/proc/loadavg")?;
    let syncs = fsync_rate(world.directory())?;
    println!("Conditions: {cores} cores, PostgreSQL {version} with fsync on, load average {}", first_three(&load));
    println!("    fdatasync of one 8 KiB page: {syncs:.0}/s on the database's disk");
    Ok(())
}

fn first_three(load: &str) -> String {
    load.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// The load average now, to print beside a part.
pub(crate) fn load() -> String {
    fs::read_to_string("/proc/loadavg").map(|text| first_three(&text)).unwrap_or_default()
}

/// How often a page can be made durable, one after another.
fn fsync_rate(directory: &Path) -> Outcome<f64> {
    let path = directory.join("fsync-probe");
    let mut file = fs::File::create(&path)?;
    let page = [7_u8; 8192];
    file.write_all(&page)?;
    file.sync_all()?;
    let (started, mut count) = (Instant::now(), 0_u32);
    while started.elapsed() < Duration::from_secs(2) {
        std::os::unix::fs::FileExt::write_all_at(&file, &page, 0)?;
        file.sync_data()?;
        count += 1;
    }
    let rate = f64::from(count) / started.elapsed().as_secs_f64();
    fs::remove_file(path)?;
    Ok(rate)
}

/// Clock ticks a second: 100 on every Linux that PostgreSQL runs on.
const TICKS: f64 = 100.0;

/// Seconds of processor time of one process; with `children`, of those it has waited for too.
fn cpu(pid: u32, children: bool) -> Option<f64> {
    let fields = stat(pid)?;
    let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    // Counted from the state, which is the third field of the file: utime is the 14th.
    let own = ticks(11) + ticks(12);
    Some((own + if children { ticks(13) + ticks(14) } else { 0.0 }) / TICKS)
}

fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    Some(rest.split(' ').map(str::to_owned).collect())
}

/// Seconds of processor time of this process.
pub(crate) fn own_cpu() -> f64 {
    cpu(std::process::id(), false).unwrap_or(0.0)
}

/// Seconds of processor time of another process.
pub(crate) fn cpu_of(pid: u32) -> f64 {
    cpu(pid, false).unwrap_or(0.0)
}

/// Seconds of processor time of PostgreSQL: its postmaster, all that it has waited for, and all that live.
pub(crate) fn postgres_cpu(postmaster: u32) -> f64 {
    let mut total = cpu(postmaster, true).unwrap_or(0.0);
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let parent = stat(pid).and_then(|fields| fields.get(1)?.parse::<u32>().ok());
        if parent == Some(postmaster) {
            total += cpu(pid, false).unwrap_or(0.0);
        }
    }
    total
}

/// A line of `/proc/PID/status`, in MiB.
pub(crate) fn memory(pid: u32, line: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let found = text.lines().find(|known| known.starts_with(line));
    let kib = found.and_then(|line| line.split_whitespace().nth(1)).and_then(|kib| kib.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

/// The middle one.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    quantile(&values, 0.5)
}

/// The value below which this share of the sorted values lies.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1) as f64;
    sorted.get((last * share).round() as usize).copied().unwrap_or(f64::NAN)
}
