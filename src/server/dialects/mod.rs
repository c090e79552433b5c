//! The management APIs of other systems, each on its own paths, as a translation to and from this node's endpoints: there is no second
//! model behind them, and what is made by one API can be read by another. A system is switched on by `[compat] dialects`.

mod devopness;
mod gemeindeconnect;
mod portant;
mod socotra;

mod document;
mod restated;

use std::sync::Arc;

use axum::Router;

use crate::config::Dialect;
use crate::server::App;

/// The routes of a system.
pub(super) fn routes(dialect: Dialect, app: &Arc<App>) -> Router<Arc<App>> {
    match dialect {
        Dialect::Socotra => socotra::routes(app),
        Dialect::Devopness => devopness::routes(app),
        Dialect::Portant => portant::routes(app),
        Dialect::Gemeindeconnect => gemeindeconnect::routes(app),
    }
}
