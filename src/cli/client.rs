//! Calls of a node's API for the verbs that are its clients.

use bytes::Bytes;
use clap::Args;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::failure::Failure;
use crate::egress::{CallError, PlainClient};
use crate::report::counted;

/// What a path segment or parameter may hold as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Which node, whose data.
#[derive(Debug, Args)]
pub(super) struct Target {
    /// The node's address
    #[arg(long, global = true, env = "WEBHOOKC_URL", default_value = "http://127.0.0.1:7357", value_name = "URL")]
    url: String,

    /// Whose objects and deliveries
    #[arg(long, global = true, env = "WEBHOOKC_TENANT", default_value = crate::ids::DEFAULT_TENANT, value_name = "NAME")]
    tenant: String,
}

/// A list as the API answers it.
#[derive(Deserialize)]
pub(super) struct List<T> {
    pub(super) data: Vec<T>,
}

/// What the API says when it refuses.
#[derive(Deserialize)]
struct Refusal {
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
        Api::at(&self.url, &self.tenant)
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
