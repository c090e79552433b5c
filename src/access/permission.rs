//! Permissions: `group:verb`, and sets of them. Not every verb makes sense in every group; what a group knows stands in one table.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::diagnostics::{one_of, suggestion};

/// What is acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Objects: saves, and why webhooks fired.
    Objects,
    /// Webhooks of the program, and endpoints.
    Webhooks,
    /// Messages, deliveries and attempts.
    Deliveries,
    /// Deliveries that were given up and kept.
    DivertedEvents,
    /// Keys, links and the audit log.
    Keys,
    /// The node itself; only for keys of all tenants.
    Node,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Look at one.
    Read,
    /// Look at many.
    List,
    /// Make, change, remove.
    Write,
    /// Send again.
    Resend,
    /// Throw away.
    Delete,
}

impl Group {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 6] = [Self::Objects, Self::Webhooks, Self::Deliveries, Self::DivertedEvents, Self::Keys, Self::Node];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Objects => "objects",
            Self::Webhooks => "webhooks",
            Self::Deliveries => "deliveries",
            Self::DivertedEvents => "diverted-events",
            Self::Keys => "keys",
            Self::Node => "node",
        }
    }

    /// What can be done with it.
    #[must_use]
    pub const fn verbs(self) -> &'static [Verb] {
        match self {
            Self::Objects | Self::Node => &[Verb::Read, Verb::Write],
            Self::Webhooks | Self::Keys => &[Verb::Read, Verb::List, Verb::Write],
            Self::Deliveries => &[Verb::Read, Verb::List, Verb::Resend],
            Self::DivertedEvents => &[Verb::Read, Verb::List, Verb::Resend, Verb::Delete],
        }
    }
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Read, Self::List, Self::Write, Self::Resend, Self::Delete];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::List => "list",
            Self::Write => "write",
            Self::Resend => "resend",
            Self::Delete => "delete",
        }
    }
}

/// One thing that may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission {
    /// With what.
    pub group: Group,
    /// What.
    pub verb: Verb,
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.group.as_str(), self.verb.as_str())
    }
}

impl Permission {
    const fn bit(self) -> u32 {
        1 << (self.group as usize * Verb::ALL.len() + self.verb as usize)
    }

    /// Every permission that there is, in the order in which they are shown.
    pub fn all() -> impl Iterator<Item = Self> {
        Group::ALL.into_iter().flat_map(|group| group.verbs().iter().map(move |&verb| Self { group, verb }))
    }
}

/// A set of permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permissions(u32);

/// Why a text names no permissions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PermissionError {
    /// Nothing is named.
    #[error("no permission is named, expected some like `objects:write,webhooks:read`, or `*`")]
    Empty,
    /// Not two words with a colon between them.
    #[error("`{0}` is not a permission, expected `group:verb` such as `webhooks:read`, `webhooks:*` or `*`")]
    Shape(String),
    /// No such group.
    #[error("`{seen}` is not a group of permissions{help}")]
    Group {
        /// What was written.
        seen: String,
        /// What was meant, or the groups.
        help: String,
    },
    /// No such verb in the group.
    #[error("`{group}` has no permission `{seen}`, expected {expected}")]
    Verb {
        /// The group.
        group: &'static str,
        /// What was written.
        seen: String,
        /// Its verbs.
        expected: String,
    },
}

impl Permissions {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Permission::all().collect()
    }

    /// Whether it is one of them.
    #[must_use]
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// What is in this set and not in the other.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// What is in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// One after the other.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::all().filter(move |permission| self.contains(*permission))
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().fold(0, |bits, permission| bits | permission.bit()))
    }
}

impl FromStr for Permissions {
    type Err = PermissionError;

    /// Reads `objects:write,webhooks:read`; `webhooks:*` is all of a group, `*` everything.
    fn from_str(text: &str) -> Result<Self, PermissionError> {
        let mut bits = 0;
        for word in text.split([',', ' ']).map(str::trim).filter(|word| !word.is_empty()) {
            bits |= one(word)?.0;
        }
        if bits == 0 { Err(PermissionError::Empty) } else { Ok(Self(bits)) }
    }
}

/// What one word stands for.
fn one(word: &str) -> Result<Permissions, PermissionError> {
    if word == "*" {
        return Ok(Permissions::all());
    }
    let (group, verb) = word.split_once(':').ok_or_else(|| PermissionError::Shape(word.to_owned()))?;
    let names = || Group::ALL.into_iter().map(Group::as_str);
    let group = Group::ALL.into_iter().find(|known| known.as_str() == group).ok_or_else(|| PermissionError::Group {
        seen: group.to_owned(),
        help: match suggestion(group, names()) {
            Some(near) => format!(", did you mean `{near}`?"),
            None => format!(", expected {}", one_of(names())),
        },
    })?;
    if verb == "*" {
        return Ok(group.verbs().iter().map(|&verb| Permission { group, verb }).collect());
    }
    let found = group.verbs().iter().find(|known| known.as_str() == verb);
    let verb = *found.ok_or_else(|| PermissionError::Verb {
        group: group.as_str(),
        seen: verb.to_owned(),
        expected: one_of(group.verbs().iter().map(|verb| verb.as_str())),
    })?;
    Ok([Permission { group, verb }].into_iter().collect())
}

impl fmt::Display for Permissions {
    /// As [`Permissions::from_str`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::all() {
            return f.write_str("*");
        }
        let mut comma = "";
        for group in Group::ALL {
            let verbs = || group.verbs().iter().filter(|&&verb| self.contains(Permission { group, verb }));
            if verbs().count() == group.verbs().len() {
                write!(f, "{comma}{}:*", group.as_str())?;
                comma = ",";
                continue;
            }
            for &verb in verbs() {
                write!(f, "{comma}{}", Permission { group, verb })?;
                comma = ",";
            }
        }
        Ok(())
    }
}

impl Serialize for Permissions {
    /// The list of all of them, written out.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(|permission| permission.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_has_a_bit_of_its_own_and_is_read_as_it_is_written() {
        let mut seen = Permissions::default();
        for permission in Permission::all() {
            assert!(!seen.contains(permission), "{permission}");
            let set: Permissions = permission.to_string().parse().unwrap();
            assert_eq!(set.iter().collect::<Vec<_>>(), [permission]);
            seen = seen.iter().chain([permission]).collect();
        }
        assert_eq!((seen, seen.to_string().as_str()), ("*".parse().unwrap(), "*"));
        let some: Permissions = "webhooks:*, objects:write".parse().unwrap();
        assert_eq!(some.to_string(), "objects:write,webhooks:*");
        assert_eq!(some.to_string().parse(), Ok(some));
    }

    #[test]
    fn what_is_no_permission_is_said_with_what_is() {
        let error = |text: &str| text.parse::<Permissions>().unwrap_err().to_string();
        assert_eq!(error("webhook:read"), "`webhook` is not a group of permissions, did you mean `webhooks`?");
        assert_eq!(error("objects:resend"), "`objects` has no permission `resend`, expected `read` or `write`");
        assert_eq!(error("read"), "`read` is not a permission, expected `group:verb` such as `webhooks:read`, `webhooks:*` or `*`");
        assert_eq!(error(" ,"), "no permission is named, expected some like `objects:write,webhooks:read`, or `*`");
    }
}
