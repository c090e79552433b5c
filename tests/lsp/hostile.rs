//! Random edits and requests: nothing makes the server end, and every place that it names is one in the text as it is.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use crate::client::Client;
use crate::text::{offset, position};

const SCHEMA: &str = include_str!("../cases/lsp/outline/project/schema.xml");
const CONFIG: &str = include_str!("../cases/lsp/outline/project/webhookc.toml");
const TEMPLATE: &str = include_str!("../cases/lsp/outline/project/templates/job.json");
const TEST: &str = include_str!("../cases/lsp/outline/project/shop.test.yaml");

/// What is typed: pieces of the languages, and what breaks them.
const PIECES: [&str; 30] = [
    "<",
    ">",
    "\"",
    "'",
    "</",
    "/>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "&",
    "é",
    "𝄞",
    "\r",
    "\n",
    "{{",
    "}}",
    "{%",
    "%}",
    "object.",
    "|",
    "<field name=\"title\"",
    " name=\"",
    "<webhook type=\"update\">",
    "</model>",
    "{\"$for\": \"x\", \"$in\": \"object.parts\", \"$do\": \"{{ x.\"}",
    "- save: {model: job",
    "[[endpoints]]",
    "\u{feff}",
    " is not ",
];

const REQUESTS: [&str; 10] = [
    "completion",
    "hover",
    "definition",
    "references",
    "documentHighlight",
    "prepareRename",
    "rename",
    "codeAction",
    "documentSymbol",
    "formatting",
];

/// Numbers that look random and are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    fn place(&mut self, text: &str) -> usize {
        text.floor_char_boundary(self.below(text.len() + 1))
    }
}

/// Every place in an answer, with the file that it is in.
fn check(client: &Client, texts: &BTreeMap<String, String>, file: &str, answer: &Value) {
    match answer {
        Value::Object(members) => {
            let url = ["uri", "targetUri"].into_iter().find_map(|key| members.get(key)?.as_str());
            let versioned = members.get("textDocument").and_then(|document| document["uri"].as_str());
            let own = url.or(versioned).map(|url| url.strip_prefix(&client.url("")).unwrap_or(url).to_owned());
            let file = own.as_deref().unwrap_or(file);
            for (key, value) in members {
                let key = key.strip_prefix(&client.url("")).unwrap_or(key);
                let file = if texts.contains_key(key) { key } else { file };
                if value.get("start").is_some() && value.get("end").is_some() {
                    let text = &texts[file];
                    assert!(offset(text, &value["start"]) <= offset(text, &value["end"]), "{value}");
                } else {
                    check(client, texts, file, value);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| check(client, texts, file, item)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn session(seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("templates")).unwrap();
    let files = [("schema.xml", SCHEMA), ("webhookc.toml", CONFIG), ("templates/job.json", TEMPLATE), ("shop.test.yaml", TEST)];
    let files = files.map(|(name, text)| (name, text.replace('‸', "").replace("\r\n", "\n")));
    let mut client = Client::greeted(folder.path(), json!({}));
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for (name, text) in &files {
        fs::write(folder.path().join(name), text).unwrap();
        client.open(name, text);
        texts.insert((*name).to_owned(), text.clone());
    }
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    for _ in 0..60 {
        let (name, start_text) = &files[dice.below(files.len())];
        for _ in 0..=dice.below(3) {
            let text = texts[*name].clone();
            if dice.below(20) == 0 {
                client.change(name, None, start_text);
                texts.insert((*name).to_owned(), start_text.clone());
                continue;
            }
            let start = dice.place(&text);
            let end = if dice.below(3) == 0 { text.floor_char_boundary((start + dice.below(40)).min(text.len())) } else { start };
            // Within `\r\n` there is no place that an editor could name.
            let is_place = |at: usize| !(text[..at].ends_with('\r'));
            if !is_place(start) || !is_place(end) || end < start {
                continue;
            }
            let piece = if dice.below(4) == 0 { "" } else { PIECES[dice.below(PIECES.len())].trim_matches('\r') };
            client.change(name, Some(json!({"start": position(&text, start), "end": position(&text, end)})), piece);
            texts.insert((*name).to_owned(), format!("{}{piece}{}", &text[..start], &text[end..]));
        }
        let (name, _) = &files[dice.below(files.len())];
        let text = &texts[*name];
        let at = position(text, dice.place(text));
        let method = REQUESTS[dice.below(REQUESTS.len())];
        let new_name = ["title2", "hours", "x y", "é"][dice.below(4)];
        let params = json!({
            "textDocument": {"uri": client.url(name)},
            "position": at,
            "range": {"start": at, "end": at},
            "newName": new_name,
            "context": {"includeDeclaration": true, "diagnostics": []},
            "options": {"tabSize": 4, "insertSpaces": true},
        });
        match client.ask(&format!("textDocument/{method}"), params) {
            Ok(answer) => check(&client, &texts, name, &answer),
            Err(error) => assert_ne!(error["message"], "a defect of webhookc, see its standard error", "{method}: {error}"),
        }
        if dice.below(6) == 0 {
            let found = client.diagnostics(name);
            check(&client, &texts, name, &json!(found.iter().map(|found| json!({"range": found["range"]})).collect::<Vec<_>>()));
        }
    }
    client.goodbye();
}

#[test]
fn random_edits_and_requests() {
    for seed in 1..=8 {
        session(seed);
    }
}
