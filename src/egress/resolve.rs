//! Names to addresses, all of which have passed the guard. One forbidden answer refuses the name: a client must not be steered by
//! the order of the answers.

use std::fmt::Debug;
use std::io;
use std::net::IpAddr;

use futures_util::future::BoxFuture;
use url::Host;

use crate::delivery::AttemptOutcome;
use crate::egress::guard::{Forbidden, Guard};

/// Where the addresses of a name come from. An implementation need not judge them: that is the guard's.
pub trait Resolve: Debug + Send + Sync {
    /// All addresses of the name, in the order in which they are to be tried; none when there is no such name.
    ///
    /// # Errors
    /// In the wording of the operating system.
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// The resolver of the operating system.
#[derive(Clone, Copy, Debug)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect()) })
    }
}

/// Why a name has no addresses for us.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResolveError {
    /// It is an address, or stands for one, that may not be called.
    #[error("the target may not be called: {0}")]
    Literal(Forbidden),
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

impl ResolveError {
    /// Whose failure it is.
    pub(super) fn outcome(&self) -> AttemptOutcome {
        let text = self.to_string();
        match self {
            Self::Literal(_) | Self::Forbidden { .. } => AttemptOutcome::Refused(text),
            Self::Unknown(_) => AttemptOutcome::ConnectionFailed(text),
            Self::Resolver { .. } => AttemptOutcome::OurFault(text),
        }
    }
}

/// The addresses of a name, all of which have passed the guard. The connection is made to these and to nothing else, so what a later
/// look-up answers cannot matter.
pub(super) async fn resolve(guard: &Guard, names: &dyn Resolve, name: &str) -> Result<Vec<IpAddr>, ResolveError> {
    guard.check_host(&Host::Domain(name)).map_err(ResolveError::Literal)?;
    let addresses = names.resolve(name).await.map_err(|error| failed(name, &error))?;
    if addresses.is_empty() {
        return Err(ResolveError::Unknown(name.to_owned()));
    }
    for address in &addresses {
        guard.check(*address).map_err(|why| ResolveError::Forbidden { name: name.to_owned(), why })?;
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
        let refused = resolve(&Guard::default(), &SystemResolver, "localhost").await.unwrap_err();
        assert!(matches!(refused, ResolveError::Literal(_)), "{refused}");
        let guard = Guard::new(vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
        assert!(!resolve(&guard, &SystemResolver, "localhost").await.unwrap().is_empty());
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
