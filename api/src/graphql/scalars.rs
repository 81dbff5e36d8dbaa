//! Scalars of the schema.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};

/// A place in the log, or a number of its events: a decimal number, written as a string because it may
/// exceed what JSON numbers carry. Position n means "the first n events".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position(pub(crate) u64);

impl From<vitne_eventlog::Position> for Position {
    fn from(position: vitne_eventlog::Position) -> Self {
        Self(position.0)
    }
}

#[Scalar(name = "Position")]
impl ScalarType for Position {
    fn parse(value: Value) -> InputValueResult<Self> {
        let parsed = match &value {
            Value::String(text) if text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().ok()
            }
            Value::Number(number) => number.as_u64(),
            _ => None,
        };
        // Positions are kept as signed 64-bit numbers.
        let parsed = parsed.filter(|position| i64::try_from(*position).is_ok());
        parsed.map(Self).ok_or_else(|| InputValueError::custom("give a position as a decimal number in a string"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_decimal_numbers() {
        for (value, expected) in [
            (Value::from("17"), Some(17)),
            (Value::from(17), Some(17)),
            (Value::from("9223372036854775807"), Some(i64::MAX as u64)),
            (Value::from("9223372036854775808"), None),
            (Value::from("-1"), None),
            (Value::from(-1), None),
            (Value::from("1e3"), None),
            (Value::from(1.5), None),
            (Value::from(""), None),
            (Value::Null, None),
        ] {
            assert_eq!(Position::parse(value.clone()).ok().map(|position| position.0), expected, "{value}");
        }
    }
}
