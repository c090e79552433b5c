//! A private PostgreSQL cluster, made from the installed binaries in a temporary folder with a socket in it. It is there as long as the
//! process that has started it: a watcher, whose standard input ends with that process however it ends, stops the server and removes the
//! folder.

#![allow(dead_code, reason = "each test binary uses a part of this")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// How careful the server is with its disk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// Nothing is forced onto it: for tests in which no machine fails.
    Careless,
    /// As it is delivered.
    Careful,
}

/// A running server.
pub struct Cluster {
    folder: PathBuf,
    options: String,
    watcher: Child,
}

/// The folder with the binaries of the newest server that is installed.
pub fn binaries() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL 15 or newer is installed: `apt-get install postgresql`");
    let newest = versions.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<u32>().ok()).max();
    PathBuf::from(format!("/usr/lib/postgresql/{}/bin", newest.expect("a server in /usr/lib/postgresql")))
}

/// A command as the user that may run a server, which root may not.
fn as_owner(program: &Path) -> Command {
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    if !is_root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
    command
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
}

/// Makes the data of a server, with its log in a folder of its own where one is named.
pub fn initdb(data: &Path, log: Option<&Path>, more: &[&str]) {
    let mut initdb = as_owner(&binaries().join("initdb"));
    initdb.arg("-D").arg(data).args(["-A", "trust", "-U", "webhookc", "-E", "UTF8", "--locale=C", "--no-sync"]).args(more);
    if let Some(log) = log {
        initdb.arg("-X").arg(log);
    }
    run(&mut initdb);
}

impl Cluster {
    /// Starts one.
    pub fn start(disk: Disk) -> Self {
        Self::with(disk, "", |data| initdb(data, None, &[]))
    }

    /// Starts one that follows another, and answers questions only until it is promoted.
    pub fn standby_of(primary: &Self) -> Self {
        Self::with(Disk::Careless, "", |data| {
            let mut copy = as_owner(&binaries().join("pg_basebackup"));
            copy.arg("-D").arg(data).arg("-h").arg(&primary.folder).args([
                "-U",
                "webhookc",
                "-R",
                "-X",
                "stream",
                "-c",
                "fast",
                "--no-sync",
            ]);
            run(&mut copy);
        })
    }

    /// Starts one with these options, whose data `make` makes.
    pub fn with(disk: Disk, more: &str, make: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::Builder::new().prefix("webhookc-pg-").tempdir().unwrap().keep();
        let bin = binaries();
        let data = folder.join("data");
        run(Command::new("chmod").arg("755").arg(&folder));
        if Command::new("id").arg("-u").output().unwrap().stdout == b"0\n" {
            run(Command::new("chown").arg("postgres").arg(&folder));
        }
        make(&data);
        let careless = if disk == Disk::Careless { "-c fsync=off -c full_page_writes=off " } else { "" };
        let options = format!(
            "{careless}-c listen_addresses='' -c unix_socket_directories={} -c max_connections=200 -c shared_buffers=128MB
             -c shared_preload_libraries=pg_stat_statements -c log_min_messages=fatal {more}",
            folder.display()
        );
        let options = options.split_whitespace().collect::<Vec<_>>().join(" ");
        // The watcher comes first, so that nothing is left behind whatever happens from here on.
        let stop = format!(
            "read _; {}; rm -rf '{}'",
            shell(as_owner(&bin.join("pg_ctl")).arg("-D").arg(&data).args(["-m", "immediate", "-s", "stop"])),
            folder.display()
        );
        let watcher = Command::new("setsid")
            .args(["sh", "-c", &stop])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let cluster = Self { folder, options, watcher };
        cluster.begin();
        cluster
    }

    /// Starts the server, which has ended or was stopped.
    pub fn begin(&self) {
        self.pg_ctl(&["-w", "-s", "-o", &self.options, "start"]);
    }

    /// Starts the server, which may have ended, be about to, or still be at it.
    pub fn begin_again(&self) {
        let mut stop = as_owner(&binaries().join("pg_ctl"));
        stop.arg("-D").arg(self.folder.join("data")).args(["-m", "immediate", "-s", "stop"]);
        // It is not there.
        let _ended = stop.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        self.begin();
    }

    /// Stops the server: `fast` ends its sessions, `immediate` is a crash.
    pub fn stop(&self, mode: &str) {
        self.pg_ctl(&["-w", "-s", "-m", mode, "stop"]);
    }

    /// The socket by which it is reached.
    pub fn socket(&self) -> PathBuf {
        self.folder.join(".s.PGSQL.5432")
    }

    /// The folder of it, which goes with it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs `pg_ctl` on it.
    pub fn pg_ctl(&self, arguments: &[&str]) {
        let log = self.folder.join("log");
        let mut command = as_owner(&binaries().join("pg_ctl"));
        command.arg("-D").arg(self.folder.join("data")).arg("-l").arg(&log).args(arguments);
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        assert!(status.success(), "pg_ctl {arguments:?}: {}", std::fs::read_to_string(log).unwrap_or_default());
    }

    /// What a database of it is reached by.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://webhookc@localhost/{database}?host={}", self.folder.display())
    }

    /// What statements answer, as `psql` prints it without ornament.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        self.try_psql(database, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The same, or what the server says against it.
    pub fn try_psql(&self, database: &str, sql: &str) -> Result<String, String> {
        let mut command = Command::new(binaries().join("psql"));
        command.arg("-h").arg(&self.folder).args(["-U", "webhookc", "-d", database, "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim_end().to_owned();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    /// A new database, a copy of `template`.
    pub fn database(&self, template: &str) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("t{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let sql = format!("CREATE DATABASE {name} TEMPLATE {template}");
        // Sessions of whoever has just left the template may be there for a moment more.
        let made = (0..200).any(|_| {
            let made = self.try_psql("postgres", &sql).is_ok();
            if !made {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            made
        });
        assert!(made, "{sql}: {:?}", self.try_psql("postgres", &sql));
        name
    }

    /// Removes a database, whoever is connected to it.
    pub fn forget(&self, database: &str) {
        self.psql("postgres", &format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"));
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut input) = self.watcher.stdin.take() {
            let _gone = input.write_all(b"\n");
        }
        let _ended = self.watcher.wait();
    }
}

/// A command for a shell.
fn shell(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| format!("'{}'", word.to_str().unwrap())).collect::<Vec<_>>().join(" ")
}
