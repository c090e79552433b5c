//! `webhookc init`: a small project to begin with: a schema, its `webhookc.toml`, tests, and saves to try.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::failure::Failure;
use super::output::Output;

/// The files of the project.
const FILES: [(&str, &str); 4] = [
    ("schema.xml", include_str!("project/schema.xml")),
    ("webhookc.toml", include_str!("project/webhookc.toml")),
    ("orders.test.yaml", include_str!("project/orders.test.yaml")),
    ("saves.ndjson", include_str!("project/saves.ndjson")),
];

/// Make a small project: a schema, its configuration, tests, and saves to try; never overwrites a file
#[derive(Debug, Args)]
pub(super) struct Init {
    /// The folder, made if it is not there
    #[arg(default_value = ".")]
    folder: PathBuf,
}

impl Init {
    pub(super) fn run(self, output: Output) -> Result<ExitCode, Failure> {
        let there: Vec<String> = FILES
            .iter()
            .filter(|(name, _)| self.folder.join(name).symlink_metadata().is_ok())
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        if !there.is_empty() {
            let message = format!("{} in `{}` would be overwritten, nothing was written", there.join(", "), self.folder.display());
            return Err(Failure::new(message).help("choose another folder: `webhookc init FOLDER`"));
        }
        let failed = |path: &std::path::Path, error: &std::io::Error| Failure::of(&format!("cannot write `{}`", path.display()), error);
        std::fs::create_dir_all(&self.folder).map_err(|error| failed(&self.folder, &error))?;
        for (name, text) in FILES {
            let path = self.folder.join(name);
            let file = OpenOptions::new().write(true).create_new(true).open(&path);
            file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| failed(&path, &error))?;
            output.line(&format!("made {}", path.display()));
        }
        let folder = self.folder.display();
        output.line(&format!(
            "\nNext: `webhookc check {folder}`, `webhookc test {folder}`, `webhookc dev {folder} --saves {}`",
            self.folder.join("saves.ndjson").display()
        ));
        Ok(ExitCode::SUCCESS)
    }
}
