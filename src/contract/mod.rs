//! What receivers are promised: a compiled webhook → the JSON Schema of its default payload, and from that a TypeScript type. What the
//! conditions guarantee is in it: a field that must be set is not null, one that must equal something has that value. Absent: bodies that
//! an endpoint's own template makes.

mod field;
mod payload;
mod typescript;

pub use payload::{bundle, payload_schema};
pub use typescript::typescript;
