//! From files to the program in force: read, compile aside, build a generation, swap it whole; and again whenever a file changes. An
//! error keeps the last good program and is reported. Deliveries that exist keep what was rendered. Only user of notify.

mod attempt;
mod build;
mod git;
mod identity;
mod keyring;
mod origin;
mod reach;
mod rejected;
mod reloader;
mod shared;
mod tenants;
mod trigger;
mod watch;

pub use attempt::{Attempt, Files, add_sink};
pub use build::{Absent, BuildError, build};
pub use keyring::{ENDPOINTS_PER_TENANT, Keyring, RotateError};
pub use rejected::{Rejected, Rejection};
pub use reloader::{Reloader, Setup};
pub use tenants::KeepError;
pub use trigger::{Report, Requests, Trigger, trigger};

#[cfg(test)]
mod tests;
