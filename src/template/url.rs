//! URLs: which part of the template is the origin, what may stand in it, and how a value gets into the rest. The origin can come from
//! literal text and the configuration alone, so no value chooses who receives a request.

use url::{Host, Url};

use super::evaluate::Sink;
use super::limits;
use super::rendered::{Part, RenderedText};
use super::value::Value;
use super::write::{Bounded, Refusal};

/// Bytes of a part of a host's name, and of all of it (RFC 1035 §2.3.4).
const LONGEST_LABEL: usize = 63;
const LONGEST_NAME: usize = 253;

/// Where in a URL a text has got to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Region {
    /// Scheme, before `://`.
    Scheme,
    /// User-info, host and port.
    Authority,
    /// From the first `/`.
    Path,
    /// From `?` or `#`.
    Query,
}

impl Region {
    /// Where it is after more text of the template or the configuration.
    pub(super) fn after(self, text: &str) -> Self {
        match self {
            Self::Scheme | Self::Authority => match self.leave_origin(text) {
                Ok((at, region)) => region.after(text.get(at..).unwrap_or_default()),
                Err(region) => region,
            },
            Self::Path if text.contains(['?', '#']) => Self::Query,
            Self::Path | Self::Query => self,
        }
    }

    /// The byte after the `/`, `?` or `#` that ends the origin in this text, and what begins there; `Err` when the origin goes on.
    fn leave_origin(self, text: &str) -> Result<(usize, Self), Self> {
        let mut start = 0;
        if self == Self::Scheme {
            start = text.find("://").ok_or(self)? + 3;
        } else if text.starts_with("://") {
            // A secret before it was a scheme alone.
            start = 3;
        }
        let authority = text.get(start..).unwrap_or_default();
        match authority.char_indices().find(|(_, c)| matches!(c, '/' | '\\' | '?' | '#')) {
            Some((at, '?' | '#')) => Ok((start + at + 1, Self::Query)),
            Some((at, _)) => Ok((start + at + 1, Self::Path)),
            None => Err(Self::Authority),
        }
    }

    /// Where it is after a secret: what was before the authority may be in it.
    pub(super) fn after_secret(self) -> Self {
        self.max(Self::Authority)
    }
}

/// Scheme, host and port of a URL that a request may go to.
///
/// # Errors
/// What is wrong with it, as the end of a sentence.
pub(super) fn origin(text: &str) -> Result<(Url, String), String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("its scheme is `{}`, expected `https` or `http`", url.scheme()));
    }
    // The standard for browsers forgives `https:///path`, and takes the path for the host.
    if text.split_once("://").is_none_or(|(_, rest)| rest.starts_with(['/', '\\', '?', '#'])) {
        return Err("empty host".to_owned());
    }
    if let Some(Host::Domain(name)) = url.host()
        && !is_name(name)
    {
        return Err(format!("no host has the name `{name}`, expected 1 to {LONGEST_LABEL} letters between dots, {LONGEST_NAME} in all"));
    }
    let mut origin = url.origin().ascii_serialization();
    if !url.username().is_empty() || url.password().is_some() {
        let user = format!("://{}:{}@", url.username(), url.password().unwrap_or_default());
        origin = origin.replacen("://", &user, 1);
    }
    Ok((url, origin))
}

/// Whether a host may have this name (RFC 1035 §2.3.4); it may end with a dot.
fn is_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.len() <= LONGEST_NAME && name.split('.').all(|label| (1..=LONGEST_LABEL).contains(&label.len()))
}

/// Whether a text has the form of a scheme (RFC 3986 §3.1).
pub(super) fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

/// Whether the host is this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Percent-encodes all but `A-Za-z0-9-._~`.
pub(super) fn encode(text: &str) -> String {
    const UNRESERVED: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    percent_encoding::utf8_percent_encode(text, UNRESERVED).to_string()
}

/// Collects a URL while it is rendered.
#[derive(Debug)]
pub(super) struct UrlSink {
    parts: Vec<Part>,
    text: Bounded,
    /// Bytes in `parts`.
    settled: usize,
    region: Region,
    /// The path segment that is being written, and whether a value is in it.
    segment: String,
    interpolated: bool,
}

impl UrlSink {
    /// Empty.
    pub(super) fn new() -> Self {
        let text = Bounded::new(limits::URL_BYTES);
        Self { parts: Vec::new(), text, settled: 0, region: Region::Scheme, segment: String::new(), interpolated: false }
    }

    /// The URL, if it goes where the template said.
    ///
    /// # Errors
    /// When a path segment is empty or climbs, or the origin is not the compiled one.
    pub(super) fn finish(mut self, compiled_origin: Option<&str>) -> Result<RenderedText, Refusal> {
        self.end_segment()?;
        if let Some(expected) = compiled_origin {
            // No secret is in the origin then; behind it any text stands for one.
            let before = self.parts.iter().map(|part| if let Part::Text(text) = part { text } else { "x" });
            let whole: String = before.chain([self.text.text.as_str()]).collect();
            let (_, seen) = origin(&whole).map_err(|reason| format!("the rendered URL is not valid: {reason}"))?;
            if seen != expected {
                return Err(format!("the rendered URL goes to `{seen}`, expected `{expected}`"));
            }
        }
        self.settle();
        Ok(RenderedText { parts: self.parts })
    }

    fn settle(&mut self) {
        if !self.text.text.is_empty() {
            let text = std::mem::take(&mut self.text.text);
            self.settled += text.len();
            self.parts.push(Part::Text(text));
        }
    }

    fn push(&mut self, text: &str) -> Result<(), Refusal> {
        if self.settled + self.text.text.len() + text.len() > limits::URL_BYTES {
            return Err(format!("the rendered URL is longer than {} bytes", limits::URL_BYTES));
        }
        self.text.push(text)
    }

    /// A segment with a value in it must name something below the one before.
    fn end_segment(&mut self) -> Result<(), Refusal> {
        if self.region == Region::Path && self.interpolated {
            let decoded = percent_encoding::percent_decode_str(&self.segment).decode_utf8_lossy();
            if matches!(decoded.as_ref(), "" | "." | "..") {
                return Err(format!("a path segment came out as `{decoded}`, expected a name"));
            }
        }
        self.segment.clear();
        self.interpolated = false;
        Ok(())
    }

    /// Text past the origin, whose `/`, `?` and `#` mean what they mean.
    fn plain(&mut self, text: &str) -> Result<(), Refusal> {
        self.push(text)?;
        for c in text.chars() {
            match (self.region, c) {
                (Region::Path, '/' | '\\') => self.end_segment()?,
                (Region::Path, '?' | '#') => {
                    self.end_segment()?;
                    self.region = Region::Query;
                }
                (Region::Path, c) => self.segment.push(c),
                (Region::Scheme | Region::Authority | Region::Query, _) => {}
            }
        }
        Ok(())
    }
}

impl Sink for UrlSink {
    fn literal(&mut self, text: &str) -> Result<(), Refusal> {
        if self.region >= Region::Path {
            return self.plain(text);
        }
        match self.region.leave_origin(text) {
            Ok((at, region)) => {
                self.push(text.get(..at).unwrap_or_default())?;
                self.region = region;
                self.plain(text.get(at..).unwrap_or_default())
            }
            Err(region) => {
                self.region = region;
                self.push(text)
            }
        }
    }

    fn value(&mut self, value: &Value<'_>, trusted: bool) -> Result<(), Refusal> {
        if let Value::Secret(name) = value {
            self.settle();
            self.parts.push(Part::Secret((*name).to_owned()));
            self.region = self.region.after_secret();
            // What a secret holds is not known here, so its segment is not judged.
            self.segment.push('x');
            return Ok(());
        }
        let mut printed = Bounded::new(limits::URL_BYTES);
        printed.print(value)?;
        if trusted {
            return self.literal(&printed.text);
        }
        let encoded = encode(&printed.text);
        self.segment.push_str(&encoded);
        self.interpolated = true;
        self.push(&encoded)
    }
}
