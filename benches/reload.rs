//! How long after a save in the editor the new program is live: the real binary, a real file, asked over HTTP.
//!
//! `cargo bench --bench reload` prints minimum, median, 95th percentile and maximum over [`EDITS`] edits of the asset example, and of
//! the same schema grown to about 1 MB, written in place and by rename.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::indexing_slicing, reason = "a bench reports by printing")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Edits measured for each schema.
const EDITS: usize = 40;
/// Between two questions whether the edit is live.
const POLL: Duration = Duration::from_millis(1);

struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn schema(event: &str, models: usize) -> String {
    let fields: String = (0..10).fold(String::new(), |mut text, n| {
        text.extend(["<field name=\"field_", &n.to_string(), "\" label=\"Field\" type=\"text\" />\n"]);
        text
    });
    let models: Vec<String> =
        (0..models).map(|n| format!("<model name=\"m{n}\" label=\"M\">\n{fields}<display>{{field_0}}</display>\n</model>\n")).collect();
    format!(
        "<data-model>\n{}<model name=\"asset\" label=\"Asset\">\n<field name=\"name\" label=\"Name\" type=\"text\" />\n<display>{{name}}</display>\n<webhook type=\"update\" name=\"{event}\"><field name=\"name\" /></webhook>\n</model>\n</data-model>\n",
        models.concat()
    )
}

/// How a file is saved.
#[derive(Clone, Copy)]
enum Way {
    InPlace,
    Renamed,
}

impl Way {
    fn save(self, file: &Path, text: &str) {
        match self {
            Self::InPlace => fs::write(file, text).unwrap(),
            Self::Renamed => {
                let beside = file.with_extension("tmp");
                fs::write(&beside, text).unwrap();
                fs::rename(&beside, file).unwrap();
            }
        }
    }
}

/// Starts `dev`; its address.
fn start(folder: &Path) -> (Node, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_webhookc"))
        .args(["dev", "--listen", "127.0.0.1:0"])
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let node = Node(child);
    let first = lines.find_map(|line| line.ok().filter(|line| line.contains("api http://"))).expect("the node says its address");
    std::thread::spawn(move || lines.count());
    let address = first.split("api ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    (node, address)
}

async fn measure(what: &str, models: usize, way: Way) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("schema.xml");
    fs::write(&file, schema("before", models)).unwrap();
    let size = fs::metadata(&file).unwrap().len();
    let (_node, address) = start(folder.path());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut took = Vec::new();
    for edit in 0..EDITS {
        let event = format!("edit_{edit}");
        let text = schema(&event, models);
        let question = format!("{address}/api/v1/tenants/default/webhooks/{event}");
        way.save(&file, &text);
        let began = Instant::now();
        while !http.get(&question).send().await.unwrap().status().is_success() {
            assert!(began.elapsed() < Duration::from_secs(20), "edit {edit} never went live");
            tokio::time::sleep(POLL).await;
        }
        took.push(began.elapsed());
        // Not in step with the watcher's own times.
        tokio::time::sleep(Duration::from_millis(40 + (edit as u64 * 29) % 120)).await;
    }
    took.sort();
    let ms = |at: usize| took[at].as_secs_f64() * 1e3;
    println!(
        "{what} ({size} bytes): min {:.0} ms, median {:.0} ms, p95 {:.0} ms, max {:.0} ms over {EDITS} edits",
        ms(0),
        ms(EDITS / 2),
        ms(EDITS * 95 / 100),
        ms(EDITS - 1)
    );
}

#[tokio::main]
async fn main() {
    measure("one model", 0, Way::InPlace).await;
    measure("1 MB", 1_400, Way::InPlace).await;
    measure("1 MB, renamed", 1_400, Way::Renamed).await;
}
