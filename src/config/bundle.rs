//! The files of a project without the place where they are → the same project in another folder: what the nodes of one store hand on to each
//! other. Secrets that the configuration names are looked for where the project is, so each node has its own.

use std::collections::BTreeSet;
use std::path::PathBuf;

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use super::file::parse;
use super::{Config, LoadError, Overrides, Project};
use crate::compile::Input;
use crate::ids::FileId;
use crate::text::SourceMap;

/// The files of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// `webhookc.toml`, if there is one.
    config: Option<Part>,
    schemas: Vec<Part>,
    /// By their path in the folder of templates.
    templates: Vec<(String, Part)>,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    /// As it is shown to people.
    name: String,
    text: String,
}

/// Which of the sources of a project is what.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    config: Option<FileId>,
    schemas: Vec<FileId>,
    templates: Vec<(String, FileId)>,
}

impl Parts {
    /// Those of a project as it was read.
    #[must_use]
    pub fn of(input: &Input) -> Self {
        let others: BTreeSet<FileId> = input.schemas.iter().chain(input.templates.iter().map(|(_, file)| file)).copied().collect();
        let config = input.sources.iter().map(|(id, _)| id).find(|id| !others.contains(id));
        Self { config, schemas: input.schemas.clone(), templates: input.templates.clone() }
    }
}

impl Bundle {
    /// Takes the files out of the sources.
    #[must_use]
    pub fn of(sources: &SourceMap, parts: &Parts) -> Self {
        let part = |id: &FileId| {
            let file = sources.file(*id);
            Part { name: file.name.clone(), text: file.text.clone() }
        };
        Self {
            config: parts.config.as_ref().map(part),
            schemas: parts.schemas.iter().map(part).collect(),
            templates: parts.templates.iter().map(|(name, id)| (name.clone(), part(id))).collect(),
        }
    }

    /// The SHA-256 of what is in the files, whatever the folder is called in which they are.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        let mut add = |text: &str| {
            context.update(&(text.len() as u64).to_be_bytes());
            context.update(text.as_bytes());
        };
        add(self.config.as_ref().map_or("", |part| &part.text));
        for part in &self.schemas {
            add(&part.text);
        }
        for (name, part) in &self.templates {
            add(name);
            add(&part.text);
        }
        let mut out = [0; 32];
        out.copy_from_slice(context.finish().as_ref());
        out
    }

    /// The project that they make in `folder`.
    ///
    /// # Errors
    /// When the configuration has mistakes, for this version of the program.
    pub fn project(self, folder: PathBuf, overrides: &Overrides) -> Result<Project, LoadError> {
        let mut sources = SourceMap::default();
        let mut config = match self.config {
            Some(Part { name, text }) => {
                let id = sources.add(name.as_str(), text.into_bytes());
                let (config, mistakes) = parse(id, &sources.file(id).text, folder);
                if !mistakes.is_empty() {
                    return Err(LoadError::Mistakes { path: name, sources: Box::new(sources), mistakes });
                }
                config
            }
            None => Config::of_folder(folder),
        };
        config.apply(overrides)?;
        let mut add = |Part { name, text }: Part| sources.add(name, text.into_bytes());
        let schemas = self.schemas.into_iter().map(&mut add).collect();
        let templates: Vec<(String, FileId)> = self.templates.into_iter().map(|(name, part)| (name, add(part))).collect();
        config.fill_templates(&sources, &templates);
        let input = Input { sources, schemas, dialect: None, templates, settings: config.settings() };
        Ok(Project { config, input })
    }
}
