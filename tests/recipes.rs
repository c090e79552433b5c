//! The recipes for CI: they are YAML, and the commands in them are commands of the binary that do what the recipe says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "support/binary.rs"]
mod binary;

use std::fs;
use std::path::Path;
use std::process::Command;

use binary::{GOOD, project, run};
use saphyr::{LoadableYamlNode as _, Yaml};

fn recipe(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

fn yaml(text: &str) -> Yaml<'_> {
    let mut documents = Yaml::load_from_str(text).unwrap();
    assert_eq!(documents.len(), 1);
    documents.remove(0)
}

fn text<'y>(of: &'y Yaml<'_>) -> &'y str {
    of.as_str().unwrap_or_else(|| panic!("{of:?} is no text"))
}

/// Runs a line of a recipe in a shell in which `webhookc` is the binary under test. Its exit code.
fn shell(folder: &Path, line: &str, variables: &[(&str, &str)]) -> i32 {
    let own = Path::new(env!("CARGO_BIN_EXE_webhookc")).parent().unwrap();
    let path = format!("{}:{}", own.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    command.args(["-euc", line]).current_dir(folder).env("PATH", path).env_remove("GITHUB_ACTIONS");
    command.envs(variables.iter().copied()).output().unwrap().status.code().unwrap()
}

fn broken() -> String {
    GOOD.replace("{name}", "{nmae}")
}

#[test]
fn the_github_action_checks_what_it_is_given() {
    let source = recipe("action.yml");
    let action = yaml(&source);
    assert_eq!(text(&action["runs"]["using"]), "composite");
    assert_eq!(text(&action["inputs"]["path"]["default"]), ".");
    let steps: Vec<&Yaml<'_>> = action["runs"]["steps"].as_vec().unwrap().iter().collect();
    assert!(steps.iter().all(|step| text(&step["shell"]) == "bash"), "a composite step names its shell");
    assert_eq!(text(&steps[0]["run"]), "cargo install --locked --path \"$GITHUB_ACTION_PATH\"");
    assert_eq!(text(&steps[1]["env"]["CHECKED"]), "${{ inputs.path }}");
    let check = text(&steps[1]["run"]);
    let folder = project(&[("good dir/schema.xml", GOOD), ("bad/schema.xml", &broken())]);
    assert_eq!(shell(folder.path(), check, &[("CHECKED", "good dir")]), 0, "{check}");
    assert_eq!(shell(folder.path(), check, &[("CHECKED", "bad")]), 1, "{check}");
}

#[test]
fn the_gitlab_job_checks_and_leaves_a_report() {
    let source = recipe("ci/gitlab.yml");
    let file = yaml(&source);
    let job = &file["webhookc-check"];
    let report = text(&job["artifacts"]["reports"]["codequality"]);
    let script: Vec<&str> = job["script"].as_vec().unwrap().iter().map(text).collect();
    assert!(script[0].starts_with("cargo install --locked --git \"$WEBHOOKC_SOURCE\" --tag \"$WEBHOOKC_TAG\" "), "{}", script[0]);
    let lines: Vec<String> = script[1..].iter().map(|line| line.replace("$CARGO_HOME/bin/webhookc", "webhookc")).collect();
    for (schema, code) in [(GOOD.to_owned(), 0), (broken(), 1)] {
        let folder = project(&[("schema.xml", &schema)]);
        assert_eq!(shell(folder.path(), &lines.join("\n"), &[]), code);
        let found: serde_json::Value = serde_json::from_str(&fs::read_to_string(folder.path().join(report)).unwrap()).unwrap();
        let errors = found.as_array().unwrap().iter().filter(|finding| finding["severity"] == "major").count();
        assert_eq!(errors, usize::from(code == 1), "{found}");
    }
}

#[test]
fn the_pre_commit_hook_runs_when_one_of_its_files_changes() {
    let source = recipe(".pre-commit-hooks.yaml");
    let hooks = yaml(&source);
    let hook = &hooks.as_vec().unwrap()[0];
    assert_eq!((text(&hook["language"]), hook["pass_filenames"].as_bool()), ("rust", Some(false)));
    assert_eq!(text(&hook["files"]), r"\.(xml|json|toml)$");
    let arguments: Vec<&str> = text(&hook["entry"]).split(' ').chain(hook["args"].as_vec().unwrap().iter().map(text)).collect();
    assert_eq!(arguments[0], env!("CARGO_PKG_NAME"), "the name of the binary");
    assert_eq!(run(project(&[("schema.xml", GOOD)]).path(), &arguments[1..]).code, 0);
    assert_eq!(run(project(&[("schema.xml", &broken())]).path(), &arguments[1..]).code, 1);
}
