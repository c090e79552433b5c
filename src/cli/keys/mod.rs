//! `webhookc keys`: keys and links of the API. Where a node runs on the store's file it is asked, with a key that may; where none does,
//! whoever has the file needs no key. A database of a server is worked on beside its nodes.

mod offline;
mod shown;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::client::{Api, List, Target, segment};
use super::failure::Failure;
use super::output::{Output, harmless};
use super::serve::STORE;
use crate::access::Kind;
use crate::config::{self, Overrides};
use offline::Offline;
use shown::{NewKey, Row};

/// Make, list and revoke the keys of the API
///
/// Works on the store of the project when it is on PostgreSQL or no node runs on it, and otherwise asks the node, which needs a key with a
/// permission of the group `keys`. Once there is a key, each call of the API needs one.
#[derive(Debug, Args)]
pub(super) struct Keys {
    #[command(subcommand)]
    what: What,

    /// The project folder, with or without `webhookc.toml`
    #[arg(long, global = true, default_value = ".", value_name = "PATH")]
    project: PathBuf,

    /// The store, such as `sqlite:webhookc.db`; by default that of `webhookc serve`
    #[arg(long, global = true, env = "WEBHOOKC_STORE", value_name = "URL")]
    store: Option<String>,

    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make a key, and print it: it is shown here and nowhere else
    Create {
        #[command(flatten)]
        wish: Wish,

        /// Make a key for all tenants and the node itself, instead of one tenant's
        #[arg(long)]
        all_tenants: bool,

        /// Calls that it may make: `100/s`, `30/min`, `500/h`
        #[arg(long, value_name = "RATE")]
        rate_limit: Option<String>,
    },
    /// Make a link's token, which shows one tenant's page for a while, and print it
    Link {
        #[command(flatten)]
        wish: Wish,
    },
    /// List the keys and links of a tenant
    List {
        /// Those of all tenants, and those of the node
        #[arg(long)]
        all_tenants: bool,
    },
    /// Take a key or link back; from now on it is of no use
    Revoke {
        /// Its id, `key_…`
        id: String,

        /// It may be one of any tenant, or of the node
        #[arg(long)]
        all_tenants: bool,
    },
}

/// What is wished of a key or a link.
#[derive(Debug, Args)]
struct Wish {
    /// What it may do, such as `objects:write,webhooks:*`; `*` is everything
    ///
    /// `objects:read|write`, `webhooks:read|list|write`, `deliveries:read|list|resend`, `diverted-events:read|list|resend|delete`,
    /// `keys:read|list|write`, and, for all tenants, `node:read|write`.
    #[arg(long = "permission", required = true, value_delimiter = ',', value_name = "GROUP:VERB")]
    permissions: Vec<String>,

    /// How long it is of use: `90d`, `12h`
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,

    /// What it is for, for whoever finds it in the list
    #[arg(long, default_value = "", value_name = "TEXT")]
    name: String,
}

/// A key to be made, by the node or without it.
struct Order {
    kind: Kind,
    all_tenants: bool,
    wish: Wish,
    rate_limit: Option<String>,
}

/// Who is asked.
enum Way {
    Node(Api),
    Store(Offline),
}

impl Keys {
    pub(super) async fn run(self, output: Output) -> Result<ExitCode, Failure> {
        let makes_store = matches!(self.what, What::Create { .. });
        let way = self.way(makes_store, output).await?;
        match self.what {
            What::Create { wish, all_tenants, rate_limit } => {
                make(way, Order { kind: Kind::Key, all_tenants, wish, rate_limit }, output).await
            }
            What::Link { wish } => make(way, Order { kind: Kind::Link, all_tenants: false, wish, rate_limit: None }, output).await,
            What::List { all_tenants } => list(way, all_tenants, output).await,
            What::Revoke { id, all_tenants } => revoke(way, &id, all_tenants, output).await,
        }
    }

    /// The node, if one was named or runs on the store; otherwise the store.
    async fn way(&self, makes_store: bool, output: Output) -> Result<Way, Failure> {
        if self.target.url.is_some() {
            return self.target.api().map(Way::Node);
        }
        let config = config::read_settings(&self.project, &Overrides { store: self.store.clone(), ..Overrides::default() })?;
        let url = config.store_url(STORE);
        if let Some(offline) = Offline::open(&url, &self.target.tenant, makes_store).await? {
            return Ok(Way::Store(offline));
        }
        let node = format!("http://{}", config.listen);
        output.complain(&format!("a node runs on {url}, asking it at {node}\n"));
        self.target.api_at(&node).map(Way::Node)
    }
}

async fn make(way: Way, order: Order, output: Output) -> Result<ExitCode, Failure> {
    let made: NewKey = match &way {
        Way::Node(api) => {
            let Order { kind, all_tenants, wish, rate_limit } = order;
            let body = json!({"permissions": wish.permissions, "expires": wish.expires, "name": wish.name, "rate_limit": rate_limit});
            let body = Some(body.to_string().into());
            match (kind, all_tenants) {
                (Kind::Key, true) => api.call_node("POST", "/-/keys", body).await?,
                (Kind::Key, false) => api.call("POST", "/keys", body).await?,
                (Kind::Link, _) => api.call("POST", "/links", body).await?,
            }
        }
        Way::Store(offline) => offline.make(order).await?,
    };
    output.line(&harmless(&made.key));
    output.complain(&made.told());
    way.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn list(way: Way, all_tenants: bool, output: Output) -> Result<ExitCode, Failure> {
    let rows: Vec<Row> = match &way {
        Way::Node(api) => {
            let mut rows = Vec::new();
            let mut cursor = String::new();
            loop {
                let path = format!("?limit=500{cursor}");
                let part: Part = if all_tenants {
                    api.call_node("GET", &format!("/-/keys{path}"), None).await?
                } else {
                    api.call("GET", &format!("/keys{path}"), None).await?
                };
                rows.extend(part.list.data);
                match part.next {
                    Some(next) => cursor = format!("&cursor={}", segment(&next)),
                    None => break rows,
                }
            }
        }
        Way::Store(offline) => offline.list(all_tenants).await?,
    };
    output.print(&shown::table(&rows, output));
    way.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn revoke(way: Way, id: &str, all_tenants: bool, output: Output) -> Result<ExitCode, Failure> {
    let row: Row = match &way {
        Way::Node(api) if all_tenants => api.call_node("DELETE", &format!("/-/keys/{}", segment(id)), None).await?,
        Way::Node(api) => api.call("DELETE", &format!("/keys/{}", segment(id)), None).await?,
        Way::Store(offline) => offline.revoke(id, all_tenants).await?,
    };
    output.print(&shown::table(&[row], output));
    way.close().await;
    Ok(ExitCode::SUCCESS)
}

/// A part of a list, and where the next begins.
#[derive(serde::Deserialize)]
struct Part {
    #[serde(flatten)]
    list: List<Row>,
    next: Option<String>,
}

impl Way {
    async fn close(self) {
        match self {
            Self::Node(_) => {}
            Self::Store(offline) => offline.close().await,
        }
    }
}
