//! A save ↔ the JSON that `POST …/saves` takes, on one line: whoever brings saves to a node writes them like this.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::check::{Rules, Valid};
use crate::engine::json::{is_object, kind_of_document};
use crate::engine::mistake::Refused;
use crate::engine::save::{Change, Save, Verb, parse_save};
use crate::ids::PropertyId;
use crate::program::{Program, stored_name};

impl Save {
    /// The item of a batch that says the same.
    #[must_use]
    pub fn to_item(&self, program: &Program) -> String {
        let model = program.model(self.model);
        let name = |property: PropertyId| stored_name(model.property(property)).into_owned();
        let mut item = Map::new();
        item.insert("model".to_owned(), Value::from(&*model.name));
        item.insert("id".to_owned(), Value::from(&*self.id));
        let rest = match &self.change {
            Change::Put(values) => {
                let set = model.properties.iter().zip(values).filter(|(_, value)| !value.is_null());
                json!({ "fields": set.map(|(property, value)| (stored_name(property).into_owned(), value.clone())).collect::<Map<_, _>>() })
            }
            Change::Patch(values) => {
                let fields: Map<_, _> = values.iter().map(|(property, value)| (name(*property), value.clone())).collect();
                json!({ "verb": "patch", "fields": fields })
            }
            Change::Upload(property, value) => json!({ "verb": "upload", "field": name(*property), "fields": value }),
            Change::Delete | Change::RowGone(_) => json!({ "verb": "delete" }),
            Change::Row(row) => {
                let fields: Map<_, _> = row.values.iter().map(|(property, value)| (name(*property), value.clone())).collect();
                // A row that says everything is what the object is.
                let verb = if row.values.len() == model.properties.len() { "put" } else { "patch" };
                json!({ "verb": verb, "fields": fields })
            }
        };
        if let Value::Object(rest) = rest {
            item.extend(rest);
        }
        Value::Object(item).to_string()
    }
}

/// One save of a batch.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item<'a> {
    model: String,
    id: String,
    #[serde(default)]
    verb: Word,
    /// The attachment, with the verb `upload`.
    field: Option<String>,
    #[serde(borrow)]
    fields: Option<&'a RawValue>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    #[default]
    Put,
    Patch,
    Delete,
    Upload,
}

/// Why an item is no save.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemError {
    /// It is not JSON, or not such an object: what was seen, what was expected.
    Malformed(String),
    /// The data model does not allow its fields.
    Refused(Vec<Refused>),
}

/// Reads one item of a batch.
///
/// # Errors
/// When it is no save of the data model.
pub fn read_item(rules: &Valid<Rules>, item: &[u8]) -> Result<Save, ItemError> {
    let wrong = |detail: &str| ItemError::Malformed(detail.to_owned());
    // What is read into named fields would also be read from a list of their values.
    if !is_object(item) {
        return Err(wrong(&format!("the item is {}, expected an object", kind_of_document(item))));
    }
    let item: Item<'_> = serde_json::from_slice(item).map_err(|error| ItemError::Malformed(error.to_string()))?;
    let field = item.field.as_deref();
    let verb = match (item.verb, field) {
        (Word::Put, None) => Verb::Put,
        (Word::Patch, None) => Verb::Patch,
        (Word::Delete, None) => Verb::Delete,
        (Word::Upload, Some(field)) => Verb::Upload(field),
        (Word::Upload, None) => return Err(wrong("the verb `upload` needs a `field`, the name of the attachment")),
        (Word::Put | Word::Patch | Word::Delete, Some(_)) => return Err(wrong("`field` goes only with the verb `upload`")),
    };
    let body = match (item.fields, item.verb) {
        (Some(fields), Word::Put | Word::Patch | Word::Upload) => fields.get(),
        (None, Word::Delete) => "",
        (Some(_), Word::Delete) => return Err(wrong("the verb `delete` has no `fields`")),
        (None, Word::Put | Word::Patch | Word::Upload) => return Err(wrong("a save needs `fields`, an object")),
    };
    parse_save(rules, &item.model, &item.id, verb, body.as_bytes()).map_err(ItemError::Refused)
}
