//! Where a URL leads: scheme, host and port. What is given for one destination is not sent to another.

use url::Url;

/// A scheme, a host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Destination {
    /// Of a URL, or the template of one; `None` where these are not written out in it.
    #[must_use]
    pub fn of(template: &str) -> Option<Self> {
        let (scheme, rest) = template.split_once("://")?;
        let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
        let written = format!("{scheme}://{authority}");
        let url = Url::parse(&written).ok().filter(|_| !written.contains('{'))?;
        Some(Self { scheme: url.scheme().to_owned(), host: url.host_str()?.to_owned(), port: url.port_or_known_default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_host_and_port_are_where_a_url_leads() {
        for same in [
            "https://a.example",
            "https://A.example:443/y?z={{ object.id }}",
            "https://a.example?x",
            "https://me:pw@a.example/",
            "https://«url user-info»@a.example/",
            // As browsers read it, and as it is compiled and sent here.
            "https://a.example\\@evil.example/x",
        ] {
            assert_eq!(Destination::of(same), Destination::of("https://a.example/x"), "{same}");
        }
        for other in [
            "http://a.example/x",
            "https://a.example:444/x",
            "https://a.example.evil.example/x",
            "https://a.example@evil.example/x",
            "https://evil.example?https://a.example/x",
            "nats://a.example/x",
        ] {
            assert_ne!(Destination::of(other).unwrap(), Destination::of("https://a.example/x").unwrap(), "{other}");
        }
        for unwritten in
            ["https://a.example{{ vars.end }}/x", "https://a.example{# / #}.evil.example/x", "{{ vars.base }}/x", "", "https:///x"]
        {
            assert_eq!(Destination::of(unwritten), None, "{unwritten}");
        }
    }
}
