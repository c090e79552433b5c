//! Tables, models and what the project says of both → which table's rows become which model's objects; or everything that does not fit, by
//! table. Which column goes into which field is decided by what a table was when a row was written: see [`super::fit`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::catalog::{Catalog, Identity, KINDS, Name, Published, TableShape, Told, TypeShape};
use super::fit::fit;
use super::pgoutput::{Relation, RelationColumn};
use super::wire::quoted;
use crate::config;
use crate::program::{Model, Program};

/// How rows become objects.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    /// By the name that a table has now.
    pub tables: BTreeMap<Name, Arc<TablePlan>>,
    /// The name that a table has now, by the number that the database has for it.
    by_number: BTreeMap<u32, Name>,
    /// The types that the database has.
    pub types: BTreeMap<u32, TypeShape>,
    /// Whether tables have come whose rows are still to be copied.
    pub lacks_tables: bool,
    /// What the publication had when the plan was made.
    pub published: Published,
}

/// How the rows of one table do.
#[derive(Clone, Debug)]
pub(super) struct TablePlan {
    /// Its schema and its name.
    pub is: Name,
    /// `schema.table`, for people.
    pub name: String,
    /// The same as statements have it.
    pub sql: String,
    /// The model.
    pub model: Box<str>,
    /// What the table is now.
    pub shape: TableShape,
    /// The columns of fields whose columns are called otherwise.
    pub chosen: BTreeMap<String, Vec<String>>,
}

impl Plan {
    /// How rows of this table do, which may have had another name when they were written.
    pub(super) fn table(&self, relation: &Relation) -> Option<&Arc<TablePlan>> {
        let same = self.by_number.get(&relation.id).and_then(|name| self.tables.get(name));
        same.or_else(|| self.tables.get(&(relation.schema.clone(), relation.name.clone())))
    }

    /// Whether the table is what it was when the plan was made. One that no model is for was not looked at.
    pub(super) fn has(&self, relation: &Relation) -> bool {
        let columns = |of: &Relation| of.columns.iter().map(|column| (column.name.clone(), column.type_oid)).collect::<Vec<_>>();
        let is_same = |seen: Relation| {
            (seen.id, &seen.schema, &seen.name) == (relation.id, &relation.schema, &relation.name) && columns(&seen) == columns(relation)
        };
        self.table(relation).is_some_and(|table| is_same(table.at_present()))
    }

    /// What does not fit between the fields and the columns that the tables have now.
    pub(super) fn misfits(&self, program: &Program) -> Vec<String> {
        let mut mistakes = Vec::new();
        for table in self.tables.values() {
            let Some(model) = program.model_named(&table.model).map(|id| program.model(id)) else { continue };
            if let Err(found) = fit(table, &self.types, model, &table.at_present()) {
                mistakes.extend(found);
            }
        }
        mistakes
    }

    /// Tables that are read and not published, and such that are published by name and not read.
    pub(super) fn unpublished(&self, published: &Published, publication: &str) -> Vec<String> {
        let missing = self.missing(published).map(|TablePlan { name, model, .. }| {
            format!(
                "the table `{name}` of the model `{model}` is not in the publication `{publication}`; run `webhookc source init`, with \
                 `--snapshot` to have the rows copied that it has"
            )
        });
        missing.chain(self.unread(published, publication)).collect()
    }

    /// Tables that are read and not published.
    pub(super) fn missing(&self, published: &Published) -> impl Iterator<Item = &TablePlan> {
        self.tables.iter().filter(|(name, _)| !published.tables.contains_key(*name)).map(|(_, table)| &**table)
    }

    /// Tables that are published by name and not read.
    pub(super) fn unread(&self, published: &Published, publication: &str) -> Vec<String> {
        let read: BTreeSet<&Name> = self.tables.keys().collect();
        let unread = published.listed.iter().filter(|name| !read.contains(name)).map(|(schema, table)| {
            let way =
                "if it was renamed, name its model in `[source.postgres.tables]` and start the nodes anew; if it is not to be read, run \
                 `webhookc source init`";
            format!("the publication `{publication}` has the table `{schema}.{table}`, which no model is for; {way}")
        });
        unread.collect()
    }

    /// What a publication leaves out of what is read: kinds of change, columns and rows. The reader hears nothing of it.
    pub(super) fn untold(&self, program: &Program, published: &Published, publication: &str) -> Vec<String> {
        let mut mistakes = Vec::new();
        if !published.untold.is_empty() {
            let (untold, all) = (listed(&published.untold), KINDS.join(", "));
            mistakes.push(format!("the publication `{publication}` does not tell of {untold}, expected `publish` to be `{all}`; {MENDS}"));
        }
        for (name, table) in &self.tables {
            let Some(Told { columns, filter }) = published.tables.get(name) else { continue };
            let TablePlan { name, model, .. } = &**table;
            let mut lacking = self.columns_read(table, program);
            lacking.retain(|column| !columns.contains(*column));
            if !lacking.is_empty() {
                mistakes.push(format!(
                    "the publication `{publication}` does not tell the columns {} of the table `{name}`, expected them for the model \
                     `{model}`; {MENDS}",
                    listed(&lacking)
                ));
            }
            if let Some(filter) = filter {
                mistakes.push(format!(
                    "the publication `{publication}` tells only of rows of the table `{name}` for which `{filter}`, expected all; {MENDS}"
                ));
            }
        }
        mistakes
    }

    /// The columns of a table that become the id or a field of an object. Of one that does not fit nothing is read.
    fn columns_read<'t>(&self, table: &'t TablePlan, program: &Program) -> Vec<&'t str> {
        let model = program.model_named(&table.model).map(|id| program.model(id));
        let fit = model.and_then(|model| fit(table, &self.types, model, &table.at_present()).ok()).unwrap_or_default();
        let TableShape { columns, key, .. } = &table.shape;
        let read = columns.iter().zip(&fit.columns).filter(|(column, targets)| !targets.is_empty() || key.contains(&column.name));
        read.map(|(column, _)| &*column.name).collect()
    }
}

/// What to do about a publication that leaves something out.
const MENDS: &str =
    "run `webhookc source init`, or, to have what is left out until then, `webhookc source drop` and `webhookc source init --snapshot`";

/// "`a`, `b`", all of them.
fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl TablePlan {
    /// What the log would say of the table if a row were written now.
    pub(super) fn at_present(&self) -> Relation {
        let TableShape { oid, columns, key, .. } = &self.shape;
        let column = |column: &super::catalog::Column| RelationColumn {
            name: column.name.clone(),
            type_oid: column.type_oid,
            identifies: key.contains(&column.name),
        };
        let (schema, name) = self.is.clone();
        Relation { id: *oid, schema, name, columns: columns.iter().map(column).collect() }
    }
}

/// Makes the plan.
///
/// # Errors
/// Everything that does not fit.
pub(super) fn plan(source: &config::Source, program: &Program, catalog: Catalog) -> Result<Plan, Vec<String>> {
    let mut mistakes = Vec::new();
    let named = |written: &str| named(&catalog, written);
    let said: BTreeMap<_, _> = source.tables.iter().map(|(written, said)| (named(written), said)).collect();
    for (name, said) in &said {
        let model = said.model.as_deref().unwrap_or(&name.1);
        if !catalog.tables.contains_key(name) {
            mistakes
                .push(format!("there is no table `{}.{}` in the database, expected one for `[source.postgres.tables]`", name.0, name.1));
        } else if program.model_named(model).is_none() {
            mistakes.push(format!("the table `{}.{}` is for the model `{model}`, which the schema does not have", name.0, name.1));
        }
    }
    let nothing = config::SourceTable::default();
    let mut tables = BTreeMap::new();
    for (name, shape) in catalog.tables {
        // A model that another table was chosen for is not of this one.
        let is_free = || source.tables.values().all(|other| other.model.as_deref() != Some(&*name.1));
        let said = match said.get(&name).copied() {
            Some(said) => said,
            None if &*name.0 == "public" && is_free() => &nothing,
            None => continue,
        };
        let model = said.model.as_deref().unwrap_or(&name.1);
        let Some(model) = program.model_named(model).map(|id| program.model(id)) else { continue };
        let sql = format!("{}.{}", quoted(&name.0), quoted(&name.1));
        let (model_name, chosen) = (model.name.clone(), said.columns.clone());
        let table = TablePlan { is: name.clone(), name: format!("{}.{}", name.0, name.1), sql, model: model_name, shape, chosen };
        can_be_followed(&table, model, &mut mistakes);
        tables.insert(name, Arc::new(table));
    }
    if tables.is_empty() && mistakes.is_empty() {
        let help = "name one in `[source.postgres.tables]`, such as `orders = \"order\"`";
        mistakes.push(format!("no table of the database has the name of a model; {help}"));
    }
    let by_number = tables.iter().map(|(name, table)| (table.shape.oid, name.clone())).collect();
    let types = catalog.types;
    if mistakes.is_empty() { Ok(Plan { tables, by_number, types, ..Plan::default() }) } else { Err(mistakes) }
}

/// The model that a table is for which the database does not have any more.
pub(super) fn model_of_gone<'p>(source: &config::Source, program: &'p Program, (schema, name): &Name) -> Option<&'p Model> {
    let whole = format!("{schema}.{name}");
    let is_it = |written: &str| written == whole || (&**schema == "public" && written == &**name);
    let is_free = || source.tables.values().all(|other| other.model.as_deref() != Some(&**name));
    let model = match source.tables.iter().find(|(written, _)| is_it(written)) {
        Some((_, said)) => said.model.as_deref().unwrap_or(name),
        None if &**schema == "public" && is_free() => name,
        None => return None,
    };
    program.model_named(model).map(|id| program.model(id))
}

/// The table that is written as `table` or `schema.table`, in which schema and table may have dots of their own.
fn named(catalog: &Catalog, written: &str) -> Name {
    let dots = written.match_indices('.').filter_map(|(at, _)| Some((written.get(..at)?, written.get(at + 1..)?)));
    let mut readings = std::iter::once(("public", written)).chain(dots).map(|(schema, table)| (schema.into(), table.into()));
    let there = readings.find(|name| catalog.tables.contains_key(name));
    there.unwrap_or_else(|| {
        let (schema, table) = written.split_once('.').unwrap_or(("public", written));
        (schema.into(), table.into())
    })
}

/// Whether rows of the table can be told from each other, and what is said of it is of the model.
fn can_be_followed(table: &TablePlan, model: &Model, out: &mut Vec<String>) {
    let TablePlan { name, sql, shape, chosen, .. } = table;
    if shape.key.is_empty() {
        out.push(format!("the table `{name}` has no primary key, expected one: an object needs an id"));
    }
    if shape.is_deferrable {
        let columns: Vec<_> = shape.key.iter().map(|column| quoted(column)).collect();
        out.push(format!(
            "the primary key of the table `{name}` is deferrable, expected one that is not: rows that pass it to each other in a transaction \
             could not be told apart, and without `REPLICA IDENTITY FULL` the database would refuse every update once the table is published; \
             drop it, and run `ALTER TABLE {sql} ADD PRIMARY KEY ({})`",
            columns.join(", ")
        ));
    }
    if shape.is_unlogged {
        out.push(format!("the table `{name}` is unlogged, so that the log has nothing of it; run `ALTER TABLE {sql} SET LOGGED`"));
    }
    let full = format!("run `ALTER TABLE {sql} REPLICA IDENTITY DEFAULT` or `… REPLICA IDENTITY FULL`");
    match &shape.identity {
        Identity::Key | Identity::Full => {}
        Identity::Nothing => out.push(format!("the table `{name}` does not tell which row has changed (replica identity nothing); {full}")),
        Identity::Index(columns) if shape.key.iter().all(|key| columns.contains(key)) => {}
        Identity::Index(_) => {
            out.push(format!("the replica identity of the table `{name}` does not hold its primary key; {full}"));
        }
    }
    for field in chosen.keys() {
        if model.property_named(field.strip_suffix("_id").unwrap_or(field)).or(model.property_named(field)).is_none() {
            out.push(format!("`{field}` is not a field of `{}`, which the table `{name}` is for", model.name));
        }
    }
}
