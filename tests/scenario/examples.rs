//! The tests of the example projects pass, try all of their rules, match their JSON Schema, and say the same in each run; recordings
//! become tests that pass; a new project is sound.

use std::fs;
use std::path::{Path, PathBuf};

use crate::project::run;
use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_examples_pass_and_try_all_of_their_rules() {
    let ran = run(&root(), &["test", "schemas", "--coverage", "text"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.ends_with("(100.0 %)\n"), "{}", ran.out);
    assert_eq!(run(&root(), &["test", "schemas", "--coverage", "text"]).out, ran.out);
}

#[test]
fn recordings_become_tests_that_pass() {
    for example in ["assets", "resources", "deployments"] {
        let schemas = root().join("schemas").join(example);
        let made = run(&root(), &["test", "--from", schemas.join("saves.ndjson").to_str().unwrap(), schemas.to_str().unwrap()]);
        assert_eq!(made.code, 0, "{}", made.err);
        assert!(made.out.contains("fired"), "{}", made.out);
        let folder = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(&schemas).unwrap().map(|entry| entry.unwrap().path()) {
            fs::copy(&entry, folder.path().join(entry.file_name().unwrap())).unwrap();
        }
        if example == "deployments" {
            let toml = folder.path().join("webhookc.toml");
            let text = fs::read_to_string(&toml).unwrap().replace("../../templates", root().join("templates").to_str().unwrap());
            fs::write(toml, text).unwrap();
        }
        fs::write(folder.path().join("made.test.yaml"), &made.out).unwrap();
        let ran = run(folder.path(), &["test", "made.test.yaml"]);
        assert_eq!(ran.code, 0, "{example}: {}{}\n{}", ran.out, ran.err, made.out);
    }
}

#[test]
fn a_new_project_is_sound_and_nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(folder.path(), &["init", "shop"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let shop = folder.path().join("shop");
    for arguments in [
        &["check", "--fail-level", "info"][..],
        &["fmt", "--check"],
        &["test"],
        &["explain", "order_paid"],
        &["explain", "--save", "saves.ndjson"],
    ] {
        let ran = run(&shop, arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {}{}", ran.out, ran.err);
    }
    fs::write(shop.join("schema.xml"), "mine").unwrap();
    fs::remove_file(shop.join("webhookc.toml")).unwrap();
    let ran = run(folder.path(), &["init", "shop"]);
    assert!(ran.code == 2 && ran.err.contains("`schema.xml`") && ran.err.contains("nothing was written"), "{}", ran.err);
    assert_eq!(fs::read_to_string(shop.join("schema.xml")).unwrap(), "mine");
    assert!(!shop.join("webhookc.toml").exists());
}

fn to_json(node: &Yaml<'_>) -> Value {
    match node {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(flag)) => Value::from(*flag),
        Yaml::Value(Scalar::Integer(number)) => Value::from(*number),
        Yaml::Value(Scalar::FloatingPoint(number)) => Value::from(number.into_inner()),
        Yaml::Value(Scalar::String(text)) => Value::from(text.as_ref()),
        Yaml::Sequence(items) => items.iter().map(to_json).collect(),
        Yaml::Mapping(entries) => {
            Value::Object(entries.iter().map(|(key, value)| (to_json(key).as_str().unwrap().to_owned(), to_json(value))).collect())
        }
        Yaml::Representation(..) | Yaml::Tagged(..) | Yaml::Alias(_) | Yaml::BadValue => panic!("{node:?}"),
    }
}

fn tests_in(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            tests_in(&path, found);
        } else if path.to_str().unwrap().ends_with(".test.yaml") {
            found.push(path);
        }
    }
}

#[test]
fn test_files_match_their_json_schema() {
    let printed = run(&root(), &["schema", "test"]).out;
    let schema: Value = serde_json::from_str(&printed).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    let validator = jsonschema::validator_for(&schema).unwrap();
    let valid = |text: &str| validator.is_valid(&to_json(&Yaml::load_from_str(text).unwrap()[0]));
    let mut files = Vec::new();
    tests_in(&root().join("schemas"), &mut files);
    tests_in(&root().join("src/cli/init"), &mut files);
    assert!(files.len() >= 4, "{files:?}");
    for file in &files {
        assert!(valid(&fs::read_to_string(file).unwrap()), "{}", file.display());
    }
    let good = "scenarios:\n  - name: a\n    steps:\n      - save: {model: m, id: 1, fields: {}}\n        expect: {webhooks: {w: fired}}\n";
    assert!(valid(good));
    for (from, to) in [
        ("scenarios", "scenario"),
        ("name: a", "nam: a"),
        ("save:", "sav:"),
        ("model: m, ", ""),
        ("expect:", "expects:"),
        ("webhooks", "webhook"),
        ("fields: {}", "feilds: {}"),
    ] {
        assert!(!valid(&good.replace(from, to)), "{from} → {to}");
    }
}
