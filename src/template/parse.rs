//! Template text → the tree as written, or what is wrong with the text: its cost, counted before parsing, and its syntax. After a
//! mistake the text is mended and read again, so that one run reports each mistake. Nothing is resolved here.

use std::cell::OnceCell;
use std::ops::Range;

use minijinja::machinery::{Token, Tokenizer, ast, parse as parse_template, parse_expr};
use minijinja::syntax::SyntaxConfig;

use super::limits;
use super::lower;
use super::mend::{Mended, Mending};
use super::written::{Expression, Statement};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, suggestion};
use crate::program::TemplateSource;

/// Blocks of other template languages of this family; none is in ours.
const FOREIGN_BLOCKS: &[&str] = &["block", "break", "call", "continue", "extends", "from", "import", "include", "macro"];

/// A template that could be read.
pub(super) struct Parsed<'s> {
    pub statements: Vec<Statement<'s>>,
    /// No mistake has been reported.
    pub sound: bool,
    /// What each branch and loop is for could be read: only then it is known what may be missing there.
    pub certain: bool,
}

/// Parses a template; `None` when it cannot be, which has been reported. After a mistake the rest is read from a copy in which it is
/// mended, which `copy` keeps.
pub(super) fn template<'s>(source: &'s TemplateSource, copy: &'s OnceCell<String>, out: &mut Diagnostics) -> Option<Parsed<'s>> {
    let text = source.text.as_str();
    if !affordable(source, false, out) {
        return None;
    }
    if let Ok(ast::Stmt::Template(parsed)) = parse_template(text, "", syntax()) {
        return Some(Parsed { statements: lower::statements(text, &parsed.children), sound: true, certain: true });
    }
    let mut mended = Mended::new(text);
    while let Some(error) = parse_template(mended.text(), "", syntax()).err() {
        let mut mistake = explain(mended.text(), false, &error);
        match mended.mend(mistake.range.start, mistake.unended) {
            Mending::Done { whole, silent } => {
                if mistake.range.start < whole.end {
                    mistake.range.end = mistake.range.end.min(whole.end);
                }
                if !silent {
                    mistake.report(source, out);
                }
            }
            Mending::Hopeless => {
                mistake.report(source, out);
                return None;
            }
        }
    }
    let certain = mended.certain();
    let text = copy.get_or_init(|| mended.finish());
    let Ok(ast::Stmt::Template(parsed)) = parse_template(text, "", syntax()) else { return None };
    Some(Parsed { statements: lower::statements(text, &parsed.children), sound: false, certain })
}

/// Parses an expression without delimiters; `None` when it cannot be, which has been reported.
pub(super) fn expression<'s>(source: &'s TemplateSource, out: &mut Diagnostics) -> Option<Expression<'s>> {
    let text = source.text.as_str();
    let trimmed = text.trim();
    if trimmed.starts_with("{{") || trimmed.starts_with("{%") {
        let advice = "write the expression alone, without `{{ }}`";
        let found = Diagnostic::new(Code::TemplateSyntax, source.whole(), format!("`{trimmed}` has delimiters, expected an expression"));
        out.push(found.help(advice));
        return None;
    }
    if !affordable(source, true, out) {
        return None;
    }
    match parse_expr(text) {
        Ok(parsed) => Some(lower::expression(text, &parsed)),
        Err(error) => {
            explain(text, true, &error).report(source, out);
            None
        }
    }
}

/// Text is kept as it is written: the last line break too.
fn syntax() -> SyntaxConfig {
    let mut builder = SyntaxConfig::builder();
    builder.keep_trailing_newline(true);
    builder.build().unwrap_or_default()
}

/// Counts bytes and tokens; reports a template that is too large.
fn affordable(source: &TemplateSource, is_expression: bool, out: &mut Diagnostics) -> bool {
    let text = source.text.as_str();
    let costly = |seen: String| Diagnostic::new(Code::TemplateTooCostly, source.whole(), seen);
    if text.len() > limits::SOURCE_BYTES {
        let (seen, most) = (text.len(), limits::SOURCE_BYTES);
        out.push(
            costly(format!("the template has {seen} bytes, expected at most {most}")).help("split it, or let the receiver do the work"),
        );
        return false;
    }
    let mut tokenizer = Tokenizer::new(text, "", is_expression, syntax());
    let mut tokens = 0;
    while let Ok(Some((token, _))) = tokenizer.next_token() {
        tokens += usize::from(!matches!(token, Token::TemplateData(_)));
        if tokens > limits::TOKENS {
            let most = limits::TOKENS;
            out.push(
                costly(format!("the template has more than {most} tokens inside its `{{{{ }}}}` and `{{% %}}`"))
                    .help("split it, or let the receiver do the work"),
            );
            return false;
        }
    }
    true
}

/// A syntax mistake in a text.
struct Mistake {
    range: Range<usize>,
    message: String,
    help: Option<String>,
    /// It is a block without an end.
    unended: bool,
}

impl Mistake {
    /// A mended text is as long as its source, but its characters may be others: a keyword there can stand within a wide space here.
    fn report(self, source: &TemplateSource, out: &mut Diagnostics) {
        let text = source.text.as_str();
        let (start, end) = (self.range.start.min(text.len()), self.range.end.min(text.len()));
        let range = text.floor_char_boundary(start)..text.ceil_char_boundary(end);
        out.push(Diagnostic::new(Code::TemplateSyntax, source.span(range), self.message).maybe_help(self.help));
    }
}

/// Turns the parser's error into a sentence about the text.
fn explain(text: &str, is_expression: bool, error: &minijinja::Error) -> Mistake {
    let detail = error.detail().unwrap_or("the template cannot be read");
    let range = locate(text, is_expression, detail);
    if detail == "unexpected end of string" {
        let seen = text.get(range.start..range.start + 1).unwrap_or_default();
        return Mistake { range, message: format!("`{seen}` opens a text that nothing closes"), help: None, unended: false };
    }
    if let Some(keyword) = detail.strip_prefix("unknown statement ") {
        let crossed = unclosed(text.get(..range.start).unwrap_or_default());
        return match (keyword.strip_prefix("end"), crossed) {
            (Some("if" | "for"), Some(open)) => unended(open),
            _ => unknown_block(range, keyword),
        };
    }
    if detail.starts_with("unexpected end of input")
        && let Some(open) = unclosed(text)
    {
        return unended(open);
    }
    let seen = text.get(range.clone()).map(str::trim).unwrap_or_default();
    let parted = detail.split_once(", expected ").map(|(unexpected, expected)| match expected {
        "end of variable block" => (unexpected, "`}}`"),
        "end of block" => (unexpected, "`%}`"),
        "identifier or integer" | "identifier" => (unexpected, "a name"),
        expected => (unexpected, expected),
    });
    let message = match parted {
        Some((unexpected, expected)) if unexpected.starts_with("unexpected end of input") => {
            format!("the template ends here, expected {expected}")
        }
        Some((_, expected)) if !seen.is_empty() && seen.len() <= 40 => format!("unexpected `{seen}`, expected {expected}"),
        None if detail == "unexpected character" => format!("unexpected `{seen}`, expected an expression"),
        None if detail.starts_with("unexpected `") && !seen.is_empty() => format!("unexpected `{seen}`, expected an expression"),
        Some(_) | None => detail.to_owned(),
    };
    Mistake { range, message, help: None, unended: false }
}

/// The token at which the parser gave up. It does not tell the bytes, but it reads from left to right: the token is the last one of
/// the shortest beginning of the text that fails in the same way.
fn locate(text: &str, is_expression: bool, detail: &str) -> Range<usize> {
    let mut tokens: Vec<Range<usize>> = Vec::new();
    let mut tokenizer = Tokenizer::new(text, "", is_expression, syntax());
    let readable = loop {
        match tokenizer.next_token() {
            Ok(Some((_, span))) => tokens.push(span.start_offset as usize..span.end_offset as usize),
            Ok(None) => break true,
            Err(_) => break false,
        }
    };
    let fails = |token: &Range<usize>| {
        let beginning = text.get(..token.end).unwrap_or(text);
        let error = if is_expression { parse_expr(beginning).err() } else { parse_template(beginning, "", syntax()).err() };
        error.is_some_and(|error| error.detail() == Some(detail))
    };
    let after = tokens.last().map_or(0, |token| token.end);
    let unread = text.get(after..).map_or(text.len(), |rest| text.len() - rest.trim_start().len());
    if detail.starts_with("unexpected end of input") && readable {
        return tokens.last().cloned().unwrap_or(0..text.len());
    }
    let at = tokens.partition_point(|token| !fails(token));
    match tokens.get(at) {
        Some(token) => token.clone(),
        // The tokenizer stopped: at a character that means nothing, or at a quote that nothing ends.
        None if detail.contains("end of") => unread..text.len(),
        None => unread..text.ceil_char_boundary((unread + 1).min(text.len())),
    }
}

fn unended((keyword, range): (&str, Range<usize>)) -> Mistake {
    Mistake { range, message: format!("`{{% {keyword} %}}` has no `{{% end{keyword} %}}`"), help: None, unended: true }
}

fn unknown_block(range: Range<usize>, keyword: &str) -> Mistake {
    let opens = keyword.strip_prefix("end").filter(|opens| matches!(*opens, "if" | "for"));
    let (message, help) = match opens {
        Some(opens) => (format!("`{keyword}` without `{opens}` before it"), None),
        None if keyword == "else" || keyword == "elif" => (format!("`{keyword}` without `if` before it"), None),
        None if FOREIGN_BLOCKS.contains(&keyword) => (format!("`{keyword}` is not in the language, expected `if` or `for`"), None),
        None => {
            let nearest = suggestion(keyword, ["if", "elif", "else", "endif", "for", "endfor", "raw", "endraw"]);
            let help = nearest.map(|name| format!("did you mean `{name}`?"));
            (format!("unknown block `{keyword}`, expected `if` or `for`"), help)
        }
    };
    Mistake { range, message, help, unended: false }
}

/// The last `if` or `for` that is not ended.
fn unclosed(text: &str) -> Option<(&str, Range<usize>)> {
    let mut open = Vec::new();
    let mut after_start = false;
    let mut tokenizer = Tokenizer::new(text, "", false, syntax());
    while let Ok(Some((token, span))) = tokenizer.next_token() {
        if let Token::Ident(keyword) = token
            && after_start
        {
            if matches!(keyword, "if" | "for") {
                open.push((keyword, span.start_offset as usize..span.end_offset as usize));
            } else if matches!(keyword, "endif" | "endfor") {
                open.pop();
            }
        }
        after_start = matches!(token, Token::BlockStart);
    }
    open.pop()
}
