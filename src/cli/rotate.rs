//! `webhookc rotate`: new keys for signatures of a running node, the old ones valid for a grace time.

use std::process::ExitCode;

use clap::Args;
use serde::Deserialize;

use super::client::{Target, segment};
use super::failure::Failure;
use super::output::{Output, harmless};

/// Put a new secret of an endpoint in force, or new keys of the node
///
/// Until the grace time is over, deliveries are signed with the old secret as well, and the old public keys stay published.
#[derive(Debug, Args)]
pub(super) struct Rotate {
    /// The endpoint, such as `ep_erp`, whose secret the node keeps; without it, the RSA and Ed25519 keys of the node
    endpoint: Option<String>,

    /// How long the old ones stay valid
    #[arg(long, default_value = "24h", value_name = "TIME")]
    grace: String,

    #[command(flatten)]
    target: Target,
}

#[derive(Deserialize)]
struct NewSecret {
    secret: String,
    previous_valid_until: String,
}

#[derive(Deserialize)]
struct NewKeys {
    keys: Vec<String>,
    previous_valid_until: String,
}

impl Rotate {
    pub(super) async fn run(self, output: Output) -> Result<ExitCode, Failure> {
        let api = self.target.api()?;
        let wish = serde_json::json!({ "grace": self.grace }).to_string();
        let until = if let Some(endpoint) = &self.endpoint {
            let path = format!("/endpoints/{}/rotate-secret", segment(endpoint));
            let new: NewSecret = api.call("POST", &path, Some(wish.into())).await?;
            output.line(&harmless(&new.secret));
            new.previous_valid_until
        } else {
            let new: NewKeys = api.call_node("POST", "/-/rotate-keys", Some(wish.into())).await?;
            for key in &new.keys {
                output.line(&harmless(key));
            }
            new.previous_valid_until
        };
        output.complain(&format!("the old ones are valid until {}\n", harmless(&until)));
        Ok(ExitCode::SUCCESS)
    }
}
