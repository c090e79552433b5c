//! Many small cases over one fixture: source → what is reported and where, source and data → output.

mod bodies;
mod fixture;
mod rendering;
mod requests;
mod soundness;
mod syntax;
mod typing;
mod worlds;
