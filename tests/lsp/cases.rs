//! The cases: a folder with a project in which `‸` marks a place, and what the server says of it. `UPDATE_EXPECT=1` rewrites what is expected.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::client::Client;
use crate::text::{difference, edited, offset, position, slice};

const MARK: char = '‸';

/// A project with a place in it.
struct Case {
    kind: String,
    folder: PathBuf,
    /// The files without the mark.
    files: BTreeMap<String, String>,
    /// The file with the place, and where it is.
    marked: String,
    place: usize,
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    found.sort();
    found
}

fn files(folder: &Path, base: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, base, found);
        } else {
            let name = path.strip_prefix(base).unwrap().to_string_lossy().replace('\\', "/");
            found.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

impl Case {
    fn read(kind: &str, folder: &Path) -> Self {
        let mut files_of = BTreeMap::new();
        files(folder, folder, &mut files_of);
        files_of.remove("expected.txt");
        let marked = files_of.iter().find(|(_, text)| text.contains(MARK)).unwrap_or_else(|| panic!("no mark in {}", folder.display()));
        let (marked, place) = (marked.0.clone(), marked.1.find(MARK).unwrap());
        for text in files_of.values_mut() {
            *text = text.replace(MARK, "");
        }
        Self { kind: kind.to_owned(), folder: folder.to_owned(), files: files_of, marked, place }
    }

    fn run(&self) -> String {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in &self.files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let mut client = Client::greeted(folder.path(), json!({}));
        let text = &self.files[&self.marked];
        client.open(&self.marked, text);
        let at = position(text, self.place);
        let url = client.url(&self.marked);
        let document = json!({"uri": url});
        let said = match self.kind.as_str() {
            "completion" => client.at("textDocument/completion", &self.marked, &at).map(|list| completions(&list, text, self.place)),
            "hover" => client.at("textDocument/hover", &self.marked, &at).map(|hover| hovered(&hover, text)),
            "definition" => client.at("textDocument/definition", &self.marked, &at).map(|found| self.locations(&client, &found)),
            "references" => {
                let params = json!({"textDocument": document, "position": at, "context": {"includeDeclaration": true}});
                client.ask("textDocument/references", params).map(|found| self.locations(&client, &found))
            }
            "rename" => {
                let name = self.files["new_name"].trim();
                let params = json!({"textDocument": document, "position": at, "newName": name});
                client.ask("textDocument/rename", params).map(|edit| self.changes(&client, &edit))
            }
            "actions" => {
                let params = json!({"textDocument": document, "range": {"start": at, "end": at}, "context": {"diagnostics": []}});
                client.ask("textDocument/codeAction", params).map(|actions| self.actions(&client, &actions))
            }
            "diagnostics" => Ok(client.diagnostics(&self.marked).iter().map(|found| diagnostic(found, text)).collect()),
            "outline" => client.ask("textDocument/documentSymbol", json!({"textDocument": document})).map(|list| outlined(&list, text, 0)),
            "formatting" => {
                let params = json!({"textDocument": document, "options": {"tabSize": 4, "insertSpaces": true}});
                client.ask("textDocument/formatting", params).map(|edits| match edits.as_array() {
                    Some(edits) => difference(text, &edited(text, edits)),
                    None => "nothing\n".to_owned(),
                })
            }
            kind => panic!("{kind} is no kind of case"),
        };
        client.goodbye();
        said.unwrap_or_else(|error| format!("error: {}\n", error["message"].as_str().unwrap()))
    }

    fn name_of(client: &Client, url: &str) -> String {
        url.strip_prefix(&client.url("")).unwrap_or(url).to_owned()
    }

    fn locations(&self, client: &Client, found: &Value) -> String {
        let mut out = String::new();
        for place in found.as_array().unwrap() {
            let name = Self::name_of(client, place["uri"].as_str().unwrap());
            let text = &self.files[&name];
            let line = place["range"]["start"]["line"].as_u64().unwrap();
            let context = text.lines().nth(usize::try_from(line).unwrap()).unwrap_or_default().trim();
            out.push_str(&format!("{name}:{}: `{}` in {context}\n", line + 1, slice(text, &place["range"])));
        }
        if out.is_empty() { "nothing\n".to_owned() } else { out }
    }

    fn changes(&self, client: &Client, edit: &Value) -> String {
        let mut out = String::new();
        let changes: BTreeMap<String, Value> = serde_json::from_value(edit["changes"].clone()).unwrap_or_default();
        for (url, edits) in changes {
            let name = Self::name_of(client, &url);
            let text = &self.files[&name];
            out.push_str(&format!("{name}\n{}", difference(text, &edited(text, edits.as_array().unwrap()))));
        }
        if out.is_empty() { "nothing\n".to_owned() } else { out }
    }

    fn actions(&self, client: &Client, actions: &Value) -> String {
        let mut out = String::new();
        for action in actions.as_array().unwrap() {
            let preferred = if action["isPreferred"] == true { " (preferred)" } else { "" };
            out.push_str(&format!("{} [{}]{preferred}\n", action["title"].as_str().unwrap(), action["kind"].as_str().unwrap()));
            out.push_str(&self.changes(client, &action["edit"]));
        }
        if out.is_empty() { "nothing\n".to_owned() } else { out }
    }
}

fn completions(list: &Value, text: &str, place: usize) -> String {
    let mut items: Vec<&Value> = list["items"].as_array().unwrap().iter().collect();
    items.sort_by_key(|item| item["sortText"].as_str().unwrap().to_owned());
    let mut out = String::new();
    for item in items {
        let edit = &item["textEdit"];
        let (label, new) = (item["label"].as_str().unwrap(), edit["newText"].as_str().unwrap());
        let (start, end) = (offset(text, &edit["range"]["start"]), offset(text, &edit["range"]["end"]));
        assert!(start <= place && place <= end, "the cursor is outside of what is replaced");
        let over = if start == end { String::new() } else { format!(" over `{}`", &text[start..end]) };
        let insert = if new == label { String::new() } else { format!(" → {new:?}") };
        let about = item["documentation"]["value"].as_str().unwrap_or_default();
        out.push_str(format!("{label}{insert}{over}: {about}").trim_end_matches([':', ' ']));
        out.push('\n');
    }
    if out.is_empty() { "nothing\n".to_owned() } else { out }
}

fn hovered(hover: &Value, text: &str) -> String {
    if hover.is_null() {
        return "nothing\n".to_owned();
    }
    format!("over `{}`\n{}\n", slice(text, &hover["range"]), hover["contents"]["value"].as_str().unwrap())
}

fn diagnostic(found: &Value, text: &str) -> String {
    let word = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
    let severity = ["", "error", "warning", "info"][usize::try_from(found["severity"].as_u64().unwrap()).unwrap()];
    let tags = found["tags"].as_array().map(|tags| format!(" tags {tags:?}")).unwrap_or_default();
    let mut out = format!("{severity} {} at `{}`{tags}: {}\n", word("code"), slice(text, &found["range"]), word("message"));
    for related in found["relatedInformation"].as_array().into_iter().flatten() {
        let line = related["location"]["range"]["start"]["line"].as_u64().unwrap() + 1;
        out.push_str(&format!("  line {line}: {}\n", related["message"].as_str().unwrap()));
    }
    if let Some(href) = found["codeDescription"]["href"].as_str() {
        out.push_str(&format!("  page {}\n", href.rsplit('/').next().unwrap()));
    }
    out
}

fn outlined(list: &Value, text: &str, depth: usize) -> String {
    let mut out = String::new();
    for symbol in list.as_array().into_iter().flatten() {
        let range = &symbol["range"];
        let lines = (range["start"]["line"].as_u64().unwrap() + 1, range["end"]["line"].as_u64().unwrap() + 1);
        let (name, detail) = (symbol["name"].as_str().unwrap(), symbol["detail"].as_str().unwrap_or_default());
        let own = slice(text, &symbol["selectionRange"]);
        out.push_str(&format!("{}{name} ({detail}) at `{own}`, lines {} to {}\n", "  ".repeat(depth), lines.0, lines.1));
        out.push_str(&outlined(&symbol["children"], text, depth + 1));
    }
    out
}

#[test]
fn what_the_server_says_of_a_place() {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/lsp");
    let mut wrong = Vec::new();
    let mut count = 0;
    for kind in folders(&base) {
        let name = kind.file_name().unwrap().to_string_lossy().into_owned();
        for folder in folders(&kind) {
            count += 1;
            let case = Case::read(&name, &folder);
            let said = case.run();
            let file = case.folder.join("expected.txt");
            if std::env::var_os("UPDATE_EXPECT").is_some() {
                fs::write(&file, &said).unwrap();
                continue;
            }
            let expected = fs::read_to_string(&file).unwrap_or_default();
            if said != expected {
                wrong.push(format!("{}\n{}", case.folder.display(), difference(&expected, &said)));
            }
        }
    }
    assert!(count > 30, "only {count} cases");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
