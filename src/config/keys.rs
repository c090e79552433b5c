//! `secret`, `signing_key` and `previous_secrets` of an endpoint: where its keys are, and until when earlier ones are used.

use std::error::Error;
use std::str::FromStr;

use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use toml::de::DeValue;

use super::document::{Mistake, Table, Value};
use super::secret::SecretSource;
use crate::delivery::{Key, Secret, SigningKey};

/// What the deliveries to an endpoint are signed with.
#[derive(Debug, Default)]
pub struct Keys {
    /// Its secret, `whsec_…`; made and kept by the store when there is none here.
    pub secret: Option<SecretSource>,
    /// Its key of asymmetric signatures, `whsk_…`; without one, and with such signatures, the node's own is used.
    pub signing_key: Option<SecretSource>,
    /// Secrets and signing keys from before a rotation.
    pub previous: Vec<PreviousSecret>,
}

/// A secret or signing key that receivers may still hold.
#[derive(Debug)]
pub struct PreviousSecret {
    /// Where it is.
    pub secret: SecretSource,
    /// Until when it is used beside the one in force.
    pub until: Timestamp,
}

/// Takes the keys from an endpoint's table; boxed, since most have none there and there may be very many.
pub(super) fn keys(table: &mut Table<'_>, out: &mut Vec<Mistake>) -> Option<Box<Keys>> {
    let secret = table.take("secret").and_then(|value| source::<Secret>(&value, out));
    let signing_key = table.take("signing_key").and_then(|value| source::<SigningKey>(&value, out));
    let previous = table.take("previous_secrets").and_then(|value| value.list(out)).unwrap_or_default();
    let previous: Vec<_> = previous.iter().filter_map(|value| previous_secret(value, out)).collect();
    let nothing = secret.is_none() && signing_key.is_none() && previous.is_empty();
    (!nothing).then(|| Box::new(Keys { secret, signing_key, previous }))
}

/// Where a key of the kind `K` is; one that is written out must be one.
fn source<K: FromStr<Err: Error>>(value: &Value<'_>, out: &mut Vec<Mistake>) -> Option<SecretSource> {
    let source = SecretSource::of(value, true, out)?;
    if let SecretSource::Literal(text) = &source
        && let Err(error) = text.expose_secret().trim().parse::<K>()
    {
        out.push(Mistake::new(value.span(), format!("`{}` cannot be used: {error}", value.key)));
    }
    Some(source)
}

/// `{ secret = { env = "NAME" }, until = 2026-12-01T00:00:00Z }`.
fn previous_secret(value: &Value<'_>, out: &mut Vec<Mistake>) -> Option<PreviousSecret> {
    let mut table = value.table("`previous_secrets`".to_owned(), out)?;
    let secret = table.take("secret");
    if secret.is_none() {
        out.push(Mistake::new(table.span, "a previous secret has no `secret`, expected where it is"));
    }
    let secret = secret.and_then(|secret| source::<Key>(&secret, out));
    let until = table.take("until");
    if until.is_none() {
        let help = "add `until = 2026-12-01T00:00:00Z`: the time by which every receiver has the new one";
        out.push(Mistake::new(table.span, "a previous secret has no `until`").help(help));
    }
    let until = until.and_then(|until| time(&until, out));
    table.finish(out);
    Some(PreviousSecret { secret: secret?, until: until? })
}

/// A moment, as a date of TOML or a string.
fn time(value: &Value<'_>, out: &mut Vec<Mistake>) -> Option<Timestamp> {
    let seen = match value.raw() {
        DeValue::Datetime(time) => time.to_string(),
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Array(_) | DeValue::Table(_) => {
            value.mismatch("a time such as `2026-12-01T00:00:00Z`", out);
            return None;
        }
    };
    let read = seen.parse().ok();
    if read.is_none() {
        let message = format!("`{seen}` is not a moment, expected date, time and offset, such as `2026-12-01T00:00:00Z`");
        out.push(Mistake::new(value.span(), message));
    }
    read
}
