//! Who a node is to a broker: a credentials file, a token. A password is in `encrypted`.

use async_nats::ConnectOptions;

use crate::accounts;
use crate::node::Node;
use crate::project::{project, serve};
use crate::server::{Server, make_stream, messages, publish};

/// Reads `SAVES` and sends to `HOOKS`, as the one whom `login` names.
fn as_whom(port: u16, login: &str) -> tempfile::TempDir {
    project(&format!(
        "[nats.main]\nservers = [\"nats://127.0.0.1:{port}\"]\n{login}\n[source.nats]\nstream = \"SAVES\"\n\
         [[endpoints]]\nname = \"bus\"\nevents = \"*\"\nurl = \"nats://main/hooks.{{{{ object.id }}}}\"\n"
    ))
}

/// A save from a stream of the server comes out in another one of it.
async fn it_works(server: &Server, options: ConnectOptions, folder: &std::path::Path) -> Node {
    let streams = server.streams_as(options).await;
    make_stream(&streams, "SAVES", "saves.>").await;
    make_stream(&streams, "HOOKS", "hooks.>").await;
    let node = serve(folder);
    publish(&streams, "saves.x", r#"{"model": "asset", "id": "a1", "fields": {"name": "Pump"}}"#).await;
    assert_eq!(messages(&streams, "HOOKS", 1).await[0].subject.as_str(), "hooks.a1");
    node
}

fn is_refused(node: &Node, secret: &str) {
    node.wait_for_line("that it is refused", |line| line.contains("the broker") && line.to_lowercase().contains("authorization"));
    assert!(!node.said().contains(secret), "{}", node.said());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credentials_file_says_who_it_is() {
    let keys = tempfile::tempdir().unwrap();
    accounts::make(keys.path());
    let file = |name: &str| keys.path().join(name);
    let server = Server::start_with(&["-c".to_owned(), file("server.conf").display().to_string()]);
    let login = |name: &str| format!("credentials = {{ file = \"{}\" }}", file(name).display());
    let options = ConnectOptions::new().credentials_file(file("right.creds")).await.unwrap();
    let right = as_whom(server.port, &login("right.creds"));
    let node = it_works(&server, options, right.path()).await;
    let secret = std::fs::read_to_string(file("right.creds")).unwrap();
    assert!(secret.lines().all(|line| line.starts_with("---") || line.is_empty() || !node.said().contains(line)));

    let wrong = as_whom(server.port, &login("wrong.creds"));
    is_refused(&serve(wrong.path()), "SU");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_says_who_it_is() {
    let server = Server::start_with(&["--auth", "s3cret-token"].map(str::to_owned));
    let with = |token: &str| {
        let folder = as_whom(server.port, "token = { file = \"token\" }");
        std::fs::write(folder.path().join("token"), format!("{token}\n")).unwrap();
        folder
    };
    let right = with("s3cret-token");
    let node = it_works(&server, ConnectOptions::new().token("s3cret-token".to_owned()), right.path()).await;
    assert!(!node.said().contains("s3cret"));
    let wrong = with("an0ther-token");
    is_refused(&serve(wrong.path()), "an0ther");
}

#[test]
fn a_credentials_file_that_is_none_is_named_at_the_start() {
    let folder = as_whom(4222, "credentials = { file = \"some.creds\" }");
    std::fs::write(folder.path().join("some.creds"), "not a credentials file\n").unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_webhookc"));
    let output = command.arg("serve").current_dir(folder.path()).env("NO_COLOR", "1").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(said.contains("cannot use the broker `main`") && said.contains("its credentials cannot be read"), "{said}");
    assert!(!said.contains("not a credentials file"), "{said}");
}
