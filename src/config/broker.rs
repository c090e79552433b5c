//! `[nats.NAME]`, where a broker is and who this node is there, and `[source.nats]`, the messages that are saves.

use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeValue;
use url::Url;

use super::document::{Mistake, Table, Value};
use super::secret::SecretSource;
use crate::delivery::parse_duration;
use crate::diagnostics::{one_of, suggestion};
use crate::ids::{DEFAULT_TENANT, Tenant};
use crate::program::Order;
use crate::text::Spanned;

/// The most messages that are taken up and not yet acknowledged.
const MOST_AT_ONCE: u32 = 10_000;
/// What is taken up at once unless something else is said: as many saves as share a commit well.
const AT_ONCE: u32 = 256;
/// How long the server waits for an acknowledgement unless something else is said.
const ACK_WAIT: Duration = Duration::from_secs(10);
/// The shortest: a slow disk must not make the server send everything twice.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
/// The longest: what a node held that has died comes again only after it.
const LONGEST_WAIT: Duration = Duration::from_mins(10);
/// The name of the durable consumer unless another one is given.
const CONSUMER: &str = "webhookc";
/// Parts that a subject may have.
const MOST_PARTS: u32 = 64;

/// A broker.
#[derive(Clone, Debug)]
pub struct Broker {
    /// As endpoints and sources call it.
    pub name: String,
    /// URLs of its servers.
    pub servers: Vec<String>,
    /// Who this node is there.
    pub login: Login,
    /// Whether only an encrypted connection will do.
    pub tls: bool,
    /// A file of certificates that are trusted besides the system's.
    pub ca: Option<PathBuf>,
    /// Files of this node's own certificate and its key.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// Who a node is to a broker.
#[derive(Clone, Debug)]
pub enum Login {
    /// Nobody in particular.
    Nobody,
    /// The bearer of a credentials file: a JWT and the seed of a key.
    Credentials(SecretSource),
    /// The bearer of a token.
    Token(SecretSource),
    /// A user with a password.
    User(String, SecretSource),
}

/// The messages of a stream that are saves.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// The broker.
    pub broker: String,
    /// The stream.
    pub stream: String,
    /// The durable consumer; made when it is not there.
    pub name: String,
    /// Which subjects of the stream; all of them when nothing is said.
    pub subject: Option<String>,
    /// Whose objects they are.
    pub tenant: FromSubject,
    /// The model, when the body of a message is the fields alone.
    pub model: Option<FromSubject>,
    /// The id, when the body of a message is the fields alone: the part of this number.
    pub id: Option<usize>,
    /// Where a message goes that is no save.
    pub dead_letter: Option<String>,
    /// Messages that are taken up and not yet acknowledged.
    pub in_flight: usize,
    /// How long the server waits for an acknowledgement before it sends a message again.
    pub ack_wait: Duration,
    /// Whether saves of an object are kept in the order of the stream, for which one node reads at a time.
    pub order: Order,
}

/// Something that is the same for all messages, or stands in their subjects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromSubject {
    /// The same for all.
    Always(String),
    /// The part of this number between dots, from 1.
    Part(usize),
}

/// `[nats.NAME]`.
pub(super) fn broker(value: &Value<'_>, out: &mut Vec<Mistake>) -> Option<Broker> {
    let mut table = value.table(format!("[nats.{}]", value.key), out)?;
    let servers = table.take("servers");
    if servers.is_none() {
        out.push(Mistake::new(value.key_span, "it has no `servers`, expected such as `[\"nats://127.0.0.1:4222\"]`"));
    }
    let servers = servers.map(|servers| servers.strings(out)).unwrap_or_default();
    let servers = servers.iter().filter_map(|text| server(text, out)).collect();
    let login = login(&mut table, out);
    let tls = table.take("tls").and_then(|value| value.boolean(out)).unwrap_or(false);
    let ca = path(&mut table, "ca", out);
    let (certificate, key) = (path(&mut table, "certificate", out), path(&mut table, "key", out));
    if certificate.is_some() != key.is_some() {
        out.push(Mistake::new(table.span, "only one of `certificate` and `key` is given, expected both or none"));
    }
    table.finish(out);
    Some(Broker { name: value.key.to_owned(), servers, login, tls, ca, certificate: certificate.zip(key) })
}

fn path(table: &mut Table<'_>, key: &'static str, out: &mut Vec<Mistake>) -> Option<PathBuf> {
    table.take(key).and_then(|value| value.string(out)).map(|text| text.value.into())
}

fn server(text: &Spanned<String>, out: &mut Vec<Mistake>) -> Option<String> {
    let mut wrong = |message: String| {
        out.push(Mistake::new(text.span, message));
        None
    };
    match Url::parse(&text.value) {
        Ok(url) if url.password().is_some() || !url.username().is_empty() => {
            wrong("a server's URL has a user or password in it, expected them under `user` and `password`".to_owned())
        }
        Ok(url) if matches!(url.scheme(), "nats" | "tls") && url.has_host() => Some(text.value.clone()),
        Ok(_) | Err(_) => wrong(format!("`{}` is not the URL of a NATS server, expected such as `nats://127.0.0.1:4222`", text.value)),
    }
}

fn login(table: &mut Table<'_>, out: &mut Vec<Mistake>) -> Login {
    let credentials = table.take("credentials").and_then(|value| SecretSource::of(&value, false, out));
    let token = table.take("token").and_then(|value| SecretSource::of(&value, false, out));
    let user = table.take("user").and_then(|value| value.string(out));
    let password = table.take("password").and_then(|value| SecretSource::of(&value, false, out));
    match (credentials, token, user, password) {
        (None, None, None, None) => Login::Nobody,
        (Some(credentials), None, None, None) => Login::Credentials(credentials),
        (None, Some(token), None, None) => Login::Token(token),
        (None, None, Some(user), Some(password)) => Login::User(user.value, password),
        _ => {
            let message = "it is not clear who this node is, expected `credentials`, or `token`, or `user` with `password`";
            out.push(Mistake::new(table.span, message));
            Login::Nobody
        }
    }
}

/// `[source.nats]`.
pub(super) fn consumer(value: &Value<'_>, brokers: &[Broker], out: &mut Vec<Mistake>) -> Option<Consumer> {
    let mut table = value.table("[source.nats]".to_owned(), out)?;
    let broker = named_broker(&mut table, brokers, out);
    let stream = table.take("stream").and_then(|value| value.string(out));
    if stream.is_none() {
        out.push(Mistake::new(table.span, "it has no `stream`, expected the name of one"));
    }
    let stream = stream.and_then(|text| plain_name(&text, out));
    let name = table.take("consumer").and_then(|value| value.string(out)).and_then(|text| plain_name(&text, out));
    let subject = table.take("subject").and_then(|value| value.string(out)).and_then(|text| valid_subject(&text, Wildcards::Allowed, out));
    let tenant = table.take("tenant").and_then(|value| from_subject(&value, out));
    if let Some(FromSubject::Always(name)) = &tenant
        && let Err(error) = Tenant::parse(name)
    {
        out.push(Mistake::new(table.span, error.to_string()));
    }
    let (model, id) = (table.take("model"), table.take("id"));
    if model.is_some() != id.is_some() {
        let message = "only one of `model` and `id` is given, expected both, or none when the messages say them";
        out.push(Mistake::new(table.span, message));
    }
    let model = model.and_then(|value| from_subject(&value, out));
    let id = id.and_then(|value| part(&value, out));
    let dead_letter = table.take("dead_letter").and_then(|value| value.string(out));
    let dead_letter = dead_letter.and_then(|text| valid_subject(&text, Wildcards::Refused, out));
    let in_flight = table.take("in_flight").and_then(|value| value.integer(1, MOST_AT_ONCE, out)).unwrap_or(AT_ONCE);
    let ack_wait = table.take("ack_wait").and_then(|value| ack_wait(&value, out)).unwrap_or(ACK_WAIT);
    let order = match table.take("order").and_then(|value| value.string(out)) {
        None => Order::Object,
        Some(text) if text.value == "object" => Order::Object,
        Some(text) if text.value == "none" => Order::None,
        Some(text) => {
            out.push(Mistake::new(text.span, format!("unknown order `{}`, expected `none` or `object`", text.value)));
            Order::Object
        }
    };
    table.finish(out);
    Some(Consumer {
        broker: broker?,
        stream: stream?,
        name: name.unwrap_or_else(|| CONSUMER.to_owned()),
        subject,
        tenant: tenant.unwrap_or_else(|| FromSubject::Always(DEFAULT_TENANT.to_owned())),
        model,
        id,
        dead_letter,
        in_flight: in_flight as usize,
        ack_wait,
        order,
    })
}

/// The broker that is named, or the only one.
fn named_broker(table: &mut Table<'_>, brokers: &[Broker], out: &mut Vec<Mistake>) -> Option<String> {
    let names = || brokers.iter().map(|broker| broker.name.as_str());
    let Some(text) = table.take("broker") else {
        if let [only] = brokers {
            return Some(only.name.clone());
        }
        out.push(Mistake::new(table.span, "it has no `broker`, expected the name of one").help("declare it as `[nats.NAME]`"));
        return None;
    };
    let text = text.string(out)?;
    if names().any(|name| name == text.value) {
        return Some(text.value);
    }
    let mistake = Mistake::new(text.span, format!("there is no broker `{}`", text.value));
    out.push(match suggestion(&text.value, names()) {
        Some(near) => mistake.help(format!("did you mean `{near}`?")),
        None if brokers.is_empty() => mistake.help(format!("declare it as `[nats.{}]`", text.value)),
        None => mistake.help(format!("expected {}", one_of(names()))),
    });
    None
}

/// A name that may stand in the server's own subjects.
fn plain_name(text: &Spanned<String>, out: &mut Vec<Mistake>) -> Option<String> {
    let plain = text.value.chars().all(|c| !c.is_whitespace() && !c.is_control() && !matches!(c, '.' | '*' | '>' | '/' | '\\'));
    if !plain {
        out.push(Mistake::new(text.span, format!("`{}` is not a name, expected one without spaces and `.`, `*`, `>`, `/`", text.value)));
    }
    plain.then(|| text.value.clone())
}

/// Whether a subject may stand for many.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wildcards {
    Allowed,
    Refused,
}

fn valid_subject(text: &Spanned<String>, wildcards: Wildcards, out: &mut Vec<Mistake>) -> Option<String> {
    let mut tokens = text.value.split('.').peekable();
    let mut valid = !text.value.contains(|c: char| c.is_whitespace() || c.is_control());
    while let Some(token) = tokens.next() {
        valid &= match token {
            "" => false,
            "*" => wildcards == Wildcards::Allowed,
            ">" => wildcards == Wildcards::Allowed && tokens.peek().is_none(),
            name => !name.contains(['*', '>']),
        };
    }
    if !valid {
        let expected = if wildcards == Wildcards::Allowed { "such as `saves.>`" } else { "one without wildcards" };
        out.push(Mistake::new(text.span, format!("`{}` is not a subject, expected {expected}", text.value)));
    }
    valid.then(|| text.value.clone())
}

fn from_subject(value: &Value<'_>, out: &mut Vec<Mistake>) -> Option<FromSubject> {
    match value.raw() {
        DeValue::Table(_) => part(value, out).map(FromSubject::Part),
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) => {
            value.string(out).map(|text| FromSubject::Always(text.value))
        }
    }
}

/// `{ part = 2 }`.
fn part(value: &Value<'_>, out: &mut Vec<Mistake>) -> Option<usize> {
    let mut table = value.table(format!("`{}`", value.key), out)?;
    let part = table.take("part");
    if part.is_none() {
        out.push(Mistake::new(table.span, format!("`{}` has no `part`, expected which part of the subject it is, from 1", value.key)));
    }
    let part = part.and_then(|value| value.integer(1, MOST_PARTS, out));
    table.finish(out);
    part.map(|part| part as usize)
}

fn ack_wait(value: &Value<'_>, out: &mut Vec<Mistake>) -> Option<Duration> {
    let text = value.string(out)?;
    match parse_duration(&text.value) {
        Ok(wait) if (SHORTEST_WAIT..=LONGEST_WAIT).contains(&wait) => Some(wait),
        Ok(wait) => {
            out.push(Mistake::new(text.span, format!("`ack_wait` is {} ms, expected 1 s to 10 min", wait.as_millis())));
            None
        }
        Err(error) => {
            out.push(Mistake::new(text.span, error.to_string()));
            None
        }
    }
}
