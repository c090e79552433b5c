//! webhookc: the webhook compiler and its runtime.
//!
//! | stage | module | input | output |
//! |---|---|---|---|
//! | read | [`syntax`] | XML text | spanned tree, diagnostics |
//! | declare | [`schema`] | tree | what is declared, as written |
//! | link | [`program`] | declarations of all files | names resolved, rule graph |
//! | type | [`template`] | template text, program | typed tree |
//! | check | [`check`] | program | `Valid<Rules>`, diagnostics |
//! | except | [`suppress`] | comments, diagnostics | diagnostics, what is suppressed |
//! | repair | [`fix`] | diagnostics with fixes | new texts |
//! | report | [`report`] | diagnostics | text, JSON |
//! | layout | [`mod@format`] | tree | the same schema, laid out |
//! | draw | [`graph`] | rules | pictures of them |
//! | compare | [`changes`] | rules, earlier rules | what changed in meaning |
//! | promise | [`contract`] | rules | JSON Schema of what is sent |
//! | decide | [`engine`] | rules, a save | decisions, rendered requests |
//! | take in | [`endpoints`] | what a tenant submits | definition of an endpoint |
//! | prove | [`scenario`] | rules, test files | what would happen, and whether it should |
//! | say why | [`explain`] | rules, what happened | what a webhook means, why it fired or not |
//! | try | [`sample`] | data model, a seed | objects that it allows |
//! | let in | [`access`] | a key, what it wants to do | the right to do it |
//! | count, log | [`telemetry`] | what happens | numbers, lines |
//! | lock | [`vault`] | a key, secrets | what may be stored |
//! | keep | [`store`], [`ingest`] | decisions | one transaction |
//! | read along | [`source`] | the log of a database | saves |
//! | send again | [`resends`] | what was sent | the same, due once more |
//! | lock anew | [`rekey`] | a store | the store, with another key |
//! | forget | [`retention`] | settled deliveries | room |
//! | edit | [`lsp`] | what an editor holds | the same, as it is typed |
//! | send | [`worker`], [`egress`], [`delivery`] | due deliveries | attempts |
//! | hand over | `broker` | requests for a broker | messages of a stream |
//! | take up | `consume` | messages of a stream | saves |
//! | trace | `spans` | what happens | spans for a collector |
//!
//! The modules stand in the order in which data flows; each uses only those above it.

// ground: values without I/O
pub mod ids;
pub mod text;
pub mod time;
pub mod diagnostics;

// compiler: synchronous, pure, total
pub mod syntax;
pub mod schema;
pub mod program;
pub mod template;
pub mod check;
pub mod suppress;
pub mod compile;
pub mod fix;

// readers of the compiled program: synchronous, pure
pub mod report;
pub mod format;
pub mod graph;
pub mod changes;
pub mod contract;
pub mod engine;
pub mod delivery;
pub mod endpoints;
pub mod generation;
pub mod scenario;
pub mod explain;
pub mod sample;

// edges: async and I/O
pub mod config;
pub mod telemetry;
pub mod activity;
pub mod access;
pub mod vault;
pub mod store;
pub mod retention;
pub mod resends;
pub mod rekey;
#[cfg(feature = "nats")]
pub mod broker;
pub mod egress;
#[cfg(feature = "otel")]
pub mod spans;
pub mod ingest;
pub mod source;
#[cfg(feature = "nats")]
pub mod consume;
pub mod worker;
pub mod reload;
pub mod server;
pub mod lsp;
pub mod cli;
