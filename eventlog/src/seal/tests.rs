//! Sealing opens to what was sealed, under its own header and keys and no others.

use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::{Value, json};
use vitne_domain::{Actor, NetworkContext};

use super::{Opened, Secret, commitment, open_parts, seal_parts};
use crate::Header;
use crate::recorded::tests::header;

fn sealed(text: &str, agent: &str, seed: u64) -> (Header, Value) {
    let mut header = header();
    let network = NetworkContext { user_agent: Some(agent.to_owned()), ..NetworkContext::default() };
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let body = json!({ "Event": { "text": text } });
    let (one, two) = (Secret::new([1; 32]), Secret::new([2; 32]));
    let payload = seal_parts(&mut header, &body, &network, &one, &two, &mut rng).unwrap();
    (header, serde_json::from_str(&payload).unwrap())
}

fn open(header: &Header, payload: &Value, body: u8, context: Option<u8>) -> Opened {
    let context = context.map(|byte| Secret::new([byte; 32]));
    open_parts(header, payload, Some(&Secret::new([body; 32])), context.as_ref())
}

proptest! {
    #[test]
    fn what_was_sealed_opens_and_proves_itself(text in any::<String>(), agent in any::<String>(), seed in any::<u64>()) {
        let (header, payload) = sealed(&text, &agent, seed);
        let Opened::Open(opening) = open(&header, &payload, 1, Some(2)) else { panic!("it opens") };
        prop_assert_eq!(serde_json::from_slice::<Value>(&opening.body).unwrap(), json!({ "Event": { "text": text } }));
        prop_assert_eq!(opening.commitment(), header.commitment);
        let Opened::Open(alone) = open(&header, &payload, 1, None) else { panic!("the body opens alone") };
        prop_assert!(alone.context.is_none());
        prop_assert_eq!(alone.commitment(), header.commitment);
        prop_assert!(matches!(open(&header, &payload, 2, Some(2)), Opened::Broken(_)));
        prop_assert!(matches!(open(&header, &payload, 1, Some(1)), Opened::Broken(_)));
        prop_assert!(matches!(open_parts(&header, &payload, None, None), Opened::Shredded));
    }

    #[test]
    fn no_header_field_changes_unnoticed(field in 0..17_usize, seed in any::<u64>()) {
        let (mut header, payload) = sealed("text", "agent", seed);
        match field {
            0 => header.aggregate_type.push('x'),
            1 => header.aggregate_id.push('x'),
            2 => header.sequence += 1,
            3 => header.event_type.push('x'),
            4 => header.event_version.push('x'),
            5 => header.event_id.0 = uuid::Uuid::nil(),
            6 => header.subject = None,
            7 => header.actor = Actor::System,
            8 => header.correlation.0 = uuid::Uuid::nil(),
            9 => header.causation = None,
            10 => header.ceremony = None,
            11 => header.session = None,
            12 => header.device = None,
            13 => header.occurred_at += chrono::Duration::milliseconds(1),
            14 => header.class = vitne_domain::RetentionClass::Identity,
            15 => header.epoch = header.epoch.succ_opt().unwrap(),
            _ => header.commitment[31] ^= 1,
        }
        prop_assert!(matches!(open(&header, &payload, 1, Some(2)), Opened::Broken(_)));
    }

    #[test]
    fn no_ciphertext_byte_changes_unnoticed(at in any::<prop::sample::Index>(), seed in any::<u64>()) {
        use base64::Engine;
        let base64 = base64::engine::general_purpose::STANDARD;
        let (header, payload) = sealed("text", "agent", seed);
        for part in ["body", "context"] {
            let mut changed = payload.clone();
            let mut bytes = base64.decode(payload[part].as_str().unwrap()).unwrap();
            let index = at.index(bytes.len());
            bytes[index] ^= 1;
            changed[part] = Value::String(base64.encode(bytes));
            prop_assert!(matches!(open(&header, &changed, 1, Some(2)), Opened::Broken(_)));
        }
    }
}

#[test]
fn parts_cannot_be_exchanged_even_under_one_key() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let (mut header, key) = (header(), Secret::new([1; 32]));
    let payload = seal_parts(&mut header, &json!({}), &NetworkContext::default(), &key, &key, &mut rng).unwrap();
    let payload: Value = serde_json::from_str(&payload).unwrap();
    let exchanged = json!({ "v": 1, "body": payload["context"], "context": payload["body"] });
    assert!(matches!(open(&header, &exchanged, 1, Some(1)), Opened::Broken(_)));
    assert_ne!(commitment(&[1; 32], &[2; 32]), commitment(&[2; 32], &[1; 32]));
}
