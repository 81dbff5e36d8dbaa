//! One byte string for one JSON value, whatever the order in which its maps were built.

use serde_json::Value;

/// Why a value has no canonical form.
#[derive(Debug, thiserror::Error)]
pub enum NotCanonical {
    /// Floating-point numbers have no single spelling. Store integers in a smaller unit, or text.
    #[error("a floating-point number cannot be stored; use an integer in a smaller unit, or text")]
    Float,
}

/// The canonical bytes of a value: object keys sorted by their UTF-8 bytes at every depth, no white
/// space, integers only. Equal values give equal bytes, and the bytes parse back to the value.
pub fn canonical_json(value: &Value) -> Result<Vec<u8>, NotCanonical> {
    let mut bytes = Vec::with_capacity(256);
    write(value, &mut bytes)?;
    Ok(bytes)
}

fn write(value: &Value, to: &mut Vec<u8>) -> Result<(), NotCanonical> {
    match value {
        Value::Null => to.extend_from_slice(b"null"),
        Value::Bool(true) => to.extend_from_slice(b"true"),
        Value::Bool(false) => to.extend_from_slice(b"false"),
        Value::Number(number) if number.is_f64() => return Err(NotCanonical::Float),
        Value::Number(number) => to.extend_from_slice(number.to_string().as_bytes()),
        Value::String(text) => write_text(text, to),
        Value::Array(items) => {
            to.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    to.push(b',');
                }
                write(item, to)?;
            }
            to.push(b']');
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
            to.push(b'{');
            for (index, (key, item)) in entries.into_iter().enumerate() {
                if index > 0 {
                    to.push(b',');
                }
                write_text(key, to);
                to.push(b':');
                write(item, to)?;
            }
            to.push(b'}');
        }
    }
    Ok(())
}

/// Writes a JSON string with the escapes that RFC 8259 §7 requires and no others.
fn write_text(text: &str, to: &mut Vec<u8>) {
    to.push(b'"');
    for character in text.chars() {
        match character {
            '"' => to.extend_from_slice(b"\\\""),
            '\\' => to.extend_from_slice(b"\\\\"),
            control if u32::from(control) < 0x20 => {
                to.extend_from_slice(format!("\\u{:04x}", u32::from(control)).as_bytes());
            }
            other => {
                let mut buffer = [0_u8; 4];
                to.extend_from_slice(other.encode_utf8(&mut buffer).as_bytes());
            }
        }
    }
    to.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..8)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn canonical_bytes_parse_back_to_the_value(value in any_value()) {
            let bytes = canonical_json(&value).unwrap();
            prop_assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), value);
        }

        #[test]
        fn equal_values_have_equal_bytes(value in any_value()) {
            let again: Value = serde_json::from_str(&serde_json::to_string_pretty(&value).unwrap()).unwrap();
            prop_assert_eq!(canonical_json(&value).unwrap(), canonical_json(&again).unwrap());
        }
    }

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let value: Value = serde_json::from_str(r#"{"b":[{"z":1,"a":"\n\""}],"a":null,"ä":-1}"#).unwrap();
        let text = String::from_utf8(canonical_json(&value).unwrap()).unwrap();
        assert_eq!(text, r#"{"a":null,"b":[{"a":"\u000a\"","z":1}],"ä":-1}"#);
    }

    #[test]
    fn floats_are_refused() {
        assert!(canonical_json(&json!({"a": [1.5]})).is_err());
    }
}
