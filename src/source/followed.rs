//! Which models have their rows read, for whoever looks at a source: `webhookc source status` and `webhookc doctor`. Nothing is changed.

use std::collections::BTreeSet;
use std::path::Path;

use super::catalog;
use super::error::SourceError;
use super::plan::{Plan, plan};
use super::reach;
use crate::config;
use crate::program::Program;

/// Which models are followed, and why others are not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// The tables of models whose rows are not read, since the publication lacks them.
    pub unpublished: Vec<String>,
    /// Models that no table of the database is for.
    pub without: Vec<String>,
    /// Why the source stands still, whatever is written.
    pub in_the_way: Vec<String>,
    /// Why it will, at the next row of a table.
    pub misfits: Vec<String>,
}

/// Looks which models of a program are followed, by the tables as they are now.
///
/// # Errors
/// When the database does not answer.
pub async fn followed(source: &config::Source, folder: &Path, program: &Program) -> Result<Followed, SourceError> {
    let client = reach(source, folder)?.connect().await?;
    let published = catalog::published(&client, &source.publication).await?;
    let plan = match plan(source, program, catalog::read(&client).await?) {
        Ok(plan) => plan,
        Err(in_the_way) => return Ok(Followed { in_the_way, ..Followed::default() }),
    };
    let mut in_the_way = plan.unread(&published, &source.publication);
    in_the_way.extend(plan.untold(program, &published, &source.publication));
    let unpublished = plan.missing(&published).map(|table| format!("the table `{}` of the model `{}`", table.name, table.model));
    Ok(Followed { unpublished: unpublished.collect(), without: without(&plan, program), in_the_way, misfits: plan.misfits(program) })
}

fn without(plan: &Plan, program: &Program) -> Vec<String> {
    let with: BTreeSet<&str> = plan.tables.values().map(|table| &*table.model).collect();
    let names = program.models.iter().map(|model| &*model.name);
    names.filter(|name| !with.contains(name)).map(str::to_owned).collect()
}
