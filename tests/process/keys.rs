//! Keys with the real binary: made before a node runs, asked for by it, made and revoked beside it.

use std::path::Path;
use std::process::{Command, Output};

use crate::node::Node;

const SCHEMA: &str = include_str!("../../schemas/assets/schema.xml");

fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("schema.xml"), SCHEMA).unwrap();
    let toml = "[listen]\naddress = \"127.0.0.1:0\"\n[[endpoints]]\nname = \"erp\"\nevents = \"*\"\nurl = \"https://erp.example/hook\"\n";
    std::fs::write(folder.path().join("webhookc.toml"), toml).unwrap();
    folder
}

/// Runs a verb with a key in the environment; exit code, standard output, standard error.
fn run(folder: &Path, key: &str, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_webhookc"));
    command.args(arguments).current_dir(folder).env("NO_COLOR", "1");
    if !key.is_empty() {
        command.env("WEBHOOKC_API_KEY", key);
    }
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

fn made(folder: &Path, key: &str, arguments: &[&str]) -> String {
    let (code, out, err) = run(folder, key, arguments);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("it is shown only now"), "{err}");
    out.trim().to_owned()
}

#[test]
fn a_node_with_keys_may_be_reached_by_others_and_asks_for_them() {
    let folder = project();
    let folder = folder.path();
    let (code, _, err) = run(folder, "", &["serve", "--listen", "0.0.0.0:0"]);
    assert!(code == 2 && err.contains("asks for no key") && err.contains("webhookc keys create"), "{err}");
    let admin = made(folder, "", &["keys", "create", "--all-tenants", "--permission", "*", "--name", "admin"]);
    let tenant = made(folder, "", &["keys", "create", "--tenant", "acme", "--permission", "webhooks:*,objects:*", "--expires", "90d"]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_webhookc"));
    command.args(["serve", "--listen", "0.0.0.0:0"]).current_dir(folder);
    let node = Node::spawn(command);
    let line = node.wait_for_line("its address", |line| line.contains("http://0.0.0.0:"));
    let port: String = line.split_once("http://0.0.0.0:").unwrap().1.chars().take_while(char::is_ascii_digit).collect();
    let url = format!("http://127.0.0.1:{port}");
    let at = |key: &str, arguments: &[&str]| run(folder, key, &[arguments, &["--url", &url]].concat());

    let (code, _, err) = at("", &["endpoints", "--tenant", "acme"]);
    assert!(code == 1 && err.contains("the call has no key") && err.contains("WEBHOOKC_API_KEY"), "{err}");
    assert_eq!(at(&tenant, &["endpoints", "--tenant", "acme"]).0, 0);
    let (code, _, err) = at(&tenant, &["endpoints", "--tenant", "other"]);
    assert!(code == 1 && err.contains("there is no tenant `other`"), "{err}");
    let (code, _, err) = at(&tenant, &["deliveries", "--tenant", "acme"]);
    assert!(code == 1 && err.contains("lacks the permission `deliveries:list`"), "{err}");
    assert_eq!(at(&tenant, &["save", "asset", "1", r#"{"name": "Pump"}"#, "--tenant", "acme"]).0, 0);

    // The store is the node's: it is asked, at the address that is configured or named.
    let (code, list, _) = at(&admin, &["keys", "list", "--all-tenants"]);
    assert_eq!((code, list.lines().count()), (0, 3), "{list}");
    assert!(list.contains("  admin") && list.contains("acme"), "{list}");
    let id = list.lines().find(|line| line.contains("acme")).and_then(|line| line.split(' ').next()).unwrap().to_owned();
    let shown = made(folder, &admin, &["keys", "link", "--tenant", "acme", "--permission", "webhooks:list", "--url", &url]);
    assert_eq!(at(&shown, &["endpoints", "--tenant", "acme"]).0, 0);
    let (code, revoked, err) = at(&admin, &["keys", "revoke", &id, "--tenant", "acme"]);
    assert!(code == 0 && revoked.contains("revoked"), "{revoked}{err}");
    let (code, _, err) = at(&tenant, &["endpoints", "--tenant", "acme"]);
    assert!(code == 1 && err.contains("was revoked at"), "{err}");
    let (_, log, _) = at(&admin, &["audit", "--all-tenants"]);
    assert!(log.contains(&format!("DELETE /api/v1/tenants/acme/keys/{id}")) && log.contains("webhookc keys create"), "{log}");
    let file = folder.join("key");
    std::fs::write(&file, format!("{admin}\n")).unwrap();
    assert_eq!(at("", &["keys", "list", "--key", "@key"]).0, 0);
    let (code, _, err) = at("", &["keys", "list", "--key", "@none"]);
    assert!(code == 2 && err.contains("cannot read `none`"), "{err}");
}

#[test]
fn a_key_of_a_store_without_a_node_is_made_listed_and_revoked() {
    let folder = project();
    let folder = folder.path();
    let (code, _, err) = run(folder, "", &["keys", "list"]);
    assert!(code == 2 && err.contains("there is no such file"), "{err}");
    for (arguments, said) in [
        (&["keys", "create", "--permission", "webhook:read"][..], "did you mean `webhooks`?"),
        (&["keys", "create", "--permission", "node:read"], "a key of one tenant cannot have `node:read`"),
        (&["keys", "create", "--permission", "keys:read", "--expires", "x"], "does not begin with a whole number"),
        (&["keys", "create", "--permission", "keys:read", "--tenant", "a/b"], "cannot be a tenant"),
        (&["keys", "create"], "--permission"),
    ] {
        let (code, _, err) = run(folder, "", arguments);
        assert!(code == 2 && err.contains(said), "{arguments:?}: {err}");
    }
    made(folder, "", &["keys", "create", "--permission", "keys:read"]);
    let (_, list, _) = run(folder, "", &["keys", "list"]);
    let id = list.lines().nth(1).and_then(|line| line.split(' ').next()).unwrap();
    let (code, _, err) = run(folder, "", &["keys", "revoke", id, "--tenant", "other"]);
    assert!(code == 1 && err.contains("tenant `other` has no key"), "{err}");
    assert!(run(folder, "", &["keys", "revoke", id]).1.contains("revoked"));
    assert!(run(folder, "", &["keys", "list"]).1.contains("revoked"));
}
