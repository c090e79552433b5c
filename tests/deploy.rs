//! What is in `deploy`: the dashboard asks for series that there are, the unit and the container file say what the binary understands.

#![allow(clippy::wildcard_enum_match_arm, reason = "a JSON value is what it is")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use webhookc::telemetry::Metric;

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name)).unwrap()
}

/// Every text under this key.
fn texts(value: &Value, key: &str, found: &mut Vec<String>) {
    if let Some(members) = value.as_object() {
        for (name, member) in members {
            match member.as_str() {
                Some(text) if name == key => found.push(text.to_owned()),
                Some(_) | None => texts(member, key, found),
            }
        }
    }
    value.as_array().into_iter().flatten().for_each(|item| texts(item, key, found));
}

#[test]
fn the_dashboard_asks_for_series_that_there_are_and_shows_each_metric() {
    let dashboard: Value = serde_json::from_str(&file("grafana.json")).unwrap();
    let mut queries = Vec::new();
    texts(&dashboard, "expr", &mut queries);
    texts(&dashboard, "query", &mut queries);
    assert!(queries.len() > 20, "{queries:?}");
    let known: BTreeSet<String> = Metric::ALL.into_iter().flat_map(Metric::series).collect();
    let mut asked = BTreeSet::new();
    for query in &queries {
        let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        asked.extend(words.filter(|word| word.starts_with("webhookc_") || word.starts_with("process_")).map(str::to_owned));
    }
    let unknown: Vec<_> = asked.difference(&known).collect();
    assert!(unknown.is_empty(), "no such series: {unknown:?}");
    let unseen: Vec<_> = Metric::ALL.into_iter().filter(|metric| !metric.series().iter().any(|series| asked.contains(series))).collect();
    assert!(unseen.is_empty(), "on no panel: {unseen:?}");
    let mut ids: Vec<_> = dashboard["panels"].as_array().unwrap().iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    ids.dedup();
    assert_eq!(ids.len(), dashboard["panels"].as_array().unwrap().len());
}

#[test]
fn the_book_names_every_series() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/operations.md")).unwrap();
    for metric in Metric::ALL {
        let short = metric.name().trim_start_matches("webhookc_store");
        assert!(page.contains(metric.name()) || page.contains(&format!("…{short}")), "{} is not in docs/src/operations.md", metric.name());
    }
}

/// The arguments after the binary's name in a line.
fn serve_is_understood(arguments: &[&str]) {
    let help = Command::new(env!("CARGO_BIN_EXE_webhookc")).args(arguments).arg("--help").output().unwrap();
    assert!(help.status.success(), "{arguments:?}");
}

#[test]
fn the_unit_and_the_container_start_what_there_is_with_variables_that_it_reads() {
    let help = Command::new(env!("CARGO_BIN_EXE_webhookc")).args(["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let (unit, container) = (file("webhookc.service"), file("Containerfile"));
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/webhookc ")).unwrap();
    serve_is_understood(&start.split(' ').collect::<Vec<_>>());
    let command = container.lines().find_map(|line| line.strip_prefix("CMD ")).unwrap();
    let command: Vec<String> = serde_json::from_str(command).unwrap();
    serve_is_understood(&command.iter().map(String::as_str).collect::<Vec<_>>());
    let variables = [&unit, &container]
        .into_iter()
        .flat_map(|text| text.split(|c: char| c.is_whitespace() || c == '='))
        .filter(|word| word.starts_with("WEBHOOKC_"));
    let variables: BTreeSet<&str> = variables.collect();
    assert!(variables.len() >= 3, "{variables:?}");
    for variable in variables {
        assert!(help.contains(&format!("env: {variable}=")), "`{variable}` is read by nobody");
    }
    assert!(container.contains("\nUSER nonroot\n") && container.contains("distroless"), "{container}");
}

/// Where there is systemd, it is asked.
#[test]
fn the_unit_is_one() {
    let Ok(found) = Command::new("systemd-analyze").arg("--version").output() else { return };
    assert!(found.status.success());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhookc.service");
    fs::write(&path, file("webhookc.service").replace("/usr/local/bin/webhookc", env!("CARGO_BIN_EXE_webhookc"))).unwrap();
    let verified = Command::new("systemd-analyze").arg("verify").arg(&path).output().unwrap();
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && !said.contains("webhookc.service"), "{said}");
}

/// What the base of the container has besides the kernel: `gcr.io/distroless/cc-debian12` is glibc, libgcc and libstdc++.
const LIBRARIES: [&str; 8] =
    ["linux-vdso.so", "ld-linux", "libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "libgcc_s.so.1", "libstdc++.so.6"];

/// The binary asks for no library that is not in the container, and every file that is copied into it comes from somewhere.
#[test]
#[cfg(target_os = "linux")]
fn the_container_has_what_the_binary_needs() {
    let needed = Command::new("ldd").arg(env!("CARGO_BIN_EXE_webhookc")).output().unwrap();
    let needed = String::from_utf8(needed.stdout).unwrap();
    let names: Vec<&str> =
        needed.lines().filter_map(|line| line.split_whitespace().next()).map(|path| path.rsplit('/').next().unwrap()).collect();
    assert!(names.contains(&"libc.so.6"), "{needed}");
    let missing: Vec<_> = names.iter().filter(|name| !LIBRARIES.iter().any(|known| name.starts_with(known))).collect();
    assert!(missing.is_empty(), "not in the container: {missing:?}");
    let container = file("Containerfile");
    let stages: Vec<&str> = container.lines().filter_map(|line| line.strip_prefix("FROM ")?.split(" AS ").nth(1)).collect();
    let made = container.split("FROM ").nth(1).unwrap();
    for copied in container.lines().filter_map(|line| line.strip_prefix("COPY --from=")) {
        let mut words = copied.split_whitespace().filter(|word| !word.starts_with("--"));
        let (stage, source) = (words.next().unwrap(), words.next().unwrap());
        assert!(stages.contains(&stage), "`{stage}` is no stage");
        let is_made =
            source == "/source/target/release/webhookc" && made.contains("WORKDIR /source") && made.contains("cargo build --release");
        assert!(is_made || made.contains(&format!("mkdir -p {source}")), "nobody makes `{source}`");
    }
    // The compiler there is new enough.
    let wanted = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let wanted = wanted.lines().find_map(|line| line.strip_prefix("rust-version = \"")).unwrap().trim_end_matches('"').to_owned();
    assert!(container.contains(&format!("/rust:{wanted}-")), "the container is built with another compiler than {wanted}");
}
