//! Keys on the terminal.

use std::fmt::Write as _;

use serde::Deserialize;

use crate::access::{Key, Token};
use crate::cli::output::{Output, harmless, paint};
use jiff::Timestamp;

/// A key as it is listed.
#[derive(Deserialize)]
pub(super) struct Row {
    id: String,
    kind: String,
    tenant: Option<String>,
    name: String,
    permissions: Vec<String>,
    state: String,
    expires_at: Option<String>,
    last_used_at: Option<String>,
}

/// A key as it is shown once.
#[derive(Deserialize)]
pub(super) struct NewKey {
    pub(super) key: String,
    id: String,
    tenant: Option<String>,
    expires_at: Option<String>,
}

impl Row {
    pub(super) fn of(key: &Key, now: Timestamp) -> Self {
        let text = |at: Option<Timestamp>| at.map(|at| at.to_string());
        Self {
            id: key.id.to_string(),
            kind: key.kind.as_str().to_owned(),
            tenant: key.tenant.as_ref().map(ToString::to_string),
            name: key.name.clone(),
            permissions: key.permissions.iter().map(|permission| permission.to_string()).collect(),
            state: key.state(now).as_str().to_owned(),
            expires_at: text(key.expires_at),
            last_used_at: text(key.last_used_at),
        }
    }
}

impl NewKey {
    pub(super) fn of(token: &Token, key: &Key) -> Self {
        Self {
            key: token.reveal(),
            id: key.id.to_string(),
            tenant: key.tenant.as_ref().map(ToString::to_string),
            expires_at: key.expires_at.map(|at| at.to_string()),
        }
    }

    /// What is said beside the key itself.
    pub(super) fn told(&self) -> String {
        let whose = self.tenant.as_ref().map_or_else(|| "for all tenants".to_owned(), |tenant| format!("of tenant `{}`", harmless(tenant)));
        let until = self.expires_at.as_ref().map_or_else(|| "without end".to_owned(), |at| format!("until {}", harmless(at)));
        format!("{} {whose}, valid {until}; it is shown only now\n", harmless(&self.id))
    }
}

/// All of them, one a line.
pub(super) fn table(rows: &[Row], output: Output) -> String {
    let longest = |length: fn(&Row) -> usize, least: usize| rows.iter().map(length).max().unwrap_or(0).clamp(least, 40);
    let tenants = longest(|row| row.tenant.as_ref().map_or(1, |tenant| tenant.chars().count()), 6);
    let mut text = format!(
        "{:20}  {:4}  {:tenants$}  {:7}  {:20}  {:20}  {}\n",
        "ID", "KIND", "TENANT", "STATE", "EXPIRES", "LAST USED", "PERMISSIONS, NAME"
    );
    for row in rows {
        let color = if row.state == "active" { "32" } else { "31" };
        let state = paint(output.out, color, &format!("{:7}", harmless(&row.state)));
        let moment = |at: &Option<String>| at.as_ref().map_or_else(|| "-".to_owned(), |at| seconds(at));
        let permissions: String = row
            .permissions
            .join(",")
            .parse::<crate::access::Permissions>()
            .map_or_else(|_| row.permissions.join(","), |permissions| permissions.to_string());
        let name = if row.name.is_empty() { String::new() } else { format!("  {}", harmless(&row.name)) };
        // Writing to a string cannot fail.
        let _written = writeln!(
            text,
            "{:20}  {:4}  {:tenants$}  {state}  {:20}  {:20}  {}{name}",
            harmless(&row.id),
            harmless(&row.kind),
            harmless(row.tenant.as_deref().unwrap_or("*")),
            moment(&row.expires_at),
            moment(&row.last_used_at),
            harmless(&permissions),
        );
    }
    text
}

/// A moment to the second.
fn seconds(at: &str) -> String {
    at.parse::<Timestamp>().map_or_else(|_| harmless(at), |at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}
