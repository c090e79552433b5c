//! `T/endpoints`: who receives webhooks. Those of the schema and of `webhookc.toml` can be read, suspended and released; those that a
//! tenant makes here can be changed and deleted too.

mod answer;
mod change;
mod declared;
mod described;
mod list;
mod sample;
mod state;

pub(in crate::server) use answer::EndpointView;
pub(in crate::server) use change::{change, delete, make};
pub(in crate::server) use described::described;
pub(in crate::server) use list::{Part, find, list, look_up, one};
pub(in crate::server) use sample::{Tried, Wish, rendered, tried, try_out};
pub(in crate::server) use state::{hold, release, suspend, unsuspend};
