//! What goes into the audit log: each call that changes how webhooks are managed, with who called and what came of it. Saves are not in it,
//! nor what is only looked at.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, Uri};

use crate::access::{Actor, Group, Permission, Verb};
use crate::ids::Tenant;
use crate::server::App;
use crate::store::{AuditEntry, Store};

/// Characters of a path that are kept.
const LONGEST_PATH: usize = 500;

/// Stands for the answer to a client that went away before it; what it asked for may have been done.
const GONE: u16 = 499;

/// A call that may have to be noted, once it is known what it needs.
#[derive(Clone)]
pub(super) struct Noted(Arc<Call>);

struct Call {
    app: Arc<App>,
    actor: Actor,
    method: Method,
    uri: Uri,
    needs: OnceLock<(Permission, Option<Tenant>)>,
    ended: AtomicBool,
}

impl Noted {
    pub(super) fn of(app: &Arc<App>, request: &Request, actor: Actor) -> Self {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        Self(Arc::new(Call { app: Arc::clone(app), actor, method, uri, needs: OnceLock::new(), ended: AtomicBool::new(false) }))
    }

    /// A handler needs this.
    pub(super) fn needs(parts: &Parts, permission: Permission, tenant: Option<&Tenant>) {
        if is_management(permission)
            && let Some(noted) = parts.extensions.get::<Self>()
        {
            // The first right is what the call is about.
            let _first = noted.0.needs.set((permission, tenant.cloned()));
        }
    }

    /// The call has been answered.
    pub(super) async fn end(&self, status: StatusCode) {
        self.0.ended.store(true, Ordering::Relaxed);
        if let Some((store, entry)) = self.0.entry(status.as_u16()) {
            note(store, entry).await;
        }
    }
}

impl Call {
    /// What to note, if anything, and where.
    fn entry(&self, status: u16) -> Option<(Store, AuditEntry)> {
        let (permission, tenant) = self.needs.get()?;
        let ingest = &self.app.running().ok()?.ingest;
        let path: String = self.uri.path().chars().take(LONGEST_PATH).collect();
        let entry = AuditEntry {
            at: ingest.clock.now(),
            tenant: tenant.clone(),
            actor: self.actor.to_string(),
            permission: permission.to_string(),
            call: format!("{} {path}", self.method),
            status,
        };
        Some((ingest.store.clone(), entry))
    }
}

impl Drop for Call {
    /// Whoever goes away before the answer must not stay out of the log.
    fn drop(&mut self) {
        if !self.ended.load(Ordering::Relaxed)
            && let Some((store, entry)) = self.entry(GONE)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(note(store, entry));
        }
    }
}

async fn note(store: Store, entry: AuditEntry) {
    let (call, actor) = (entry.call.clone(), entry.actor.clone());
    if let Err(error) = store.note_audit(entry).await {
        tracing::error!(%error, %call, %actor, "a call could not be noted in the audit log");
    }
}

/// Whether what needs this belongs into the log.
fn is_management(permission: Permission) -> bool {
    match (permission.group, permission.verb) {
        (Group::Objects, _) | (_, Verb::Read | Verb::List) => false,
        (_, Verb::Write | Verb::Resend | Verb::Delete) => true,
    }
}
