//! A router that remembers its routes: as axum's, and beside it which handler answers which method of which path.

use std::any::type_name_of_val;
use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::routing::MethodRouter;

use crate::server::App;

/// A route: method, path, and the handler's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) struct Known {
    pub(super) path: String,
    pub(super) method: &'static str,
    pub(super) handler: String,
}

/// Routes, as axum wants them and as the description lists them.
#[derive(Default)]
pub(in crate::server) struct Routes {
    router: Router<Arc<App>>,
    known: Vec<Known>,
}

/// The handlers of one path.
pub(in crate::server) struct Methods {
    router: MethodRouter<Arc<App>>,
    known: Vec<(&'static str, String)>,
}

impl Routes {
    pub(in crate::server) fn new() -> Self {
        Self::default()
    }

    pub(in crate::server) fn route(mut self, path: &str, methods: Methods) -> Self {
        self.router = self.router.route(path, methods.router);
        self.known.extend(methods.known.into_iter().map(|(method, handler)| Known { path: path.to_owned(), method, handler }));
        self
    }

    /// The same routes with something around them.
    pub(in crate::server) fn within(mut self, layer: impl FnOnce(Router<Arc<App>>) -> Router<Arc<App>>) -> Self {
        self.router = layer(self.router);
        self
    }

    /// Apart: what answers, and what is known of it.
    pub(in crate::server) fn into_parts(self) -> (Router<Arc<App>>, Vec<Known>) {
        (self.router, self.known)
    }
}

macro_rules! methods {
    ($($method:ident $word:literal),*) => {
        $(
            #[allow(dead_code, reason = "not every method begins a route")]
            pub(in crate::server) fn $method<H: Handler<T, Arc<App>>, T: 'static>(handler: H) -> Methods {
                Methods { known: vec![($word, name_of(&handler))], router: axum::routing::$method(handler) }
            }
        )*

        impl Methods {
            $(
                #[allow(dead_code, reason = "not every method follows another")]
                pub(in crate::server) fn $method<H: Handler<T, Arc<App>>, T: 'static>(mut self, handler: H) -> Self {
                    self.known.push(($word, name_of(&handler)));
                    Self { router: self.router.$method(handler), known: self.known }
                }
            )*
        }
    };
}

methods!(get "get", put "put", post "post", patch "patch", delete "delete");

/// `webhookc::server::api::endpoints::list::one` → `endpoints::one`: the resource and what is done with it.
fn name_of<T>(handler: &T) -> String {
    let path = type_name_of_val(handler);
    let inside = path.rsplit_once("server::").map_or(path, |(_, inside)| inside).trim_start_matches("api::");
    let mut parts = inside.split("::");
    let first = parts.next().unwrap_or_default();
    parts.last().map_or_else(|| first.to_owned(), |last| format!("{first}::{last}"))
}
