//! An endpoint that a tenant has made, as the store takes it and gives it back.

use jiff::Timestamp;

use crate::ids::EndpointId;

/// An endpoint to keep.
#[derive(Clone, Debug)]
pub struct OwnEndpoint {
    /// Its id.
    pub id: EndpointId,
    /// Its name.
    pub name: String,
    /// Whether it is subscribed.
    pub enabled: bool,
    /// Its event types, `*` for all.
    pub events: Vec<Box<str>>,
    /// The API of another system that it was made by, and what it is found by there.
    pub dialect: Option<(String, String)>,
    /// All that is said of it, JSON.
    pub definition: String,
    /// When.
    pub at: Timestamp,
}

/// An endpoint as it is kept.
#[derive(Clone, Debug)]
pub struct OwnEndpointRow {
    /// Its place in the order in which endpoints were made.
    pub row: i64,
    /// Its id.
    pub id: EndpointId,
    /// All that is said of it, JSON.
    pub definition: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When it was suspended, and why; `None` when it is not.
    pub suspended: Option<(Timestamp, Box<str>)>,
}

/// Which endpoints.
#[derive(Clone, Debug, Default)]
pub struct OwnFilter {
    /// With exactly this name.
    pub name: Option<String>,
    /// Subscribed or not.
    pub enabled: Option<bool>,
    /// Suspended or not.
    pub suspended: Option<bool>,
    /// Subscribed and not suspended, or not that.
    pub active: Option<bool>,
    /// That receive any of these; empty: whatever they receive.
    pub event_types: Vec<String>,
    /// Made by this API.
    pub dialect: Option<String>,
    /// Found by this there.
    pub dialect_key: Option<String>,
}

/// A part of the list, in the order in which they were made.
#[derive(Clone, Copy, Debug)]
pub struct OwnPage {
    /// Those made after this row; 0: from the first.
    pub after: i64,
    /// So many of them are left out first.
    pub offset: usize,
    /// At most so many.
    pub limit: usize,
}
