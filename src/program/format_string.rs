//! Format strings, as in `<display>` and messages to users: literal text, `{{` and `}}`, and placeholders `{path}` or `{path:spec}`.
//! Only their form; what a path refers to is resolved in `display`.

use std::ops::Range;

use crate::diagnostics::Code;

/// A placeholder, as byte ranges of the string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placeholder {
    /// The dotted path.
    pub(super) path: Range<usize>,
}

/// What is wrong with the form of a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// What kind of mistake.
    pub(super) code: Code,
    /// Where it is.
    pub(super) range: Range<usize>,
    /// One sentence.
    pub(super) message: String,
}

/// Splits a string into its placeholders. A faulty one is left out.
pub(super) fn parse(text: &str) -> (Vec<Placeholder>, Vec<Fault>) {
    let bytes = text.as_bytes();
    let (mut placeholders, mut faults) = (Vec::new(), Vec::new());
    let mut at = 0;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'{', b'}', rest)) {
        let start = at + found;
        let brace = bytes.get(start).copied();
        if bytes.get(start + 1).copied() == brace {
            at = start + 2;
            continue;
        }
        if brace == Some(b'}') {
            let message = "`}` closes nothing; the character itself is written `}}`".to_owned();
            faults.push(Fault { code: Code::StrayBrace, range: start..start + 1, message });
            at = start + 1;
            continue;
        }
        let rest = bytes.get(start + 1..).unwrap_or_default();
        let end = match memchr::memchr2(b'{', b'}', rest).map(|found| start + 1 + found) {
            Some(end) if bytes.get(end) == Some(&b'}') => end,
            Some(_) | None => {
                let message = "`{` is not closed; expected `}`, or `{{` for the character itself".to_owned();
                faults.push(Fault { code: Code::StrayBrace, range: start..start + 1, message });
                at = start + 1;
                continue;
            }
        };
        at = end + 1;
        match placeholder(text, start + 1..end) {
            Ok(placeholder) => placeholders.push(placeholder),
            Err(fault) => faults.push(fault),
        }
    }
    (placeholders, faults)
}

fn placeholder(text: &str, inside: Range<usize>) -> Result<Placeholder, Fault> {
    let content = text.get(inside.clone()).unwrap_or("");
    let whole = inside.start - 1..inside.end + 1;
    if content.contains('?') {
        let message = format!("`{content}` is a choice, which a format string cannot make; expected the path of a field");
        return Err(Fault { code: Code::FormatConditional, range: inside, message });
    }
    let (path, spec) = match content.split_once(':') {
        Some((path, spec)) if !path.is_empty() && !path.starts_with('$') => (path, Some(spec)),
        Some(_) | None => (content, None),
    };
    let good = path.split('.').all(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
    if !good {
        let message = format!("`{path}` is not the path of a field; expected names with dots between, as in `room.name`");
        let range = if content.is_empty() { whole } else { inside.start..inside.start + path.len() };
        return Err(Fault { code: Code::UnsupportedExpression, range, message });
    }
    if let Some(spec) = spec
        && !is_spec(spec)
    {
        let from = inside.start + path.len() + 1;
        let message = format!("`{spec}` is not a format; expected a width as `5`, zeros as `05`, or decimals as `.2f`");
        return Err(Fault { code: Code::BadFormatSpec, range: if spec.is_empty() { whole } else { from..inside.end }, message });
    }
    Ok(Placeholder { path: inside.start..inside.start + path.len() })
}

/// `n`, `0n` or `.Nf`.
fn is_spec(spec: &str) -> bool {
    let digits = spec.strip_prefix('.').map_or(Some(spec), |rest| rest.strip_suffix('f'));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<&str> {
        let (placeholders, faults) = parse(text);
        assert_eq!(faults, []);
        placeholders.into_iter().map(|placeholder| text.get(placeholder.path).unwrap()).collect()
    }

    fn faults(text: &str) -> Vec<(Code, &str)> {
        parse(text).1.into_iter().map(|fault| (fault.code, text.get(fault.range).unwrap())).collect()
    }

    #[test]
    fn placeholders_are_found_between_literal_braces() {
        assert_eq!(paths("{{{name}}} {a.b:05} {n:.2f} {w:12}"), ["name", "a.b", "n", "w"]);
        assert_eq!(paths("no {{placeholder}}"), Vec::<&str>::new());
    }

    #[test]
    fn each_fault_has_its_place() {
        assert_eq!(faults("a } b"), [(Code::StrayBrace, "}")]);
        assert_eq!(faults("a {b {c}"), [(Code::StrayBrace, "{")]);
        assert_eq!(faults("{a:2x} {b:}"), [(Code::BadFormatSpec, "2x"), (Code::BadFormatSpec, "{b:}")]);
        assert_eq!(
            faults("{a + b} {} {$:f()}"),
            [(Code::UnsupportedExpression, "a + b"), (Code::UnsupportedExpression, "{}"), (Code::UnsupportedExpression, "$:f()"),]
        );
        assert_eq!(faults("{done ? 'yes' : 'no'}"), [(Code::FormatConditional, "done ? 'yes' : 'no'")]);
    }
}
