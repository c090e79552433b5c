//! The layer of a router whose calls need a key: it finds out who calls before anything of the body is read, lets only questions through
//! while the node is ending, notes in the audit log what was done, and has the answer stored nowhere.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};

use super::audit::Noted;
use super::place::Place;
use crate::server::App;
use crate::server::api::health;

/// The routes so far, all of which ask for a key, to be found as `place` says.
pub(in crate::server) fn asked(routes: Router<Arc<App>>, app: &Arc<App>, place: Place) -> Router<Arc<App>> {
    routes.route_layer(from_fn_with_state((Arc::clone(app), place), ask))
}

/// What is shown to a key is for nobody else: unless the answer says otherwise, it is stored nowhere.
async fn ask(State((app, place)): State<(Arc<App>, Place)>, request: Request, next: Next) -> Response {
    let mut answer = answer(&app, place, request, next).await;
    answer.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    answer
}

async fn answer(app: &Arc<App>, place: Place, mut request: Request, next: Next) -> Response {
    let caller = match app.caller(place, request.headers()).await {
        Ok(caller) => caller,
        Err(problem) => return place.advise(problem).into_response(),
    };
    if let Err(problem) = health::takes(app, request.method()) {
        return problem.into_response();
    }
    let noted = Noted::of(app, &request, caller.actor());
    request.extensions_mut().insert(place);
    request.extensions_mut().insert(caller);
    request.extensions_mut().insert(noted.clone());
    let answer = next.run(request).await;
    noted.end(answer.status()).await;
    answer
}
