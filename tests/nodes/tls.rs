//! TLS towards the database, with certificates made for the test.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use crate::cluster::{Cluster, Disk};
use crate::node::Node;
use crate::world::{SCHEMA, World, saved, until};

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// An authority `NAME.pem` with its key.
fn authority(folder: &Path, name: &str) {
    openssl(folder, &format!("req -x509 -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.pem -days 3650 -subj /CN={name}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_known_by_its_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path();
    authority(made, "authority");
    authority(made, "stranger");
    std::fs::write(made.join("names"), "subjectAltName=DNS:localhost").unwrap();
    openssl(made, "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost");
    openssl(
        made,
        "x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 3650 -extfile names -out server.crt",
    );
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let own = Cluster::start(Disk::Careless);
    own.stop("fast");
    let data = own.folder().join("data");
    let mut settings = format!("\nport = {port}\nlisten_addresses = '127.0.0.1'\nssl = on\n");
    for file in ["server.key", "server.crt"] {
        std::fs::copy(made.join(file), data.join(file)).unwrap();
    }
    let _infallible = writeln!(settings, "unix_socket_directories = '{}'", own.folder().display());
    let mut conf = std::fs::read_to_string(data.join("postgresql.conf")).unwrap();
    conf.push_str(&settings);
    std::fs::write(data.join("postgresql.conf"), conf).unwrap();
    // Over the network only with TLS.
    std::fs::write(data.join("pg_hba.conf"), "local all all trust\nhostssl all all 127.0.0.1/32 trust\n").unwrap();
    let owned = Command::new("sh")
        .args(["-c", "chmod 600 server.key && (chown --reference=PG_VERSION server.key server.crt postgresql.conf pg_hba.conf || true)"])
        .current_dir(&data)
        .status();
    assert!(owned.unwrap().success());
    own.pg_ctl(&["-w", "-s", "start"]);
    let made_database = Command::new(crate::cluster::binaries().join("psql"))
        .args(["-U", "webhookc", "-d", "postgres", "-c", "CREATE DATABASE nodes", "-h"])
        .arg(own.folder())
        .args(["-p", &port.to_string()])
        .output()
        .unwrap();
    assert!(made_database.status.success(), "{}", String::from_utf8_lossy(&made_database.stderr));

    let authority = made.join("authority.pem").display().to_string();
    let stranger = made.join("stranger.pem").display().to_string();
    let with = |host: &str, rest: &str| format!("postgres://webhookc@{host}:{port}/nodes?{rest}");
    let refused = [
        // Not secured.
        (with("localhost", "sslmode=disable"), "no pg_hba.conf entry"),
        // By an authority that nobody here trusts.
        (with("localhost", "sslmode=require"), "certificate"),
        (with("localhost", &format!("sslmode=verify-full&sslrootcert={stranger}")), "certificate"),
        // Of another name.
        (with("127.0.0.1", &format!("sslmode=verify-full&sslrootcert={authority}")), "certificate"),
        (with("localhost", "sslmode=verify-full&sslrootcert=/nowhere.pem"), "`sslrootcert` names `/nowhere.pem`"),
        (with("localhost", "sslmode=maybe"), "`sslmode` is `maybe`, expected"),
    ];
    for (url, why) in refused {
        let world = World::at(url.clone()).await;
        let folder = world.project("one", SCHEMA, &world.endpoint("all"));
        let mut node = Node::spawn(world.command(&folder));
        assert_eq!(node.wait().code(), Some(2), "{url}: {}", node.said());
        assert!(node.said().contains(why), "{url}: {}", node.said());
    }
    let world = World::at(with("localhost", &format!("sslmode=verify-full&sslrootcert={authority}"))).await;
    let folder = world.project("one", SCHEMA, &world.endpoint("all"));
    let node = world.node(&folder);
    saved(&node, "a", r#"{"name": "1"}"#).await;
    until("it has come", async || world.count("/all") == 1).await;
    let asked = Command::new(crate::cluster::binaries().join("psql"))
        .args([
            "-U",
            "webhookc",
            "-d",
            "nodes",
            "-XqAt",
            "-c",
            "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'webhookc'",
            "-h",
        ])
        .arg(own.folder())
        .args(["-p", &port.to_string()])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&asked.stdout).trim(), "t");
}
