//! The house rules that a compiler does not hold: these tests read the tree.
//!
//! A rule that has to bend bends here, in a list with its reason, and nowhere else.
#![allow(clippy::unwrap_used, reason = "a test that cannot read the tree has failed")]

mod documents;
mod migrations;
mod rooms;
mod text;
mod tree;
