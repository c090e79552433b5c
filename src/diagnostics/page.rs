//! The page of a code: Markdown that says what it is, why it matters, and shows a wrong and a right example.

use include_dir::{Dir, include_dir};

use super::Code;

static PAGES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/diagnostics/pages");

/// A code's page.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// All of it, Markdown.
    pub text: &'static str,
}

impl Page {
    /// The first fenced block under `## Wrong`.
    #[must_use]
    pub fn wrong(&self) -> Option<&'static str> {
        self.example("## Wrong")
    }

    /// The first fenced block under `## Right`.
    #[must_use]
    pub fn right(&self) -> Option<&'static str> {
        self.example("## Right")
    }

    fn example(&self, heading: &str) -> Option<&'static str> {
        let (_, after) = self.text.split_once(heading)?;
        let (_, block) = after.split_once("```")?;
        let (_, body) = block.split_once('\n')?;
        body.split_once("\n```").map(|(example, _)| example)
    }
}

/// The page of `code`; `None` only while a code is being added, which the layout test refuses.
#[must_use]
pub fn page(code: Code) -> Option<Page> {
    let file = PAGES.get_file(format!("{}.md", code.as_str()))?;
    file.contents_utf8().map(|text| Page { text })
}
