//! What scenarios run against: the rules, and how each of their endpoints is called and signs. Nothing here comes from the machine:
//! an endpoint whose secret is not written in the project gets one that is the same in every run.

use std::sync::Arc;

use crate::check::{Rules, Valid};
use crate::delivery::{Policy, RsaKey, Secret, Signer, SigningKey};
use crate::time::{Entropy as _, SeededEntropy};

/// The rules under test with their endpoints.
#[derive(Debug)]
pub struct Setting<'r> {
    /// The rules.
    pub rules: &'r Valid<Rules>,
    /// How each endpoint is called, indexed as [`Rules::endpoints`].
    pub targets: Vec<Target>,
}

/// How an endpoint is called in scenarios.
#[derive(Debug)]
pub struct Target {
    /// Limits and failure handling.
    pub policy: Policy,
    /// Its signatures.
    pub signer: Signer,
}

impl Target {
    /// The target of the endpoint at `index`. `secret` is the one that the project file holds, if it does; `journey` signs where the
    /// policy asks for it.
    #[must_use]
    pub fn new(index: usize, policy: Policy, secret: Option<Secret>, journey: Option<Arc<RsaKey>>) -> Self {
        let mut bytes = [0; 32];
        SeededEntropy::new(index as u64).fill(&mut bytes);
        let signer = Signer::new(secret.unwrap_or_else(|| Secret::from_random(bytes)), Vec::new());
        let asymmetric = if policy.asymmetric { SigningKey::from_bytes(&bytes).ok() } else { None };
        let signer = asymmetric.map(Arc::new).into_iter().fold(signer, Signer::with_asymmetric);
        let signer = journey.filter(|_| policy.journey).into_iter().fold(signer, Signer::with_journey);
        Self { policy, signer }
    }
}
