//! The types a setting can have: how each is read from the file and the environment, and shown again.

use std::net::SocketAddr;
use std::path::PathBuf;

use chrono::TimeDelta;

use crate::http::address::{Cidr, ProxyHeader};

/// A type that a setting can have.
pub trait Setting: Sized {
    /// What the reference calls the type.
    const KIND: &'static str;
    /// Whether the setting may also be given as the name of a file (`<name>_file`), and is never shown.
    const SECRET: bool = false;
    /// Reads it from text, as the environment gives it.
    fn from_text(text: &str) -> Result<Self, String>;
    /// Reads it from the file.
    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::String(text) => Self::from_text(text),
            other => Err(format!("must be {}, not {}", Self::KIND, other.type_str())),
        }
    }
    /// Shows it as TOML; `None` when it is not set. A secret shows only that it is set.
    fn show(&self) -> Option<String>;
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl Setting for $type {
            const KIND: &'static str = "a whole number";
            fn from_text(text: &str) -> Result<Self, String> {
                text.trim().parse().map_err(|_| format!("must be a whole number from 0 to {}", Self::MAX))
            }
            fn from_toml(value: &toml::Value) -> Result<Self, String> {
                let number = value.as_integer().ok_or_else(|| format!("must be a whole number, not {}", value.type_str()))?;
                Self::try_from(number).map_err(|_| format!("must be a whole number from 0 to {}", Self::MAX))
            }
            fn show(&self) -> Option<String> {
                Some(self.to_string())
            }
        }
    )*};
}
integers!(u16, u32, u64);

impl Setting for bool {
    const KIND: &'static str = "true or false";
    fn from_text(text: &str) -> Result<Self, String> {
        text.trim().parse().map_err(|_| "must be true or false".to_owned())
    }
    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        value.as_bool().ok_or_else(|| format!("must be true or false, not {}", value.type_str()))
    }
    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }
}

macro_rules! texts {
    ($($type:ty, $kind:literal, $show:expr;)*) => {$(
        impl Setting for $type {
            const KIND: &'static str = $kind;
            fn from_text(text: &str) -> Result<Self, String> {
                text.parse().map_err(|_| format!("must be {}", Self::KIND))
            }
            fn show(&self) -> Option<String> {
                let show: fn(&Self) -> String = $show;
                Some(quoted(&show(self)))
            }
        }
    )*};
}
texts! {
    String, "text", String::clone;
    SocketAddr, "an address with a port, such as 127.0.0.1:8080", ToString::to_string;
    PathBuf, "a path", |path| path.display().to_string();
    Cidr, "an address or a range such as 10.0.0.0/8", ToString::to_string;
}

impl<T: Setting> Setting for Option<T> {
    const KIND: &'static str = T::KIND;
    const SECRET: bool = T::SECRET;
    fn from_text(text: &str) -> Result<Self, String> {
        T::from_text(text).map(Some)
    }
    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        T::from_toml(value).map(Some)
    }
    fn show(&self) -> Option<String> {
        self.as_ref().and_then(T::show)
    }
}

impl<T: Setting> Setting for Vec<T> {
    const KIND: &'static str = "a list (in the environment: with commas between)";
    fn from_text(text: &str) -> Result<Self, String> {
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(T::from_text).collect()
    }
    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        let items = value.as_array().ok_or_else(|| format!("must be a list, not {}", value.type_str()))?;
        items.iter().map(T::from_toml).collect()
    }
    fn show(&self) -> Option<String> {
        let items: Vec<String> = self.iter().filter_map(T::show).collect();
        Some(format!("[{}]", items.join(", ")))
    }
}

const UNITS: [(&str, i64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

impl Setting for TimeDelta {
    const KIND: &'static str = "a duration such as 500ms, 30s, 15m, 12h or 30d";
    fn from_text(text: &str) -> Result<Self, String> {
        let wrong = || format!("must be {}", Self::KIND);
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at_checked(digits).ok_or_else(wrong)?;
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit.trim()).ok_or_else(wrong)?;
        let number: i64 = number.parse().map_err(|_| wrong())?;
        number.checked_mul(*factor).and_then(Self::try_milliseconds).ok_or_else(wrong)
    }
    fn show(&self) -> Option<String> {
        let millis = self.num_milliseconds();
        let (unit, factor) =
            UNITS.iter().rev().find(|(_, factor)| millis % factor == 0 && millis != 0).unwrap_or(&("s", 1));
        Some(quoted(&format!("{}{unit}", millis / factor)))
    }
}

/// An enumeration whose values are words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $kind:literal { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
        }
        words!(@impl $name, $kind { $($variant = $word,)* });
    };
    (@impl $name:ident, $kind:literal { $($variant:ident = $word:literal,)* }) => {
        impl Setting for $name {
            const KIND: &'static str = $kind;
            fn from_text(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(concat!("must be ", $kind).to_owned()),
                }
            }
            fn show(&self) -> Option<String> {
                Some(quoted(match self { $(Self::$variant => $word,)* }))
            }
        }
    };
}

words!(@impl ProxyHeader, "\"x-forwarded-for\" or \"forwarded\"" {
    XForwardedFor = "x-forwarded-for",
    Forwarded = "forwarded",
});

words! {
    /// How mail leaves.
    MailTransport, "\"smtp\", \"file\" or \"console\"" {
        /// Over SMTP to a server.
        Smtp = "smtp",
        /// One file a message in a directory.
        File = "file",
        /// To the console.
        Console = "console",
    }
}

words! {
    /// How log lines are written.
    LogFormat, "\"json\" or \"text\"" {
        /// One JSON object a line.
        Json = "json",
        /// For people.
        Text = "text",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_shown() {
        for (text, millis, shown) in [
            ("500ms", 500, "\"500ms\""),
            ("30s", 30_000, "\"30s\""),
            ("90s", 90_000, "\"90s\""),
            ("60 m", 3_600_000, "\"1h\""),
            ("30d", 2_592_000_000, "\"30d\""),
            ("0s", 0, "\"0s\""),
        ] {
            let read = TimeDelta::from_text(text).unwrap();
            assert_eq!((read.num_milliseconds(), read.show().unwrap().as_str()), (millis, shown), "{text}");
        }
        for wrong in ["", "30", "s", "-1s", "1.5h", "1w", "99999999999999999999d", "9999999999999999d"] {
            assert!(TimeDelta::from_text(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn lists_come_from_both_sources() {
        let from_env: Vec<Cidr> = Setting::from_text("10.0.0.0/8, 127.0.0.1").unwrap();
        let from_file = toml::from_str::<toml::Table>("a = ['10.0.0.0/8', '127.0.0.1']").unwrap();
        assert_eq!(from_env, Vec::<Cidr>::from_toml(&from_file["a"]).unwrap());
        assert_eq!(from_env.show().unwrap(), "[\"10.0.0.0/8\", \"127.0.0.1/32\"]");
        assert!(Vec::<Cidr>::from_text("10.0.0.0/8,host").is_err());
    }
}
