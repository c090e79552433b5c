//! What handlers take from a request's path and query, with problems instead of plain-text rejections; and JSON answers.

use axum::body::Body;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use indexmap::IndexSet;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{App, Problem, body};
use crate::diagnostics::one_of;
use crate::ids::Tenant;
use crate::store::{MOST_WORDS, Page, Span};

/// Items of a list when nothing is said.
const DEFAULT_LIMIT: usize = 50;
/// The most items of a list.
const MAX_LIMIT: usize = 500;
/// Bytes of a body that only says how something is to be done.
pub(super) const LONGEST_WISH: usize = 16 * 1024;

/// The names in the path.
pub(super) struct Names<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Names<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        without_nul(&parts.uri)?;
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(names)| Self(names)).map_err(|rejection| Problem::bad_request("invalid-path", rejection.body_text()))
    }
}

/// The parameters after `?`.
pub(super) struct Parameters<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        without_nul(&parts.uri)?;
        let query = Query::<T>::from_request_parts(parts, state).await;
        query.map(|Query(parameters)| Self(parameters)).map_err(|rejection| unreadable(&rejection.body_text()))
    }
}

/// What is wrong with the parameters, in the words of this API; `text` is what the reader of them says.
fn unreadable(text: &str) -> Problem {
    let said = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(text);
    let problem = |detail: String| Problem::bad_request("invalid-parameter", detail);
    let names: Vec<&str> = said.split('`').skip(1).step_by(2).collect();
    match (said.split_once(": ").unwrap_or(("", said)), names.as_slice()) {
        ((_, what), [seen]) if what.starts_with("unknown field") => problem(format!("there is no parameter `{seen}`, expected none")),
        ((_, what), [seen, known @ ..]) if what.starts_with("unknown field") => {
            let detail = format!("there is no parameter `{seen}`, expected {}", one_of(known.iter().copied()));
            problem(detail).did_you_mean(seen, known.iter().copied())
        }
        ((_, what), [name]) if what.starts_with("duplicate field") => problem(format!("`{name}` comes more than once")),
        (("", what), _) => problem(format!("the parameters cannot be read: {what}")),
        ((name, what), _) => problem(format!("`{name}` cannot be read: {what}")),
    }
}

/// Nothing has a name with the character U+0000, and not every store can be asked for one.
pub(super) fn without_nul(uri: &Uri) -> Result<(), Problem> {
    if uri.path_and_query().is_some_and(|address| address.as_str().contains("%00")) {
        return Err(Problem::bad_request("invalid-parameter", "the address has the character U+0000, `%00`, in it"));
    }
    Ok(())
}

/// The tenant of this name.
pub(super) fn tenant(name: &str) -> Result<Tenant, Problem> {
    Tenant::parse(name).map_err(|error| Problem::bad_request("invalid-tenant", error.to_string()))
}

/// The number of items asked for.
pub(super) fn limit(asked: Option<usize>) -> Result<usize, Problem> {
    match asked {
        None => Ok(DEFAULT_LIMIT),
        Some(limit) if (1..=MAX_LIMIT).contains(&limit) => Ok(limit),
        Some(limit) => Err(Problem::bad_request("invalid-parameter", format!("`limit` is {limit}, expected 1 to {MAX_LIMIT}"))),
    }
}

/// A filter that is true or false.
pub(super) fn flag(name: &str, text: Option<&str>) -> Result<Option<bool>, Problem> {
    match text {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(seen) => Err(Problem::bad_request("invalid-parameter", format!("`{name}` is `{seen}`, expected `true` or `false`"))),
    }
}

/// A filter of names with commas between them; `parameter` is what they come in, once or several times.
pub(super) fn names<'t>(parameter: &str, texts: impl IntoIterator<Item = &'t str>) -> Result<Vec<String>, Problem> {
    let names = texts.into_iter().flat_map(|text| text.split(',')).map(str::trim).filter(|name| !name.is_empty());
    different(&format!("`{parameter}`"), names)
}

/// The different words of a filter, which must not be more than a store can be asked for; `filter` is what it is called.
pub(super) fn different<'t>(filter: &str, words: impl IntoIterator<Item = &'t str>) -> Result<Vec<String>, Problem> {
    let words: IndexSet<&str> = words.into_iter().collect();
    if words.len() > MOST_WORDS {
        let detail = format!("{filter} has {} different words, expected at most {MOST_WORDS}", words.len());
        return Err(Problem::bad_request("invalid-parameter", detail));
    }
    Ok(words.into_iter().map(str::to_owned).collect())
}

/// The times between which something was made.
pub(super) fn span(from: Option<&str>, until: Option<&str>) -> Result<Span, Problem> {
    let span = Span { from: from.map(|text| time("from", text)).transpose()?, until: until.map(|text| time("until", text)).transpose()? };
    match (span.from, span.until) {
        (Some(from), Some(until)) if from > until => {
            Err(Problem::bad_request("invalid-parameter", format!("`until` is {until}, expected a time after `from`, which is {from}")))
        }
        (_, _) => Ok(span),
    }
}

fn time(name: &str, text: &str) -> Result<Timestamp, Problem> {
    text.parse().map_err(|_| {
        let help = if text.contains(' ') { "in an address a `+` is written `%2B`" } else { "with its distance from UTC, or `Z`" };
        let detail = format!("`{name}` is `{text}`, expected a time such as `2026-01-31T08:00:00Z`");
        Problem::bad_request("invalid-parameter", detail).help(help)
    })
}

/// An id or word from path or query, or a problem that repeats what was expected.
pub(super) fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error: T::Err| Problem::bad_request("invalid-id", error.to_string()))
}

/// What a small body wishes; an empty one wishes nothing.
pub(super) async fn wish<T: Default + DeserializeOwned>(app: &App, body: Body) -> Result<T, Problem> {
    let body = body::read(app, body, LONGEST_WISH).await?.bytes;
    if body.is_empty() {
        return Ok(T::default());
    }
    // What is read into named fields would also be read from a list of their values.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::bad_request("invalid-json", "the body is no object, expected a JSON object, or nothing"));
    }
    let mut reader = serde_json::Deserializer::from_slice(&body);
    let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| misread(&error))?;
    reader.end().map_err(|error| Problem::bad_request("invalid-json", format!("the body cannot be read: {error}")))?;
    if serde_json::from_slice(&body).is_ok_and(|value| has_nul(&value)) {
        return Err(Problem::bad_request("invalid-value", "a text of the body has the character U+0000 in it, expected texts without it"));
    }
    Ok(read)
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(fields) => fields.values().any(has_nul),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// What is wrong with a body, at the field that is wrong.
fn misread(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let (name, said) = (error.path().to_string(), error.inner().to_string());
    if !error.inner().is_data() {
        return Problem::bad_request("invalid-json", format!("the body cannot be read: {said}"));
    }
    let what = said.rsplit_once(" at line ").map_or(&*said, |(what, _)| what);
    let named = || what.strip_prefix("duplicate field `")?.strip_suffix('`');
    match (name.as_str(), named()) {
        (".", Some(name)) => {
            Problem::at(&format!("/{name}"), "duplicate-key", format!("the field `{name}` stands more than once, expected one value"))
        }
        (name, _) => {
            let place = format!("/{}", name.replace('.', "/"));
            match what.split_once(", expected ").filter(|_| what.starts_with("unknown field")) {
                Some((_, known)) => Problem::at(
                    &place,
                    "unknown-field",
                    format!("there is no field `{name}`, expected {}", known.trim_start_matches("one of ")),
                ),
                None if what.starts_with("unknown field") => {
                    Problem::at(&place, "unknown-field", format!("there is no field `{name}`, expected none"))
                }
                None => Problem::at(&place, "wrong-type", format!("`{name}` cannot be read: {what}")),
            }
        }
    }
}

/// `?explain`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Explain {
    /// Has the answer say why each webhook fired or not, whatever its value.
    pub(super) explain: Option<String>,
}

/// Which part of a list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    /// The most items, 50 unless given.
    #[schemars(range(min = 1, max = 500))]
    limit: Option<usize>,
    /// `next` of the part before.
    cursor: Option<String>,
}

impl Part {
    /// How many items are shown, and the page of the store with one more, to know whether there are more.
    pub(super) fn read<Id: std::str::FromStr<Err: std::fmt::Display>>(&self) -> Result<(usize, Page<Id>), Problem> {
        part(self.limit, self.cursor.as_deref())
    }
}

/// The same of parameters that have more than a part among them.
pub(super) fn part<Id: std::str::FromStr<Err: std::fmt::Display>>(
    asked: Option<usize>,
    cursor: Option<&str>,
) -> Result<(usize, Page<Id>), Problem> {
    let limit = limit(asked)?;
    let before = cursor.map(parsed).transpose()?;
    Ok((limit, Page { before, limit: limit + 1 }))
}

/// No parameters, or nothing in a body.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// A part of a list, newest first.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "{T}List")]
pub(super) struct List<T> {
    pub(super) data: Vec<T>,
    /// The cursor of the next part; null at the end.
    pub(super) next: Option<String>,
}

impl<T> List<T> {
    /// Of rows that were asked for with one more than `limit`, to know whether there are more. `id` is a row's cursor.
    pub(super) fn of<R>(mut rows: Vec<R>, limit: usize, id: impl Fn(&R) -> String, show: impl Fn(R) -> T) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(id) } else { None };
        Self { data: rows.into_iter().map(show).collect(), next }
    }
}

/// An answer that says where the thing is that was made.
pub(super) fn located(mut answer: Response, path: &str) -> Response {
    answer.headers_mut().extend(HeaderValue::from_str(path).ok().map(|path| (header::LOCATION, path)));
    answer
}

/// An answer in JSON.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => (status, [(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the answer could not be written").into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::FromRequestParts as _;
    use axum::http::Request;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Part {
        #[expect(dead_code, reason = "only read")]
        limit: Option<usize>,
        #[expect(dead_code, reason = "only read")]
        cursor: Option<String>,
    }

    async fn refused<T: DeserializeOwned + Send>(query: &str) -> String {
        let (mut parts, ()) = Request::get(format!("/x?{query}")).body(()).unwrap().into_parts();
        let problem = Parameters::<T>::from_request_parts(&mut parts, &()).await.err().unwrap();
        format!("{} {}", problem.detail(), problem.advice().unwrap_or_default())
    }

    #[tokio::test]
    async fn parameters_that_cannot_be_read_are_named() {
        for (query, said) in [
            ("Limit=1", "there is no parameter `Limit`, expected `limit` or `cursor` did you mean `limit`?"),
            ("limit=1&limit=2", "`limit` comes more than once "),
            ("limit=x", "`limit` cannot be read: invalid digit found in string "),
        ] {
            assert_eq!(refused::<Part>(query).await, said);
        }
        assert_eq!(refused::<Nothing>("a=1").await, "there is no parameter `a`, expected none ");
    }
}
