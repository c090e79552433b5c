//! The parameters of lists there: each may come once, `eventTypes` several times.

use axum::http::Uri;
use url::form_urlencoded::parse;

use crate::diagnostics::one_of;
use crate::server::Problem;
use crate::server::request::{flag, names, without_nul};
use crate::store::OwnFilter;

/// Items of a list when nothing is said.
const COUNT: usize = 50;
/// The most items of a list.
pub(super) const MOST: usize = 500;
const FILTERS: [&str; 7] = ["offset", "count", "name", "enabled", "suspended", "active", "eventTypes"];
const PAGE: [&str; 2] = ["offset", "count"];

/// A part of a list.
pub(super) struct Part {
    pub(super) offset: usize,
    pub(super) count: usize,
}

/// The filters of a list of webhooks.
pub(super) fn filters(uri: &Uri) -> Result<(OwnFilter, Part), Problem> {
    let mut filter = OwnFilter::default();
    let mut part = Part { offset: 0, count: COUNT };
    let mut event_types = Vec::new();
    for (name, value) in parameters(uri, &FILTERS)? {
        match name.as_str() {
            "name" => filter.name = Some(value),
            "enabled" => filter.enabled = flag("enabled", Some(&value))?,
            "suspended" => filter.suspended = flag("suspended", Some(&value))?,
            "active" => filter.active = flag("active", Some(&value))?,
            "eventTypes" => event_types.push(value),
            _ => part.take(&name, &value)?,
        }
    }
    filter.event_types = names("eventTypes", event_types.iter().map(String::as_str))?;
    Ok((filter, part))
}

/// Offset and count alone.
pub(super) fn part(uri: &Uri) -> Result<Part, Problem> {
    let mut part = Part { offset: 0, count: COUNT };
    for (name, value) in parameters(uri, &PAGE)? {
        part.take(&name, &value)?;
    }
    Ok(part)
}

impl Part {
    fn take(&mut self, name: &str, value: &str) -> Result<(), Problem> {
        let number = value.parse::<usize>().ok().filter(|number| name == "offset" || (1..=MOST).contains(number));
        let Some(number) = number else {
            let expected = if name == "offset" { "a whole number from 0".to_owned() } else { format!("a whole number from 1 to {MOST}") };
            return Err(Problem::bad_request("invalid-parameter", format!("`{name}` is `{value}`, expected {expected}")));
        };
        if name == "offset" {
            self.offset = number;
        } else {
            self.count = number;
        }
        Ok(())
    }
}

fn parameters(uri: &Uri, known: &[&str]) -> Result<Vec<(String, String)>, Problem> {
    without_nul(uri)?;
    let mut found: Vec<(String, String)> = Vec::new();
    for (name, value) in parse(uri.query().unwrap_or_default().as_bytes()) {
        let problem = |detail: String| Problem::bad_request("invalid-parameter", detail);
        if !known.contains(&&*name) {
            let detail = format!("there is no parameter `{name}`, expected {}", one_of(known.iter().copied()));
            return Err(problem(detail).did_you_mean(&name, known.iter().copied()));
        }
        if name != "eventTypes" && found.iter().any(|(other, _)| *other == *name) {
            return Err(problem(format!("`{name}` comes more than once")));
        }
        found.push((name.into_owned(), value.into_owned()));
    }
    Ok(found)
}
