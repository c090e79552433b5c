//! A project with its tests, compiled and read: what scenarios run on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Failure;
use crate::check::{Rules, Valid};
use crate::compile::Compilation;
use crate::config::{Config, DEFAULT_LISTEN, Overrides, SecretSource};
use crate::delivery::{Policy, RsaKey, Secret};
use crate::diagnostics::Diagnostics;
use crate::ids::FileId;
use crate::reload::Files;
use crate::scenario::{Setting, Target, TestFile, read_tests};
use crate::text::SourceFile;

/// A project under test.
pub(in crate::cli) struct Bench {
    /// Its files, the tests among them, and what is found wrong in tests.
    pub(in crate::cli) compilation: Compilation,
    rules: Valid<Rules>,
    config: Config,
    /// Its test files.
    pub(in crate::cli) files: Vec<(FileId, PathBuf, TestFile)>,
}

impl Bench {
    /// Compiles a project as `webhookc dev` does, with the built-in receiver, and reads its tests; `Err` holds what is wrong with them.
    pub(in crate::cli) fn build(project: &Path, files: &[PathBuf]) -> Result<Result<Self, Box<Compilation>>, Failure> {
        let attempt = Files { paths: vec![project.to_owned()], overrides: Overrides::default(), sink: Some(DEFAULT_LISTEN) }.attempt();
        let (config, mut compilation) = attempt.outcome?;
        let Some(rules) = compilation.rules.take() else { return Ok(Err(Box::new(compilation))) };
        // Warnings are for `webhookc check`; here only the tests are judged.
        compilation.diagnostics = Diagnostics::default();
        let mut bench = Self { compilation, rules, config, files: Vec::with_capacity(files.len()) };
        for path in files {
            let file = bench.add(path)?;
            let tests = bench.read(file, read_tests);
            bench.files.push((file, path.clone(), tests));
        }
        if bench.compilation.diagnostics.has_errors() {
            bench.compilation.diagnostics.sort();
            return Ok(Err(Box::new(bench.compilation)));
        }
        Ok(Ok(bench))
    }

    /// The rules under test.
    pub(in crate::cli) fn rules(&self) -> &Valid<Rules> {
        &self.rules
    }

    /// Adds a file to the sources.
    pub(in crate::cli) fn add(&mut self, path: &Path) -> Result<FileId, Failure> {
        let bytes = std::fs::read(path).map_err(|error| Failure::of(&format!("cannot read `{}`", path.display()), &error))?;
        let name = path.to_string_lossy().replace('\\', "/");
        Ok(self.compilation.sources.add(name.strip_prefix("./").unwrap_or(&name), bytes))
    }

    /// Reads a file that was added, against the rules; mistakes go to the diagnostics.
    pub(in crate::cli) fn read<T>(&mut self, file: FileId, read: fn(FileId, &SourceFile, &Valid<Rules>, &mut Diagnostics) -> T) -> T {
        let Compilation { sources, diagnostics, .. } = &mut self.compilation;
        read(file, sources.file(file), &self.rules, diagnostics)
    }

    /// What its scenarios run against. A secret that the environment or a file would have to hold is not looked for: a test is the same
    /// everywhere.
    pub(in crate::cli) fn setting(&self) -> Setting<'_> {
        let configured = |id| self.config.endpoint(id);
        let signs = self.rules.endpoints.iter().any(|endpoint| configured(&endpoint.id).is_some_and(|found| found.policy.journey));
        let journey = if signs { RsaKey::generate().ok().map(Arc::new) } else { None };
        let targets = self.rules.endpoints.iter().enumerate().map(|(index, endpoint)| {
            let configured = configured(&endpoint.id);
            let mut policy = configured.map(|endpoint| Policy::clone(&endpoint.policy)).unwrap_or_default();
            let keys = configured.and_then(|endpoint| endpoint.keys.as_deref());
            policy.asymmetric |= keys.is_some_and(|keys| keys.signing_key.is_some());
            let secret = keys.and_then(|keys| written(keys.secret.as_ref()?));
            Target::new(index, policy, secret, journey.clone())
        });
        Setting { rules: &self.rules, targets: targets.collect() }
    }
}

/// A signing secret that stands in the project file.
fn written(source: &SecretSource) -> Option<Secret> {
    use secrecy::ExposeSecret as _;
    match source {
        SecretSource::Literal(text) => text.expose_secret().trim().parse().ok(),
        SecretSource::Env(_) | SecretSource::File(_) => None,
    }
}
