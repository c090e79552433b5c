//! A key or link as it is asked for → the key as it will be kept, or what is wrong with the wish.

use std::time::Duration;

use jiff::Timestamp;

use super::{Group, Key, KeyId, Kind, Permission, PermissionError, Permissions, Token};
use crate::delivery::{DurationError, Rate, RateError, parse_duration};
use crate::ids::Tenant;

/// Characters of a name.
const LONGEST_NAME: usize = 100;
/// How long a link is of use when nothing is said: a day's work.
const LINK: Duration = Duration::from_hours(12);
/// Days that a link may be of use: it stands in browsers' histories.
const LONGEST_LINK_DAYS: u64 = 30;

/// A key or link that is asked for.
#[derive(Clone, Debug)]
pub struct KeyOrder<'a> {
    /// Key or link.
    pub kind: Kind,
    /// Whose: one tenant's, or all.
    pub tenant: Option<Tenant>,
    /// What for.
    pub name: &'a str,
    /// As [`Permissions`] reads them; `*` is all that can be given.
    pub permissions: &'a str,
    /// How long it is of use: `90d`.
    pub expires: Option<&'a str>,
    /// Calls that it may make: `100/s`.
    pub rate_limit: Option<&'a str>,
    /// What whoever asks may do.
    pub own: Permissions,
    /// The key of whoever asks.
    pub made_by: Option<KeyId>,
}

/// Why a key is not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// The name is too long or more than a line.
    #[error("the name is not a line of at most {LONGEST_NAME} characters")]
    Name,
    /// No permissions.
    #[error(transparent)]
    Permissions(#[from] PermissionError),
    /// Permissions that such a key never has.
    #[error("{what} cannot have `{never}`")]
    Never {
        /// What kind of key.
        what: &'static str,
        /// Which permissions.
        never: Permissions,
    },
    /// Permissions that whoever asks does not have.
    #[error("the key that makes the call lacks `{0}`, and cannot give it away")]
    Lacking(Permissions),
    /// No span of time.
    #[error(transparent)]
    Expires(#[from] DurationError),
    /// A span of time out of bounds.
    #[error("the key would expire after {seen}, expected more than 0 s and, of a link, at most {LONGEST_LINK_DAYS} days")]
    Span {
        /// As asked for.
        seen: String,
    },
    /// No rate.
    #[error(transparent)]
    Rate(#[from] RateError),
}

impl KeyOrder<'_> {
    /// The key that belongs to `token`, made at `now`.
    ///
    /// # Errors
    /// When something about the wish is wrong.
    pub fn fill(self, token: &Token, now: Timestamp) -> Result<Key, OrderError> {
        let name = self.name.trim();
        if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err(OrderError::Name);
        }
        let permissions = self.permissions()?;
        let span = match (self.kind, self.expires.map(parse_duration).transpose()?) {
            (Kind::Link, None) => Some(LINK),
            (Kind::Key | Kind::Link, span) => span,
        };
        let longest = match self.kind {
            Kind::Key => Duration::MAX,
            Kind::Link => Duration::from_hours(24 * LONGEST_LINK_DAYS),
        };
        if span.is_some_and(|span| span.is_zero() || span > longest) {
            return Err(OrderError::Span { seen: self.expires.unwrap_or_default().to_owned() });
        }
        Ok(Key {
            id: token.id,
            kind: self.kind,
            name: name.to_owned(),
            permissions,
            rate_limit: self.rate_limit.map(str::parse::<Rate>).transpose()?,
            hash: token.hash(),
            tenant: self.tenant,
            made_by: self.made_by,
            created_at: now,
            expires_at: span.map(|span| now.saturating_add(span).unwrap_or(Timestamp::MAX)),
            revoked_at: None,
            last_used_at: None,
        })
    }

    fn permissions(&self) -> Result<Permissions, OrderError> {
        let asked: Permissions = self.permissions.parse()?;
        let (what, most) = self.most();
        if self.permissions.split([',', ' ']).any(|word| word == "*") {
            return Ok(most.and(self.own));
        }
        let (never, lacking) = (asked.without(most), asked.without(self.own));
        if !never.is_empty() {
            return Err(OrderError::Never { what, never });
        }
        if lacking.is_empty() { Ok(asked) } else { Err(OrderError::Lacking(lacking)) }
    }

    /// What such a key can ever have: in one tenant there is no node, and whoever has a link is not to make keys.
    fn most(&self) -> (&'static str, Permissions) {
        let of = |groups: &[Group]| Permission::all().filter(|permission| groups.contains(&permission.group)).collect();
        let of_links = [Group::Objects, Group::Webhooks, Group::Deliveries, Group::DivertedEvents];
        match (self.kind, &self.tenant) {
            (Kind::Key, None) => ("a key of the node", Permissions::all()),
            (Kind::Key, Some(_)) => ("a key of one tenant", of(&[of_links.as_slice(), &[Group::Keys]].concat())),
            (Kind::Link, _) => ("a link", of(&of_links)),
        }
    }
}
