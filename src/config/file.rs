//! The text of `webhookc.toml` → [`Config`] and every mistake in it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use toml::de::{DeTable, DeValue};

use super::dialect::dialects;
use super::document::{Document, Mistake, Table, Value};
use super::endpoint::{Policies, alerts, endpoint, receiver, tables, unique};
use super::retention::retention;
use super::secret::SecretSource;
use super::source::source as database;
use super::{Config, FILE_NAME, in_folder};
use crate::ids::FileId;
use crate::text::Spanned;

/// The most requests under way at once: each may hold a socket, and 64 KiB of an answer.
const MOST_IN_FLIGHT: u32 = 4096;

/// The most endpoints that a tenant may be allowed: a node keeps all of them in memory, about 2 KiB each.
const MOST_ENDPOINTS: u32 = 1_000_000;

/// Reads the text of a `webhookc.toml` of `folder`, as much of it as can be read; the configuration is worth using only when there is no
/// mistake. Mistakes are in the order of the file, and their places in `file`.
#[must_use]
pub fn parse(file: FileId, text: &str, folder: PathBuf) -> (Config, Vec<Mistake>) {
    let document = Document { file, text };
    let mut config = Config::of_folder(folder);
    let mut out = Vec::new();
    let (root, errors) = DeTable::parse_recoverable(document.text);
    for error in errors {
        let span = document.span(error.span().unwrap_or(0..0));
        out.push(Mistake::new(span, format!("not TOML: {}", error.message().replace('\n', ", "))));
    }
    // What the parser made of a broken line would only be reported a second time.
    let syntax_errors = out.len();
    let mut table = Table::new(document, FILE_NAME.to_owned(), root.span(), root.get_ref());
    top_level(&mut table, &mut config, &mut out);
    table.finish(&mut out);
    if syntax_errors > 0 {
        out.truncate(syntax_errors);
    }
    out.sort_by_key(|mistake| mistake.span);
    (config, out)
}

fn top_level(table: &mut Table<'_>, config: &mut Config, out: &mut Vec<Mistake>) {
    config.app = table.take("app").and_then(|value| value.string(out)).map(|text| text.value);
    config.server = table.take("server").and_then(|value| value.string(out)).map(|text| text.value);
    if let Some(schemas) = table.take("schemas") {
        config.schemas = schemas.strings(out).into_iter().map(|path| path.value.into()).collect();
    }
    config.templates = table.take("templates").and_then(|value| value.string(out)).map(|path| path.value.into());
    if let Some(mut listen) = table.take("listen").and_then(|value| value.table("[listen]".to_owned(), out)) {
        if let Some(text) = listen.take("address").and_then(|value| value.string(out)) {
            match address(&text.value) {
                Ok(address) => config.listen = address,
                Err(message) => out.push(Mistake::new(text.span, message)),
            }
        }
        if let Some(hosts) = listen.take("hosts") {
            config.hosts = hosts.strings(out).iter().filter_map(|text| host(text, out)).collect();
        }
        if let Some(text) = listen.take("rate_limit").and_then(|value| value.string(out)) {
            match text.value.parse() {
                Ok(rate) => config.rate_limit = Some(rate),
                Err(error) => out.push(Mistake::new(text.span, format!("{error}"))),
            }
        }
        listen.finish(out);
    }
    if let Some(mut tenants) = table.take("tenants").and_then(|value| value.table("[tenants]".to_owned(), out)) {
        let most = tenants.take("endpoints").and_then(|value| value.integer(1, MOST_ENDPOINTS, out));
        config.endpoints_per_tenant = most.map(|number| number as usize);
        tenants.finish(out);
    }
    if let Some(mut store) = table.take("store").and_then(|value| value.table("[store]".to_owned(), out)) {
        config.store = store.take("url").and_then(|value| value.string(out)).map(|url| in_folder(&config.folder, &url.value));
        config.store_key = store.take("key").and_then(|value| SecretSource::of(&value, false, out));
        store.finish(out);
    }
    if let Some(vars) = named(table.take("vars"), "[vars]", out) {
        config.names.extend(vars.iter().map(|value| (format!("vars.{}", value.key), value.key_span)));
        config.vars = vars.iter().filter_map(|value| Some((value.key.to_owned(), variable(value, out)?))).collect();
    }
    if let Some(secrets) = named(table.take("secrets"), "[secrets]", out) {
        config.names.extend(secrets.iter().map(|value| (format!("secrets.{}", value.key), value.key_span)));
        config.secrets = secrets.iter().filter_map(|value| Some((value.key.to_owned(), SecretSource::of(value, false, out)?))).collect();
    }
    let mut policies = Policies::default();
    if let Some(receivers) = named(table.take("receivers"), "[receivers]", out) {
        config.names.extend(receivers.iter().map(|value| (format!("receivers.{}", value.key), value.key_span)));
        config.endpoints.extend(receivers.iter().filter_map(|value| receiver(value, &mut policies, out)));
    }
    if let Some(endpoints) = table.take("endpoints") {
        let endpoints = tables(&endpoints, out);
        config.endpoints.extend(endpoints.iter().filter_map(|value| endpoint(value, &mut policies, out)));
    }
    unique(&config.endpoints, out);
    alerts(&mut config.endpoints, out);
    if let Some(mut egress) = table.take("egress").and_then(|value| value.table("[egress]".to_owned(), out)) {
        if let Some(networks) = egress.take("allow_networks") {
            config.allow_networks = networks.strings(out).iter().filter_map(|text| network(text, out)).collect();
        }
        config.in_flight = egress.take("in_flight").and_then(|value| value.integer(1, MOST_IN_FLIGHT, out)).map(|number| number as usize);
        egress.finish(out);
    }
    let brokers = table.take("nats");
    let source = table.take("source").and_then(|value| value.table("[source]".to_owned(), out));
    sources(source, brokers, config, out);
    if let Some(mut compat) = table.take("compat").and_then(|value| value.table("[compat]".to_owned(), out)) {
        config.dialects = dialects(&mut compat, out);
        compat.finish(out);
    }
    if let Some(mut kept) = table.take("retention").and_then(|value| value.table("[retention]".to_owned(), out)) {
        config.retention = retention(&mut kept, out);
        kept.finish(out);
    }
}

/// Reads `[source.…]` and `[nats.…]`.
fn sources(mut source: Option<Table<'_>>, brokers: Option<Value<'_>>, config: &mut Config, out: &mut Vec<Mistake>) {
    let consumer = source.as_mut().and_then(|source| source.take("nats"));
    let postgres = source.as_mut().and_then(|source| source.take("postgres"));
    if let Some(mut postgres) = postgres.and_then(|value| value.table("[source.postgres]".to_owned(), out)) {
        config.source = database(&mut postgres, out);
        postgres.finish(out);
    }
    messages(brokers, consumer, config, out);
    if let Some(source) = source {
        source.finish(out);
    }
}

/// Reads `[nats.…]` and `[source.nats]`.
#[cfg(feature = "nats")]
fn messages(brokers: Option<Value<'_>>, consumer: Option<Value<'_>>, config: &mut Config, out: &mut Vec<Mistake>) {
    let brokers = named(brokers, "[nats]", out).unwrap_or_default();
    config.brokers = brokers.iter().filter_map(|value| super::broker::broker(value, out)).collect();
    config.consumer = consumer.and_then(|value| super::broker::consumer(&value, &config.brokers, out));
}

/// Says that neither is for this program.
#[cfg(not(feature = "nats"))]
fn messages(brokers: Option<Value<'_>>, consumer: Option<Value<'_>>, _: &mut Config, out: &mut Vec<Mistake>) {
    for value in brokers.into_iter().chain(consumer) {
        let mistake = Mistake::new(value.key_span, "this program was built without the feature `nats`");
        out.push(mistake.help("build it with `cargo build --features nats`"));
    }
}

/// The entries of a table whose keys are names of the user's.
fn named<'t>(value: Option<Value<'t>>, name: &str, out: &mut Vec<Mistake>) -> Option<Vec<Value<'t>>> {
    let values = value?.table(name.to_owned(), out)?.into_values();
    for value in &values {
        let mut bytes = value.key.bytes();
        let plain = bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        if !plain {
            out.push(Mistake::new(
                value.key_span,
                format!("the name `{}` cannot be used, expected a letter, then letters, digits and `_`", value.key),
            ));
        }
    }
    Some(values)
}

/// A variable is text to templates; numbers and booleans are taken as written.
fn variable(value: &Value<'_>, out: &mut Vec<Mistake>) -> Option<String> {
    match value.raw() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.as_str().to_owned()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
            value.mismatch("a string", out);
            None
        }
    }
}

/// An address to listen at; `localhost` is `127.0.0.1`.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let local =
        text.strip_prefix("localhost:").and_then(|port| port.parse().ok()).map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    local
        .or_else(|| text.parse().ok())
        .ok_or_else(|| format!("`{text}` is not an address to listen at, expected one like `127.0.0.1:7357`"))
}

/// A name or address as it stands in `Host`, without scheme and port.
fn host(text: &Spanned<String>, out: &mut Vec<Mistake>) -> Option<String> {
    let name = text.value.trim_start_matches('[').trim_end_matches(']');
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')) || name.parse::<IpAddr>().is_ok();
    if !plain {
        out.push(Mistake::new(text.span, format!("`{}` is not a host, expected a name or an address without a port", text.value)));
    }
    plain.then(|| name.to_owned())
}

fn network(text: &Spanned<String>, out: &mut Vec<Mistake>) -> Option<IpNet> {
    let read = text.value.parse().ok().or_else(|| text.value.parse().ok().map(|single: IpAddr| IpNet::from(single)));
    if read.is_none() {
        out.push(Mistake::new(text.span, format!("`{}` is not a network, expected one like `10.0.0.0/8`", text.value)));
    }
    read
}
