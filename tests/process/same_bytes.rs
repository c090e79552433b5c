//! The requests that a scenario foretells are those that `serve` sends: the same saves through both, method, URL, headers and body
//! compared byte by byte. Only what comes from the clock and from chance is made equal first.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::node::{Node, Received, Receiver, send};
use webhookc::compile::compile;
use webhookc::config::{self, Overrides};
use webhookc::delivery::{Request, Signer};
use webhookc::diagnostics::Diagnostics;
use webhookc::scenario::{Setting, Target, read_tests, run};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

const SCHEMA: &str = r#"<data-model>
    <model name="building" label="Building">
        <field name="name" label="Name" type="text" />
        <has-many model="room" name="rooms" />
        <display>{name}</display>
        <webhook type="update" name="building_saved" on="create, update, delete">
            <field name="rooms" required="false" limit="2" />
        </webhook>
    </model>
    <model name="room" label="Room">
        <field name="name" label="Name" type="text" />
        <field name="area" label="Area" type="number" />
        <field name="seats" label="Seats" type="integer" />
        <field name="plan" label="Plan" type="photo" />
        <field name="place" label="Place" type="location" />
        <field name="tags" label="Tags" type="multiple-choice"><option key="quiet">Quiet</option><option key="large">Large</option></field>
        <belongs-to model="building" />
        <display>{name}</display>
        <webhook type="update" name="room_saved" order="object" when="object.seats is none or object.seats &gt; 0">
            <field name="name" />
            <field name="building" />
            <request url="{{ vars.base }}/rooms/{{ object.name }}?building={{ building.name }}&amp;t={{ secret.github_token }}" method="PUT">
                <header name="Authorization">Bearer {{ secret.github_token }}</header>
                <header name="X-Name">{{ object.name }}</header>
                <body>{"name": "{{ object.name }}", "area": "{{ object.area }}", "seats?": "{{ object.seats }}", "at": "{{ timestamp }}",
                    "n": "{{ sequence }}", "tags": {"$for": "tag", "$in": "object.tags", "$do": "{{ tag | upper }}"},
                    "size": {"$if": "object.area is none", "$then": "unknown", "$else": "{{ object.area }} m²"},
                    "before": "{{ previous.name | default('nothing') }}", "building": "{{ building }}"}</body>
            </request>
        </webhook>
        <webhook type="ready" name="room_planned"><field name="plan" state="uploaded" /><field name="building" embed="false" /></webhook>
        <webhook type="update" name="room_text">
            <field name="name" changed="true" />
            <request url="{{ vars.base }}/text"><body content-type="text/plain; charset=utf-8">{{ object.name }} &amp; {% if object.area %}{{ object.area }}{% else %}no area{% endif %}
</body></request>
        </webhook>
    </model>
</data-model>
"#;

/// One line each as `POST …/saves` takes it, and as a step takes it.
const SAVES: &str = r#"{"model": "room", "id": "r1", "fields": {"name": "Blue / \"Ü\" \ud83d\ude00", "area": 12.50, "building_id": "b1"}}
{"model": "building", "id": "b1", "fields": {"name": "Main house"}}
{"model": "room", "id": "r1", "verb": "patch", "fields": {"seats": 9007199254740993, "tags": ["large", "quiet"], "plan": "p1"}}
{"model": "room", "id": "r1", "verb": "upload", "field": "plan", "fields": {"original": "https://media.example/p1.jpg"}}
{"model": "room", "id": "r2", "fields": {"name": "Line\nbreak\u0007!", "building_id": "b1", "place": {"latitude": -33.92487, "longitude": 18.424055}}}
{"model": "room", "id": "r1", "verb": "patch", "fields": {"seats": 0}}
{"model": "building", "id": "b1", "verb": "patch", "fields": {"name": "Old house"}}
{"model": "room", "id": "r2", "verb": "delete"}
{"model": "building", "id": "b1", "verb": "delete"}
"#;

fn toml(receiver: &str) -> String {
    format!(
        "app = \"rooms\"\nserver = \"https://rooms.example\"\n[listen]\naddress = \"127.0.0.1:0\"\n[egress]\nallow_networks = [\"127.0.0.0/8\"]\n\
         [vars]\nbase = \"{receiver}\"\n[secrets]\ngithub_token = {{ env = \"GITHUB_TOKEN\" }}\n\
         [[endpoints]]\nname = \"all\"\nevents = \"*\"\nurl = \"{receiver}/all/{{{{ event }}}}\"\nsecret = \"{SECRET}\"\n\
         headers = {{ X-Operation = \"{{{{ operation }}}}\" }}\n"
    )
}

/// A request as it came or as it was foretold.
struct Raw {
    url: String,
    method: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Raw {
    fn header(&self, name: &str) -> &str {
        &self.headers.iter().find(|(known, _)| known == name).unwrap().1
    }
}

/// A request, with what the clock and chance put into it replaced.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Steady {
    sequence: usize,
    url: String,
    method: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// Headers that belong to the connection.
const OF_THE_CONNECTION: [&str; 4] = ["host", "content-length", "accept", "accept-encoding"];

fn steady(raw: Raw, sequences: &[String]) -> Steady {
    let own = raw.header("webhook-sequence").to_owned();
    let sequence = sequences.iter().position(|known| *known == own).unwrap();
    let body = timeless(&String::from_utf8(raw.body).unwrap().replace(&own, "SEQUENCE"));
    let headers = raw.headers.into_iter().filter(|(name, _)| !OF_THE_CONNECTION.contains(&name.as_str()));
    let mut headers: Vec<(String, String)> = headers
        .map(|(name, value)| match name.as_str() {
            "webhook-id" | "webhook-timestamp" | "webhook-signature" | "webhook-sequence" => (name, "STEADY".to_owned()),
            _ => (name, value),
        })
        .collect();
    headers.sort();
    Steady { sequence, url: raw.url, method: raw.method, headers, body }
}

/// Text in which every time such as `2026-01-31T09:30:00Z` is replaced.
fn timeless(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_time = rest.get(..20).is_some_and(|start| start.parse::<jiff::Timestamp>().is_ok());
        let taken = if is_time { 20 } else { first.len_utf8() };
        out.push_str(if is_time { "TIME" } else { &rest[..taken] });
        rest = &rest[taken..];
    }
    out
}

fn of_received(received: &Received) -> Raw {
    let headers = received.headers.iter().map(|(name, value)| (name.to_string(), String::from_utf8(value.as_bytes().to_vec()).unwrap()));
    let url = format!("{}?{}", received.path, received.query);
    Raw { url, method: received.method.clone(), headers: headers.collect(), body: received.body.to_vec() }
}

fn of_foretold(request: &Request, receiver: &str) -> Raw {
    let headers = request.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
    let target = request.url.strip_prefix(receiver).unwrap();
    let url = if target.contains('?') { target.to_owned() } else { format!("{target}?") };
    Raw { url, method: request.method.clone(), headers, body: request.body.to_vec() }
}

fn all_steady(requests: Vec<Raw>) -> Vec<Steady> {
    // The sequences in order: the saves that caused any request.
    let mut sequences: Vec<String> = requests.iter().map(|raw| raw.header("webhook-sequence").to_owned()).collect();
    sequences.sort();
    sequences.dedup();
    let mut all: Vec<Steady> = requests.into_iter().map(|raw| steady(raw, &sequences)).collect();
    all.sort();
    all
}

/// What the scenario runner says would be sent.
fn foretold(folder: &Path, receiver: &str) -> Vec<Raw> {
    let project = config::read(&[PathBuf::from(folder)], &Overrides::default()).outcome.unwrap();
    let config = project.config;
    let mut compilation = compile(project.input);
    let found = webhookc::report::lines(&compilation.sources, &compilation.diagnostics);
    let rules = compilation.rules.take().unwrap_or_else(|| panic!("{found:#?}"));
    let steps = SAVES.lines().flat_map(|line| ["\n      - save: ", line]).collect::<String>();
    let text = format!("secrets: {{github_token: token-of-the-test}}\nscenarios:\n  - name: the same\n    steps:{steps}\n");
    let file = compilation.sources.add("same.test.yaml", text.into_bytes());
    let mut out = Diagnostics::default();
    let tests = read_tests(file, compilation.sources.file(file), &rules, &mut out);
    assert!(out.is_empty(), "{out:?}");
    let target = |(index, endpoint): (usize, &Arc<webhookc::program::EndpointSource>)| {
        let policy = config.endpoint(&endpoint.id).map(|endpoint| webhookc::delivery::Policy::clone(&endpoint.policy)).unwrap_or_default();
        Target::new(index, policy, Some(SECRET.parse().unwrap()), None)
    };
    let setting = Setting { rules: &rules, targets: rules.endpoints.iter().enumerate().map(target).collect() };
    let happened = run(&setting, &tests.scenarios[0], None);
    assert_eq!(happened.broken_off, None);
    let attempts = happened.deliveries.iter().flat_map(|delivery| &delivery.attempts);
    attempts.map(|attempt| of_foretold(attempt.request.as_ref().unwrap(), receiver)).collect()
}

#[tokio::test]
async fn a_scenario_foretells_the_bytes_that_serve_sends() {
    let receiver = Receiver::start().await;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("schema.xml"), SCHEMA).unwrap();
    fs::write(folder.path().join("webhookc.toml"), toml(&receiver.url)).unwrap();
    let expected = foretold(folder.path(), &receiver.url);
    assert!(expected.len() > 15, "the scenario foretells {} requests", expected.len());

    let node = Node::start(folder.path(), &["serve"]);
    for line in SAVES.lines() {
        let (status, answer) = send("POST", &node.of_tenant("saves"), line).await;
        assert_eq!(status, 200, "{line}: {answer}");
    }
    let got = receiver.wait_for(expected.len()).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(receiver.got().len(), expected.len(), "serve sent more than the scenario foretold");

    let signer = Signer::new(SECRET.parse().unwrap(), Vec::new());
    let requests: Vec<_> = got.iter().map(of_received).collect();
    for raw in requests.iter().filter(|raw| raw.url.starts_with("/all/")) {
        assert!(signer.verifies(&raw.headers, &raw.body), "the signature of {} is not valid", raw.url);
    }
    let (sent, foretold) = (all_steady(requests), all_steady(expected));
    for (sent, foretold) in sent.iter().zip(&foretold) {
        assert_eq!(sent, foretold);
    }
}
