//! The binary as in the container of `deploy/Containerfile`: its variables, commands and health check, as its user, without any right, in a
//! root that holds nothing but what the base there has, and of which only the state can be written. Where namespaces cannot be made, as
//! for users other than root, nothing is tried.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::node::{Node, PATIENCE};

/// The user `nonroot` of the base.
const USER: &str = "65532:65532";

/// Where the base has the certificates of authorities.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// What runs in the root, `$ROOT`; `unshare` has made the namespaces, and what runs ends with it. 77: it cannot be done
/// here.
const SCRIPT: &str = r#"
mount --make-rprivate / && mount --bind "$ROOT" "$ROOT" && mount --bind "$ROOT/state" "$ROOT/state" &&
mount -o remount,bind,ro "$ROOT" && mount -t proc proc "$ROOT/proc" || exit 77
setpriv --no-new-privs chroot --userspec="$USER" "$ROOT" "$@"
exit $?
"#;

/// The container file as far as it says what runs.
struct Container {
    variables: Vec<(String, String)>,
    entry: Vec<String>,
    command: Vec<String>,
    health: Vec<String>,
}

impl Container {
    fn read() -> Self {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/Containerfile")).unwrap();
        let after = |word: &str| text.lines().find_map(|line| line.strip_prefix(word)).unwrap();
        let list = |text: &str| serde_json::from_str(&text[text.find('[').unwrap()..]).unwrap();
        let variables = after("ENV ").split(' ').map(|pair| pair.split_once('=').unwrap());
        Self {
            variables: variables.map(|(name, value)| (name.to_owned(), value.replace(":7357", ":0"))).collect(),
            entry: list(after("ENTRYPOINT ")),
            command: list(after("CMD ")),
            health: list(after("HEALTHCHECK ")),
        }
    }

    /// A command in the root, with the variables of the container.
    fn run<'a>(&'a self, root: &Path, command: impl IntoIterator<Item = &'a String>) -> Command {
        let mut run = Command::new("unshare");
        run.args(["--mount", "--pid", "--fork", "--kill-child=SIGKILL", "sh", "-c", SCRIPT, "sh"]).args(command);
        run.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("ROOT", root).env("USER", USER);
        run.envs(self.variables.iter().map(|(name, value)| (name, value)));
        run
    }
}

/// The root: the binary, the libraries that it asks for, certificates, a project, and a place for the state.
fn root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let put = |from: &str, to: &str| {
        let to = root.path().join(to.trim_start_matches('/'));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    };
    let binary = env!("CARGO_BIN_EXE_webhookc");
    let needed = Command::new("ldd").arg(binary).output().unwrap();
    for library in String::from_utf8(needed.stdout).unwrap().split_whitespace().filter(|word| word.starts_with('/')) {
        put(library, library);
    }
    put(binary, "/usr/local/bin/webhookc");
    put(CERTIFICATES, CERTIFICATES);
    put(&format!("{}/schemas/assets/schema.xml", env!("CARGO_MANIFEST_DIR")), "/project/schema.xml");
    for folder in ["state", "proc"] {
        fs::create_dir(root.path().join(folder)).unwrap();
    }
    assert!(Command::new("chown").arg(USER).arg(root.path().join("state")).status().unwrap().success());
    assert!(Command::new("chmod").arg("755").arg(root.path()).status().unwrap().success());
    root
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn the_container_serves_as_nobody_from_a_root_that_cannot_be_written() {
    if Command::new("id").arg("-u").output().unwrap().stdout != b"0\n" {
        return;
    }
    let (container, root) = (Container::read(), root());
    let root = root.path();
    let start = || container.run(root, container.entry.iter().chain(&container.command));
    let first = start().output().unwrap();
    if first.status.code() == Some(77) {
        return;
    }
    // Open to everybody it would be without a key, and says what to do.
    let said = String::from_utf8_lossy(&first.stderr);
    assert!(first.status.code() == Some(2) && said.contains("make a key first with `webhookc keys create"), "{said}");
    let create = ["keys", "create", "--all-tenants", "--permission", "*", "--name", "operator"].map(str::to_owned);
    let made = container.run(root, container.entry.iter().chain(&create)).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let key = String::from_utf8(made.stdout).unwrap().trim().to_owned();

    let mut node = Node::spawn(start());
    let line = node.wait_for_line("its address", |line| line.contains("http://0.0.0.0:"));
    let port: String = line.split("http://0.0.0.0:").nth(1).unwrap().chars().take_while(char::is_ascii_digit).collect();
    let url = format!("http://127.0.0.1:{port}");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let save = client.put(format!("{url}/api/v1/tenants/default/objects/asset/a1")).bearer_auth(key).body(r#"{"name": "Valve"}"#);
    assert_eq!(save.send().await.unwrap().status().as_u16(), 201);
    let health = |url: &str| container.run(root, &container.health).env("WEBHOOKC_URL", url).output().unwrap();
    let healthy = health(&url);
    assert_eq!(String::from_utf8_lossy(&healthy.stdout), "ready: generation 1 with 2 models, 1 webhook\n", "{healthy:?}");
    assert!(healthy.status.success());
    node.kill();
    let began = Instant::now();
    let mut gone = health(&url);
    while gone.status.success() {
        assert!(began.elapsed() < PATIENCE, "it does not end");
        gone = health(&url);
    }
    assert!(gone.status.code() == Some(1) && String::from_utf8_lossy(&gone.stderr).contains("nobody answers"), "{gone:?}");
    let doctor = ["doctor", "/project"].map(str::to_owned);
    let seen = container.run(root, container.entry.iter().chain(&doctor)).output().unwrap();
    assert!(seen.status.success(), "{}", String::from_utf8_lossy(&seen.stdout));
    // Nothing was written elsewhere: no other file is there than were put there.
    let states = fs::read_dir(root.join("state")).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    assert!(states.filter(|name| name.starts_with("webhookc.db")).count() >= 2);
    assert_eq!(fs::read_dir(root.join("project")).unwrap().count(), 1);
}
