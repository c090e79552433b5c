//! A message → the saves that it is, and whose. Its body is what `POST …/saves` takes, or the fields of one object whose model and id
//! stand in the subject.

use async_nats::HeaderMap;
use percent_encoding::percent_decode_str;
use serde_json::value::RawValue;

use crate::config::{Consumer, FromSubject};
use crate::engine::{ItemError, Refused, Save, Verb, parse_save, read_item};
use crate::generation::Generation;
use crate::ids::Tenant;

/// Saves of one message: as many as the API stores together.
const MOST_SAVES: usize = 1_000;
/// Mistakes that are named of one save.
const MISTAKES: usize = 3;
/// The header that says what a message does to an object.
const VERB: &str = "webhookc-verb";
/// The same, as a key-value bucket writes it.
const BUCKET_VERB: &str = "KV-Operation";

/// What a message consists of.
#[derive(Clone, Copy)]
pub(super) struct Letter<'a> {
    pub subject: &'a str,
    pub headers: Option<&'a HeaderMap>,
    pub body: &'a [u8],
}

/// Reads a message; why it is no save, as a sentence.
pub(super) fn read(consumer: &Consumer, generation: &Generation, letter: Letter<'_>) -> Result<(Tenant, Vec<Save>), String> {
    let tenant = from(&consumer.tenant, letter.subject, "tenant")?;
    let tenant = Tenant::parse(&tenant).map_err(|error| error.to_string())?;
    let saves = match (&consumer.model, consumer.id) {
        (Some(model), Some(id)) => {
            let (model, id) = (from(model, letter.subject, "model")?, part(letter.subject, id, "id")?);
            let verb = verb(letter.headers)?;
            let save = parse_save(&generation.rules, &model, &id, verb, letter.body).map_err(|refused| in_words(&refused))?;
            vec![save]
        }
        (None, _) | (_, None) => items(generation, letter.body)?,
    };
    Ok((tenant, saves))
}

/// The value that is the same for all, or a part of the subject.
fn from(origin: &FromSubject, subject: &str, what: &str) -> Result<String, String> {
    match origin {
        FromSubject::Always(value) => Ok(value.clone()),
        FromSubject::Part(number) => part(subject, *number, what),
    }
}

/// A part of the subject, counted from 1. What is written `%2E` in it is a dot.
fn part(subject: &str, number: usize, what: &str) -> Result<String, String> {
    let part = number.checked_sub(1).and_then(|index| subject.split('.').nth(index));
    let part = part.ok_or_else(|| format!("the subject `{subject}` has no part {number}, where the {what} is expected"))?;
    let decoded = percent_decode_str(part).decode_utf8();
    decoded.map(Into::into).map_err(|_| format!("the {what} `{part}` is not UTF-8"))
}

fn verb(headers: Option<&HeaderMap>) -> Result<Verb<'static>, String> {
    let header = |name: &str| headers.and_then(|headers| headers.get(name)).map(|value| value.as_str().to_ascii_lowercase());
    match header(VERB).or_else(|| header(BUCKET_VERB)).as_deref() {
        None | Some("put") => Ok(Verb::Put),
        Some("patch") => Ok(Verb::Patch),
        Some("delete" | "del" | "purge") => Ok(Verb::Delete),
        Some(seen) => Err(format!("the header `{VERB}` is `{seen}`, expected `put`, `patch` or `delete`")),
    }
}

/// The items of a body: one object, several one after the other, or an array of them.
fn items(generation: &Generation, body: &[u8]) -> Result<Vec<Save>, String> {
    let not_json = |error: serde_json::Error| format!("the body is not JSON: {error}");
    let is_array = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let items: Vec<&RawValue> = if is_array {
        serde_json::from_slice(body).map_err(not_json)?
    } else {
        serde_json::Deserializer::from_slice(body).into_iter().collect::<Result<_, _>>().map_err(not_json)?
    };
    if items.is_empty() && !is_array {
        return Err("the body is empty, expected a save".to_owned());
    }
    if items.len() > MOST_SAVES {
        return Err(format!("the message has {} saves, expected at most {MOST_SAVES}", items.len()));
    }
    let save = |(index, item): (usize, &&RawValue)| {
        read_item(&generation.rules, item.get().as_bytes()).map_err(|error| match error {
            ItemError::Malformed(detail) => format!("save {index}: {detail}"),
            ItemError::Refused(refused) => format!("save {index}: {}", in_words(&refused)),
        })
    };
    items.iter().enumerate().map(save).collect()
}

fn in_words(refused: &[Refused]) -> String {
    let mut words: Vec<&str> = refused.iter().take(MISTAKES).map(|refused| refused.message.as_str()).collect();
    if refused.len() > MISTAKES {
        words.push("and more");
    }
    words.join("; ")
}
