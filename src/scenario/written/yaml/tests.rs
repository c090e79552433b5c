use std::fmt::Write as _;

use serde_json::Value;

use super::*;
use crate::text::SourceMap;

fn parsed(text: &str) -> (Option<Node>, Vec<String>, SourceMap) {
    let mut sources = SourceMap::default();
    let file = sources.add("a.test.yaml", text.as_bytes().to_vec());
    let mut out = Diagnostics::default();
    let node = read(file, sources.file(file), &mut out);
    let found = out.iter().map(|found| {
        let at = sources.file(file).position(found.primary.span.start);
        format!("{}:{} {}", at.line, at.column, found.message)
    });
    (node, found.collect(), sources)
}

fn json(text: &str) -> Value {
    let (node, found, _) = parsed(text);
    node.unwrap_or_else(|| panic!("{text}: {found:?}")).to_json()
}

fn mistake(text: &str) -> String {
    let (node, found, _) = parsed(text);
    assert!(node.is_none(), "{text}");
    found.join("; ")
}

#[test]
fn json_is_read_verbatim() {
    let text = "{\n\t\"a\": [1, -2.5e3, true, null, \"x\\u00e9\\n\\/\\\"\", \"\\ud83d\\ude00\"],\n\t\"big\": 7710355930075889664, \"url\": \"https://a.example/b?c#d\", \"e\":{}, \"f\":[]\n}";
    assert_eq!(json(text), serde_json::from_str::<Value>(text).unwrap());
}

#[test]
fn surrogate_pairs_are_one_character_in_double_quotes_and_text_elsewhere() {
    let (node, _, sources) = parsed(
        r#"a: "x\\ud83d\ud83d\ude00\ud83d\ude00"
b: '\ud83d\ude00'
c: [1, "\ud83d\ude00", end]
"#,
    );
    let node = node.unwrap();
    assert_eq!(node.to_json(), serde_json::json!({"a": "x\\ud83d😀😀", "b": "\\ud83d\\ude00", "c": [1, "😀", "end"]}).to_owned());
    assert_eq!(sources.slice(node.place("/c/2")), "end");
    assert!(mistake(r#"a: "\ud83d""#).contains("this is not YAML"));
}

#[test]
fn plain_words_are_of_the_core_schema() {
    let text = "[yes, no, on, ~, 0x1F, 0o17, 010, 1e3, .5, 1., 2026-01-31, '3', +7, 1_000, a: b]";
    let expected = serde_json::json!(["yes", "no", "on", null, 31, 15, 10, 1000.0, 0.5, 1.0, "2026-01-31", "3", 7, "1_000", {"a": "b"}]);
    assert_eq!(json(text), expected);
}

#[test]
fn mistakes_have_their_place() {
    assert_eq!(mistake("a: 1\nb: 2\na: 3\n"), "3:1 the key `a` stands twice in this map, expected it once");
    assert_eq!(mistake("é: !x 1\n"), "1:4 a tag such as `!name` means nothing here, expected a plain value");
    assert_eq!(mistake("a: 1\n---\nb: 1\n"), "2:1 a second document begins here, expected one");
    assert!(mistake("a: [1, 2\nb: 3\n").contains("this is not YAML"), "{}", mistake("a: [1, 2\nb: 3\n"));
    assert!(mistake("").contains("the file is empty"));
    assert!(mistake("a: .nan").contains("out of range"));
    assert!(mistake("a: 99999999999999999999").contains("out of range"));
    assert!(mistake(&"[".repeat(100)).contains("more than 64 levels"));
}

#[test]
fn aliases_repeat_a_value_but_not_without_end() {
    assert_eq!(json("a: &x {b: 1}\nc: *x\n"), serde_json::json!({"a": {"b": 1}, "c": {"b": 1}}));
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let before = format!("*a{}", level - 1);
        let _ = writeln!(bomb, "a{level}: &a{level} [{}]", vec![before; 10].join(", "));
    }
    assert!(mistake(&bomb).contains("more than 200000 values"));
    assert!(!mistake("a: &x [*x]\n").is_empty());
}

#[test]
fn places_are_bytes() {
    let (node, _, sources) = parsed("\u{feff}ä: ü\nb:\n  - c: 'é'\n    d: [1, {e: f}]\n");
    let node = node.unwrap();
    let at = |pointer: &str| sources.slice(node.place(pointer)).to_owned();
    assert_eq!(at("/ä"), "ü");
    assert_eq!(at("/b/0/c"), "'é'");
    assert_eq!(at("/b/0/d/1/e"), "f");
    assert_eq!(at("/b/0/d/1/missing"), "{e: f}");
    assert_eq!(at("/b/0/d"), "d");
}
