//! The device list: what has been used to reach the account, its trust, and what its loss would mean.

mod if_lost;
mod row;

use serde_json::Value;
use vitne_domain::AnyEvent;
use vitne_domain::ceremony::CeremonyEvent;
use vitne_domain::device::DeviceEvent;
use vitne_domain::id::DeviceId;
use vitne_domain::session::SessionEvent;
use vitne_eventlog::{Header, Recorded};

pub use if_lost::{IfLost, if_lost};
pub use row::{DeviceAction, DeviceRow, DeviceStatus, LabelSource, LastPlace, Trust, TrustState, not_for, skips};

use crate::reading::{clean, load, named, peek, readable, store, stream_id};
use crate::{Column, ColumnType, FoldError, Projection, RowKey, Table};

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct Devices;

static TABLE: Table = Table {
    name: "devices",
    columns: &[
        Column { name: "listed", kind: ColumnType::Boolean },
        Column { name: "status", kind: ColumnType::Text },
        Column { name: "first_seen_at", kind: ColumnType::Timestamp },
        Column { name: "last_seen_at", kind: ColumnType::Timestamp },
    ],
    indexes: &[],
};

/// The device an event tells about. A failed attempt does not count as having seen the device: the
/// device of somebody who only typed an address must not appear in its owner's list.
fn device_of(event: &Recorded) -> Option<DeviceId> {
    let header = &event.header;
    match header.aggregate_type.as_str() {
        "device" => Some(DeviceId(stream_id(header))),
        "session" => match peek(event) {
            Some(AnyEvent::Session(SessionEvent::SessionEnded { .. })) => None,
            _ => header.device,
        },
        "ceremony" => match peek(event) {
            Some(AnyEvent::Ceremony(CeremonyEvent::CeremonyCompleted { .. })) => header.device,
            _ => None,
        },
        _ => None,
    }
}

impl Projection for Devices {
    fn name(&self) -> &'static str {
        "devices"
    }

    fn version(&self) -> u32 {
        1
    }

    fn table(&self) -> &'static Table {
        &TABLE
    }

    fn keys(&self, event: &Recorded) -> Vec<RowKey> {
        match (event.header.subject, device_of(event)) {
            (Some(subject), Some(device)) => vec![RowKey { subject, id: device.0 }],
            _ => Vec::new(),
        }
    }

    fn fold(&self, key: &RowKey, row: Option<Value>, event: &Recorded) -> Result<Option<Value>, FoldError> {
        let header = &event.header;
        let id = DeviceId(named(key.id, header)?);
        let body = readable(event)?;
        let mut row: DeviceRow = load(row)?.unwrap_or_else(|| DeviceRow::seen(id, header.occurred_at));
        if header.device == Some(id) {
            row.last_seen_at = row.last_seen_at.max(header.occurred_at);
            if let Some(country) = event.network.as_ref().and_then(|network| network.country.as_deref()) {
                row.last_place = Some(LastPlace { country: clean(country), precision: "COUNTRY".to_owned() });
            }
        }
        match body {
            Some(AnyEvent::Device(device)) => apply(&mut row, device, header),
            None if header.aggregate_type == "device" => apply_clear(&mut row, header),
            _ => {}
        }
        store(&row)
    }
}

fn apply(row: &mut DeviceRow, event: &DeviceEvent, header: &Header) {
    match event {
        DeviceEvent::DeviceFirstSeen { platform, .. } => {
            row.listed = true;
            row.kind = platform.kind;
            row.os = platform.os.as_deref().map(clean);
            row.os_version = platform.os_version.as_deref().map(clean);
            row.browser = platform.browser.as_deref().map(clean);
        }
        DeviceEvent::DeviceTrusted { until } => {
            row.trust = Trust {
                state: TrustState::Trusted,
                since: Some(header.occurred_at),
                expires_at: Some(*until),
                dropped_because: None,
            };
        }
        DeviceEvent::DeviceTrustDropped { cause } => {
            row.trust = Trust {
                state: TrustState::Dropped,
                since: Some(header.occurred_at),
                expires_at: None,
                dropped_because: Some(*cause),
            };
        }
        DeviceEvent::DeviceRenamed { label } => {
            row.label = Some(clean(label));
            row.label_source = LabelSource::User;
        }
        DeviceEvent::DeviceReportedLost {} => row.lost(header.occurred_at),
        DeviceEvent::DeviceForgotten {} => row.forgotten(header.occurred_at),
        DeviceEvent::Shredded { .. } => {}
    }
}

/// What the clear header alone still says once the body is gone.
fn apply_clear(row: &mut DeviceRow, header: &Header) {
    match header.event_type.as_str() {
        "DeviceFirstSeen" => row.listed = true,
        "DeviceReportedLost" => row.lost(header.occurred_at),
        "DeviceForgotten" => row.forgotten(header.occurred_at),
        _ => {}
    }
}
