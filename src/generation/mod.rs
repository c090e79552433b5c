//! What is live: one compiled program with the endpoints and secrets that belong to it, swapped whole. A save or a delivery takes one
//! generation and keeps it to its end, so nothing is ever done by a mixture of two.

mod directory;

pub use directory::{Directory, Own};

use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustc_hash::FxHashMap;

use crate::check::{Rules, Valid};
use crate::delivery::{Filling, Keys, Policy, Secrets, Signer};
use crate::ids::{EndpointId, ProgramId};
use crate::text::SourceMap;

/// One generation of the program.
#[derive(Clone, Debug)]
pub struct Generation {
    /// Counts the programs of this process, from 1.
    pub number: u64,
    /// The rules.
    pub rules: Arc<Valid<Rules>>,
    /// How each endpoint of the rules is called.
    pub targets: FxHashMap<EndpointId, Arc<Target>>,
    /// The values of `secret.*`.
    pub secrets: Secrets,
    /// Where it comes from.
    pub origin: Arc<Origin>,
    /// The endpoints that tenants have made by API; one and the same for all generations of a node.
    pub own: Arc<Directory>,
}

impl Generation {
    /// How an endpoint is called, whoever has made it; `None` when it is unknown or disabled.
    #[must_use]
    pub fn target(&self, endpoint: &EndpointId) -> Option<Arc<Target>> {
        self.targets.get(endpoint).cloned().or_else(|| self.own.target(endpoint))
    }

    /// What an attempt at an endpoint is filled in and signed with.
    #[must_use]
    pub fn keys<'a>(&'a self, target: &'a Target) -> Keys<'a> {
        let secrets = target.secrets.as_ref().map_or(Filling::Program(&self.secrets), Filling::Endpoint);
        Keys { signer: &target.signer, secrets }
    }

    /// How many endpoints are called.
    #[must_use]
    pub fn target_count(&self) -> usize {
        self.targets.len() + self.own.len()
    }
}

/// Where a program comes from.
#[derive(Debug, Default)]
pub struct Origin {
    /// Its files, to show places in them.
    pub sources: SourceMap,
    /// Which of the programs that were ever in force at this store.
    pub program: Option<ProgramId>,
    /// When it first was.
    pub since: Option<Timestamp>,
}

/// The run-time side of an endpoint.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// Limits and failure handling.
    pub policy: Arc<Policy>,
    /// Its signatures.
    pub signer: Signer,
    /// Header values of its own that are kept back until a request is sent; `None`: it is of the program, whose secrets it has.
    pub secrets: Option<Secrets>,
}

/// The generation in force; readers take a snapshot.
pub type Live = Arc<ArcSwap<Generation>>;
