//! What a sign-in, a session check and a first page cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;
use vitne::clock::{Clock, SystemClock};
use vitne::service::{Caller, Hasher, HasherSettings, ServiceSettings, Services};
use vitne_domain::account::password::{self, PasswordParams};
use vitne_domain::account::{
    Account, AccountCommand, AuthenticatorKind, Enrolment, Language, RecoveryCodeHash, recovery, totp,
};
use vitne_domain::claim::{Claim, ClaimCommand, ClaimKind, claim_id, normalise_email};
use vitne_domain::device::{DeviceKind, Platform};
use vitne_domain::id::{AccountId, CeremonyId, CorrelationId, CredentialId, SessionId};
use vitne_domain::policy::{Method, Purpose};
use vitne_domain::session::{Achievement, Session, SessionCommand, SessionLimits};
use vitne_domain::token::SessionToken;
use vitne_domain::{NetworkContext, Protected};

use super::Outcome;
use super::machine::{cpu_of, load, median, memory, own_cpu};
use super::server::Served;
use super::world::World;

const PASSWORD: &str = "juniper lantern harbour 7";
const PEOPLE: usize = 400;
const CLIENTS: usize = 8;
const FOR: Duration = Duration::from_secs(20);

/// Opens a session for an account straight on the log, as a completed sign-in would.
async fn session(world: &World, account: AccountId) -> Outcome<Protected> {
    let at = SystemClock.now();
    let (token, ceremony) =
        world.entropy.with(|rng| (SessionToken::new(SessionId::new(at, rng), rng), CeremonyId::new(at, rng)));
    let achievement = Achievement {
        ceremony,
        purpose: Purpose::SignIn,
        acr: Purpose::SignIn.acr().map(str::to_owned),
        amr: vec!["pwd".to_owned()],
        methods: vec![Method::Password],
        auth_time: at,
        proved_at: at,
        until: None,
    };
    let start = SessionCommand::Start {
        account,
        device: None,
        achievement,
        token: token.secret_hash(),
        limits: SessionLimits::default(),
        at,
    };
    let mut context = world.context(at);
    (context.subject, context.session) = (Some(account), Some(token.id()));
    let mut unit = world.log.unit(context);
    unit.execute::<Session>(token.id(), start).await?;
    unit.commit().await?;
    Ok(Protected::new(token.expose()))
}

/// (d) The first page of a person's activity, over HTTP and GraphQL, against its SQL.
pub(crate) async fn pages(world: &World, events: u64) -> Outcome<()> {
    const QUERY: &str = "query($first: Int) { viewer { activity(first: $first) { edges { cursor node { id occurredAt type text outcome severity device { label current } steps { text at } integrity { leafIndex leafHash } review { state canReport } } } pageInfo { hasNextPage endCursor } } } }";
    const SQL: &str = "SELECT doc::text FROM read.activity WHERE subject = $1 ORDER BY sequence DESC LIMIT 21";
    let subjects: Vec<Uuid> = sqlx::query_scalar(
        "SELECT subject FROM log.events WHERE aggregate_type = 'account' AND sequence = 1 AND subject IS NOT NULL ORDER BY event_id LIMIT 20",
    )
    .fetch_all(world.server())
    .await?;
    let served = Served::start(world).await?;
    let mut tokens = Vec::new();
    for subject in subjects {
        tokens.push((subject, session(world, AccountId(subject)).await?));
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (mut graphql, mut sql, mut shown) = (Vec::new(), Vec::new(), 0);
    let (mut cost, mut connection) = (cpu_of(served.pid), world.server().acquire().await?);
    for round in 0..12 {
        for (subject, token) in &tokens {
            let started = Instant::now();
            let answer = served.ask(Some(token.expose()), QUERY, json!({ "first": 20 })).await?;
            let asked = started.elapsed().as_secs_f64() * 1e3;
            let edges = answer.pointer("/data/viewer/activity/edges").and_then(serde_json::Value::as_array);
            let entries = edges.ok_or_else(|| format!("no page: {answer}"))?.len();
            let started = Instant::now();
            let rows: Vec<String> = sqlx::query_scalar(SQL).bind(subject).fetch_all(&mut *connection).await?;
            let selected = started.elapsed().as_secs_f64() * 1e3;
            if rows.len().min(20) > entries {
                return Err(format!("GraphQL shows {entries} entries where SQL has {}", rows.len()).into());
            }
            // The first rounds warm both sides.
            if round >= 2 {
                graphql.push(asked);
                sql.push(selected);
                shown += entries;
            } else {
                cost = cpu_of(served.pid);
            }
        }
    }
    let count = graphql.len() as f64;
    let cost = (cpu_of(served.pid) - cost) / count * 1e3;
    let (graphql, sql) = (median(graphql), median(sql));
    println!(
        "(d) first page of activity ({:.0} entries on average) at {events} events: GraphQL over HTTP {graphql:.2} ms, its SQL {sql:.2} ms, ratio {:.1} (aim 3); {cost:.2} ms of the server's processor time a page; load {}",
        shown as f64 / count,
        graphql / sql,
        load()
    );
    drop(connection);
    served.stop().await
}

fn services(world: &World) -> Outcome<Services> {
    let settings = ServiceSettings {
        password: PasswordParams::default(),
        sessions: SessionLimits::default(),
        trust_days: 30,
        issuer: "Vitne".to_owned(),
    };
    let hasher = Hasher::new(HasherSettings { workers: 2, queue: 64 });
    let clock = Arc::new(SystemClock);
    Ok(Services::new(world.log.clone(), hasher, clock, world.entropy.clone(), world.service_keys(), settings)?)
}

fn caller() -> Caller {
    Caller {
        correlation: CorrelationId(Uuid::from_u128(1)),
        network: NetworkContext::default(),
        device_cookie: None,
        platform: Platform { kind: DeviceKind::Unknown, os: None, os_version: None, browser: None },
        idempotency: None,
    }
}

/// (f) Checking a session: the services' own work and the database's, without HTTP.
pub(crate) async fn session_checks(world: &World) -> Outcome<()> {
    const CHECKS: u32 = 8_000;
    let services = services(world)?;
    let at = SystemClock.now();
    let account = world.entropy.with(|rng| AccountId::new(at, rng));
    let token = session(world, account).await?;
    let caller = caller();
    for _ in 0..200 {
        services.authenticate(token.expose(), &caller).await?.ok_or("the session is not open")?;
    }
    let (own, database, started) = (own_cpu(), world.postgres_cpu(), Instant::now());
    for _ in 0..CHECKS {
        services.authenticate(token.expose(), &caller).await?.ok_or("the session is not open")?;
    }
    let checks = f64::from(CHECKS);
    let (own, database) = ((own_cpu() - own) / checks * 1e3, (world.postgres_cpu() - database) / checks * 1e3);
    println!(
        "(f) session check: {:.3} ms of processor time ({own:.3} server, {database:.3} PostgreSQL) (aim 0.2); {:.3} ms from end to end; load {}",
        own + database,
        started.elapsed().as_secs_f64() * 1e3 / checks,
        load()
    );
    Ok(())
}

/// Somebody with a password and an app.
struct Person {
    email: String,
    secret: Protected,
    step: u64,
}

/// People made straight on the log, all with one password and one set of recovery codes: hashing these
/// is not what is measured.
async fn people(world: &World) -> Outcome<Vec<Person>> {
    let at = SystemClock.now() - TimeDelta::minutes(5);
    let hash = password::hash(PASSWORD, &[7; 16], PasswordParams::default())?;
    let codes = world.entropy.with(|rng| recovery::hash(&recovery::generate(rng), rng))?;
    let mut people = Vec::with_capacity(PEOPLE);
    for number in 0..PEOPLE {
        people.push(person(world, number, at, &hash, &codes).await?);
    }
    Ok(people)
}

async fn person(
    world: &World,
    number: usize,
    at: DateTime<Utc>,
    hash: &Protected,
    codes: &[RecoveryCodeHash],
) -> Outcome<Person> {
    let (owner, credential, secret) =
        world.entropy.with(|rng| (AccountId::new(at, rng), CredentialId::new(at, rng), totp::generate_secret(rng)));
    let email = format!("person{number}@bench.example");
    let claim = claim_id(world.service_keys().identifier(), ClaimKind::Email, &normalise_email(&email)?);
    let mut context = world.context(at);
    context.subject = Some(owner);
    let mut unit = world.log.unit(context);
    unit.execute::<Claim>(&claim, ClaimCommand::Take { kind: ClaimKind::Email, owner }).await?;
    unit.execute::<Claim>(&claim, ClaimCommand::Prove { owner }).await?;
    let enrolment = Enrolment {
        credential,
        kind: AuthenticatorKind::Totp,
        label: "Phone".to_owned(),
        secret: secret.clone(),
        carried_by: None,
        replaces: None,
        expires_at: at + TimeDelta::minutes(15),
        first_factor: Method::Password,
    };
    let code = Protected::new(totp::code_at(&secret, at).ok_or("a secret that shows no code")?);
    for command in [
        AccountCommand::Register {
            email: email.clone(),
            display_name: format!("Person {number}"),
            language: Language::En,
            password_hash: hash.clone(),
            at,
        },
        AccountCommand::VerifyEmail { email: email.clone() },
        AccountCommand::StartEnrolment { enrolment, at },
        AccountCommand::ConfirmEnrolment { credential, code, proof: None, at },
        AccountCommand::EnableTwoStep { first_factor: Method::Password, codes: codes.to_vec() },
    ] {
        unit.execute::<Account>(owner, command).await?;
    }
    unit.commit().await?;
    Ok(Person { email, secret, step: totp::step_at(at) })
}

/// Hashes a second with both cores, and processor seconds of one hash.
async fn bare_hash() -> Outcome<(f64, f64)> {
    let hash = Arc::new(password::hash(PASSWORD, &[7; 16], PasswordParams::default())?);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (started, before) = (Instant::now(), own_cpu());
    let workers = (0..threads).map(|_| {
        let hash = hash.clone();
        tokio::task::spawn_blocking(move || {
            let mut count = 0_u32;
            while started.elapsed() < Duration::from_secs(5) {
                count += u32::from(password::verify(&hash, PASSWORD));
            }
            count
        })
    });
    let counts: Vec<u32> = futures::future::try_join_all(workers).await?;
    let count = f64::from(counts.iter().sum::<u32>());
    Ok((count / started.elapsed().as_secs_f64(), (own_cpu() - before) / count))
}

/// (e) and (h): sign-ins with password and code over GraphQL, against the bare hash.
pub(crate) async fn measure(world: &World) -> Outcome<()> {
    let people = people(world).await?;
    let served = Arc::new(Served::start(world).await?);
    tokio::time::sleep(Duration::from_secs(10)).await;
    let at_rest = memory(served.pid, "VmRSS");
    let (before, _) = bare_hash().await?;
    let (own, server, database) = (own_cpu(), cpu_of(served.pid), world.postgres_cpu());
    let (started, done) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let mut shares: Vec<Vec<Person>> = (0..CLIENTS).map(|_| Vec::new()).collect();
    for (index, person) in people.into_iter().enumerate() {
        if let Some(share) = shares.get_mut(index % CLIENTS) {
            share.push(person);
        }
    }
    let clients = shares.into_iter().map(|share| tokio::spawn(client(served.clone(), share, done.clone(), started)));
    for client in futures::future::try_join_all(clients).await? {
        client?;
    }
    let (count, seconds) = (done.load(Ordering::Relaxed) as f64, started.elapsed().as_secs_f64());
    let server = (cpu_of(served.pid) - server) / count * 1e3;
    let database = (world.postgres_cpu() - database) / count * 1e3;
    let own = (own_cpu() - own) / count * 1e3;
    let (after, hash) = bare_hash().await?;
    let (bare, hash) = (median(vec![before, after]), hash * 1e3);
    println!(
        "(e) password + TOTP sign-in over GraphQL, {CLIENTS} clients, {count:.0} sign-ins: {:.2} ms of processor time beyond its hash (server {server:.2}, PostgreSQL {database:.2}, hash alone {hash:.2}) (aim 2)",
        server + database - hash
    );
    println!(
        "    {:.1} sign-ins/s against {bare:.1} bare hashes/s on the same cores, ratio {:.2} (aim 0.9); the measuring client takes {own:.2} ms a sign-in of the same cores; load {}",
        count / seconds,
        count / seconds / bare,
        load()
    );
    println!(
        "(h) memory of the server: {at_rest:.0} MiB at rest, {:.0} MiB after this load, {:.0} MiB at most",
        memory(served.pid, "VmRSS"),
        memory(served.pid, "VmHWM")
    );
    match Arc::try_unwrap(served) {
        Ok(served) => served.stop().await,
        Err(_) => Err("a client is still there".into()),
    }
}

async fn client(served: Arc<Served>, mut people: Vec<Person>, done: Arc<AtomicU64>, started: Instant) -> Outcome<()> {
    const BEGIN: &str = "mutation($i: BeginSignInInput!) { beginSignIn(input: $i) { status message token } }";
    const FIRST: &str = "mutation($i: SubmitPasswordInput!) { submitPassword(input: $i) { status message } }";
    const SECOND: &str =
        "mutation($i: SubmitCodeInput!) { submitTotp(input: $i) { status code message session { expiresAt } } }";
    loop {
        for person in &mut people {
            if started.elapsed() >= FOR {
                return Ok(());
            }
            // A step is good once, and one step of drift is accepted on either side.
            let step = (person.step + 1).max(totp::step_at(SystemClock.now()).saturating_sub(1));
            while step > totp::step_at(SystemClock.now()) + 1 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            person.step = step;
            let moment = totp::step_begins(step).ok_or("a step out of range")?;
            let code = totp::code_at(&person.secret, moment).ok_or("a secret that shows no code")?;
            let begun = served.ask(None, BEGIN, json!({ "i": { "email": person.email } })).await?;
            let token = begun.pointer("/data/beginSignIn/token").and_then(serde_json::Value::as_str);
            let token = token.ok_or_else(|| format!("no ceremony: {begun}"))?;
            served.ask(None, FIRST, json!({ "i": { "ceremony": token, "password": PASSWORD } })).await?;
            let opened = served.ask(None, SECOND, json!({ "i": { "ceremony": token, "code": code } })).await?;
            if opened.pointer("/data/submitTotp/session/expiresAt").is_none() {
                return Err(format!("no session: {opened}").into());
            }
            done.fetch_add(1, Ordering::Relaxed);
        }
    }
}
