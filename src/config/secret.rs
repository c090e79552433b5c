//! Where a secret is to be had: the environment or a file. Its value is read as late as possible and never printed.

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use toml::de::DeValue;

use super::document::{Mistake, Value};

/// A secret file may hold so many bytes: far more than any key, and not a disk image named by mistake.
const LONGEST: u64 = 64 * 1024;

/// Where a secret's value is.
#[derive(Clone, Debug)]
pub enum SecretSource {
    /// In this environment variable.
    Env(String),
    /// In this file, below the project folder unless absolute; line breaks at its end are not part of it.
    File(PathBuf),
    /// In `webhookc.toml` itself: only for signing secrets, where a try needs one that is known.
    Literal(SecretString),
}

/// Why a secret could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set, or not text.
    #[error("the environment variable `{0}` is not set")]
    Env(String),
    /// The file cannot be read.
    #[error("cannot read the file `{path}`")]
    File {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
}

impl SecretSource {
    /// The value, now.
    ///
    /// # Errors
    /// When the variable is not set, the file cannot be read, or nothing is in it.
    pub fn reveal(&self, folder: &Path) -> Result<SecretString, SecretError> {
        let value = match self {
            Self::Env(name) => std::env::var(name).map_err(|_| SecretError::Env(name.clone()))?,
            Self::File(path) => {
                let path = folder.join(path);
                read(&path).map_err(|source| SecretError::File { path, source })?
            }
            Self::Literal(value) => return Ok(value.clone()),
        };
        if value.is_empty() { Err(SecretError::Empty) } else { Ok(SecretString::from(value)) }
    }

    /// Reads `{ env = "…" }`, `{ file = "…" }` or, where `literal` is allowed, a string.
    pub(super) fn of(value: &Value<'_>, literal: bool, out: &mut Vec<Mistake>) -> Option<Self> {
        if let DeValue::String(text) = value.raw() {
            if literal {
                return Some(Self::Literal(SecretString::from(text.to_string())));
            }
            let message = format!("the secret `{}` stands in the file, expected where to find it", value.key);
            out.push(
                Mistake::new(value.span(), message)
                    .help("write `{ env = \"NAME\" }` or `{ file = \"path\" }`, and keep the value out of the file"),
            );
            return None;
        }
        if !matches!(value.raw(), DeValue::Table(_)) {
            value.mismatch("`{ env = \"NAME\" }` or `{ file = \"path\" }`", out);
            return None;
        }
        let mut table = value.table(format!("the secret `{}`", value.key), out)?;
        let (env, file) = (table.take("env"), table.take("file"));
        let span = table.span;
        table.finish(out);
        match (env, file) {
            (Some(env), None) => env.string(out).map(|name| Self::Env(name.value)),
            (None, Some(file)) => file.string(out).map(|path| Self::File(path.value.into())),
            (None, None) | (Some(_), Some(_)) => {
                out.push(Mistake::new(span, format!("the secret `{}` needs exactly one of `env` and `file`", value.key)));
                None
            }
        }
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?.take(LONGEST).read_to_string(&mut text)?;
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    Ok(text)
}
