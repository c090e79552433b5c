//! Names to addresses, all of which have passed the guard. One forbidden answer refuses the name: a client must not be steered by
//! the order of the answers.

use std::io;
use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::egress::guard::{Forbidden, Guard};

/// Resolves with the operating system and hands over only checked addresses.
#[derive(Clone, Debug)]
pub(super) struct GuardedResolver {
    pub guard: Guard,
}

/// Why a name has no addresses for us.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResolveError {
    /// One of its addresses may not be called.
    #[error("`{name}` may not be called: {why}")]
    Forbidden {
        /// The name.
        name: String,
        /// The address and what it is.
        why: Forbidden,
    },
    /// There is no such name.
    #[error("the name `{0}` does not exist")]
    Unknown(String),
    /// The resolver did not answer, or not sensibly: not the receiver's doing.
    #[error("the name `{name}` could not be resolved: {why}")]
    Resolver {
        /// The name.
        name: String,
        /// What the operating system says.
        why: String,
    },
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.guard.clone();
        Box::pin(async move {
            let addresses = resolve(&guard, name.as_str()).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

async fn resolve(guard: &Guard, name: &str) -> Result<Vec<SocketAddr>, ResolveError> {
    let found = tokio::net::lookup_host((name, 0)).await.map_err(|error| failed(name, &error))?;
    let addresses: Vec<SocketAddr> = found.collect();
    if addresses.is_empty() {
        return Err(ResolveError::Unknown(name.to_owned()));
    }
    for address in &addresses {
        guard.check(address.ip()).map_err(|why| ResolveError::Forbidden { name: name.to_owned(), why })?;
    }
    Ok(addresses)
}

/// `getaddrinfo` gives no code through the standard library, only its text: that of a failure which may pass is known, in the wording
/// of glibc and of musl; every other answer means that the name does not exist.
fn failed(name: &str, error: &io::Error) -> ResolveError {
    let text = error.to_string();
    let passing = ["Temporary failure", "Try again", "System error", "Memory allocation", "Out of memory"];
    if passing.iter().any(|word| text.contains(word)) || error.raw_os_error().is_some() {
        let why = text.rsplit(": ").next().unwrap_or_default().to_lowercase();
        ResolveError::Resolver { name: name.to_owned(), why }
    } else {
        ResolveError::Unknown(name.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_of_a_forbidden_address_is_refused_and_of_an_allowed_one_is_not() {
        let refused = resolve(&Guard::default(), "localhost").await.unwrap_err();
        assert!(matches!(refused, ResolveError::Forbidden { .. }), "{refused}");
        let guard = Guard::new(vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
        assert!(!resolve(&guard, "localhost").await.unwrap().is_empty());
    }

    #[test]
    fn a_failure_that_may_pass_is_the_resolvers() {
        let error = io::Error::other("failed to lookup address information: Temporary failure in name resolution");
        assert_eq!(
            failed("a.example", &error).to_string(),
            "the name `a.example` could not be resolved: temporary failure in name resolution"
        );
        let error = io::Error::other("failed to lookup address information: Name or service not known");
        assert_eq!(failed("a.example", &error).to_string(), "the name `a.example` does not exist");
    }
}
