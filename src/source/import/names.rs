//! Names of a database → names that the language has: a letter, then letters, digits and underscores, none of them reserved or taken.

use std::collections::BTreeSet;

use crate::program::{is_good_model_name, is_name, is_reserved_member};

/// The names that are taken in one place.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    /// A name for a model, of the first of these that will do.
    pub(super) fn model(&mut self, wishes: &[&str]) -> String {
        self.choose(wishes, "table", "_model", |name, taken| is_good_model_name(name) && !taken.contains(name))
    }

    /// A name for a field.
    pub(super) fn field(&mut self, wish: &str) -> String {
        self.choose(&[wish], "column", "_field", is_free_member)
    }

    /// A name for a relation, which brings another one in `_id`.
    pub(super) fn relation(&mut self, wish: &str) -> String {
        let free = |name: &str, taken: &BTreeSet<String>| {
            let id = format!("{name}_id");
            // One that ends in `_id` itself looks like the id of another.
            is_free_member(name, taken) && is_free_member(&id, taken) && !name.ends_with("_id")
        };
        let name = self.choose(&[wish], "relation", "_ref", free);
        self.0.insert(format!("{name}_id"));
        name
    }

    /// Whether a name is taken.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    fn choose(&mut self, wishes: &[&str], kind: &str, suffix: &str, free: impl Fn(&str, &BTreeSet<String>) -> bool) -> String {
        let valid: Vec<String> = wishes.iter().map(|wish| valid(wish, kind)).collect();
        let first = valid.last().map_or(kind, String::as_str).to_owned();
        let changed = (1_u64..).map(|number| if number == 1 { format!("{first}{suffix}") } else { format!("{first}_{number}") });
        // The numbers do not come to an end.
        let name = valid.into_iter().chain(changed).find(|name| free(name, &self.0)).unwrap_or(first);
        self.0.insert(name.clone());
        name
    }
}

fn is_free_member(name: &str, taken: &BTreeSet<String>) -> bool {
    is_name(name) && !is_reserved_member(name) && !taken.contains(name)
}

/// The name that is nearest to a text: what cannot stand in one is an underscore.
fn valid(text: &str, kind: &str) -> String {
    if is_name(text) {
        return text.to_owned();
    }
    let mut name = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            name.push(c);
        } else if !name.ends_with('_') && !name.is_empty() {
            name.push('_');
        }
    }
    let name = name.trim_end_matches('_');
    if is_name(name) { name.to_owned() } else { format!("{kind}_{name}").trim_end_matches('_').to_owned() }
}

/// What people call it: words, the first with a capital.
pub(super) fn label(text: &str) -> String {
    let words = text.split(|c: char| c == '_' || c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let words = words.collect::<Vec<_>>().join(" ");
    let mut chars = words.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => text.replace(char::is_control, " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_valid_and_each_is_given_once() {
        let mut names = Names::default();
        let given = ["order", "order", "my \"table\"", "Straße", "2024", "…", "object", "class", "Order"].map(|wish| names.model(&[wish]));
        let expected = ["order", "order_model", "my_table", "Stra_e", "table_2024", "table", "object_model", "class_model", "Order"];
        assert_eq!(given, expected);
    }

    #[test]
    fn a_relation_needs_two_names() {
        let mut names = Names::default();
        assert_eq!(names.field("owner"), "owner");
        assert_eq!(names.relation("owner"), "owner_ref");
        assert_eq!(names.field("editor_id"), "editor_id");
        assert_eq!(names.relation("editor"), "editor_ref");
        assert_eq!(names.relation("account"), "account_ref");
        assert_eq!(names.field("type"), "type_field");
        assert_eq!(names.field("owner_ref_id"), "owner_ref_id_field");
    }

    #[test]
    fn a_label_is_words() {
        assert_eq!(["order_lines", "Größe", "_", "élan vital"].map(label), ["Order lines", "Größe", "_", "Élan vital"]);
    }
}
