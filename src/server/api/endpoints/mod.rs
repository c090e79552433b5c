//! `T/endpoints`: who receives webhooks. Those of the schema and of `webhookc.toml` can be read, suspended and released; those that a
//! tenant makes here can be changed and deleted too.

mod answer;
mod change;
mod declared;
mod described;
mod list;
mod sample;
mod state;

pub(in crate::server) use change::{change, delete, make};
pub(in crate::server) use described::described;
pub(in crate::server) use list::{list, one};
pub(in crate::server) use sample::try_out;
pub(in crate::server) use state::{suspend, unsuspend};
