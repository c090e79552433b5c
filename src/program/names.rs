//! What may be a name, and the names of models.

use rustc_hash::FxHashMap;

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::ids::ModelId;
use crate::schema::{self, Text};
use crate::text::Span;

const RESERVED: [&str; 4] = ["object", "account", "id", "type"];
const RESERVED_MEMBERS: [&str; 4] = ["_id", "_type", "account_id", "attribute"];

/// Words of JavaScript and TypeScript, sorted: receivers generate code from model names.
const DISCOURAGED: [&str; 66] = [
    "abstract",
    "any",
    "as",
    "async",
    "await",
    "boolean",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "constructor",
    "continue",
    "debugger",
    "declare",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "from",
    "function",
    "get",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "module",
    "namespace",
    "never",
    "new",
    "null",
    "number",
    "of",
    "package",
    "private",
    "protected",
    "public",
    "require",
    "return",
    "set",
    "static",
    "string",
    "super",
    "switch",
    "symbol",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "undefined",
    "unknown",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

/// Models by name. Later ones of the same name are reported.
pub(super) fn models<'a>(declared: &[(ModelId, &'a schema::Model<'_>)], out: &mut Diagnostics) -> FxHashMap<&'a str, ModelId> {
    let mut names: FxHashMap<&str, (ModelId, Span)> = FxHashMap::default();
    names.reserve(declared.len());
    for (id, model) in declared {
        let Some(name) = &model.name else {
            continue;
        };
        if !is_name(&name.value) {
            out.push(invalid_name("model", name));
        } else if RESERVED.contains(&&*name.value) {
            out.push(reserved_name("model", name));
        } else if DISCOURAGED.binary_search(&&*name.value).is_ok() {
            let message = format!("the model name `{}` is a word of JavaScript or TypeScript", name.value);
            out.push(
                Diagnostic::new(Code::DiscouragedName, name.span, message)
                    .help("code that is generated from the data model cannot use it; choose another name"),
            );
        }
        let (first, span) = *names.entry(&*name.value).or_insert((*id, name.span));
        if first != *id {
            out.push(duplicate("model", name, span));
        }
    }
    names.into_iter().map(|(name, (id, _))| (name, id)).collect()
}

/// Whether a model has a name by which others can mean it.
pub(super) fn is_nameable(model: &schema::Model<'_>) -> bool {
    model.name.as_ref().is_some_and(|name| is_name(&name.value))
}

/// Reports what is wrong with the name of a field or relation by itself; whether nothing is. `kind`: "field", "relation".
pub(super) fn check_member(kind: &str, name: &Text<'_>, out: &mut Diagnostics) -> bool {
    if is_reserved_member(&name.value) {
        out.push(reserved_name(kind, name));
        false
    } else if is_name(&name.value) {
        true
    } else {
        out.push(invalid_name(kind, name));
        false
    }
}

/// Whether no field or relation may have this name.
pub(crate) fn is_reserved_member(name: &str) -> bool {
    RESERVED.contains(&name) || RESERVED_MEMBERS.contains(&name)
}

/// The key under which payloads tell when an object was saved.
pub(super) const TIME_OF_SAVE: &str = "updated_at";

/// Says that a relation has the name under which payloads tell when an object was saved.
pub(super) fn time_of_save(name: &Text<'_>) -> Diagnostic {
    let message = format!("the relation name `{}` is the key of the time at which an object was saved", name.value);
    Diagnostic::new(Code::DiscouragedName, name.span, message)
        .help("where the relation is embedded, it takes the place of the time; choose another name")
}

/// Says that a name looks like the id that a relation brings.
pub(super) fn id_suffix(kind: &str, name: &Text<'_>) -> Diagnostic {
    let message = format!("the {kind} name `{}` ends in `_id`, like the ids of relations", name.value);
    Diagnostic::new(Code::IdSuffix, name.span, message)
        .help("a belongs-to `x` brings its own `x_id`; if this is an id of another system, name the system")
}

/// Says that something of this kind has this name already.
pub(super) fn duplicate(kind: &str, name: &Text<'_>, first: Span) -> Diagnostic {
    let message = format!("the {kind} `{}` is defined twice", name.value);
    Diagnostic::new(Code::DuplicateDefinition, name.span, message).related(first, "first defined here")
}

/// Whether a model may have this name without an error or a warning.
pub(crate) fn is_good_model_name(name: &str) -> bool {
    is_name(name) && !RESERVED.contains(&name) && DISCOURAGED.binary_search(&name).is_err()
}

/// Whether a text is a NAME: a letter, then letters, digits and underscores.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn invalid_name(kind: &str, name: &Text<'_>) -> Diagnostic {
    let message = format!("`{}` is not a {kind} name; expected a letter, then letters, digits and underscores", name.value);
    Diagnostic::new(Code::InvalidName, name.span, message)
}

fn reserved_name(kind: &str, name: &Text<'_>) -> Diagnostic {
    let message = format!("`{}` is reserved and cannot name a {kind}", name.value);
    Diagnostic::new(Code::ReservedName, name.span, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discouraged_words_can_be_searched() {
        assert!(DISCOURAGED.is_sorted());
    }
}
