//! A save → the JSON that `POST …/saves` takes, on one line: reading it again gives the same save.

use serde_json::{Map, Value, json};

use crate::engine::save::{Change, Save};
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
