//! Who a node is to a broker, and over what.

use std::path::Path;
use std::process::Command;

use crate::node::{Receiver, send};
use crate::project::{project, serve};
use crate::server::{Server, make_stream, messages};

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// An authority, and what it says of the server, and of a client.
fn keys() -> tempfile::TempDir {
    let keys = tempfile::tempdir().unwrap();
    openssl(
        keys.path(),
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=authority",
    );
    std::fs::write(keys.path().join("names"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    for (name, subject) in [("", "127.0.0.1"), ("own-", "webhookc")] {
        let request = "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
        openssl(keys.path(), &format!("{request} -keyout {name}key.pem -out request.pem -subj /CN={subject}"));
        let sign = "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names";
        openssl(keys.path(), &format!("{sign} -out {name}cert.pem"));
    }
    keys
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_over_tls() {
    let keys = keys();
    let file = |name: &str| keys.path().join(name).display().to_string();
    let arguments = ["--tls", "--tlscert", &file("cert.pem"), "--tlskey", &file("key.pem"), "--user", "hooks", "--pass", "s3cret word"];
    let server = Server::start_with(&arguments.map(str::to_owned));
    let receiver = Receiver::start().await;

    let broker = |password: &str| {
        let folder = project(&format!(
            "[nats.main]\nservers = [\"nats://127.0.0.1:{}\"]\nuser = \"hooks\"\npassword = {{ file = \"password\" }}\ntls = true\nca = \"{}\"\n\
             [[endpoints]]\nname = \"bus\"\nevents = \"*\"\nurl = \"nats://main/hooks.x\"\n",
            server.port,
            file("ca.pem")
        ));
        std::fs::write(folder.path().join("password"), format!("{password}\n")).unwrap();
        folder
    };
    let wrong = broker("another");
    let node = serve(wrong.path());
    node.wait_for_line("that it is refused", |line| line.contains("the broker") && line.to_lowercase().contains("authorization"));
    assert!(!node.said().contains("another"), "{}", node.said());
    drop(node);
    let right = broker("s3cret word");
    let node = serve(right.path());
    node.wait_for_line("that it is connected", |line| line.contains("connected to the broker"));
    let (status, _) = send("PUT", &node.object("asset", "a1"), r#"{"name": "Pump"}"#).await;
    assert_eq!(status, 201);
    // There is no stream; that the server says so shows that it listens.
    node.wait_for_line("what the server said", |line| line.contains("503"));
    assert!(receiver.got().is_empty() && !node.said().contains("s3cret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_the_nodes_own() {
    let keys = keys();
    let file = |name: &str| keys.path().join(name).display().to_string();
    let arguments = ["--tlsverify", "--tlscacert", &file("ca.pem"), "--tlscert", &file("cert.pem"), "--tlskey", &file("key.pem")];
    let server = Server::start_with(&arguments.map(str::to_owned));
    let options = async_nats::ConnectOptions::new()
        .require_tls(true)
        .add_root_certificates(keys.path().join("ca.pem"))
        .add_client_certificate(keys.path().join("own-cert.pem"), keys.path().join("own-key.pem"));
    let streams = server.streams_as(options).await;
    make_stream(&streams, "HOOKS", "hooks.>").await;
    let broker = |own: &str| {
        project(&format!(
            "[nats.main]\nservers = [\"tls://127.0.0.1:{}\"]\nca = \"{}\"\n{own}\n\
             [[endpoints]]\nname = \"bus\"\nevents = \"*\"\nurl = \"nats://main/hooks.x\"\n",
            server.port,
            file("ca.pem")
        ))
    };
    let without = broker("");
    let node = serve(without.path());
    node.wait_for_line("that it is refused", |line| line.contains("the broker cannot be reached"));
    assert_eq!(send("PUT", &node.object("asset", "a0"), r#"{"name": "Pump"}"#).await.0, 201);
    node.wait_for_line("that nothing can be sent", |line| line.contains("there is no connection to the broker"));
    drop(node);
    let own = broker(&format!("certificate = \"{}\"\nkey = \"{}\"", file("own-cert.pem"), file("own-key.pem")));
    let node = serve(own.path());
    let (status, _) = send("PUT", &node.object("asset", "a1"), r#"{"name": "Pump"}"#).await;
    assert_eq!(status, 201);
    assert_eq!(messages(&streams, "HOOKS", 1).await[0].subject.as_str(), "hooks.x");
}
