//! A project folder with a reloader on it, as a node runs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use webhookc::activity::{Activity, Feed};
use webhookc::config::Overrides;
use webhookc::egress::Guard;
use webhookc::generation::Live;
use webhookc::reload::{Absent, Files, Keyring, Reloader, Setup, Trigger, trigger};
use webhookc::store::Store;
use webhookc::time::{SystemClock, SystemEntropy};
use webhookc::vault::{Vault, VaultKey, VaultKeys};

/// How long anything may take before it counts as stuck.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// What happens without news of the file system takes longer: the regular look comes every two seconds.
pub const AT_ONCE: Duration = Duration::from_millis(1_900);

/// A schema whose only webhook carries a number at its beginning and at its end.
pub fn schema(number: usize) -> String {
    let filler = (0..20).map(|n| format!("<field name=\"f{n}\" label=\"Field {n}\" type=\"text\"/>\n")).collect::<Vec<_>>().concat();
    format!(
        "<data-model>\n<model name=\"asset\" label=\"Asset\">\n<field name=\"name\" label=\"Name\" type=\"text\"/>\n<field name=\"n{number}\" label=\"N\" type=\"integer\"/>\n{filler}<display>{{name}}</display>\n<webhook type=\"update\" name=\"saved_{number}\"/>\n</model>\n</data-model>\n"
    )
}

/// A reload: whether it is live, and its lines.
pub type Reload = (bool, Vec<String>);

/// Where a node keeps a program in force.
pub struct Project {
    pub live: Live,
    pub trigger: Trigger,
    pub store: Store,
    pub feed: Feed,
    /// Every reload so far: whether it is live, and its first line.
    reloads: Arc<Mutex<Vec<Reload>>>,
    running: JoinHandle<()>,
    listening: JoinHandle<()>,
    _state: TempDir,
}

impl Project {
    /// Loads what is there, which must be good, and keeps it up to date.
    pub async fn start(folder: &Path, quiet: Duration) -> Self {
        let state = tempfile::tempdir().unwrap();
        let store = Store::open_with(
            &format!("sqlite:{}", state.path().join("keys.db").display()),
            Vault::new(VaultKeys::of(VaultKey::from_bytes([7; 32])), Arc::new(SystemEntropy)),
        )
        .await
        .unwrap();
        let feed = Feed::default();
        let mut news = feed.watch_notable();
        let (trigger, requests) = trigger();
        let files = Files { paths: vec![folder.to_owned()], overrides: Overrides::default(), sink: Some("127.0.0.1:9".parse().unwrap()) };
        let mut reloader = Reloader::new(Setup {
            files: files.clone(),
            keyring: Arc::new(Keyring::new(store.clone(), Arc::new(SystemEntropy))),
            absent: Absent::LeftOut,
            guard: Guard::new(vec!["127.0.0.0/8".parse().unwrap()]),
            quiet,
            feed: feed.clone(),
            clock: Arc::new(SystemClock),
            requests,
            swapped: Arc::default(),
            rejected: Arc::default(),
        });
        let (generation, report) = reloader.take(files.attempt()).await;
        let generation = generation.unwrap_or_else(|| panic!("{report:?}"));
        let live: Live = Arc::new(ArcSwap::from_pointee(generation));
        let running = tokio::spawn(reloader.run(Arc::clone(&live)));
        let reloads = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&reloads);
        let listening = tokio::spawn(async move {
            while let Ok(event) = news.recv().await {
                if let Activity::Reloaded { lines, live } = event.what {
                    heard.lock().unwrap().push((live, lines.to_vec()));
                }
            }
        });
        Self { live, trigger, store, feed, reloads, running, listening, _state: state }
    }

    /// The numbers of the program in force: each must be said in every place of its files.
    pub fn numbers(&self) -> Vec<usize> {
        let live = self.live.load();
        let program = &live.rules.program;
        let fields = program.models.iter().flat_map(|model| &model.properties).filter_map(|property| property.name.strip_prefix('n'));
        let webhooks = program.webhooks.iter().filter_map(|webhook| webhook.name.split_once("saved_"));
        let all = fields.chain(webhooks.map(|(_, number)| number)).filter_map(|number| number.parse().ok());
        all.collect()
    }

    /// Waits until the whole program says this number; how long that took. Nothing but whole programs may be seen on the way.
    pub async fn wait_for(&self, number: usize) -> Duration {
        let began = Instant::now();
        loop {
            let numbers = self.numbers();
            assert!(!numbers.is_empty() && numbers.iter().all(|seen| *seen == numbers[0]), "a mixture is live: {numbers:?}");
            if numbers[0] == number {
                return began.elapsed();
            }
            assert!(began.elapsed() < PATIENCE, "{number} never went live, {numbers:?} is; reloads: {:?}", self.first_lines());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub fn reloads(&self) -> Vec<Reload> {
        self.reloads.lock().unwrap().clone()
    }

    fn first_lines(&self) -> Vec<(bool, String)> {
        self.reloads().into_iter().map(|(live, lines)| (live, lines[0].clone())).collect()
    }

    /// Waits for a reload that is not live; what it says.
    pub async fn wait_for_rejection(&self) -> Vec<String> {
        let began = Instant::now();
        loop {
            if let Some((_, lines)) = self.reloads().into_iter().rev().find(|(live, _)| !live) {
                return lines;
            }
            assert!(began.elapsed() < PATIENCE, "nothing was rejected: {:?}", self.reloads());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        self.running.abort();
        self.listening.abort();
    }
}

/// A folder with a good schema of number 0.
pub fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("schema.xml");
    fs::write(&file, schema(0)).unwrap();
    (folder, file)
}
