//! What goes on, as server-sent events of a tenant. Each has an id; a browser that was cut off names the last one it has, and is sent what
//! came since, or told to look at everything anew. The events say what has changed, not how: a page asks for itself again.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::controls::{NODE, OBJECTS};
use super::page::{Failure, Page};
use crate::access::may;
use crate::activity::{Activity, Event};
use crate::ids::Tenant;
use crate::server::access::{Allowed, Place};
use crate::server::door::{Sitting, sitting};
use crate::server::request::Parameters;
use crate::server::{App, Problem};

/// A sign of life when nothing goes on: more often than the node gives up a client that takes nothing.
const STILL_THERE: Duration = Duration::from_secs(10);
/// How long whoever watches is believed to be allowed to.
const BELIEVED: Duration = Duration::from_secs(1);
/// How long a browser waits before it comes back. Milliseconds.
const COME_BACK: u32 = 1_000;

/// What is said of an event.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum News<'a> {
    Saved { model: &'a str, object: &'a str, sequence: String, webhooks: Vec<&'a str>, fired: usize },
    Sending { delivery: String },
    Answered { delivery: String, status: Option<u16>, note: &'a str },
    Reloaded { live: bool, what: &'a str },
}

#[derive(Deserialize)]
pub(super) struct Asked {
    /// The last event before the page was made.
    after: Option<String>,
}

pub(super) async fn stream(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::Deliveries, may::List>,
    Parameters(asked): Parameters<Asked>,
    request: Request,
) -> Result<Response, Failure> {
    let page = Page::open(Arc::clone(&app), allowed.into_scope());
    let inspector = page.inspector()?;
    if inspector.feed.is_stopping() {
        return Err(Problem::shutting_down().into());
    }
    // A browser that comes back names the last event that it has got.
    let last = request.headers().get("last-event-id").and_then(|id| id.to_str().ok()).or(asked.after.as_deref());
    let resumed = inspector.feed.resume(last.and_then(|name| inspector.number(name)).unwrap_or(u64::MAX));
    let mut watch = Watch {
        app,
        sitting: sitting(&request),
        news: resumed.news,
        tenant: page.scope.tenant().clone(),
        headers: request.headers().clone(),
        checked: Instant::now(),
        hears_of_files: page.scope.permits(NODE),
        hears_of_saves: page.scope.permits(OBJECTS),
        text: format!("retry: {COME_BACK}\n\n"),
        ended: false,
    };
    match (resumed.missed, last) {
        (Some(missed), _) => missed.iter().for_each(|event| watch.write(event)),
        (None, Some(_)) => watch.anew(resumed.last),
        (None, None) => {}
    }
    let body = Body::from_stream(stream::unfold(watch, Watch::next));
    Ok(([(header::CONTENT_TYPE, "text/event-stream")], body).into_response())
}

/// Somebody who watches.
struct Watch {
    app: Arc<App>,
    sitting: Option<Sitting>,
    news: Receiver<Event>,
    tenant: Tenant,
    /// What says who it is.
    headers: HeaderMap,
    /// When that was last of use.
    checked: Instant,
    /// Whether what is wrong with the files is its business.
    hears_of_files: bool,
    /// Whether it may look at objects.
    hears_of_saves: bool,
    /// What is to be sent.
    text: String,
    ended: bool,
}

impl Watch {
    async fn next(mut self) -> Option<(Result<String, std::convert::Infallible>, Self)> {
        // However much goes on elsewhere: of that, nothing is sent.
        let quiet_until = tokio::time::Instant::now() + STILL_THERE;
        while self.text.is_empty() {
            if self.ended {
                return None;
            }
            match tokio::time::timeout_at(quiet_until, self.news.recv()).await {
                Err(_) => self.text.push_str(":\n\n"),
                Ok(Err(RecvError::Closed)) => self.ended = true,
                Ok(Ok(event)) => self.write(&event),
                // Too slow: everything has to be looked at anew, and what comes now is on its way.
                Ok(Err(RecvError::Lagged(_))) => self.text.push_str("event: anew\ndata: {}\n\n"),
            }
        }
        // What is there already goes along.
        while let Ok(event) = self.news.try_recv() {
            self.write(&event);
        }
        // A session or a key may have ended meanwhile.
        if self.checked.elapsed() > BELIEVED {
            if self.app.caller(Place::PAGES, &self.headers).await.is_err() {
                return None;
            }
            self.checked = Instant::now();
        }
        if let Some(sitting) = &self.sitting {
            sitting.go_on();
        }
        Some((Ok(std::mem::take(&mut self.text)), self))
    }

    /// What was missed is not known: the page has to be made anew.
    fn anew(&mut self, last: u64) {
        let name = self.app.options.inspector.as_ref().map(|inspector| inspector.name(last)).unwrap_or_default();
        let _infallible = write!(self.text, "id: {name}\nevent: anew\ndata: {{}}\n\n");
    }

    /// An event of the tenant, or of all.
    fn write(&mut self, event: &Event) {
        let own = &self.tenant;
        let news = match &event.what {
            Activity::Saved { tenant, model, object, sequence, decisions, .. } if tenant == own && self.hears_of_saves => News::Saved {
                model,
                object,
                sequence: sequence.to_string(),
                webhooks: decisions.iter().map(|decision| &*decision.webhook).collect(),
                fired: decisions.iter().filter(|decision| decision.fired).count(),
            },
            Activity::Sending { tenant, delivery, .. } if tenant == own => News::Sending { delivery: delivery.to_string() },
            Activity::Answered { tenant, delivery, status, note, .. } if tenant == own => {
                News::Answered { delivery: delivery.to_string(), status: *status, note }
            }
            Activity::Reloaded { lines, live } => {
                News::Reloaded { live: *live, what: lines.first().filter(|_| self.hears_of_files).map_or("", String::as_str) }
            }
            Activity::Begun => News::Reloaded { live: true, what: "the program is at work" },
            Activity::Stopping => {
                self.ended = true;
                return;
            }
            Activity::Saved { .. } | Activity::Sending { .. } | Activity::Answered { .. } | Activity::Source { .. } => return,
        };
        // JSON has no line break of its own, so that nothing in it can end the line.
        let data = serde_json::to_string(&news).unwrap_or_default();
        let name = self.app.options.inspector.as_ref().map(|inspector| inspector.name(event.number)).unwrap_or_default();
        let _infallible = write!(self.text, "id: {name}\ndata: {data}\n\n");
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use tokio::sync::broadcast::channel;

    use super::*;
    use crate::ids::DeliveryId;
    use crate::server::Options;

    #[tokio::test(start_paused = true)]
    async fn who_watches_hears_that_he_is_connected_however_much_goes_on_elsewhere() {
        let (events, news) = channel(16);
        let watch = Watch {
            app: App::new(Options::default()),
            sitting: None,
            news,
            tenant: Tenant::new("quiet"),
            headers: HeaderMap::new(),
            checked: Instant::now(),
            hears_of_files: true,
            hears_of_saves: true,
            text: String::new(),
            ended: false,
        };
        let elsewhere = async {
            for number in 1..60 {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let (tenant, delivery) = (Tenant::new("busy"), DeliveryId(uuid::Uuid::nil()));
                let what = Activity::Answered { tenant, delivery, status: Some(200), took: Duration::ZERO, note: "".into() };
                let _heard = events.send(Event { number, at: Timestamp::UNIX_EPOCH, what });
            }
        };
        let began = tokio::time::Instant::now();
        let said = tokio::select! {
            next = watch.next() => next.and_then(|(text, _)| text.ok()),
            () = elsewhere => None,
        };
        assert_eq!((said.as_deref(), began.elapsed() <= STILL_THERE), (Some(":\n\n"), true));
    }
}
