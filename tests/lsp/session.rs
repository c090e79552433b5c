//! How sessions go: opening, changing, closing, several files, what is no message, and how it ends.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::Client;
use crate::text::{edited, position};

const SCHEMA: &str = "<data-model>
    <model name=\"asset\" label=\"Asset\">
        <field name=\"name\" label=\"Name 𝄞\" type=\"text\" />
        <display>{name}</display>
        <webhook type=\"update\">
            <field name=\"name\" />
        </webhook>
    </model>
</data-model>
";
const CONFIG: &str =
    "[[endpoints]]\nname = \"erp\"\nevents = [\"asset_update\"]\nurl = \"https://erp.example/\"\ntemplate = \"asset.json\"\n";
const TEMPLATE: &str = "{\"name\": \"{{ object.name }}\"}\n";

fn project() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("templates")).unwrap();
    for (name, text) in [("schema.xml", SCHEMA), ("webhookc.toml", CONFIG), ("templates/asset.json", TEMPLATE)] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// The range of the first occurrence of a text.
fn range(text: &str, part: &str) -> Value {
    let start = text.find(part).unwrap();
    json!({"start": position(text, start), "end": position(text, start + part.len())})
}

fn codes(found: &[Value]) -> Vec<String> {
    found.iter().map(|found| found["code"].as_str().unwrap_or("none").to_owned()).collect()
}

#[test]
fn what_is_typed_counts_before_it_is_saved_and_what_is_closed_no_longer() {
    let folder = project();
    let mut client = Client::greeted(folder.path(), json!({}));
    client.open("schema.xml", SCHEMA);
    assert_eq!(client.diagnostics("schema.xml"), Vec::<Value>::new());

    client.change("schema.xml", Some(range(SCHEMA, "{name}")), "{nmae}");
    assert_eq!(codes(&client.diagnostics("schema.xml")), ["WH0203"]);
    let broken = SCHEMA.replace("{name}", "{nmae}");
    client.change("schema.xml", Some(range(&broken, "{nmae}")), "{name}");
    assert_eq!(client.diagnostics("schema.xml"), Vec::<Value>::new());

    // A field is renamed by hand: the template, which is not open, is wrong now, and again right when the schema is closed unsaved.
    let url = client.url("templates/asset.json");
    client.change("schema.xml", Some(range(SCHEMA, "\"name\" label")), "\"title\" label");
    client.wait(|message| message["params"]["uri"] == json!(url) && message["params"]["diagnostics"][0]["code"] == "WH0402");
    client.open("templates/asset.json", TEMPLATE);
    assert_eq!(codes(&client.diagnostics("templates/asset.json")), ["WH0402"]);
    client.close("schema.xml");
    client.wait(|message| message["params"]["uri"] == json!(url) && message["params"]["diagnostics"] == json!([]));

    // The last text of the project is closed: nothing is shown any more.
    client.change("templates/asset.json", None, "{");
    assert_eq!(codes(&client.diagnostics("templates/asset.json")), ["WH0504"]);
    client.close("templates/asset.json");
    client.wait(|message| message["params"]["uri"] == json!(url) && message["params"]["diagnostics"] == json!([]));
    client.goodbye();
}

#[test]
fn a_rename_changes_files_that_are_not_open_and_is_of_the_newest_text() {
    let folder = project();
    let mut client = Client::greeted(folder.path(), json!({"workspace": {"workspaceEdit": {"documentChanges": true}}}));
    client.open("schema.xml", SCHEMA);
    client.diagnostics("schema.xml");
    // Typed and asked in one breath.
    let text = SCHEMA.replacen("<data-model>\n", "<data-model>\n\n", 1);
    client.change("schema.xml", Some(json!({"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 0}})), "\n");
    let at = position(&text, text.find("name\" label").unwrap());
    let url = client.url("schema.xml");
    let params = json!({"textDocument": {"uri": url}, "position": at, "newName": "title"});
    let edit = client.ask("textDocument/rename", params).unwrap();
    let changes = edit["documentChanges"].as_array().unwrap();
    assert_eq!(changes.len(), 2);
    for change in changes {
        let document = &change["textDocument"];
        let edits = change["edits"].as_array().unwrap();
        if document["uri"] == json!(url) {
            assert_eq!(document["version"], 2);
            let new = edited(&text, edits);
            assert_eq!(new.matches("title").count(), 3);
            client.change("schema.xml", None, &new);
        } else {
            assert_eq!(document["version"], Value::Null);
            assert_eq!(edited(TEMPLATE, edits), "{\"name\": \"{{ object.title }}\"}\n");
            fs::write(folder.path().join("templates/asset.json"), edited(TEMPLATE, edits)).unwrap();
        }
    }
    assert_eq!(client.diagnostics("schema.xml"), Vec::<Value>::new());
    client.goodbye();
}

#[test]
fn columns_are_bytes_when_the_client_takes_them() {
    let folder = project();
    let mut client = Client::start(folder.path());
    let capabilities = json!({"general": {"positionEncodings": ["utf-8", "utf-16"]}});
    let said = client.ask("initialize", json!({"processId": null, "rootUri": null, "capabilities": capabilities})).unwrap();
    assert_eq!(said["capabilities"]["positionEncoding"], "utf-8");
    let text = SCHEMA.replace("Name 𝄞\" type=\"text\"", "Name 𝄞\" type=\"txt\"");
    client.open("schema.xml", &text);
    let found = client.diagnostics("schema.xml");
    let line = text.lines().nth(2).unwrap();
    assert_eq!(found[0]["range"]["start"], json!({"line": 2, "character": line.find("txt").unwrap()}));
    client.goodbye();
}

#[test]
fn a_project_file_with_a_mistake_leaves_everything_else_as_it_was() {
    let folder = project();
    let mut client = Client::greeted(folder.path(), json!({}));
    client.open("webhookc.toml", CONFIG);
    client.open("schema.xml", SCHEMA);
    assert_eq!(client.diagnostics("webhookc.toml"), Vec::<Value>::new());
    client.change("webhookc.toml", None, &CONFIG.replace("url =", "url"));
    assert_eq!(client.diagnostics("webhookc.toml").len(), 1);
    client.change("schema.xml", Some(range(SCHEMA, "{name}")), "{nmae}");
    assert_eq!(codes(&client.diagnostics("schema.xml")), ["WH0203"]);
    assert_eq!(client.diagnostics("webhookc.toml").len(), 1, "it is still shown");
    let at = position(SCHEMA, SCHEMA.find("asset\"").unwrap());
    assert!(
        client.at("textDocument/hover", "schema.xml", &at).unwrap()["contents"]["value"].as_str().unwrap().contains("**model** `asset`")
    );
    client.goodbye();
}

#[test]
fn a_schema_beside_others_and_a_file_that_is_none() {
    let folder = project();
    fs::write(folder.path().join("webhookc.toml"), "schemas = [\"schema.xml\"]\n").unwrap();
    let mut client = Client::greeted(folder.path(), json!({}));
    // The project leaves it out, so it is judged alone.
    let other = SCHEMA.replace("{name}", "{nmae}");
    client.open("other.xml", &other);
    client.diagnostics("other.xml");
    let url = client.url("other.xml");
    if codes(client.shown[&url]["diagnostics"].as_array().unwrap()).is_empty() {
        client.wait(|message| message["params"]["uri"] == json!(url) && message["params"]["diagnostics"][0]["code"] == "WH0203");
    }
    client.open("pom.xml", "<project><nothing></project>");
    assert_eq!(client.diagnostics("pom.xml"), Vec::<Value>::new());
    client.goodbye();

    // A folder that has nothing to do with us, in which an editor starts the server all the same.
    let folder = tempfile::tempdir().unwrap();
    let mut client = Client::greeted(folder.path(), json!({}));
    fs::write(folder.path().join("pom.xml"), "<project><nothing></project>").unwrap();
    client.open("pom.xml", "<project><nothing></project>");
    assert_eq!(client.diagnostics("pom.xml"), Vec::<Value>::new());
    client.open("Cargo.toml", "[package]\n");
    assert_eq!(client.at("textDocument/hover", "Cargo.toml", &json!({"line": 0, "character": 2})), Ok(Value::Null));
    // A schema is begun in it, before it is a file.
    client.open("schema.xml", "");
    let root = client.at("textDocument/completion", "schema.xml", &json!({"line": 0, "character": 0})).unwrap();
    assert_eq!(root["items"][0]["label"], "data-model");
    client.change("schema.xml", None, SCHEMA);
    assert_eq!(codes(&client.diagnostics("schema.xml")), ["WH0313"]);
    client.goodbye();
}

#[test]
fn messages_that_are_none_are_answered_and_the_session_goes_on() {
    let folder = project();
    let mut client = Client::start(folder.path());
    let early = client.at("textDocument/hover", "schema.xml", &json!({"line": 0, "character": 0})).unwrap_err();
    assert_eq!(early["code"], -32002);
    client.ask("initialize", json!({"capabilities": {}})).unwrap();
    assert_eq!(client.ask("initialize", json!({"capabilities": {}})).unwrap_err()["code"], -32600);
    client.send_bytes(b"Content-Length: 5\r\n\r\n{nope");
    let said = client.wait(|message| message["error"]["code"] == -32700);
    assert_eq!(said["id"], Value::Null);
    assert_eq!(client.ask("textDocument/unheardOf", json!({})).unwrap_err()["code"], -32601);
    assert_eq!(client.ask("textDocument/hover", json!({"position": 7})).unwrap_err()["code"], -32602);
    assert_eq!(client.at("textDocument/hover", "closed.xml", &json!({"line": 0, "character": 0})).unwrap_err()["code"], -32602);
    client.tell("textDocument/didChange", json!({"nonsense": true}));
    client.tell("$/unheardOf", json!({}));
    client.open("schema.xml", SCHEMA);
    assert_eq!(client.diagnostics("schema.xml"), Vec::<Value>::new());
    client.goodbye();
}

#[test]
fn what_is_taken_back_is_not_answered() {
    let folder = project();
    let mut client = Client::greeted(folder.path(), json!({}));
    client.open("schema.xml", SCHEMA);
    client.diagnostics("schema.xml");
    // It waits for the compilation of what was just typed.
    client.change("schema.xml", Some(range(SCHEMA, "{name}")), "{nmae}");
    let url = client.url("schema.xml");
    let params = json!({"textDocument": {"uri": url}, "position": {"line": 1, "character": 18}, "context": {"includeDeclaration": true}});
    let id = client.request("textDocument/references", params);
    client.tell("$/cancelRequest", json!({"id": id}));
    let outcome = client.answer(id);
    // It may have been answered before the cancellation was read.
    assert!(outcome.as_ref().map_or_else(|error| error["code"] == -32800, Value::is_array), "{outcome:?}");
    client.goodbye();
}

#[test]
fn it_ends_as_the_protocol_says() {
    let folder = project();
    let mut client = Client::greeted(folder.path(), json!({}));
    client.ask("shutdown", Value::Null).unwrap();
    assert_eq!(client.ask("textDocument/hover", json!({})).unwrap_err()["code"], -32600);
    client.tell("exit", Value::Null);
    assert_eq!(client.end().0.code(), Some(0));

    let mut client = Client::greeted(folder.path(), json!({}));
    client.tell("exit", Value::Null);
    assert_eq!(client.end().0.code(), Some(1), "without shutdown");

    let client = Client::greeted(folder.path(), json!({}));
    assert_eq!(client.end().0.code(), Some(1), "the editor is gone");

    let mut client = Client::start(folder.path());
    client.send_bytes(b"GET / HTTP/1.1\r\n\r\n");
    let (status, complaint) = client.end();
    assert_eq!(status.code(), Some(2));
    assert!(complaint.contains("`GET / HTTP/1.1` is not a header"), "{complaint}");
}
