//! How many files and sockets this process may have open: as many as the system allows it, and no more connections than fit.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::server::CONNECTIONS;

/// What a node needs besides connections: the store, its readers, the watched folders, the runtime, the log.
const OWN: usize = 128;
/// Fewer connections than this are worth a warning.
const FEW: usize = 256;
/// What is left to the API at the least, so that it can say that there is no more.
const LEAST: usize = 16;

/// Raises this process's limit of open files as far as it may, and answers how many connections the API may have beside `in_flight`
/// requests under way.
pub(super) fn connections(in_flight: usize) -> usize {
    // The connection of each request, and as many kept alive between requests.
    let kept = OWN + 2 * in_flight;
    let Some(files) = raised() else { return CONNECTIONS };
    let connections = files.saturating_sub(kept).clamp(LEAST, CONNECTIONS);
    if connections < FEW {
        tracing::warn!(
            files,
            connections,
            "this process may have so few files open that the API gets few connections; raise the limit, `ulimit -n`, to {} or more",
            kept + FEW
        );
    }
    connections
}

/// The limit of open files, raised; `None` when there is none.
fn raised() -> Option<usize> {
    let limits = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: limits.maximum, maximum: limits.maximum };
    // A system that refuses leaves what there was.
    let granted = if setrlimit(Resource::Nofile, wanted).is_ok() { limits.maximum } else { limits.current };
    granted.map(|files| usize::try_from(files).unwrap_or(usize::MAX))
}
