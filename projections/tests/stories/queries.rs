//! The questions, asked of a real database under the server's role.

use sqlx::{Executor, PgPool};
use vitne_domain::id::{AccountId, DeviceId};
use vitne_domain::policy::Method;
use vitne_eventlog::database::testing::TestDatabase;
use vitne_projections::activity::{Category, EntryType, Outcome};
use vitne_projections::queries::{
    self, ActivityFilter, ActivityPage, CursorError, CursorKey, PageRequest, QueryError, activity_count,
    activity_entries, activity_entry, activity_page,
};
use vitne_projections::runner::StoredRow;
use vitne_projections::store::{self, Generation};
use vitne_projections::{Projection, RowKey};

use crate::history::{History, fold};
use crate::{TOTP, lost_phone};

fn key() -> CursorKey {
    CursorKey::new([3; 32])
}

/// Makes every table and fills it with what the events give.
async fn filled(test: &TestDatabase, histories: &[&History]) {
    use vitne_projections::{activity, authenticators, devices, profile, security, sessions};
    let projections: [&dyn Projection; 6] = [
        &activity::Activity,
        &authenticators::Authenticators,
        &devices::Devices,
        &profile::Profiles,
        &security::Security,
        &sessions::Sessions,
    ];
    let mut owner = test.superuser().acquire().await.expect("a connection");
    for projection in projections {
        let generation = Generation::of(projection, 1);
        store::create_table(&mut owner, projection, &generation).await.expect("a table");
        let table = generation.table(projection);
        for history in histories {
            for ((name, subject, id), doc) in fold(&history.events) {
                if name != projection.name() {
                    continue;
                }
                let row = StoredRow::new(projection.table(), RowKey { subject: AccountId(subject), id }, &doc)
                    .expect("a row that can be stored");
                let columns: Vec<&str> = projection.table().columns.iter().map(|column| column.name).collect();
                let names: String = columns.iter().map(|name| format!("\"{name}\", ")).collect();
                let values: String = row
                    .columns
                    .iter()
                    .map(|value| match value {
                        Some(value) => format!("'{}', ", value.replace('\'', "''")),
                        None => "null, ".to_owned(),
                    })
                    .collect();
                let sql = format!(
                    "insert into {table} (subject, id, {names}doc) values ('{subject}', '{id}', {values}'{}')",
                    row.doc.replace('\'', "''")
                );
                owner.execute(sql.as_str()).await.expect("an insert");
            }
        }
        store::create_indexes(&mut owner, projection, &generation).await.expect("indexes");
        store::point_view(&mut owner, projection, &generation).await.expect("a view");
    }
}

async fn all(pool: &PgPool, subject: AccountId, filter: &ActivityFilter, forward: bool) -> Vec<u64> {
    let mut cursor = None;
    let mut pages: Vec<Vec<u64>> = Vec::new();
    loop {
        let request = match forward {
            true => PageRequest::Forward { first: 2, after: cursor.clone() },
            false => PageRequest::Backward { last: 2, before: cursor.clone() },
        };
        let page: ActivityPage = activity_page(pool, subject, filter, &request, &key()).await.expect("a page");
        pages.push(page.edges.iter().map(|edge| edge.row.sequence).collect());
        let (edge, more) = match forward {
            true => (page.edges.last(), page.has_next),
            false => (page.edges.first(), page.has_previous),
        };
        cursor = edge.map(|edge| edge.cursor.clone());
        if !more {
            break;
        }
    }
    if !forward {
        pages.reverse();
    }
    pages.concat()
}

#[tokio::test]
async fn a_person_reads_their_own_rows_and_nobody_elses() {
    let test = TestDatabase::create().await;
    let one = lost_phone();
    let mut two = History::of(2);
    two.register();
    let device = DeviceId(two.id(40));
    two.sign_in(1, device, true, TOTP);
    filled(&test, &[&one, &two]).await;
    let pool = test.pool();
    let (kari, ola) = (one.subject(), two.subject());

    // Pages: the same list in both directions, newest first, each entry once.
    let any = ActivityFilter::default();
    let forward = all(&pool, kari, &any, true).await;
    assert!(forward.len() > 5 && forward.is_sorted_by(|newer, older| newer > older), "{forward:?}");
    assert_eq!(all(&pool, kari, &any, false).await, forward);
    assert_eq!(activity_count(&pool, kari, &any, 1000).await.expect("a count"), forward.len() as u64);
    assert_eq!(activity_count(&pool, kari, &any, 2).await.expect("a count"), 2);

    // Filters.
    let filters = [
        ActivityFilter { types: vec![EntryType::DeviceReportedLost], ..any.clone() },
        ActivityFilter { categories: vec![Category::Recovery], ..any.clone() },
        ActivityFilter { methods: vec![Method::RecoveryCode], ..any.clone() },
        ActivityFilter { outcomes: vec![Outcome::Failure], ..any.clone() },
        ActivityFilter { devices: vec![DeviceId(one.id(41))], ..any.clone() },
        ActivityFilter { until: Some(one.events[0].header.occurred_at), ..any.clone() },
    ];
    let mut found = Vec::new();
    for filter in &filters {
        found.push(all(&pool, kari, filter, true).await.len());
    }
    assert_eq!(found, [1, 1, 2, 0, 2, 0]);

    // A cursor is good for one person and one list.
    let first = PageRequest::Forward { first: 1, after: None };
    let page = activity_page(&pool, kari, &any, &first, &key()).await.expect("a page");
    let after = Some(page.edges[0].cursor.clone());
    let next = PageRequest::Forward { first: 1, after };
    let foreign = [
        activity_page(&pool, ola, &any, &next, &key()).await,
        activity_page(&pool, kari, &filters[0], &next, &key()).await,
        activity_page(&pool, kari, &any, &next, &CursorKey::new([4; 32])).await,
    ];
    for answer in foreign {
        assert!(matches!(answer, Err(QueryError::Cursor(CursorError::Foreign))), "{answer:?}");
    }
    let none = PageRequest::Forward { first: 0, after: None };
    assert!(matches!(activity_page(&pool, kari, &any, &none, &key()).await, Err(QueryError::PageSize(0))));

    // One entry, and many at once; another's entry is not there.
    let entry = &page.edges[0].row;
    assert_eq!(activity_entry(&pool, kari, entry.id).await.expect("an answer").as_ref(), Some(entry));
    assert_eq!(activity_entry(&pool, ola, entry.id).await.expect("an answer"), None);
    let many = activity_entries(&pool, &[(kari, entry.id), (ola, entry.id)]).await.expect("an answer");
    assert_eq!(many, [(kari, entry.clone())]);
    lists(&pool, &one, &two).await;
}

async fn lists(pool: &PgPool, one: &History, two: &History) {
    let (kari, ola) = (one.subject(), two.subject());
    assert_eq!(queries::devices(pool, kari).await.expect("devices").len(), 2);
    assert_eq!(queries::devices_of(pool, &[kari, ola]).await.expect("devices").len(), 3);
    let wanted = [(kari, DeviceId(one.id(41))), (ola, DeviceId(one.id(41)))];
    assert_eq!(queries::devices_by_ids(pool, &wanted).await.expect("devices").len(), 1);
    assert_eq!(queries::sessions(pool, kari).await.expect("sessions").len(), 3);
    assert_eq!(queries::sessions_of(pool, &[kari, ola]).await.expect("sessions").len(), 4);
    let authenticators = queries::authenticators(pool, kari).await.expect("authenticators");
    let labels: Vec<&str> = authenticators.iter().map(|row| row.label.as_str()).collect();
    assert_eq!(labels, ["Work phone", "New phone"]);
    assert!(queries::authenticators(pool, ola).await.expect("authenticators").is_empty());
    let profile = queries::profile(pool, kari).await.expect("a profile").expect("it is there");
    assert_eq!(profile.display_name, "Kari");
    assert_eq!(queries::profiles(pool, &[kari, ola]).await.expect("profiles").len(), 2);
    let security = queries::security(pool, kari).await.expect("an overview").expect("it is there");
    assert_eq!(security.recovery_codes_left(), 8);
    assert_eq!(queries::securities(pool, &[ola]).await.expect("overviews").len(), 1);
}
