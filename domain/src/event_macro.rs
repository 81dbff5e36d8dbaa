//! One place per event: its name, version, class, purpose, legal basis, fields, their meaning and
//! their sensitivity. The enum, the catalogue and the documentation all come from it.

/// Declares an aggregate's events. `field: Type` is written `plain`, `personal` or `secret` first.
macro_rules! events {
    (
        $(#[$enum_doc:meta])*
        pub enum $enum_name:ident for $aggregate:literal {
            $(
                $(#[doc = $doc:literal])+
                $name:ident v $version:literal, $class:ident, $purpose:ident, $basis:ident {
                    $(
                        $(#[doc = $field_doc:literal])+
                        $(#[serde($($field_serde:tt)*)])?
                        $sensitivity:ident $field:ident : $kind:ty
                    ),* $(,)?
                }
            )+
        }
    ) => {
        $(#[$enum_doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        pub enum $enum_name {
            $(
                $(#[doc = $doc])+
                $name {
                    $(
                        $(#[doc = $field_doc])+
                        $(#[serde($($field_serde)*)])?
                        $field: $kind,
                    )*
                },
            )+
            /// An event whose key has been destroyed: only that it happened is left.
            Shredded {
                /// The name of the event that was.
                event_type: String,
                /// Its schema version.
                event_version: String,
            },
        }

        impl cqrs_es::DomainEvent for $enum_name {
            fn event_type(&self) -> String {
                match self {
                    $(Self::$name { .. } => stringify!($name).to_owned(),)+
                    Self::Shredded { event_type, .. } => event_type.clone(),
                }
            }

            fn event_version(&self) -> String {
                match self {
                    $(Self::$name { .. } => $version.to_string(),)+
                    Self::Shredded { event_version, .. } => event_version.clone(),
                }
            }
        }

        impl $crate::event::LoggedEvent for $enum_name {
            const SPECS: &'static [$crate::event::EventSpec] = &[
                $($crate::event::EventSpec {
                    aggregate: $aggregate,
                    name: stringify!($name),
                    version: $version,
                    doc: concat!($($doc, "\n"),+),
                    class: $crate::event::RetentionClass::$class,
                    purpose: $crate::event::ProcessingPurpose::$purpose,
                    basis: $crate::event::LegalBasis::$basis,
                    fields: &[
                        $($crate::event::FieldSpec {
                            name: stringify!($field),
                            kind: stringify!($kind),
                            sensitivity: events!(@sensitivity $sensitivity),
                            doc: concat!($($field_doc, "\n"),+),
                        }),*
                    ],
                }),+
            ];

            fn spec(&self) -> Option<&'static $crate::event::EventSpec> {
                let name = match self {
                    $(Self::$name { .. } => stringify!($name),)+
                    Self::Shredded { .. } => return None,
                };
                Self::SPECS.iter().find(|spec| spec.name == name)
            }

            fn shredded(event_type: &str, event_version: &str) -> Self {
                Self::Shredded {
                    event_type: event_type.to_owned(),
                    event_version: event_version.to_owned(),
                }
            }
        }
    };
    (@sensitivity plain) => { $crate::event::Sensitivity::Plain };
    (@sensitivity personal) => { $crate::event::Sensitivity::Personal };
    (@sensitivity secret) => { $crate::event::Sensitivity::Secret };
}
