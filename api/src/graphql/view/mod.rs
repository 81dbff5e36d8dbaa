//! What the viewer sees.

mod activity;
mod as_of;
mod authenticators;
mod ceremony;
mod devices;
mod effects;
mod entry;
mod entry_parts;
mod profile;
mod scope;
mod security;
mod sessions;
mod viewer;

pub(crate) use authenticators::AuthenticatorNode;
pub(crate) use ceremony::CeremonyNode;
pub(crate) use devices::DeviceNode;
pub(crate) use effects::EffectNode;
pub(crate) use entry::EntryNode;
pub(crate) use scope::Scope;
pub(crate) use sessions::SessionNode;
pub(crate) use viewer::ViewerNode;
