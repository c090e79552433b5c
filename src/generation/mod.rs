//! What is live: one compiled program with the endpoints and secrets that belong to it, swapped whole. A save or a delivery takes one
//! generation and keeps it to its end, so nothing is ever done by a mixture of two.

mod directory;

pub use directory::{Directory, Own};

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustc_hash::FxHashMap;

use crate::check::{Rules, Valid};
use crate::delivery::{Filling, Keys, OwnSecrets, Policy, Secrets, Signer};
use crate::ids::{EndpointId, ProgramId};
use crate::text::SourceMap;

/// One generation of the program.
#[derive(Clone, Debug)]
pub struct Generation {
    /// Counts the programs of this process, from 1.
    pub number: u64,
    /// How it stands among the programs that the nodes of the store hand on to each other.
    pub shared: Shared,
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

/// How a generation stands among those of the other nodes.
#[derive(Clone, Debug, Default)]
pub struct Shared {
    /// Its number among the programs that are handed on; 0: it is this node's alone.
    pub number: i64,
    /// Endpoints whose deliveries are left to nodes with a newer program.
    left: Arc<Mutex<BTreeSet<EndpointId>>>,
    leaves_any: Arc<AtomicBool>,
}

impl Shared {
    /// The program with this number.
    #[must_use]
    pub fn numbered(number: i64) -> Self {
        Self { number, ..Self::default() }
    }

    /// Leaves the deliveries of an endpoint to the nodes that have a newer program, which has made what cannot be sent here; `false` when they
    /// are already left.
    pub fn leave(&self, endpoint: EndpointId) -> bool {
        self.leaves_any.store(true, Ordering::Release);
        self.left.lock().unwrap_or_else(PoisonError::into_inner).insert(endpoint)
    }

    fn leaves(&self, endpoint: &EndpointId) -> bool {
        self.leaves_any.load(Ordering::Acquire) && self.left.lock().unwrap_or_else(PoisonError::into_inner).contains(endpoint)
    }
}

impl Generation {
    /// How an endpoint is called, whoever has made it; `None` when it is unknown, disabled, or left to other nodes.
    #[must_use]
    pub fn target(&self, endpoint: &EndpointId) -> Option<Arc<Target>> {
        if self.shared.leaves(endpoint) {
            return None;
        }
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
    pub secrets: Option<OwnSecrets>,
}

/// The generation in force; readers take a snapshot.
pub type Live = Arc<ArcSwap<Generation>>;
