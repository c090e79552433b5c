//! `--select` and `--ignore`: which findings are wanted, by code, name or the beginning of a code.

use crate::diagnostics::{Code, Diagnostic};

/// A choice of codes.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    select: Vec<Code>,
    ignore: Vec<Code>,
}

impl Selection {
    /// From the words of both options. Without a word in `select`, every code is selected.
    ///
    /// # Errors
    /// The first word that means no code.
    pub fn new(select: &[String], ignore: &[String]) -> Result<Self, String> {
        Ok(Self { select: codes(select)?, ignore: codes(ignore)? })
    }

    /// Whether a finding is wanted.
    #[must_use]
    pub fn wants(&self, finding: &Diagnostic) -> bool {
        (self.select.is_empty() || self.select.contains(&finding.code)) && !self.ignore.contains(&finding.code)
    }
}

fn codes(words: &[String]) -> Result<Vec<Code>, String> {
    let mut codes = Vec::new();
    for word in words {
        let before = codes.len();
        match Code::find(word) {
            Some(code) => codes.push(code),
            None if word.len() >= 2 => {
                let upper = word.to_ascii_uppercase();
                codes.extend(Code::ALL.iter().filter(|code| code.as_str().starts_with(&upper)));
            }
            None => {}
        }
        if codes.len() == before {
            return Err(word.clone());
        }
    }
    Ok(codes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::FileId;
    use crate::text::Span;

    #[test]
    fn codes_names_and_beginnings_select() {
        let wants = |select: &[&str], ignore: &[&str]| {
            let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
            let selection = Selection::new(&words(select), &words(ignore))?;
            Ok(selection.wants(&Diagnostic::new(Code::UnknownReference, Span::new(FileId(0), 0, 0), "")))
        };
        assert_eq!(wants(&[], &[]), Ok(true));
        assert_eq!(wants(&["WH02"], &[]), Ok(true));
        assert_eq!(wants(&["wh01", "WH03"], &[]), Ok(false));
        assert_eq!(wants(&["WH02"], &["unknown-reference"]), Ok(false));
        assert_eq!(wants(&["WH9"], &[]), Err("WH9".to_owned()));
        assert_eq!(wants(&[""], &[]), Err(String::new()));
    }
}
