//! Load, decide, seal, append: against pgbench's bare inserts into a table of the same shape.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use vitne::clock::{Clock, SystemClock};
use vitne_domain::EventContext;
use vitne_domain::device::{Device, DeviceCommand, DeviceKind, Platform};
use vitne_domain::id::{AccountId, DeviceId};
use vitne_eventlog::database::OWNER;
use vitne_eventlog::{Log, Unit, Work};

use super::Outcome;
use super::machine::{load, median};
use super::world::World;

const CLIENTS: [usize; 4] = [1, 8, 32, 128];
const AIMS: [f64; 4] = [0.5, 0.5, 0.8, 1.2];
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(4);

pub(crate) async fn measure(world: &World) -> Outcome<()> {
    let script = prepare(world).await?;
    println!("(b) command path (one unit = load a stream, decide, seal, append one event) against pgbench -M prepared");
    println!(
        "    single-row autocommit inserts into a table with the same columns and indexes; {ROUNDS} interleaved rounds of {} s",
        ROUND.as_secs()
    );
    let mut rows: Vec<(Vec<f64>, Vec<f64>)> = CLIENTS.iter().map(|_| (Vec::new(), Vec::new())).collect();
    for _ in 0..ROUNDS {
        for (clients, (ours, bare)) in CLIENTS.iter().zip(&mut rows) {
            ours.push(units(world, *clients).await?);
            bare.push(inserts(world, &script, *clients).await?);
        }
    }
    for ((clients, aim), (ours, bare)) in CLIENTS.iter().zip(AIMS).zip(rows) {
        let (ours, bare) = (median(ours), median(bare));
        println!(
            "    {clients:>4} clients: {ours:>7.0} units/s, {bare:>7.0} inserts/s, ratio {:.2} (aim {aim})",
            ours / bare
        );
    }
    println!("    load {}", load());
    Ok(())
}

/// Makes the table and the script.
async fn prepare(world: &World) -> Outcome<std::path::PathBuf> {
    for statement in [
        "DROP TABLE IF EXISTS public.bare",
        "CREATE TABLE public.bare (LIKE log.events INCLUDING ALL)",
        "CREATE SEQUENCE IF NOT EXISTS public.bare_position CACHE 1",
    ] {
        sqlx::query(statement).execute(world.owner()).await?;
    }
    let size: i64 = sqlx::query_scalar(
        "SELECT avg(octet_length(payload::text))::bigint FROM log.events TABLESAMPLE SYSTEM (1) WHERE aggregate_type = 'device'",
    )
    .fetch_one(world.owner())
    .await
    .unwrap_or(600);
    let filler = "A".repeat(usize::try_from(size).unwrap_or(600).saturating_sub(40));
    let path = world.directory().join("bare.sql");
    let script = format!(
        "INSERT INTO public.bare (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, position,\n\
           event_id, subject, actor, correlation_id, occurred_at, recorded_at, class, epoch, commitment)\n\
         SELECT 'device', gen_random_uuid()::text, 1, 'DeviceRenamed', '1', '{{\"body\":\"{filler}\",\"context\":\"\"}}', nextval('public.bare_position'),\n\
           gen_random_uuid(), gen_random_uuid(), 'USER', gen_random_uuid(), now(), now(), 'security', current_date,\n\
           '\\x0102030405060708091011121314151617181920212223242526272829303132';\n"
    );
    std::fs::write(&path, script).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

async fn inserts(world: &World, script: &std::path::Path, clients: usize) -> Outcome<f64> {
    let cluster = world.backing().cluster().ok_or("the bench runs on a private cluster")?;
    let options = cluster.options("vitne", OWNER);
    let socket = options.get_socket().ok_or("the cluster has a socket")?.clone();
    let program = cluster.programs().directory.join("pgbench");
    let output = tokio::process::Command::new(&program)
        .args(["-n", "-M", "prepared", "-j", "2", "-c", &clients.to_string(), "-T", &ROUND.as_secs().to_string()])
        .arg("-f")
        .arg(script)
        .args(["-h", &socket.display().to_string(), "-p", &options.get_port().to_string(), "-U", OWNER, "vitne"])
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|error| format!("{}: {error}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find(|line| line.starts_with("tps = "));
    let rate = line.and_then(|line| line.split_whitespace().nth(2)).and_then(|rate| rate.parse().ok());
    rate.ok_or_else(|| format!("pgbench: {}{text}", String::from_utf8_lossy(&output.stderr)).into())
}

/// One command on a device's stream.
pub(crate) struct One {
    pub(crate) device: DeviceId,
    pub(crate) command: DeviceCommand,
}

impl Work for One {
    type Output = ();
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn run<'a>(&'a self, unit: &'a mut Unit) -> BoxFuture<'a, Result<(), Self::Error>> {
        Box::pin(async move {
            unit.execute::<Device>(self.device, self.command.clone()).await?;
            Ok(())
        })
    }
}

/// A client's devices: each is seen once and renamed seven times, and then comes the next.
pub(crate) struct Devices {
    account: AccountId,
    device: DeviceId,
    count: u64,
}

impl Devices {
    pub(crate) fn new(world: &World) -> Self {
        let at = SystemClock.now();
        let (account, device) = world.entropy.with(|rng| (AccountId::new(at, rng), DeviceId::new(at, rng)));
        Self { account, device, count: 0 }
    }

    /// The next unit of work and its context.
    pub(crate) fn next(&mut self, world: &World) -> (EventContext, One) {
        let at = SystemClock.now();
        let command = match self.count % 8 {
            0 => {
                self.device = world.entropy.with(|rng| DeviceId::new(at, rng));
                DeviceCommand::See {
                    account: self.account,
                    platform: Platform { kind: DeviceKind::Computer, os: None, os_version: None, browser: None },
                }
            }
            turn => DeviceCommand::Rename { label: format!("Computer number {turn} of the bench") },
        };
        self.count += 1;
        let mut context = world.context(at);
        context.subject = Some(self.account);
        context.device = Some(self.device);
        (context, One { device: self.device, command })
    }
}

async fn units(world: &World, clients: usize) -> Outcome<f64> {
    let done = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let clients = (0..clients).map(|_| client(world, world.log.clone(), done.clone(), started));
    futures::future::try_join_all(clients).await?;
    Ok(done.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64())
}

async fn client(world: &World, log: Log, done: Arc<AtomicU64>, started: Instant) -> Outcome<()> {
    let mut devices = Devices::new(world);
    while started.elapsed() < ROUND {
        let (context, work) = devices.next(world);
        let log = log.clone();
        // A task of its own, as a request has, so that both cores take part.
        tokio::spawn(async move { log.transact(context, &work).await }).await??;
        done.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
