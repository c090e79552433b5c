//! Which header values, and which parts of the URL, of an endpoint made by API are credentials that stand there as they are: a request holds
//! their names alone until it is sent. Those of headers are shown to nobody.

use crate::template::{Concealed, OF_A_URL, UrlCredential, holds_credentials, url_credentials};

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

/// The credentials in the URL that are kept back.
#[must_use]
pub fn own_url_secrets(url: &str) -> Box<[Concealed]> {
    let mut found: Vec<Concealed> = Vec::new();
    for (number, UrlCredential { parameter, before, value }) in url_credentials(url).enumerate() {
        let name = format!("{OF_A_URL}{}", parameter.unwrap_or("user-info"));
        let name = if found.iter().any(|other| *other.name == *name) { format!("{name} {number}") } else { name };
        found.push(Concealed { name: name.into(), before: before.into(), value: value.into() });
    }
    found.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_a_url_are_named_by_their_parameter() {
        let found = own_url_secrets("https://me:pw@h.example/?api_key=a%20b&id={{ object.id }}&token={{ object.t }}&api_key=c");
        let found: Vec<(&str, &str)> = found.iter().map(|one| (&*one.name, &*one.value)).collect();
        assert_eq!(found, [("url user-info", "me:pw"), ("url api_key", "a%20b"), ("url api_key 2", "c")]);
    }

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
