//! Who a node is to a broker, and over what.

use std::path::Path;
use std::process::Command;

use crate::node::{Receiver, send};
use crate::project::{project, serve};
use crate::server::Server;

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_over_tls() {
    let keys = tempfile::tempdir().unwrap();
    openssl(
        keys.path(),
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=authority",
    );
    openssl(keys.path(), "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out request.pem -subj /CN=127.0.0.1");
    std::fs::write(keys.path().join("names"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    openssl(keys.path(), "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out cert.pem");
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
