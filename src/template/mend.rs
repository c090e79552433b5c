//! A template with a syntax mistake → one without, of the same length, so that the parser can go on to the next mistake and the rest can
//! be typed at its own bytes. The `{{ … }}` or `{% … %}` with the mistake becomes text, or a block of the same kind; an end that is
//! missing is put behind the text. What it means is not kept: a mended template is never rendered.

use std::ops::Range;

/// Mistakes in one template, after which the rest is left.
const MOST: usize = 20;

/// A template being mended.
pub(super) struct Mended {
    text: String,
    /// The bytes of the template itself, without the ends that were put behind it.
    length: usize,
    mends: usize,
    /// The place that was mended last.
    last: Option<usize>,
    certain: bool,
    /// Blocks were taken away, so that an end or an `else` without its beginning is no mistake.
    orphans: bool,
}

/// What came of it.
pub(super) enum Mending {
    /// Mended. `whole`: the delimiters with what they enclose. `silent`: it followed from an earlier mistake.
    Done { whole: Range<usize>, silent: bool },
    /// It cannot be.
    Hopeless,
}

impl Mended {
    /// Starts.
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), length: text.len(), mends: 0, last: None, certain: true, orphans: false }
    }

    /// As it is now.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether all branches and loops are still those that were written.
    pub(super) fn certain(&self) -> bool {
        self.certain
    }

    /// The mended template.
    pub(super) fn finish(self) -> String {
        self.text
    }

    /// Mends the place at which the parser gave up. `unended`: it is a block that is whole but has no end.
    pub(super) fn mend(&mut self, at: usize, unended: bool) -> Mending {
        self.mends += 1;
        let again = self.last.replace(at) == Some(at);
        let Some(tag) = self.culprit(at).filter(|_| self.mends <= MOST && !again) else { return Mending::Hopeless };
        let whole = tag.clone();
        let inner = self.text.get(tag.clone()).unwrap_or_default();
        let Some(block) = inner.strip_prefix("{%") else {
            self.blank(tag);
            return Mending::Done { whole, silent: false };
        };
        self.certain = false;
        let (keyword, rest) = keyword(block);
        let (keyword, rest) = (keyword.to_owned(), rest.to_owned());
        match keyword.as_str() {
            // An `if` goes, its `else` with it; the variable of a `for` is still needed.
            "for" if unended => self.text.push_str("{%endfor%}"),
            "if" if unended => {
                self.orphans = true;
                self.blank(tag);
            }
            "elif" if at < tag.start + inner.len() - rest.len() => {
                self.blank(tag);
                return Mending::Done { whole, silent: self.orphans };
            }
            "if" | "elif" => self.replace(tag, &format!("{keyword} 1")),
            "for" => {
                let variable = rest.split_whitespace().next().unwrap_or_default();
                self.replace(tag, &format!("for {variable} in[]"));
            }
            "else" | "endif" | "endfor" => {
                self.blank(tag);
                let beyond = whole.end > self.length;
                return Mending::Done { whole, silent: self.orphans || beyond };
            }
            // Such as `iff`, with an `endif` to come, or `macro`, with an `endmacro`.
            _ => {
                let silent = self.orphans && keyword.starts_with("end");
                self.blank(tag);
                self.orphans = true;
                return Mending::Done { whole, silent };
            }
        }
        Mending::Done { whole, silent: false }
    }

    /// The tag in which the parser gave up at a place: the first that reaches to it.
    fn culprit(&self, at: usize) -> Option<Range<usize>> {
        let mut from = 0;
        while let Some(tag) = next_tag(&self.text, from) {
            if tag.end >= at {
                return Some(tag);
            }
            from = tag.end;
        }
        None
    }

    /// Makes a tag text.
    fn blank(&mut self, tag: Range<usize>) {
        let text = "x".repeat(tag.len());
        self.text.replace_range(tag, &text);
    }

    /// Puts another block in the place of one; where it does not fit, text.
    fn replace(&mut self, tag: Range<usize>, block: &str) {
        let written = self.text.get(tag.clone()).unwrap_or_default();
        let trims = |trimmed: bool| if trimmed { "-" } else { "" };
        let (left, right) = (trims(written.starts_with("{%-")), trims(written.ends_with("-%}")));
        let start = format!("{{%{left} {block}");
        let end = format!("{right}%}}");
        match tag.len().checked_sub(start.len() + end.len()) {
            Some(space) if is_whole(block) => {
                let text = format!("{start}{}{end}", " ".repeat(space));
                self.text.replace_range(tag, &text);
            }
            Some(_) | None => {
                self.orphans = true;
                self.blank(tag);
            }
        }
    }
}

/// Whether a block that was made is right: the name of a loop's variable comes from the text.
fn is_whole(block: &str) -> bool {
    let Some(rest) = block.strip_prefix("for ") else { return true };
    let name = rest.strip_suffix(" in[]").unwrap_or_default();
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let reserved = ["in", "if", "not", "and", "or", "is", "else", "true", "false", "none", "loop"];
    starts && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && !reserved.contains(&name)
}

/// The first word of a block, and what follows it.
fn keyword(block: &str) -> (&str, &str) {
    let block = block.trim_start_matches(['-', '+']).trim_start();
    let length = block.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(block.len());
    block.split_at_checked(length).unwrap_or((block, ""))
}

/// The next `{{ … }}`, `{% … %}` or `{# … #}`. One without an end goes to the next beginning, or to the end of the text.
fn next_tag(text: &str, from: usize) -> Option<Range<usize>> {
    let start = begin(text, from)?;
    let closer = match text.as_bytes().get(start + 1) {
        Some(b'{') => "}}",
        Some(b'%') => "%}",
        _ => "#}",
    };
    let inside = text.get(start + 2..)?;
    if closer == "#}" {
        return Some(start..inside.find(closer).map_or(text.len(), |length| start + 2 + length + 2));
    }
    let mut quote = None;
    for (at, c) in inside.char_indices() {
        let here = inside.get(at..).unwrap_or_default();
        match quote {
            Some(mark) if c == mark => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            None if here.starts_with(closer) => return Some(start..start + 2 + at + 2),
            None if here.starts_with("{{") || here.starts_with("{%") => return Some(start..start + 2 + at),
            Some(_) | None => {}
        }
    }
    // The quotes do not match, or there is no end.
    let end = inside.find(closer).map(|length| start + 2 + length + 2);
    Some(start..end.or(begin(text, start + 2)).unwrap_or(text.len()))
}

fn begin(text: &str, from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    let at = rest.match_indices('{').find(|(at, _)| matches!(rest.as_bytes().get(at + 1), Some(b'{' | b'%' | b'#')));
    at.map(|(at, _)| from + at)
}
