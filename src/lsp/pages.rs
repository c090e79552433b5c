//! The pages of the codes as files, so that an editor can open the one that a finding links to: in the user's cache folder, written when
//! first needed. Where there is no such folder, findings have no links.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use lsp_types::Url;
use rustc_hash::FxHashMap;

use crate::diagnostics::{Code, page};

/// The address of a code's page.
pub(super) fn page_url(code: Code) -> Option<Url> {
    static KNOWN: Mutex<Option<FxHashMap<Code, Option<Url>>>> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.get_or_insert_default().entry(code).or_insert_with(|| written(code)).clone()
}

fn written(code: Code) -> Option<Url> {
    let folder = cache()?.join("webhookc").join(concat!("pages-", env!("CARGO_PKG_VERSION")));
    let file = folder.join(format!("{}.md", code.as_str()));
    let text = page(code)?.text;
    if std::fs::read_to_string(&file).is_ok_and(|kept| kept == text) {
        return Url::from_file_path(file).ok();
    }
    // Without the file there is no link, and nothing else is missing.
    std::fs::create_dir_all(&folder).ok()?;
    std::fs::write(&file, text).ok()?;
    Url::from_file_path(file).ok()
}

/// The folder for files of a user that can be made again.
fn cache() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    named("XDG_CACHE_HOME").or_else(|| named("LOCALAPPDATA")).or_else(|| Some(named("HOME")?.join(".cache")))
}

/// What a page says first: what the code means.
pub(super) fn meaning(code: Code) -> Option<&'static str> {
    let text = page(code)?.text;
    let body = text.split_once('\n')?.1.trim_start();
    Some(body.split("\n## ").next().unwrap_or(body).trim_end())
}
