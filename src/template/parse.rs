//! Template text → the tree as written, or what is wrong with the text: its cost, counted before parsing, and its syntax. After a
//! failure every `{{ … }}` is tried apart, so that one run reports each mistake. Nothing is resolved here.

use std::ops::Range;

use minijinja::machinery::{Token, Tokenizer, ast, parse as parse_template, parse_expr};
use minijinja::syntax::SyntaxConfig;

use super::limits;
use super::lower;
use super::written::{Expression, Statement};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, suggestion};
use crate::program::TemplateSource;

/// Blocks of other template languages of this family; none is in ours.
const FOREIGN_BLOCKS: &[&str] = &["block", "break", "call", "continue", "extends", "from", "import", "include", "macro"];

/// The bytes of `{{-` or `-}}`: a mistake found at one of them is that of the block.
const DELIMITER: usize = 3;

/// Parses a template; `None` when it cannot be, which has been reported.
pub(super) fn template<'s>(source: &'s TemplateSource, out: &mut Diagnostics) -> Option<Vec<Statement<'s>>> {
    let text = source.text.as_str();
    if !affordable(source, false, out) {
        return None;
    }
    match parse_template(text, "", syntax()) {
        Ok(ast::Stmt::Template(parsed)) => Some(lower::statements(text, &parsed.children)),
        Ok(_) => Some(Vec::new()),
        Err(error) => {
            let first = explain(text, false, &error);
            for (inner, range) in blocks(text) {
                if let Err(error) = parse_expr(inner)
                    && (first.range.end + DELIMITER <= range.start || range.end + DELIMITER <= first.range.start)
                {
                    let mut mistake = explain(inner, true, &error);
                    mistake.range = range.start + mistake.range.start..range.start + mistake.range.end;
                    mistake.report(source, out);
                }
            }
            first.report(source, out);
            None
        }
    }
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
}

impl Mistake {
    fn report(self, source: &TemplateSource, out: &mut Diagnostics) {
        out.push(Diagnostic::new(Code::TemplateSyntax, source.span(self.range), self.message).maybe_help(self.help));
    }
}

/// Turns the parser's error into a sentence about the text.
fn explain(text: &str, is_expression: bool, error: &minijinja::Error) -> Mistake {
    let detail = error.detail().unwrap_or("the template cannot be read");
    let range = locate(text, is_expression, detail);
    if detail == "unexpected end of string" {
        let seen = text.get(range.start..range.start + 1).unwrap_or_default();
        return Mistake { range, message: format!("`{seen}` opens a text that nothing closes"), help: None };
    }
    if let Some(keyword) = detail.strip_prefix("unknown statement ") {
        return unknown_block(range, keyword);
    }
    if detail.starts_with("unexpected end of input")
        && let Some((keyword, range)) = unclosed(text)
    {
        let message = format!("`{{% {keyword} %}}` has no `{{% end{keyword} %}}`");
        return Mistake { range, message, help: None };
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
    Mistake { range, message, help: None }
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
    Mistake { range, message, help }
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

/// The inside of every `{{ … }}`, found without parsing: text in quotes may hold braces.
fn blocks(text: &str) -> Vec<(&str, Range<usize>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text.get(at..).and_then(|rest| rest.find("{{")).map(|start| at + start + 2) {
        let Some(inside) = text.get(start..) else { break };
        let mut quote = None;
        let mut end = None;
        for (index, c) in inside.char_indices() {
            match quote {
                Some(mark) if c == mark => quote = None,
                None if c == '"' || c == '\'' => quote = Some(c),
                None if inside.get(index..).is_some_and(|rest| rest.starts_with("}}")) => {
                    end = Some(index);
                    break;
                }
                Some(_) | None => {}
            }
        }
        // Without an end the quotes do not match; the next block may still be whole.
        let Some(length) = end else {
            at = start;
            continue;
        };
        let whole = start..start + length;
        let inner = text.get(whole.clone()).unwrap_or_default();
        let left = inner.trim_start_matches(['-', '+']);
        let right = left.strip_suffix(['-', '+']).unwrap_or(left);
        let from = whole.start + (inner.len() - left.len());
        found.push((right, from..from + right.len()));
        at = whole.end + 2;
    }
    found
}
