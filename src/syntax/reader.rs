//! The walk through a file: text, comments, CDATA sections and processing instructions. Opening tags are read in `tag`, closing tags
//! in `close`.

use memchr::{memchr, memmem};

use super::reference;
use super::tree::{Node, NodeKind, Tree};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Fix};
use crate::ids::FileId;
use crate::text::Span;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// The state of reading one file.
pub(super) struct Reader<'s, 'd> {
    pub(super) file: FileId,
    pub(super) text: &'s str,
    /// Where reading has come to; it only ever grows.
    pub(super) at: usize,
    pub(super) tree: Tree<'s>,
    /// The elements that are not closed yet.
    pub(super) open: Vec<Open<'s>>,
    /// How many elements beyond the greatest depth are open.
    pub(super) skipped: usize,
    pub(super) too_deep: bool,
    /// A quote of this kind (`"`, `'`) does not occur behind here any more.
    pub(super) no_more_quotes: [bool; 2],
    /// The next `<` or `>`, as far as it has been looked for; the length of the text when there is none.
    pub(super) angle: Option<usize>,
    /// An end of a comment that has been found, and may be that of several beginnings.
    next_comment_end: Option<usize>,
    /// Elements that the closing tag of an outer one has ended: their own closing tags, if they come, are no news.
    pub(super) owed: Vec<&'s str>,
    /// The end of a comment, CDATA section, processing instruction does not occur behind here any more.
    no_more_ends: [bool; 3],
    pub(super) out: &'d mut Diagnostics,
}

/// An element that is not closed yet.
#[derive(Clone, Copy)]
pub(super) struct Open<'s> {
    pub(super) node: u32,
    pub(super) name: &'s str,
    /// Something has been said about its opening tag already, so that it is unclosed is no news.
    pub(super) reported: bool,
}

impl<'s, 'd> Reader<'s, 'd> {
    pub(super) fn new(file: FileId, text: &'s str, out: &'d mut Diagnostics) -> Self {
        // A tag is some forty bytes long in practice, with its text two nodes; a wrong guess costs a reallocation, not correctness.
        let nodes = Vec::with_capacity(text.len() / 32);
        let attributes = Vec::with_capacity(text.len() / 32);
        Self {
            file,
            text,
            at: 0,
            tree: Tree { text, nodes, attributes, ..Tree::empty(file) },
            open: Vec::new(),
            skipped: 0,
            too_deep: false,
            no_more_quotes: [false; 2],
            angle: None,
            next_comment_end: None,
            owed: Vec::new(),
            no_more_ends: [false; 3],
            out,
        }
    }

    /// Reads everything.
    pub(super) fn read(mut self) -> Tree<'s> {
        let before = self.out.len();
        self.at = self.text.len() - self.text.trim_start_matches(BYTE_ORDER_MARK).len();
        while let Some(byte) = self.byte(self.at) {
            if byte == b'<' {
                self.markup();
            } else {
                self.characters();
            }
        }
        self.close_all();
        if self.tree.root.is_none() && self.out.len() == before {
            let message = "the file holds no element; expected `<data-model>`";
            self.out.push(Diagnostic::new(Code::EmptyDocument, self.span(self.text.len(), self.text.len()), message));
        }
        self.tree
    }

    fn markup(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or("");
        let start = self.at;
        if rest.starts_with("<!--") {
            self.comment();
        } else if rest.starts_with("<![CDATA[") {
            self.until(Ending::CharacterData, start + 9);
            if self.open.is_empty() {
                self.outside(start, self.at);
            } else {
                self.push(NodeKind::CharacterData, start, self.at);
            }
        } else if rest.starts_with("<!") {
            self.declaration();
        } else if rest.starts_with("<?") {
            self.until(Ending::Instruction, start + 2);
        } else if rest.starts_with("</") {
            self.close_tag();
        } else {
            self.open_tag();
        }
    }

    /// Text up to the next tag, with its references.
    fn characters(&mut self) {
        let start = self.at;
        let end = self.find(b'<', start).unwrap_or(self.text.len());
        self.at = end;
        let raw = self.text.get(start..end).unwrap_or("");
        if self.open.is_empty() {
            if !raw.trim_ascii().is_empty() {
                self.outside(start, end);
            }
            return;
        }
        let mut next = memchr(b'&', raw.as_bytes()).map(|at| start + at);
        let mut broken = false;
        while let Some(at) = next {
            let checked = reference::check(self.file, self.text, at, self.out);
            broken |= checked.is_err();
            let (Ok(from) | Err(from)) = checked;
            next = self.find(b'&', from).filter(|&at| at < end);
        }
        self.push(NodeKind::Text, start, end);
        if let Some(node) = self.tree.nodes.last_mut().filter(|_| broken) {
            node.broken = true;
        }
    }

    fn comment(&mut self) {
        let start = self.at;
        let body = start + 4;
        if !self.until(Ending::Comment, body) {
            return;
        }
        let inside = self.text.get(body..self.at - 3).unwrap_or("");
        if let Some(line) = another_comment(inside) {
            let message = "the comment is not closed with `-->`: another one begins below it";
            self.out.push(Diagnostic::new(Code::MalformedComment, self.span(start, body), message));
            self.at = body + line;
            return;
        }
        // `--->` ends a comment too early as well: its body then ends in a hyphen.
        let hyphens = memmem::find(inside.as_bytes(), b"--").or_else(|| inside.ends_with('-').then(|| inside.len() - 1));
        if let Some(hyphens) = hyphens {
            let span = self.span(body + hyphens, body + hyphens + 2);
            let message = "`--` may not stand inside a comment";
            self.out.push(Diagnostic::new(Code::MalformedComment, span, message).help("write a single hyphen, or `- -`"));
        }
        self.push(NodeKind::Comment, start, self.at);
    }

    /// `<!` that begins neither comment nor CDATA section: a document type, or nonsense.
    fn declaration(&mut self) {
        let start = self.at;
        let rest = self.text.get(start + 2..).unwrap_or("");
        if rest.get(..7).is_some_and(|word| word.eq_ignore_ascii_case("DOCTYPE")) {
            let close = self.find(b'>', start);
            let subset = self.find(b'[', start).filter(|&at| close.is_some_and(|close| at < close));
            self.at = match subset {
                Some(subset) => memmem::find(self.text.as_bytes().get(subset..).unwrap_or_default(), b"]>").map(|at| subset + at + 2),
                None => close.map(|at| at + 1),
            }
            .unwrap_or(self.text.len());
            let message = "a document type is not allowed: schemas have no DTD and no entities of their own";
            let fix = Fix::replace("remove it", self.span(start, self.at), "");
            self.out.push(Diagnostic::new(Code::DoctypeForbidden, self.span(start, self.at), message).fix(fix));
            return;
        }
        let end = self.tag_like_end(start + 2);
        let message = "`<!` begins no comment; a comment is written `<!-- … -->`";
        self.out.push(Diagnostic::new(Code::MalformedComment, self.span(start, end), message));
        self.at = end;
    }

    /// Moves behind the ending that belongs to what begins at `self.at`. If there is none, says so the first time, and moves into it.
    fn until(&mut self, ending: Ending, from: usize) -> bool {
        let start = self.at;
        let missing = self.no_more_ends.get(ending as usize).copied().unwrap_or(false);
        let known = self.next_comment_end.filter(|&end| matches!(ending, Ending::Comment) && end >= from);
        let rest = self.text.as_bytes().get(from..).unwrap_or_default();
        let find = || memmem::find(rest, ending.mark().as_bytes()).map(|found| from + found);
        let found = if missing { None } else { known.or_else(find) };
        if let Some(found) = found {
            if matches!(ending, Ending::Comment) {
                self.next_comment_end = Some(found);
            }
            self.at = found + ending.mark().len();
            return true;
        }
        if let Some(missing) = self.no_more_ends.get_mut(ending as usize) {
            *missing = true;
        }
        let (code, what) = match ending {
            Ending::Comment => (Code::MalformedComment, "comment"),
            Ending::CharacterData => (Code::UnclosedTag, "CDATA section"),
            Ending::Instruction => (Code::UnclosedTag, "processing instruction"),
        };
        let message = format!("the {what} is not closed with `{}`", ending.mark());
        if !missing {
            self.out.push(Diagnostic::new(code, self.span(start, from), message));
        }
        self.at = match ending {
            // Most likely its line is the comment; what stands below was meant to be read, and the end of the element around it.
            Ending::Comment => {
                let line_end = self.find(b'\n', from).unwrap_or(self.text.len());
                let line = self.text.get(from..line_end).unwrap_or("");
                let closing = self.open.last().and_then(|open| line.find(&format!("</{}", open.name)));
                closing.map_or(line_end, |at| from + at)
            }
            Ending::CharacterData | Ending::Instruction => from,
        };
        false
    }

    /// Text or a CDATA section where no element is open.
    fn outside(&mut self, start: usize, end: usize) {
        let raw = self.text.get(start..end).unwrap_or("");
        let from = start + (raw.len() - raw.trim_ascii_start().len());
        let span = self.span(from, from + raw.trim_ascii().len());
        let place = if self.tree.root.is_some() { "behind" } else { "before" };
        let message = format!("text stands {place} the root element; only comments may");
        self.out.push(Diagnostic::new(Code::TextOutsideRoot, span, message));
    }

    /// Adds a text or comment.
    pub(super) fn push(&mut self, kind: NodeKind, start: usize, end: usize) {
        if self.skipped > 0 {
            return;
        }
        let (start, end) = (offset(start), offset(end));
        let after = offset(self.tree.nodes.len() + 1);
        self.tree.nodes.push(Node { kind, start, end, after, name_end: start, tag_end: end, attributes: (0, 0), broken: false });
    }

    /// Where something that should have been a tag ends: behind the next `>`, or at the next `<`, whichever is first.
    pub(super) fn tag_like_end(&self, from: usize) -> usize {
        let bytes = self.text.as_bytes().get(from..).unwrap_or_default();
        match memchr::memchr2(b'<', b'>', bytes).map(|at| from + at) {
            Some(at) if self.byte(at) == Some(b'>') => at + 1,
            Some(at) => at,
            None => self.text.len(),
        }
    }

    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    pub(super) fn find(&self, byte: u8, from: usize) -> Option<usize> {
        memchr(byte, self.text.as_bytes().get(from..)?).map(|at| from + at)
    }

    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, start, end)
    }
}

/// Where the first line of a comment ends, when a further comment begins on a later line of it.
fn another_comment(inside: &str) -> Option<usize> {
    let hyphens = memmem::find(inside.as_bytes(), b"--")?;
    let before = inside.get(..hyphens)?.strip_suffix("<!")?;
    memchr(b'\n', before.as_bytes())
}

/// What ends at a mark of its own.
#[derive(Clone, Copy)]
enum Ending {
    Comment,
    CharacterData,
    Instruction,
}

impl Ending {
    fn mark(self) -> &'static str {
        match self {
            Self::Comment => "-->",
            Self::CharacterData => "]]>",
            Self::Instruction => "?>",
        }
    }
}

/// Files are limited to 32 MiB, so nothing is lost.
pub(super) fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
