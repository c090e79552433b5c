//! What a project file may say, and what is said about its mistakes.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::delivery::{FailureHandling, Retry, Trigger};
use crate::program::Events;

fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn load(folder: &Path) -> Result<Project, LoadError> {
    read(&[folder.to_owned()], &Overrides::default()).outcome
}

/// The mistakes of a file as `underlined text: message (help)`.
fn mistakes(toml: &str) -> Vec<String> {
    let folder = project(&[("schema.xml", "<data-model/>"), (FILE_NAME, toml)]);
    match load(folder.path()) {
        Err(LoadError::Mistakes { sources, mistakes, .. }) => mistakes
            .iter()
            .map(|mistake| {
                let help = mistake.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
                format!("{}: {}{help}", sources.slice(mistake.span), mistake.message)
            })
            .collect(),
        other => panic!("no mistakes found: {other:?}"),
    }
}

#[test]
fn a_whole_file_is_read() {
    let toml = r#"
app = "assets"
schemas = ["models"]
[listen]
address = "localhost:8000"
[store]
url = "sqlite:data.db"
[vars]
base_url = "https://api.example.com"
limit = 5
[secrets]
token = { env = "TOKEN" }
[receivers.cloudcode]
url = "http://127.0.0.1:4000/tasks/{{ action }}"
[[endpoints]]
name = "erp"
events = ["asset_ready"]
url = "{{ vars.base_url }}/x"
template = "comment.json"
headers = { X-One = "1", X-Many = ["a", "{{ object.id }}"] }
secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
previous_secrets = [{ secret = { env = "OLD" }, until = 2026-12-01T00:00:00Z }, { secret = "whsk_CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=", until = "2026-12-01T01:00:00+01:00" }]
signatures = ["standard", "asymmetric", "journey"]
timeout = "5s"
concurrency = 2
[endpoints.failure_handling]
triggers = ["5xx", "timeout", 429]
retry = { pattern = "linear", interval = "1s", max_attempts = 3 }
[egress]
allow_networks = ["10.0.0.0/8", "192.168.1.1"]
[retention]
delivered = "12h"
diverted = "forever"
"#;
    let folder = project(&[("models/a.xml", "<data-model/>"), ("templates/comment.json", "{}"), (FILE_NAME, toml)]);
    let Project { config, input } = load(folder.path()).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8000");
    assert_eq!(config.store_url("webhookc.db"), format!("sqlite:{}", folder.path().join("data.db").display()));
    assert_eq!(config.vars["limit"], "5");
    assert_eq!(input.schemas.len(), 1);
    assert_eq!(config.allow_networks.len(), 2);
    let [receiver, erp] = &config.endpoints[..] else { panic!("{:?}", config.endpoints) };
    assert_eq!(receiver.source.id.as_str(), "ep_receiver_cloudcode");
    assert!(matches!(&receiver.source.events, Events::Receiver(name) if &**name == "cloudcode"));
    assert_eq!(erp.source.id.as_str(), "ep_erp");
    assert_eq!(input.sources.slice(erp.source.request.url.whole()), "{{ vars.base_url }}/x");
    assert_eq!(erp.source.request.body.as_ref().unwrap().text.as_ref().unwrap().text, "{}");
    assert_eq!(erp.source.request.headers.len(), 3);
    assert!(erp.policy.journey && erp.policy.asymmetric);
    let untils: Vec<String> = erp.keys.iter().flat_map(|keys| &keys.previous).map(|previous| previous.until.to_string()).collect();
    assert_eq!(untils, ["2026-12-01T00:00:00Z"; 2]);
    let week = Some(Duration::from_hours(7 * 24));
    let kept = Retention {
        delivered: Some(Duration::from_hours(12)),
        diverted: None,
        failed: Some(Duration::from_hours(30 * 24)),
        messages: week,
        traces: week,
        audit: Some(Duration::from_hours(365 * 24)),
    };
    assert_eq!(config.retention, kept);
    assert_eq!(erp.policy.timeout, Duration::from_secs(5));
    let waits = [0, 1, 1].map(Duration::from_secs).to_vec();
    assert_eq!(erp.policy.failure_handling.retry.waits[..], waits);
    assert_eq!(erp.policy.failure_handling.triggers.len(), 3);
    assert!(input.settings.receivers.contains("cloudcode") && input.settings.secrets.contains("token"));
}

#[test]
fn every_mistake_is_reported_in_one_run_at_its_place() {
    let found = mistakes(
        r#"schema = "x"
app = 5
[listen]
address = "here"
[secrets]
token = "plain"
[[endpoints]]
name = "a b"
event = ["x"]
url = "http://x"
signatures = ["jurney"]
secret = "whsec_c2hvcnQ="
signing_key = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
previous_secrets = [{ secret = "whsec_x" }, { until = 2026-12-01 }]
[endpoints.failure_handling]
triggers = ["6xx"]
retry = { interval = "soon" }
[egress]
allow_networks = ["10.0.0.0/99"]
in_flight = 0
[retention]
delivered = "a week"
traces = 7
lost = "1d"
"#,
    );
    let expected = [
        "schema: unknown key `schema` in webhookc.toml (did you mean `schemas`?)",
        "5: `app` is an integer, expected a string",
        "\"here\": `here` is not an address to listen at, expected one like `127.0.0.1:7357`",
        "\"plain\": the secret `token` stands in the file, expected where to find it",
        "\"a b\": the name `a b` cannot be used",
        "event: unknown key `event` in [[endpoints]] (did you mean `events`?)",
        "\"jurney\": unknown signature profile `jurney`, expected `standard`, `asymmetric` or `journey` (did you mean `journey`?)",
        "\"whsec_c2hvcnQ=\": `secret` cannot be used: the secret has 5 bytes, expected 24 to 64",
        "\"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3\": `signing_key` cannot be used: the signing key does not begin with `whsk_`",
        "\"whsec_x\": `secret` cannot be used: the secret is not base64",
        "{ secret = \"whsec_x\" }: a previous secret has no `until` (add `until = 2026-12-01T00:00:00Z`",
        "{ until = 2026-12-01 }: a previous secret has no `secret`",
        "2026-12-01: `2026-12-01` is not a moment, expected date, time and offset",
        "\"a week\": `a week` does not begin with a whole number, expected a time such as `30 s` or `5 min` (write `\"forever\"`",
        "7: `traces` is an integer, expected a time such as `\"7d\"`, or `\"forever\"`",
        "lost: unknown key `lost` in [retention] (it may have `delivered`, `diverted`, `failed`, `messages`, `traces` or `audit`)",
        "\"6xx\": `6xx` is not a failure, expected `4xx`",
        "\"soon\": `soon` does not begin with a whole number",
        "\"10.0.0.0/99\": `10.0.0.0/99` is not a network",
        "0: `in_flight` is 0, expected 1 to 4096",
    ];
    for part in expected {
        assert!(found.iter().any(|mistake| mistake.starts_with(part)), "`{part}` is missing in {found:#?}");
    }
}

#[test]
fn a_syntax_error_has_its_place_and_no_followers() {
    let found = mistakes("app = \n[listen\nx = 1\n");
    assert!(found.iter().all(|mistake| mistake.contains("not TOML")), "{found:#?}");
}

#[test]
fn attempts_have_the_bounds_that_they_have_anywhere() {
    let endpoint = "[[endpoints]]\nname = \"a\"\nevents = \"*\"\nurl = \"http://x\"\n[endpoints.failure_handling]\n";
    let found = mistakes(&format!("{endpoint}retry = {{ pattern = \"linear\", interval = \"1s\", max_attempts = 0 }}\n"));
    assert_eq!(found, ["0: `max_attempts` is 0, expected 1 to 100"]);
}

#[test]
fn names_are_unique() {
    let twice = "[[endpoints]]\nname = \"a\"\nevents = \"*\"\nurl = \"http://x\"\n".repeat(2);
    assert_eq!(mistakes(&twice), ["\"a\": the name `a` is used twice"]);
}

#[test]
fn escapes_in_a_template_fall_back_to_the_whole_literal() {
    let toml = "[[endpoints]]\nname = \"a\"\nevents = \"*\"\nurl = \"http://x/\\u0041\"\nbody = '''\n{\"a\": 1}'''\n";
    let folder = project(&[("schema.xml", "<data-model/>"), (FILE_NAME, toml)]);
    let Project { config, input } = load(folder.path()).unwrap();
    let request = &config.endpoints[0].source.request;
    assert_eq!(request.url.text, "http://x/A");
    assert_eq!(input.sources.slice(request.url.span(0..1)), "\"http://x/\\u0041\"");
    let body = request.body.as_ref().unwrap().text.as_ref().unwrap();
    assert_eq!(input.sources.slice(body.span(1..4)), "\"a\"");
}

#[test]
fn schemas_are_found_where_they_usually_are() {
    let names = |folder: &Path| -> Vec<String> {
        let input = load(folder).unwrap().input;
        input
            .schemas
            .iter()
            .map(|id| Path::new(&input.sources.file(*id).name).file_name().unwrap().to_string_lossy().into_owned())
            .collect()
    };
    assert_eq!(names(project(&[("b.xml", ""), ("a.xml", ""), ("schemas/c.xml", "")]).path()), ["a.xml", "b.xml"]);
    assert_eq!(names(project(&[("schemas/x/c.xml", ""), ("other/d.xml", "")]).path()), ["c.xml"]);
    assert!(matches!(load(project(&[("readme.md", "")]).path()), Err(LoadError::NoSchema(_))));
    assert!(matches!(load(Path::new("/no/such/folder")), Err(LoadError::Unreadable { .. })));
}

#[test]
fn overrides_win_and_the_file_above_is_used() {
    let folder = project(&[("sub/schema.xml", "<data-model/>"), (FILE_NAME, "app = \"file\"\nserver = \"s\"\n")]);
    let overrides = Overrides { app: Some("flag".to_owned()), listen: Some("127.0.0.1:1".to_owned()), ..Overrides::default() };
    let config = read(&[folder.path().join("sub")], &overrides).outcome.unwrap().config;
    assert_eq!((config.app.as_deref(), config.server.as_deref(), config.listen.port()), (Some("flag"), Some("s"), 1));
}

#[test]
fn whatever_would_be_read_differently_is_seen_without_reading_it_all() {
    let folder = project(&[("schema.xml", "<a/>"), (FILE_NAME, "")]);
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let changes: [(&str, &dyn Fn()); 7] = [
        ("a content", &|| write("schema.xml", "<b/>")),
        ("a new schema", &|| write("second.xml", "<a/>")),
        ("a schema less", &|| std::fs::remove_file(folder.path().join("second.xml")).unwrap()),
        ("a template folder", &|| std::fs::create_dir(folder.path().join("templates")).unwrap()),
        ("a template", &|| write("templates/body.json", "{}")),
        ("the configuration", &|| write(FILE_NAME, "app = \"x\"")),
        ("no configuration", &|| std::fs::remove_file(folder.path().join(FILE_NAME)).unwrap()),
    ];
    for (what, change) in changes {
        let mut seen = read(&[folder.path().to_owned()], &Overrides::default()).seen;
        assert!(!seen.is_outdated(), "before {what}");
        write("notes.txt", what);
        assert!(!seen.is_outdated(), "a file that is none of ours, before {what}");
        change();
        assert!(seen.is_outdated(), "{what}");
    }
}

#[test]
fn failure_handling_is_read_whole_and_alert_endpoints_are_found_in_any_order() {
    let handling = r#"
[[endpoints]]
name = "erp"
events = "*"
url = "http://x/"
rate_limit = "30/min"
order = "object"
failure_handling = { triggers = ["5xx", 429], retry = { schedule = ["0s", "1 s"] }, alert_endpoint = "ops", divert = false, suspend = true }
[[endpoints]]
name = "ops"
events = []
url = "http://x/"
enabled = false
"#;
    let config = load(project(&[("schema.xml", ""), ("webhookc.toml", handling)]).path()).unwrap().config;
    let [erp, ops] = &config.endpoints[..] else { panic!("{config:?}") };
    let expected = FailureHandling {
        triggers: vec![Trigger::ServerError, Trigger::Status(429)],
        retry: Retry { waits: [Duration::ZERO, Duration::from_secs(1)].into() },
        divert: false,
        suspend: true,
        alert_endpoint: Some(ops.source.id.clone()),
    };
    assert_eq!(erp.policy.failure_handling, expected);
    assert_eq!((erp.policy.rate_limit, erp.policy.order), ("30/min".parse().ok(), crate::program::Order::Object));
    assert!(erp.source.enabled && !erp.source.takes_alerts && !ops.source.enabled && ops.source.takes_alerts);
}

#[test]
fn failure_handling_that_cannot_be_is_reported() {
    let endpoint = |name: &str, handling: &str| {
        format!("[[endpoints]]\nname = \"{name}\"\nevents = \"*\"\nurl = \"http://x/\"\nfailure_handling = {{ {handling} }}\n")
    };
    let cases = [
        ("alert_endpoint = \"own\"", "\"own\": the endpoint `own` cannot be its own alert endpoint, expected another one"),
        ("alert_endpoint = \"opps\"", "\"opps\": there is no endpoint `opps` to send alerts to"),
        ("divert = 1", "1: `divert` is an integer, expected `true` or `false`"),
        ("retry = { pattern = \"linear\", schedule = [\"1s\"] }", "the retry pattern makes its own waits"),
        ("retry = { schedule = [\"0s\", \"0s\"] }", "wait 2 of the retry schedule is 0 ms, expected 100 ms to 24 h"),
        ("retry = { schedule = [] }", "the retry schedule has 0 waits"),
        ("retry = { schedule = [5] }", "5: `schedule` is an integer, expected a time such as `\"30 s\"` or `\"5 min\"`"),
    ];
    for (handling, expected) in cases {
        let found = mistakes(&(endpoint("own", handling) + &endpoint("ops", "")));
        assert!(matches!(&found[..], [one] if one.contains(expected)), "{handling}: {found:#?}");
    }
    let rate = "[[endpoints]]\nname = \"a\"\nevents = \"*\"\nurl = \"http://x/\"\nrate_limit = \"fast\"\n";
    let order = rate.replace("rate_limit = \"fast\"", "order = \"strict\"");
    assert_eq!(mistakes(&order), ["\"strict\": unknown order `strict`, expected `none` or `object`"]);
    assert!(mistakes(rate)[0].contains("`fast` is not a rate, expected 1 to 1000000 requests in a second, minute or hour"));
}
