//! Spans of the real binary, as a collector receives them: `cargo test --features otel --test spans`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "process/node.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod node;

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind};
use prost::Message as _;
use rustix::process::Signal;

use node::{Node, PATIENCE, Receiver};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const LEFT_OUT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4737-00f067aa0ba902b7-00";

/// A collector that keeps what it gets, or refuses it.
#[derive(Clone, Default)]
struct Collector {
    got: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
    keys: Arc<Mutex<Vec<String>>>,
    refuses: Arc<Mutex<bool>>,
    url: String,
}

impl Collector {
    async fn start() -> Self {
        async fn take(State(collector): State<Collector>, headers: HeaderMap, body: Bytes) -> StatusCode {
            assert_eq!(headers["content-type"], "application/x-protobuf");
            if *collector.refuses.lock().unwrap() {
                return StatusCode::BAD_REQUEST;
            }
            collector.keys.lock().unwrap().extend(headers.get("x-key").map(|key| key.to_str().unwrap().to_owned()));
            collector.got.lock().unwrap().push(ExportTraceServiceRequest::decode(body).unwrap());
            StatusCode::OK
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let collector = Self { url: format!("http://{}", listener.local_addr().unwrap()), ..Self::default() };
        let router = axum::Router::new().route("/v1/traces", axum::routing::post(take)).with_state(collector.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        collector
    }

    fn spans(&self) -> Vec<Span> {
        let got = self.got.lock().unwrap();
        got.iter().flat_map(|request| &request.resource_spans).flat_map(|of| &of.scope_spans).flat_map(|of| of.spans.clone()).collect()
    }

    async fn wait_for(&self, count: usize) -> Vec<Span> {
        let began = Instant::now();
        while self.spans().len() < count {
            assert!(began.elapsed() < PATIENCE, "{} of {count} spans: {:#?}", self.spans().len(), self.spans());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.spans()
    }
}

fn text(attributes: &[KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|attribute| attribute.value.as_ref()) {
        Some(AnyValue { value: Some(any_value::Value::StringValue(text)) }) => text.clone(),
        Some(AnyValue { value: Some(any_value::Value::IntValue(number)) }) => number.to_string(),
        other => panic!("{key} is {other:?} in {attributes:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]).map(|digit| char::from_digit(digit.into(), 16).unwrap()).collect()
}

fn project(receiver: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let schema = r#"<data-model><model name="asset" label="Asset"><field name="name" label="Name" type="text"/><display>{name}</display>
<webhook type="update" name="asset_saved"><field name="name"/></webhook></model></data-model>"#;
    let toml = format!(
        "[listen]\naddress = \"127.0.0.1:0\"\n[egress]\nallow_networks = [\"127.0.0.0/8\"]\n[[endpoints]]\nname = \"erp\"\nevents = \"*\"\n\
         url = \"{receiver}\"\n[endpoints.failure_handling]\nretry = {{ pattern = \"linear\", interval = \"1s\", max_attempts = 2 }}\n"
    );
    std::fs::write(folder.path().join("schema.xml"), schema).unwrap();
    std::fs::write(folder.path().join("webhookc.toml"), toml).unwrap();
    folder
}

fn command(folder: &Path, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_webhookc"));
    command.arg("serve").current_dir(folder).envs(variables.iter().copied());
    command
}

async fn save(node: &Node, id: &str, name: &str, parent: &str) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.put(node.object("asset", id)).header("traceparent", parent).body(format!(r#"{{"name": "{name}"}}"#));
    assert!(request.send().await.unwrap().status().is_success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_belongs_to_its_clients_trace_and_every_attempt_to_that_of_its_message() {
    let (collector, receiver) = (Collector::start().await, Receiver::start().await);
    let folder = project(&format!("{}/fail?key=value", receiver.url));
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=k1"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
    ];
    let mut node = Node::launch(command(folder.path(), &variables));
    save(&node, "a1", "Pump", PARENT).await;
    // The second attempt after a restart.
    let before = collector.wait_for(3).await;
    node.signal(Signal::TERM);
    assert!(node.wait().success());
    let node = Node::launch(command(folder.path(), &variables));
    let spans = collector.wait_for(4).await;
    assert_eq!(before[..], spans[..3]);
    drop(node);

    let named = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    let [save] = named("create asset")[..] else { panic!("{spans:#?}") };
    assert_eq!((hex(&save.trace_id), hex(&save.parent_span_id)), ("4bf92f3577b34da6a3ce929d0e0e4736".into(), "00f067aa0ba902b7".into()));
    assert_eq!(
        (save.kind(), text(&save.attributes, "webhookc.object"), text(&save.attributes, "webhookc.messages")),
        (SpanKind::Server, "a1".into(), "1".into())
    );
    assert!(save.end_time_unix_nano > save.start_time_unix_nano);

    let [message] = named("create asset_saved")[..] else { panic!("{spans:#?}") };
    assert_eq!(format!("msg_{}", hex(&message.trace_id)), text(&message.attributes, "webhookc.message"));
    assert_eq!((message.kind(), message.parent_span_id.is_empty()), (SpanKind::Producer, true));
    assert_eq!((&message.links[0].trace_id, &message.links[0].span_id), (&save.trace_id, &save.span_id));
    assert_eq!((&save.links[0].trace_id, &save.links[0].span_id), (&message.trace_id, &message.span_id));

    let [first, second] = named("POST")[..] else { panic!("{spans:#?}") };
    for (attempt, resend) in [(first, "0"), (second, "1")] {
        assert_eq!((&attempt.trace_id, &attempt.parent_span_id), (&message.trace_id, &message.span_id));
        assert_eq!((attempt.kind(), text(&attempt.attributes, "http.request.resend_count")), (SpanKind::Client, resend.into()));
        assert_eq!(
            (text(&attempt.attributes, "http.response.status_code"), text(&attempt.attributes, "error.type")),
            ("500".into(), "500".into())
        );
        assert_eq!(text(&attempt.attributes, "webhookc.endpoint"), "ep_erp");
        assert!(attempt.status.as_ref().unwrap().message.starts_with("answered 500"), "{:?}", attempt.status);
    }
    assert_ne!(first.span_id, second.span_id);
    let delivery = text(&first.attributes, "webhookc.delivery");
    assert_eq!(delivery, text(&second.attributes, "webhookc.delivery"));

    let resource = collector.got.lock().unwrap()[0].resource_spans[0].resource.clone().unwrap().attributes;
    assert_eq!(text(&resource, "service.name"), "webhookc");
    assert_eq!(text(&resource, "service.version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(text(&resource, "deployment.environment.name"), "test");
    assert!(collector.keys.lock().unwrap().iter().all(|key| key == "k1"));
    assert!(receiver.got().iter().all(|request| !request.headers.contains_key("traceparent")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_client_or_the_sampler_leaves_out_is_left_out() {
    let (collector, receiver) = (Collector::start().await, Receiver::start().await);
    let folder = project(&receiver.url);
    let node =
        Node::launch(command(folder.path(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.as_str()), ("OTEL_SERVICE_NAME", "hooks")]));
    save(&node, "a1", "Pump", LEFT_OUT).await;
    save(&node, "a2", "Pump", "no such thing").await;
    let spans = collector.wait_for(5).await;
    let saves: Vec<_> = spans.iter().filter(|span| span.name == "create asset").collect();
    assert_eq!(saves.iter().map(|span| text(&span.attributes, "webhookc.object")).collect::<Vec<_>>(), ["a2"]);
    assert!(saves[0].parent_span_id.is_empty() && hex(&saves[0].trace_id) != "0".repeat(32));
    let resource = collector.got.lock().unwrap()[0].resource_spans[0].resource.clone().unwrap().attributes;
    assert_eq!(text(&resource, "service.name"), "hooks");
    drop(node);

    let silent = Collector::start().await;
    let folder = project(&receiver.url);
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", silent.url.as_str()), ("OTEL_TRACES_SAMPLER", "always_off")];
    let mut node = Node::launch(command(folder.path(), &variables));
    let before = receiver.got().len();
    save(&node, "a1", "Pump", PARENT).await;
    receiver.wait_for(before + 1).await;
    node.signal(Signal::TERM);
    assert!(node.wait().success());
    assert_eq!(silent.spans(), []);
}

// Its own waiting for lines of the log holds up no receiver.
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_costs_spans_and_nothing_else() {
    let (collector, receiver) = (Collector::start().await, Receiver::start().await);
    *collector.refuses.lock().unwrap() = true;
    let folder = project(&receiver.url);
    let mut node = Node::launch(command(folder.path(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.as_str())]));
    save(&node, "a1", "Pump", PARENT).await;
    receiver.wait_for(1).await;
    node.wait_for_new_line("that spans were not taken", |line| line.contains("the collector did not take spans"));
    *collector.refuses.lock().unwrap() = false;
    save(&node, "a2", "Pump", PARENT).await;
    node.wait_for_new_line("that they are again", |line| line.contains("the collector takes spans again"));
    assert!(collector.spans().iter().any(|span| span.name == "create asset"));
    drop(node);

    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let folder = project(&receiver.url);
    let mut node = Node::launch(command(folder.path(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{closed}"))]));
    save(&node, "a3", "Pump", PARENT).await;
    receiver.wait_for(3).await;
    let began = Instant::now();
    node.signal(Signal::TERM);
    assert!(node.wait().success() && began.elapsed() < Duration::from_secs(15), "{}", node.said());
}

#[tokio::test]
async fn an_address_that_is_none_is_said() {
    let folder = project("http://127.0.0.1:9");
    let output = command(folder.path(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", "not an address")]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("spans cannot be sent to a collector") && said.contains("not an address"), "{said}");
}
