//! Calls of a node's API for the verbs that are its clients.

use std::str::FromStr;

use bytes::Bytes;
use clap::Args;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::failure::Failure;
use crate::egress::{CallError, PlainClient};
use crate::report::counted;

/// What a path segment or parameter may hold as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where a node is unless told otherwise.
const DEFAULT_URL: &str = "http://127.0.0.1:7357";

/// Which node, whose data.
#[derive(Debug, Args)]
pub(super) struct Target {
    /// The node's address; unless given `http://127.0.0.1:7357`
    #[arg(long, global = true, env = "WEBHOOKC_URL", value_name = "URL")]
    pub(super) url: Option<String>,

    /// The key to show, `whk_…`; a file that holds it is named as `@FILE`
    ///
    /// Others on this machine can read the arguments of a program: better set the variable, or name a file. (`WEBHOOKC_KEY` is another
    /// thing: the key that a node's secrets are encrypted with.)
    #[arg(long, global = true, env = "WEBHOOKC_API_KEY", hide_env_values = true, value_name = "KEY")]
    key: Option<ApiKey>,

    /// Whose objects and deliveries
    #[arg(long, global = true, env = "WEBHOOKC_TENANT", default_value = crate::ids::DEFAULT_TENANT, value_name = "NAME")]
    pub(super) tenant: String,
}

/// A key, as it is or the file it is in. Debug does not show it.
#[derive(Clone, Debug)]
struct ApiKey(SecretString);

impl FromStr for ApiKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(file) = text.strip_prefix('@') else { return Ok(Self(text.trim().to_owned().into())) };
        let text = std::fs::read_to_string(file).map_err(|error| format!("cannot read `{file}`: {error}"))?;
        if text.trim().is_empty() {
            return Err(format!("`{file}` is empty"));
        }
        Ok(Self(text.trim().to_owned().into()))
    }
}

/// A list as the API answers it.
#[derive(Deserialize)]
pub(super) struct List<T> {
    pub(super) data: Vec<T>,
}

/// What the API says when it refuses.
#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    code: String,
    detail: String,
    help: Option<String>,
    #[serde(default)]
    errors: Vec<Mistake>,
}

#[derive(Deserialize)]
struct Mistake {
    pointer: String,
    detail: String,
    help: Option<String>,
}

/// A client of one node and tenant.
pub(super) struct Api {
    client: PlainClient,
    node: String,
    /// Below `node`, where everything of the tenant is.
    tenant: String,
}

impl Target {
    pub(super) fn api(&self) -> Result<Api, Failure> {
        self.api_at(DEFAULT_URL)
    }

    /// As [`Target::api`], at another address when none is given.
    pub(super) fn api_at(&self, default: &str) -> Result<Api, Failure> {
        // A variable that is set to nothing is not set.
        let key = self.key.as_ref().map(|key| key.0.clone()).filter(|key| !key.expose_secret().is_empty());
        let Api { client, node, tenant } = Api::at(self.url.as_deref().unwrap_or(default), &self.tenant)?;
        Ok(Api { client: client.with_key(key), node, tenant })
    }
}

impl Api {
    /// A client of the node at `url`, for one tenant.
    pub(super) fn at(url: &str, tenant: &str) -> Result<Self, Failure> {
        let client = PlainClient::new().map_err(|error| Failure::of("cannot call the node", &error))?;
        Ok(Self { client, node: url.trim_end_matches('/').to_owned(), tenant: format!("/api/v1/tenants/{}", segment(tenant)) })
    }

    /// Calls a path of the tenant, which begins with `/`, and reads the answer.
    pub(super) async fn call<T: DeserializeOwned>(&self, method: &str, path: &str, body: Option<Bytes>) -> Result<T, Failure> {
        self.call_node(method, &format!("{}{path}", self.tenant), body).await
    }

    /// Calls a path of the node itself.
    pub(super) async fn call_node<T: DeserializeOwned>(&self, method: &str, path: &str, body: Option<Bytes>) -> Result<T, Failure> {
        let (status, answer) =
            self.client.call(method, &format!("{}{path}", self.node), body).await.map_err(|error| unreachable(&error))?;
        if (200..300).contains(&status) {
            return serde_json::from_slice(&answer).map_err(|error| Failure::of("the node's answer cannot be understood", &error));
        }
        Err(match serde_json::from_slice::<Refusal>(&answer) {
            Ok(refusal) => refused(refusal),
            Err(_) => Failure::new(format!("the node answered {status}")).code(1),
        })
    }
}

fn refused(refusal: Refusal) -> Failure {
    if refusal.errors.len() > 1 {
        // The detail repeats the first of them.
        let failure = Failure::new(counted(refusal.errors.len(), "mistake")).code(1);
        return refusal.errors.into_iter().fold(failure, |failure, Mistake { pointer, detail, help }| {
            let help = help.map(|help| format!("; {help}")).unwrap_or_default();
            failure.mistake(format!("{pointer}: {detail}{help}"))
        });
    }
    let failure = Failure::new(refusal.detail).code(1);
    if refusal.code == "key-missing" {
        return failure.help("name the key in `WEBHOOKC_API_KEY` or with `--key`; `webhookc keys create` makes one");
    }
    match refusal.help {
        Some(help) => failure.help(help),
        None => failure,
    }
}

fn unreachable(error: &CallError) -> Failure {
    let help = "start a node with `webhookc dev`, or name another with `--url`";
    Failure::new(error.to_string()).help(help)
}

/// Text as one segment of a path, or as the value of a parameter.
pub(super) fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}
