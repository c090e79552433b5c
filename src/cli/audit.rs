//! `webhookc audit`: who changed what by way of a node's API.

use std::process::ExitCode;

use clap::Args;
use serde::Deserialize;

use super::client::{List, Target};
use super::failure::Failure;
use super::output::{Output, harmless, paint};

/// Show who changed what by way of the API, newest first
///
/// Saves are not in it, nor what is only looked at. Needs a key with the permission `keys:read`.
#[derive(Debug, Args)]
pub(super) struct Audit {
    /// Of all tenants, and of the node
    #[arg(long)]
    all_tenants: bool,

    /// How many
    #[arg(long, default_value_t = 50, value_name = "COUNT")]
    limit: usize,

    #[command(flatten)]
    target: Target,
}

#[derive(Deserialize)]
struct Entry {
    at: String,
    tenant: Option<String>,
    actor: String,
    permission: String,
    call: String,
    status: u16,
}

impl Audit {
    pub(super) async fn run(self, output: Output) -> Result<ExitCode, Failure> {
        let api = self.target.api()?;
        let limit = self.limit;
        let list: List<Entry> = if self.all_tenants {
            api.call_node("GET", &format!("/-/audit?limit={limit}"), None).await?
        } else {
            api.call("GET", &format!("/audit?limit={limit}"), None).await?
        };
        output.line(&format!("{:24}  {:20}  {:6}  {:22}  {:10}  {}", "TIME", "WHO", "ANSWER", "NEEDED", "TENANT", "CALL"));
        for entry in &list.data {
            let color = if entry.status < 400 { "32" } else { "31" };
            let status = paint(output.out, color, &format!("{:6}", entry.status));
            let tenant = harmless(entry.tenant.as_deref().unwrap_or("*"));
            let (at, actor, permission, call) = (&entry.at, &entry.actor, &entry.permission, &entry.call);
            let (at, actor, permission, call) = (harmless(at), harmless(actor), harmless(permission), harmless(call));
            output.line(&format!("{at:24}  {actor:20}  {status}  {permission:22}  {tenant:10}  {call}"));
        }
        Ok(ExitCode::SUCCESS)
    }
}
