//! A receiver behind TLS: a certificate is judged by what the machine trusts, and an attempt says how long the handshake took.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::node::{Node, PATIENCE, send};

/// A receiver that answers 200, in a process of its own.
struct Receiver {
    process: Child,
    port: u16,
}

impl Receiver {
    /// Makes a certificate for `localhost` and 127.0.0.1, and listens with it.
    fn start(folder: &Path) -> Self {
        let made = Command::new("openssl")
            .args("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout key.pem -out certificate.pem".split(' '))
            .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"])
            .current_dir(folder)
            .output()
            .expect("the `openssl` command must be installed to run this test");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let script = "const fs = require('fs'), read = name => fs.readFileSync(name);
            const server = require('https').createServer({ key: read('key.pem'), cert: read('certificate.pem') }, (request, response) => {
                request.resume().on('end', () => response.end('ok'));
            });
            server.listen(0, '127.0.0.1', () => console.log(server.address().port));";
        let mut process = Command::new("node")
            .args(["-e", script])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the `node` command must be installed to run this test");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { process, port: line.trim().parse().unwrap() }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// The attempts of the one delivery to `receiver`, once there are so many.
async fn attempts(node: &Node, endpoint: &str, count: usize) -> Vec<Value> {
    let began = Instant::now();
    loop {
        let (_, deliveries) = send("GET", &node.of_tenant(&format!("deliveries?endpoint={endpoint}")), "").await;
        let mut all = Vec::new();
        for delivery in deliveries["data"].as_array().unwrap() {
            let path = format!("deliveries/{}/attempts", delivery["id"].as_str().unwrap());
            all.extend(send("GET", &node.of_tenant(&path), "").await.1["data"].as_array().unwrap().iter().cloned());
        }
        if all.len() >= count {
            return all;
        }
        assert!(began.elapsed() < PATIENCE, "{} of {count} attempts to {endpoint} are recorded", all.len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn save(node: &Node, id: &str) {
    assert_eq!(send("PUT", &node.object("resource", id), r#"{"name": "Pump"}"#).await.0, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_judged_by_what_the_machine_trusts() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(folder.path());
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/resources/schema.xml"), folder.path().join("schema.xml")).unwrap();
    let endpoint = |name: &str, host: &str| {
        format!(
            "[[endpoints]]\nname = \"{name}\"\nevents = \"*\"\nurl = \"https://{host}:{}/hook\"\n[endpoints.failure_handling]\nretry = {{ pattern = \"linear\", interval = \"1s\", max_attempts = 1 }}\n",
            receiver.port
        )
    };
    let toml = "[listen]\naddress = \"127.0.0.1:0\"\n[egress]\nallow_networks = [\"127.0.0.0/8\", \"::1/128\"]\n".to_owned();
    fs::write(folder.path().join("webhookc.toml"), toml + &endpoint("name", "localhost") + &endpoint("address", "127.0.0.1")).unwrap();

    let start = |trusted: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_webhookc"));
        command.args(["serve"]).current_dir(folder.path()).env_remove("SSL_CERT_DIR");
        match trusted {
            "" => command.env_remove("SSL_CERT_FILE"),
            file => command.env("SSL_CERT_FILE", folder.path().join(file)),
        };
        Node::launch(command)
    };
    {
        // What the machine itself trusts, which this certificate is not part of.
        let node = start("");
        save(&node, "a").await;
        for endpoint in ["ep_name", "ep_address"] {
            let attempt = attempts(&node, endpoint, 1).await.remove(0);
            assert_eq!(attempt["status"], Value::Null, "{attempt}");
            assert!(attempt["error"].as_str().unwrap().contains("certificate"), "{attempt}");
            assert!(attempt["timing"]["connect_us"].is_u64() && attempt["timing"].get("tls_us").is_none(), "{attempt}");
        }
    }
    let node = start("certificate.pem");
    save(&node, "b").await;
    for endpoint in ["ep_name", "ep_address"] {
        let first = attempts(&node, endpoint, 2).await.into_iter().find(|attempt| attempt["status"] == json!(200)).unwrap();
        let timing = first["timing"].as_object().unwrap();
        let steps: Vec<&str> = timing.keys().map(String::as_str).filter(|key| *key != "reused" && *key != "total_us").collect();
        let resolved = if endpoint == "ep_name" { vec!["resolve_us"] } else { vec![] };
        let mut expected = [vec!["connect_us", "first_byte_us"], resolved, vec!["tls_us"]].concat();
        expected.sort_unstable();
        let mut steps = steps;
        steps.sort_unstable();
        assert_eq!((steps, &timing["reused"]), (expected, &json!(false)), "{first}");
        let sum: u64 =
            timing.iter().filter(|(key, _)| key.ends_with("_us") && *key != "total_us").map(|(_, step)| step.as_u64().unwrap()).sum();
        assert!(sum <= timing["total_us"].as_u64().unwrap(), "{first}");
    }
    save(&node, "c").await;
    for endpoint in ["ep_name", "ep_address"] {
        let attempts = attempts(&node, endpoint, 3).await;
        let kept: Vec<_> = attempts.iter().filter(|attempt| attempt["timing"]["reused"] == json!(true)).collect();
        assert_eq!(kept.len(), 1, "{attempts:?}");
        assert!(kept[0]["timing"]["first_byte_us"].is_u64() && kept[0]["timing"].get("connect_us").is_none(), "{kept:?}");
    }
}
