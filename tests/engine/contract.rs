//! What the engine sends is what the contract says: every payload of every case, example and random sequence validates, and nothing else
//! does.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use webhookc::check::Rules;
use webhookc::compile::compile;
use webhookc::config::{self, Overrides};
use webhookc::contract::{bundle, payload_schema, typescript};
use webhookc::ids::WebhookId;

use crate::support::in_words;
use crate::world::World;

/// The schemas of a program, compiled when they are first needed.
#[derive(Default)]
pub struct Schemas(BTreeMap<WebhookId, jsonschema::Validator>);

impl Schemas {
    /// Fails when the payload is not what its webhook promises.
    pub fn check(&mut self, rules: &Rules, webhook: WebhookId, payload: &[u8]) {
        let schema = || payload_schema(&rules.program, rules.program.webhook(webhook));
        let validator = self.0.entry(webhook).or_insert_with(|| validator(&schema()));
        let payload: Value = serde_json::from_slice(payload).unwrap();
        let errors: Vec<String> = validator.iter_errors(&payload).map(|error| format!("{} at {}", error, error.instance_path())).collect();
        assert!(errors.is_empty(), "{}\n{payload:#}\n{:#}", errors.join("\n"), schema());
    }
}

fn validator(schema: &Value) -> jsonschema::Validator {
    assert!(jsonschema::meta::is_valid(schema), "{schema:#}");
    jsonschema::options().should_validate_formats(true).build(schema).unwrap()
}

/// Everything that differs from a value in one place: a key left out, one more, another type.
fn spoiled(value: &Value) -> Vec<Value> {
    let mut out = Vec::new();
    match value {
        Value::Object(object) => {
            let mut more = object.clone();
            more.insert("one_more".to_owned(), json!(1));
            out.push(Value::Object(more));
            for (key, inner) in object {
                let mut less = object.clone();
                less.remove(key);
                out.push(Value::Object(less));
                for other in spoiled(inner) {
                    let mut changed = object.clone();
                    changed.insert(key.clone(), other);
                    out.push(Value::Object(changed));
                }
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                for other in spoiled(inner) {
                    let mut changed = items.clone();
                    changed[index] = other;
                    out.push(Value::Array(changed));
                }
            }
            out.push(json!({"not": "a list"}));
        }
        Value::String(_) | Value::Null => out.extend([json!(7.5), json!({"not": "it"})]),
        Value::Bool(_) | Value::Number(_) => out.extend([json!("text"), json!([])]),
    }
    out
}

fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let mut folders: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.retain(|folder| folder.join("schema.xml").exists());
    folders.sort();
    assert!(folders.len() >= 7, "{folders:?}");
    folders
}

#[test]
fn the_saves_of_every_example_keep_what_its_schema_promises_and_nothing_else_would() {
    let (mut fired, mut tried) = (0, 0);
    for folder in examples() {
        let project = config::read(std::slice::from_ref(&folder), &Overrides::default()).outcome.unwrap();
        let compilation = compile(project.input);
        let found = in_words(&compilation);
        let rules = compilation.rules.unwrap_or_else(|| panic!("{}: {found}", folder.display()));
        validator(&bundle(&rules.program));
        for webhook in &rules.program.webhooks {
            let text = typescript(&payload_schema(&rules.program, webhook));
            assert!(text.contains("account_id: string;") && !text.contains("unknown"), "{text}");
        }
        let Ok(saves) = fs::read_to_string(folder.join("saves.ndjson")) else { continue };
        let mut world = World::of(rules);
        for line in saves.lines().filter(|line| !line.trim().is_empty()) {
            let save: Value = serde_json::from_str(line).unwrap();
            let object = format!("{}/{}", save["model"].as_str().unwrap(), save["id"].as_str().unwrap());
            let verb = save["verb"].as_str().unwrap_or("put").to_ascii_uppercase();
            let field = save["field"].as_str().map(|field| format!("/{field}")).unwrap_or_default();
            let body = save.get("fields").map(Value::to_string).unwrap_or_default();
            let verb = if verb == "UPLOAD" { "PUT".to_owned() } else { verb };
            let Ok(outcome) = world.save(&verb, &format!("{object}{field}"), &body) else { continue };
            for firing in &outcome.firings {
                let schema = payload_schema(&world.rules.program, world.rules.program.webhook(firing.webhook));
                let validator = validator(&schema);
                let payload: Value = serde_json::from_slice(&firing.payload).unwrap();
                assert!(validator.is_valid(&payload), "{payload:#}\n{schema:#}");
                for wrong in spoiled(&payload) {
                    assert!(!validator.is_valid(&wrong), "{wrong:#}\n{schema:#}");
                    tried += 1;
                }
                fired += 1;
            }
        }
    }
    assert!(fired >= 2 && tried > 100, "{fired} fired, {tried} tried");
}

#[test]
fn a_relation_that_is_called_like_a_key_of_every_object_stands_in_its_place_once() {
    for relation in [r#"<has-many model="asset" name="updated_at"/>"#, r#"<belongs-to model="asset" name="updated_at"/>"#] {
        let mut world = World::new(&format!(
            r#"<data-model><model name="room" label="Room"><field name="name" label="N" type="text"/>{relation}<display>{{name}}</display>
<webhook type="update" name="saved"><field name="updated_at" required="false"/></webhook></model>
<model name="asset" label="Asset"><field name="name" label="Name" type="text"/><belongs-to model="room"/><display>{{name}}</display></model>
</data-model>"#
        ));
        let outcome = world.save("PUT", "room/r1", "{}").unwrap();
        let payload = std::str::from_utf8(&outcome.firings[0].payload).unwrap();
        assert_eq!(payload.matches("\"updated_at\":").count(), 1, "{payload}");
    }
}

#[test]
fn a_schema_says_what_the_conditions_guarantee() {
    let world = World::new(
        r#"<data-model><model name="room" label="Room"><field name="name" label="N" type="text"/><display>{name}</display></model>
<model name="asset" label="Asset"><field name="name" label="Name" type="text"/><field name="size" label="Size" type="integer"/>
<field name="status" label="Status" type="single-choice"><option key="open">Open</option><option key="done">Done</option></field>
<field name="tags" label="Tags" type="multiple-choice"><option key="a">A</option><option key="b">B</option></field>
<field name="picture" label="Picture" type="photo"/><field name="paper" label="Paper" type="attachment" media="any"/>
<belongs-to model="room"/><belongs-to model="room" name="other"/><display>{name}</display>
<webhook type="update" name="saved" on="create"><field name="name"/><field name="status" equals="done"/><field name="tags"/>
<field name="picture" state="uploaded"/><field name="paper" required="false" embed="false"/><field name="room"/><field name="other" required="false"/></webhook>
</model></data-model>"#,
    );
    let schema = payload_schema(&world.rules.program, &world.rules.program.webhooks[0]);
    let object = &schema["properties"]["object"]["properties"];
    assert_eq!(schema["properties"]["operation"], json!({"enum": ["create"]}));
    assert_eq!(object["name"], json!({"type": "string", "minLength": 1, "title": "Name"}));
    assert_eq!(object["size"]["type"], json!(["integer", "null"]));
    assert_eq!(object["status"]["enum"], json!(["done"]));
    assert_eq!(
        object["tags"],
        json!({"type": "array", "items": {"enum": ["a", "b"], "description": "a: A\nb: B"}, "minItems": 1, "title": "Tags"})
    );
    assert_eq!(object["picture"]["properties"]["state"], json!({"const": "uploaded"}));
    assert_eq!((&object["paper_id"]["type"], object.get("paper")), (&json!(["string", "null"]), None), "by its id alone");
    assert_eq!((&object["room_id"]["type"], &object["room"]["type"]), (&json!("string"), &json!("object")));
    assert_eq!((&object["other_id"]["type"], &object["other"]["type"]), (&json!(["string", "null"]), &json!(["object", "null"])));
    let text = typescript(&schema);
    for part in ["status: \"done\";", "size: number | null;", "tags: Array<\"a\" | \"b\">;", "export type Saved = {", "room_id: string;"] {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
}
