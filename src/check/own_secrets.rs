//! Which header values of an endpoint made by API are credentials that stand there as they are: they are shown to nobody, and a request holds
//! their names alone until it is sent.

use crate::template::holds_credentials;

/// A header value that is kept back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnSecret<'w> {
    /// The place of the header among all.
    pub header: usize,
    /// What it is called in a rendered request: the header's name, with a number when it comes again.
    pub name: Box<str>,
    /// The value.
    pub value: &'w str,
}

/// Whether the value of a header is a credential that is written out, and no template.
#[must_use]
pub fn is_written_out(name: &str, value: &str) -> bool {
    holds_credentials(name) && !["{{", "{%", "{#"].iter().any(|mark| value.contains(mark))
}

/// The header values that are kept back.
#[must_use]
pub fn own_secrets(headers: &[(Box<str>, Box<str>)]) -> Vec<OwnSecret<'_>> {
    let mut found: Vec<OwnSecret<'_>> = Vec::new();
    for (header, (name, value)) in headers.iter().enumerate().filter(|(_, (name, value))| is_written_out(name, value)) {
        let before = headers.iter().take(header).filter(|(other, _)| other.eq_ignore_ascii_case(name)).count();
        let lower = name.to_ascii_lowercase();
        let name = if before == 0 { lower } else { format!("{lower} {}", before + 1) };
        found.push(OwnSecret { header, name: name.into(), value: value.trim() });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_named_by_their_header() {
        let headers = [
            ("Authorization", " Bearer abc "),
            ("Accept", "text/plain"),
            ("X-Token", "{{ object.token }}"),
            ("authorization", "Basic x"),
            ("X-Api-Key", "{% if true %}k{% endif %}"),
        ];
        let headers = headers.map(|(name, value)| (Box::from(name), Box::from(value)));
        let found: Vec<(usize, String, &str)> =
            own_secrets(&headers).into_iter().map(|one| (one.header, one.name.to_string(), one.value)).collect();
        assert_eq!(found, [(0, "authorization".to_owned(), "Bearer abc"), (3, "authorization 2".to_owned(), "Basic x")]);
    }
}
