//! Where the key of a store comes from: `WEBHOOKC_KEY`, `key` of `[store]`, or a file beside the store that is made with the first start. How
//! it is exchanged for another.

use std::io;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret as _;

use super::{VaultKey, VaultKeyError, VaultKeys, file};
use crate::config::{SecretError, SecretSource};
use crate::time::Entropy;

/// The environment variable that wins over everything else.
pub const VARIABLE: &str = "WEBHOOKC_KEY";

/// Where the keys of a store are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// In this environment variable, which only who starts the process can change.
    Env(String),
    /// In this file.
    File(PathBuf),
}

/// Keys, and where they were.
#[derive(Clone, Debug)]
pub struct Found {
    /// The keys.
    pub keys: VaultKeys,
    /// Where they were.
    pub source: KeySource,
    /// Whether they were made just now.
    pub is_new: bool,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeySourceError {
    /// The variable or file that is named cannot be had.
    #[error("the key of the store cannot be had")]
    Missing(#[from] SecretError),
    /// The file beside the store cannot be used.
    #[error("the file `{}` with the key of the store cannot be used", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The secrets are encrypted, and the file with the key is gone.
    #[error("the secrets in the store are encrypted, and the file `{}` with their key is not there", .0.display())]
    Gone(PathBuf),
    /// There is no file beside the store where it could be, and it was not given otherwise.
    #[error("the store is in a database of a server, and the key of its secrets is not given in `{VARIABLE}` or as `key` of `[store]`")]
    NotGiven,
    /// What is there is no key.
    #[error("the key of the store, {place}, cannot be used: {error}")]
    Unusable {
        /// Where.
        place: String,
        /// Why.
        error: VaultKeyError,
    },
    /// The variable cannot be changed by the process.
    #[error("the key of the store is in {0}, which a running node cannot change")]
    Fixed(KeySource),
}

/// What may be known of a store before its keys are.
#[derive(Clone, Copy, Debug)]
pub struct Beside<'a> {
    /// The database file; `None` for a database of a server.
    pub database: Option<&'a Path>,
    /// Whether something in it is encrypted, so that no new key will do.
    pub is_sealed: bool,
}

impl std::fmt::Display for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the environment variable `{name}`"),
            Self::File(path) => write!(f, "the file `{}`", path.display()),
        }
    }
}

impl Found {
    /// Finds the keys: in the variable, where the project file says, or beside the store, where they are made if need be.
    ///
    /// # Errors
    /// When what is named cannot be read or is no key, or when the store needs a key that is gone.
    pub fn find(
        configured: Option<&SecretSource>,
        folder: &Path,
        beside: Beside<'_>,
        entropy: &dyn Entropy,
    ) -> Result<Self, KeySourceError> {
        if std::env::var_os(VARIABLE).is_some_and(|value| !value.is_empty()) {
            return Self::at(KeySource::Env(VARIABLE.to_owned()), &SecretSource::Env(VARIABLE.to_owned()), folder);
        }
        match configured {
            Some(source @ SecretSource::Env(name)) => Self::at(KeySource::Env(name.clone()), source, folder),
            Some(source @ SecretSource::File(path)) => Self::at(KeySource::File(folder.join(path)), source, folder),
            Some(SecretSource::Literal(_)) | None => Self::beside(beside, entropy),
        }
    }

    fn at(source: KeySource, secret: &SecretSource, folder: &Path) -> Result<Self, KeySourceError> {
        let keys = parse(secret.reveal(folder)?.expose_secret(), &source)?;
        Ok(Self { keys, source, is_new: false })
    }

    fn beside(Beside { database, is_sealed }: Beside<'_>, entropy: &dyn Entropy) -> Result<Self, KeySourceError> {
        let Some(database) = database else { return Err(KeySourceError::NotGiven) };
        let mut name = database.file_name().unwrap_or_default().to_owned();
        name.push("-key");
        let path = database.with_file_name(name);
        let failed = |source| KeySourceError::File { path: path.clone(), source };
        let source = KeySource::File(path.clone());
        match file::read(&path) {
            Ok(text) => Ok(Self { keys: parse(&text, &source)?, source, is_new: false }),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
            Err(_) if is_sealed => Err(KeySourceError::Gone(path)),
            Err(_) => {
                let keys = VaultKeys::of(VaultKey::random(entropy));
                match file::create(&path, &keys) {
                    Ok(()) => Ok(Self { keys, source, is_new: true }),
                    // Another process was faster.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        let text = file::read(&path).map_err(failed)?;
                        Ok(Self { keys: parse(&text, &source)?, source, is_new: false })
                    }
                    Err(error) => Err(failed(error)),
                }
            }
        }
    }

    /// The keys as they are now, with a new one in front that is in the file already: should the process die now, nothing is lost. If
    /// somebody has put another one in front meanwhile, that is it.
    ///
    /// # Errors
    /// When the keys are in the environment, or the file cannot be written.
    pub fn next(&self, entropy: &dyn Entropy) -> Result<VaultKeys, KeySourceError> {
        let KeySource::File(path) = &self.source else { return Err(KeySourceError::Fixed(self.source.clone())) };
        let failed = |source| KeySourceError::File { path: path.clone(), source };
        let now = parse(&file::read(path).map_err(failed)?, &self.source)?;
        if now.current.id() != self.keys.current.id() {
            let missing = self.keys.iter().filter(|key| now.iter().all(|known| known.id() != key.id())).cloned();
            return Ok(VaultKeys { earlier: now.earlier.iter().cloned().chain(missing).collect(), current: now.current });
        }
        let next = VaultKeys { current: VaultKey::random(entropy), earlier: now.iter().cloned().collect() };
        file::replace(path, &next).map_err(failed)?;
        Ok(next)
    }

    /// Everything is encrypted with the key in force: those before it are forgotten. `false` when the file cannot be written, and they have
    /// to be removed by hand.
    #[must_use]
    pub fn forget_earlier(&self, current: &VaultKey) -> bool {
        match &self.source {
            KeySource::Env(_) => false,
            KeySource::File(path) => file::replace(path, &VaultKeys::of(current.clone())).is_ok(),
        }
    }
}

fn parse(text: &str, source: &KeySource) -> Result<VaultKeys, KeySourceError> {
    text.parse().map_err(|error| KeySourceError::Unusable { place: source.to_string(), error })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SeededEntropy;

    #[test]
    fn a_key_is_made_once_beside_the_store_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let (database, entropy) = (folder.path().join("w.db"), SeededEntropy::new(3));
        let find = |is_sealed| Found::find(None, folder.path(), Beside { database: Some(&database), is_sealed }, &entropy);
        assert!(find(true).unwrap_err().to_string().contains("is not there"), "no new key for what an old one has encrypted");
        let made = find(false).unwrap();
        assert!(made.is_new);
        let again = find(true).unwrap();
        assert_eq!((again.is_new, again.keys.current.id()), (false, made.keys.current.id()));
        let path = folder.path().join("w.db-key");
        assert_eq!(again.source, KeySource::File(path.clone()));
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions()) & 0o777, 0o600);
        std::fs::write(&path, "hunter2").unwrap();
        let error = find(true).unwrap_err().to_string();
        assert!(error.contains("w.db-key") && !error.contains("hunter2"), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn the_next_key_is_in_the_file_before_it_is_used_and_the_old_one_until_it_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (database, entropy) = (folder.path().join("w.db"), SeededEntropy::new(3));
        let find = || Found::find(None, folder.path(), Beside { database: Some(&database), is_sealed: false }, &entropy).unwrap();
        let first = find();
        let next = first.next(&entropy).unwrap();
        let (old, new) = (first.keys.current.id(), next.current.id());
        let between = find();
        assert_eq!((between.keys.current.id(), between.keys.earlier[0].id()), (new, old));
        assert_eq!(first.next(&entropy).unwrap().current.id(), new, "begun again, it goes on with the same");
        assert!(first.forget_earlier(&next.current));
        assert_eq!((find().keys.current.id(), find().keys.earlier.len()), (new, 0));
    }
}
