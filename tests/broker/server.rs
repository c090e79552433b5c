//! A private NATS server with its streams in a temporary folder, and what tests ask of it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_nats::jetstream::{self, consumer, stream};
use futures_util::StreamExt as _;

use crate::node::PATIENCE;

/// A running server; killed when dropped.
pub struct Server {
    process: Child,
    folder: tempfile::TempDir,
    /// Further arguments.
    arguments: Vec<String>,
    pub port: u16,
}

impl Server {
    /// Starts one on a free port.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with further arguments.
    pub fn start_with(arguments: &[String]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let process = launch(folder.path(), -1, arguments);
        let ports = folder.path().join(format!("nats-server_{}.ports", process.id()));
        let began = Instant::now();
        let port = loop {
            let text = std::fs::read_to_string(&ports).unwrap_or_default();
            if let Ok(said) = serde_json::from_str::<serde_json::Value>(&text) {
                let url = said["nats"][0].as_str().or_else(|| said["tls"][0].as_str()).unwrap();
                break url.rsplit(':').next().unwrap().parse().unwrap();
            }
            assert!(began.elapsed() < PATIENCE, "`nats-server` does not start");
            std::thread::sleep(Duration::from_millis(10));
        };
        Self { process, folder, arguments: arguments.to_vec(), port }
    }

    /// Ends it; its streams stay.
    pub fn stop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again where it was.
    pub fn start_again(&mut self) {
        self.process = launch(self.folder.path(), self.port.into(), &self.arguments);
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// A client of the test's own.
    pub async fn streams(&self) -> jetstream::Context {
        self.streams_as(async_nats::ConnectOptions::new()).await
    }

    /// The same, as this user.
    pub async fn streams_as(&self, options: async_nats::ConnectOptions) -> jetstream::Context {
        jetstream::new(options.retry_on_initial_connect().connect(self.url()).await.unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn launch(folder: &Path, port: i32, arguments: &[String]) -> Child {
    let mut command = Command::new("nats-server");
    command.args(["-a", "127.0.0.1", "-p", &port.to_string(), "--js", "--sd"]).arg(folder).arg("--ports_file_dir").arg(folder);
    let started = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    started.expect("NATS is installed: `apt-get install nats-server`")
}

/// Makes a stream of these subjects.
pub async fn make_stream(streams: &jetstream::Context, name: &str, subject: &str) {
    let config = stream::Config { name: name.to_owned(), subjects: vec![subject.to_owned()], ..stream::Config::default() };
    streams.create_stream(config).await.unwrap();
}

/// Sends a message and waits until the stream has it.
pub async fn publish(streams: &jetstream::Context, subject: &str, body: impl Into<String>) {
    streams.publish(subject.to_owned(), body.into().into()).await.unwrap().await.unwrap();
}

/// Waits until a stream has so many messages, and gives them in order.
pub async fn messages(streams: &jetstream::Context, stream: &str, count: usize) -> Vec<jetstream::Message> {
    let found = streams.get_stream(stream).await.unwrap();
    let began = Instant::now();
    loop {
        let there = usize::try_from(found.get_info().await.unwrap().state.messages).unwrap();
        if there >= count {
            let reader = found.create_consumer(consumer::pull::Config::default()).await.unwrap();
            let fetched = reader.fetch().max_messages(there).messages().await.unwrap();
            return fetched.map(Result::unwrap).collect().await;
        }
        assert!(began.elapsed() < PATIENCE, "the stream `{stream}` has {there} of {count} messages");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A header of a message that must be there.
pub fn header<'m>(message: &'m jetstream::Message, name: &str) -> &'m str {
    let headers = message.headers.as_ref().unwrap();
    headers.get(name).unwrap_or_else(|| panic!("no header `{name}` in {headers:?}")).as_str()
}

/// Waits until all messages of a consumer are acknowledged, so that none comes again.
pub async fn wait_for_acks(streams: &jetstream::Context, stream: &str, consumer: &str) {
    let stream = streams.get_stream(stream).await.unwrap();
    let began = Instant::now();
    loop {
        let info = stream.consumer_info(consumer).await.unwrap();
        if info.num_pending == 0 && info.num_ack_pending == 0 {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{} messages are not read and {} not acknowledged", info.num_pending, info.num_ack_pending);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
