//! Renames a name wherever it stands: in schemas, templates, `webhookc.toml` and scenario tests. Nothing is guessed: unless the new name is
//! free wherever it could meet another, the project is compiled with it, and if anything is wrong then that was not before, or any name means
//! something else, it is refused with the reason.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lsp_types::{PrepareRenameResponse, TextEdit, Url};

use super::edits::{Addresses, workspace_edit};
use super::fresh::{NewName, is_fresh};
use super::index::{Entry, Role, Symbol};
use super::lines::Encoding;
use super::snapshot::{Snapshot, Wanted};
use super::wire::{Answer, Failure, json};
use super::world::View;
use crate::check::Rules;
use crate::diagnostics::{Diagnostic, Severity};
use crate::program::is_name;
use crate::text::Span;

/// What can be renamed at a place, or why nothing can.
pub(super) fn prepare(view: View<'_>, offset: usize) -> Result<Option<PrepareRenameResponse>, Failure> {
    let Some(entry) = view.entries(offset).into_iter().next() else { return Ok(None) };
    let rules = view.snapshot.rules().ok_or_else(|| Failure::refused("the project could not be read"))?;
    let placeholder = old_name(rules, &entry.symbol)?;
    let range = match entry.role {
        // The name is made of others here; what is replaced is the whole of it.
        Role::Unnamed | Role::Implied | Role::Declared | Role::Used | Role::UsedWithId => view.now(entry.span),
    };
    let Some(range) = range else { return Ok(None) };
    Ok(Some(PrepareRenameResponse::RangeWithPlaceholder { range: view.range(range), placeholder }))
}

/// A rename that was asked for.
#[derive(Debug)]
pub(super) struct Rename {
    pub path: PathBuf,
    pub offset: usize,
    pub name: String,
    pub encoding: Encoding,
    pub addresses: Addresses,
}

/// Bytes of a file that are replaced.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Replacement {
    span: Span,
    text: String,
}

/// What a rename would change.
struct Plan {
    symbol: Symbol,
    old: String,
    replacements: Vec<Replacement>,
}

impl Rename {
    /// The answer from the last compilation, of the very texts that are open: what is refused whatever else there is, and the edits when the
    /// new name is free. `None` when it has to be judged.
    pub(super) fn at_once(&self, before: &Snapshot) -> Option<Result<Answer, Failure>> {
        let rules = before.current_rules()?;
        let plan = match self.plan(before, rules) {
            Ok(Some(plan)) => plan,
            Ok(None) => return Some(Ok(json(()))),
            Err(failure) => return Some(Err(failure)),
        };
        let places: Vec<Span> = plan.replacements.iter().map(|replacement| replacement.span).collect();
        let name = NewName { symbol: &plan.symbol, old: &plan.old, new: &self.name, places: &places };
        is_fresh(before, rules, name).then(|| Ok(self.edits(before, &plan.replacements)))
    }

    /// The edits of a rename in a compilation made for it.
    pub(super) fn answer(&self, wanted: &Wanted, before: &Snapshot) -> Result<Answer, Failure> {
        let rules = before.rules().ok_or_else(|| Failure::refused("the project could not be read"))?;
        let Some(plan) = self.plan(before, rules)? else { return Ok(json(())) };
        self.judge(wanted, before, &plan)?;
        Ok(self.edits(before, &plan.replacements))
    }

    /// What would be changed; `None` when the name is the old one.
    fn plan(&self, before: &Snapshot, rules: &Rules) -> Result<Option<Plan>, Failure> {
        let file = before.file(&self.path).ok_or_else(|| Failure::refused("the file is not part of its project"))?;
        let entry = before.index.at(file, self.offset).into_iter().next().ok_or_else(|| Failure::refused("there is no name here"))?;
        let old = old_name(rules, &entry.symbol)?;
        check_form(&entry.symbol, &self.name)?;
        if old == self.name {
            return Ok(None);
        }
        let replacements = replacements(before, rules, &entry.symbol, &old, &self.name)?;
        Ok(Some(Plan { symbol: entry.symbol.clone(), old, replacements }))
    }

    fn edits(&self, before: &Snapshot, replacements: &[Replacement]) -> Answer {
        let mut changes: BTreeMap<&Path, Vec<TextEdit>> = BTreeMap::new();
        for Replacement { span, text } in replacements {
            let Some(path) = before.path(span.file) else { continue };
            let (source, lines) = before.text(span.file);
            let range = lines.range(source, span.range(), self.encoding);
            changes.entry(path).or_default().push(TextEdit { range, new_text: text.clone() });
        }
        let changes = changes.into_iter().filter_map(|(path, edits)| Some((self.addresses.url(path)?, edits)));
        json(workspace_edit(changes.collect::<Vec<(Url, Vec<TextEdit>)>>(), &self.addresses))
    }

    /// Compiles with the new name and compares.
    fn judge(&self, wanted: &Wanted, before: &Snapshot, Plan { symbol, replacements, .. }: &Plan) -> Result<(), Failure> {
        let mut then = wanted.clone();
        for part in replacements.chunk_by(|one, other| one.span.file == other.span.file) {
            let Some(file) = part.first().map(|first| first.span.file) else { continue };
            let Some(path) = before.path(file) else { continue };
            let mut text = before.sources.file(file).text.clone();
            for Replacement { span, text: new } in part.iter().rev() {
                text.replace_range(span.range(), new);
            }
            then.overlay.insert(path.to_owned(), Arc::new(text));
        }
        let after = Snapshot::make(&then);
        let refuse = |why: String| Err(Failure::refused(format!("`{}` cannot be used: {why}", self.name)));
        if let Some(mistake) = after.mistakes.first() {
            return refuse(mistake.message.clone());
        }
        if let Some(new) = new_error(before, &after) {
            let file = after.sources.file(new.primary.span.file);
            let at = file.position(new.primary.span.start);
            return refuse(format!("{} ({}:{}:{})", new.message, file.name, at.line, at.column));
        }
        // Every name is there as before, and the renamed one at as many places.
        let count = |snapshot: &Snapshot, symbol: &Symbol| snapshot.index.of(symbol).count();
        let renamed = renamed(symbol, &self.name);
        if before.index.len() != after.index.len() || count(before, symbol) != count(&after, &renamed) {
            return refuse("some names would mean something else then".to_owned());
        }
        Ok(())
    }
}

/// An error that is there only with the new name.
fn new_error<'a>(before: &Snapshot, after: &'a Snapshot) -> Option<&'a Diagnostic> {
    let errors = |snapshot: &'a Snapshot| snapshot.diagnostics.iter().filter(|found| found.severity() == Severity::Error);
    let count = before.diagnostics.count(Severity::Error);
    if after.diagnostics.count(Severity::Error) <= count {
        return None;
    }
    let known: Vec<(_, &str)> = before.diagnostics.iter().map(|found| (found.code, found.message.as_str())).collect();
    errors(after).find(|found| !known.contains(&(found.code, found.message.as_str()))).or_else(|| errors(after).next_back())
}

/// The name of a symbol; or why it has none that can be changed here.
fn old_name(rules: &Rules, symbol: &Symbol) -> Result<String, Failure> {
    let program = &rules.program;
    Ok(match symbol {
        Symbol::Model(id) => program.model(*id).name.to_string(),
        Symbol::Property(model, id) => program.model(*model).property(*id).name.to_string(),
        Symbol::HasMany(model, id) => program.model(*model).has_many(*id).name.to_string(),
        Symbol::Webhook(id) => program.webhook(*id).name.to_string(),
        Symbol::Option(_, _, name) | Symbol::Variable(name) | Symbol::Secret(name) => name.to_string(),
        Symbol::Receiver(name) => {
            let why = format!("the receiver `{name}` keeps its deliveries under its name; a new name would be a new receiver");
            return Err(Failure::refused(why));
        }
        Symbol::Template(name) => return Err(Failure::refused(format!("`{name}` is a file; rename the file, then its uses"))),
        Symbol::Tool(_, name) => return Err(Failure::refused(format!("`{name}` is a word of the language"))),
        Symbol::Value(name, _) => return Err(Failure::refused(format!("`{name}` is a word of the language, or the variable of a loop"))),
    })
}

/// Refuses what can be no name, whatever else there is.
fn check_form(symbol: &Symbol, name: &str) -> Result<(), Failure> {
    let (good, expected) = match symbol {
        Symbol::Model(_) | Symbol::Property(..) | Symbol::HasMany(..) | Symbol::Variable(_) | Symbol::Secret(_) => {
            (is_name(name), "a letter, then letters, digits and underscores")
        }
        Symbol::Webhook(_) => (is_plain(name) && !name.contains([' ', '/']), "letters, digits, `_`, `-` and `.`"),
        Symbol::Option(..) => (is_plain(name) && !name.contains(','), "text without quotes, commas and markup"),
        Symbol::Receiver(_) | Symbol::Template(_) | Symbol::Tool(..) | Symbol::Value(..) => (false, "another place"),
    };
    if good { Ok(()) } else { Err(Failure::refused(format!("`{name}` is not a name for it, expected {expected}"))) }
}

/// Text that stands in XML, TOML, YAML and JSON as it is.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.trim() == name
        && !name.contains(['"', '\'', '<', '>', '&', '{', '}', '\\'])
        && !name.contains(char::is_control)
}

/// The symbol after the rename; ids stay, because nothing changes places.
fn renamed(symbol: &Symbol, name: &str) -> Symbol {
    match symbol {
        Symbol::Option(model, property, _) => Symbol::Option(*model, *property, name.into()),
        Symbol::Variable(_) => Symbol::Variable(name.into()),
        Symbol::Secret(_) => Symbol::Secret(name.into()),
        Symbol::Model(_)
        | Symbol::Property(..)
        | Symbol::HasMany(..)
        | Symbol::Webhook(_)
        | Symbol::Receiver(_)
        | Symbol::Template(_)
        | Symbol::Tool(..)
        | Symbol::Value(..) => symbol.clone(),
    }
}

/// What is replaced, by place.
fn replacements(snapshot: &Snapshot, rules: &Rules, symbol: &Symbol, old: &str, new: &str) -> Result<Vec<Replacement>, Failure> {
    let mut found = Vec::new();
    let after = |span: Span, bytes: u32, text: String| {
        let at = span.end + bytes;
        Replacement { span: Span { start: at, end: at, ..span }, text }
    };
    for entry in snapshot.index.of(symbol) {
        if let Some(other) = another_meaning(snapshot, entry) {
            let file = snapshot.sources.file(entry.span.file);
            let at = file.position(entry.span.start);
            let other = old_name(rules, other).unwrap_or_default();
            let why = format!("`{old}` in {}:{}:{} is `{other}` of another model too", file.name, at.line, at.column);
            return Err(Failure::refused(why));
        }
        match entry.role {
            Role::Declared | Role::Used | Role::UsedWithId => {
                if snapshot.sources.slice(entry.span) != old {
                    let file = snapshot.sources.file(entry.span.file);
                    let at = file.position(entry.span.start);
                    return Err(Failure::refused(format!("`{old}` is written in another way in {}:{}:{}", file.name, at.line, at.column)));
                }
                found.push(Replacement { span: entry.span, text: new.to_owned() });
            }
            // Behind the closing quote.
            Role::Implied => found.push(after(entry.span, 1, format!(" name=\"{new}\""))),
            Role::Unnamed => found.push(after(entry.span, 0, format!(" name=\"{new}\""))),
        }
        // What has its name from the model keeps it.
        if let Symbol::Model(_) = symbol {
            let implied = snapshot.index.exactly(entry.span).find(|other| other.role == Role::Implied);
            if implied.is_some() {
                found.push(after(entry.span, 1, format!(" name=\"{old}\"")));
            }
        }
    }
    if let Symbol::Model(id) = symbol {
        for webhook in &rules.program.model(*id).webhooks {
            let unnamed = snapshot.index.of(&Symbol::Webhook(*webhook)).find(|entry| entry.role == Role::Unnamed).map(|entry| entry.span);
            found.extend(unnamed.map(|span| after(span, 0, format!(" name=\"{}\"", rules.program.webhook(*webhook).name))));
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// Something else that the name at a place stands for: a template of several webhooks can read a field of each of their models.
fn another_meaning<'s>(snapshot: &'s Snapshot, entry: &Entry) -> Option<&'s Symbol> {
    let mut others = snapshot.index.exactly(entry.span).filter(|other| other.symbol != entry.symbol);
    let other = others.find(|other| !matches!((entry.role, other.role), (Role::Implied, _) | (_, Role::Implied)))?;
    Some(&other.symbol)
}

#[cfg(test)]
mod tests;
