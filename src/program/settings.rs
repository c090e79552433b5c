//! What the project's configuration tells the compiler: values that templates may read, and who receives.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::program::EndpointSource;

/// The compiler's view of `webhookc.toml`; the default is a project without one.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `app` of the payload.
    pub app: String,
    /// `server` of the payload.
    pub server: String,
    /// `vars.*`.
    pub vars: BTreeMap<String, String>,
    /// The names under `secret.*`; values never come here.
    pub secrets: BTreeSet<String>,
    /// Receivers that a webhook may name, besides the built-in `cloudcode` and `pdfmailer`.
    pub receivers: BTreeSet<String>,
    /// The names of the template files, sorted.
    pub templates: Vec<String>,
    /// Brokers that a request may go to; `None` where none may, because a tenant writes it.
    pub brokers: Option<BTreeSet<String>>,
    /// Endpoints that are declared outside of the schema.
    pub endpoints: Vec<Arc<EndpointSource>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            app: "webhookc".to_owned(),
            server: "http://localhost:7357".to_owned(),
            vars: BTreeMap::new(),
            secrets: BTreeSet::new(),
            receivers: BTreeSet::new(),
            templates: Vec::new(),
            brokers: Some(BTreeSet::new()),
            endpoints: Vec::new(),
        }
    }
}
