//! A request that was recorded, and the keys that its receiver holds → what holds, and of what does not, exactly what is wrong, as far as it
//! can be found out: by its age, by its form, and by trying what usually goes wrong.

use std::time::Duration;

use jiff::Timestamp;

use super::{Received, Scheme, Verdict, Verifier};

/// What is checked besides signatures.
#[derive(Clone, Copy, Debug)]
pub struct Occasion {
    /// When it was received; `None`: nobody knows, and its age is not checked.
    pub at: Option<Timestamp>,
    /// How old it may be, or how far ahead its clock.
    pub tolerance: Duration,
}

/// What there is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// What is wrong with the request as a whole.
    pub mistakes: Vec<String>,
    /// Each kind of signature that it has, or for which there is a key.
    pub signatures: Vec<Signature>,
}

/// What there is to say of a kind of signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Which.
    pub scheme: Scheme,
    /// Whether it holds.
    pub verdict: Verdict,
    /// What is wrong, or with which key (from 1) it holds.
    pub detail: String,
}

impl Diagnosis {
    /// Whether nothing is wrong, and at least one signature holds.
    #[must_use]
    pub fn is_good(&self) -> bool {
        let verdicts = || self.signatures.iter().map(|signature| signature.verdict);
        let bad = |verdict| matches!(verdict, Verdict::Failed | Verdict::Malformed | Verdict::Missing);
        self.mistakes.is_empty() && !verdicts().any(bad) && verdicts().any(|verdict| verdict == Verdict::Held)
    }
}

/// Examines a request.
#[must_use]
pub fn diagnose(received: &Received<'_>, verifiers: &[Verifier], occasion: Occasion) -> Diagnosis {
    let judged: Vec<_> = Scheme::ALL.into_iter().map(|scheme| (scheme, received.judge(scheme, verifiers))).collect();
    let holds = |wanted: Scheme| judged.iter().any(|(scheme, verdict)| *scheme == wanted && *verdict == Verdict::Held);
    // Of the same bytes, with another key or over less: what is left can only be what differs.
    let known = Known {
        whole: holds(Scheme::V1) || holds(Scheme::V1a),
        body: holds(Scheme::V1) || holds(Scheme::V1a) || holds(Scheme::JourneyHmac) || holds(Scheme::JourneyRsa),
        secret: holds(Scheme::V1) || holds(Scheme::JourneyHmac),
    };
    let is_said = |(scheme, verdict): &&(Scheme, Verdict)| match verdict {
        Verdict::Absent => false,
        // A secret is for both, and the profile is only for those who ask for it.
        Verdict::Missing => *scheme != Scheme::JourneyHmac,
        Verdict::Held | Verdict::Failed | Verdict::Malformed | Verdict::NoKey => true,
    };
    let signatures = judged.iter().filter(is_said).map(|(scheme, verdict)| {
        let detail = match verdict {
            Verdict::Held => held_with(received, *scheme, verifiers),
            Verdict::Failed => failed(received, *scheme, verifiers, known),
            Verdict::Malformed => malformed(received, *scheme),
            Verdict::NoKey => "there is no key for it".to_owned(),
            Verdict::Missing | Verdict::Absent => "there is none, although there is a key for it".to_owned(),
        };
        Signature { scheme: *scheme, verdict: *verdict, detail }
    });
    Diagnosis { signatures: signatures.collect(), mistakes: mistakes(received, occasion) }
}

/// What some signature shows of the others.
#[derive(Clone, Copy)]
struct Known {
    /// Id, timestamp and body are as they were signed.
    whole: bool,
    /// The body is.
    body: bool,
    /// One of the secrets is the right one.
    secret: bool,
}

fn mistakes(received: &Received<'_>, occasion: Occasion) -> Vec<String> {
    let mut mistakes = Vec::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        if received.header(name).is_none_or(str::is_empty) {
            mistakes.push(format!("the header `{name}` is missing"));
        }
    }
    if let Some(length) = received.header("content-length").and_then(|length| length.trim().parse::<usize>().ok())
        && length != received.body.len()
    {
        mistakes.push(format!("the body has {} bytes, and `content-length` says {length}: it was changed or cut", received.body.len()));
    }
    if let Some(timestamp) = received.header("webhook-timestamp").filter(|timestamp| !timestamp.is_empty()) {
        mistakes.extend(age(timestamp, occasion));
    }
    mistakes
}

fn age(timestamp: &str, occasion: Occasion) -> Option<String> {
    let seconds = timestamp.parse::<i64>().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let Some(sent) = seconds.filter(|_| timestamp.len() < 13) else {
        let milliseconds = timestamp.len() == 13 && timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let seen = if milliseconds { " (which are milliseconds)" } else { "" };
        return Some(format!("`webhook-timestamp` is `{timestamp}`{seen}, expected seconds since 1970"));
    };
    let at = occasion.at?;
    let (apart, word) = if sent <= at { (at.duration_since(sent), "before") } else { (sent.duration_since(at), "after") };
    let apart = Duration::try_from(apart).unwrap_or_default();
    (apart > occasion.tolerance).then(|| format!("it was sent {} {word}, expected at most {}", spoken(apart), spoken(occasion.tolerance)))
}

/// A span in its largest whole unit.
fn spoken(span: Duration) -> String {
    match span.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

fn held_with(received: &Received<'_>, scheme: Scheme, verifiers: &[Verifier]) -> String {
    let holds = |verifier: &Verifier| received.judge(scheme, std::slice::from_ref(verifier)) == Verdict::Held;
    match (1..).zip(verifiers).find(|(_, verifier)| holds(verifier)) {
        Some((place, _)) => format!("holds with key {place}"),
        None => "holds".to_owned(),
    }
}

fn failed(received: &Received<'_>, scheme: Scheme, verifiers: &[Verifier], known: Known) -> String {
    let holds =
        |body: &[u8], verifiers: &[Verifier]| Received { headers: received.headers, body }.judge(scheme, verifiers) == Verdict::Held;
    if let Some((what, _)) = variants(received.body).into_iter().find(|(_, body)| holds(body, verifiers)) {
        return format!("the body was changed: it holds for {what}");
    }
    let secrets = verifiers.iter().filter_map(|verifier| match verifier {
        Verifier::Secret(secret) => Some(Verifier::of_text(secret)),
        Verifier::Ed25519(_) | Verifier::Rsa(_) => None,
    });
    if holds(received.body, &secrets.flatten().collect::<Vec<_>>()) {
        return "whoever signed it used the secret as text; the key is what follows `whsec_`, decoded from base64".to_owned();
    }
    let key = if matches!(scheme, Scheme::V1 | Scheme::JourneyHmac) { "secret" } else { "public key" };
    let of_body_alone = matches!(scheme, Scheme::JourneyHmac | Scheme::JourneyRsa);
    if known.whole || of_body_alone && known.body {
        return format!("it was signed with another {key}: the request is as it was signed, as another signature shows");
    }
    if known.body && (known.secret || scheme == Scheme::V1a) {
        return "`webhook-id` or `webhook-timestamp` is not what was signed: a signature of the body alone holds".to_owned();
    }
    if of_body_alone {
        return format!("the {key} is another, or the body was changed");
    }
    format!("the {key} is another, or the body, `webhook-id` or `webhook-timestamp` was changed")
}

/// What programs make of a body on the way, undone.
fn variants(body: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut variants = Vec::new();
    if let Some(without) = body.strip_suffix(b"\r\n").or_else(|| body.strip_suffix(b"\n")) {
        variants.push(("the body without the line break at its end", without.to_vec()));
    }
    variants.push(("the body with a line break at its end", [body, b"\n"].concat()));
    if let Some(without) = body.strip_prefix(b"\xef\xbb\xbf") {
        variants.push(("the body without the byte order mark at its beginning", without.to_vec()));
    }
    if let Ok(text) = std::str::from_utf8(body) {
        variants.push(("the body with line breaks as `\\n`", text.replace("\r\n", "\n").into_bytes()));
        variants.push(("the body with line breaks as `\\r\\n`", text.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes()));
        variants.push(("the body without the white space around it", text.trim().as_bytes().to_vec()));
    }
    if let Some(compact) = compact(body) {
        variants.push(("the same JSON without white space: it was parsed and printed again", compact));
    }
    variants
}

/// JSON without the white space between its parts, everything else as it was.
fn compact(body: &[u8]) -> Option<Vec<u8>> {
    // Only of what is JSON.
    serde_json::from_slice::<serde::de::IgnoredAny>(body).ok()?;
    let (mut inside, mut escaped) = (false, false);
    let kept = body.iter().copied().filter(|byte| {
        let keep = inside || !byte.is_ascii_whitespace();
        if *byte == b'"' && !escaped {
            inside = !inside;
        }
        escaped = inside && *byte == b'\\' && !escaped;
        keep
    });
    Some(kept.collect())
}

fn malformed(received: &Received<'_>, scheme: Scheme) -> String {
    let seen = received.signatures(scheme).first().copied().unwrap_or_default();
    let looks_hex = seen.len() == 64 && seen.bytes().all(|byte| byte.is_ascii_hexdigit());
    match scheme {
        Scheme::V1 | Scheme::V1a | Scheme::JourneyRsa if seen.contains(['-', '_']) => {
            "the signature is base64 with `-` and `_`, expected the alphabet with `+` and `/`".to_owned()
        }
        Scheme::V1 | Scheme::V1a | Scheme::JourneyRsa => "the signature is not base64".to_owned(),
        Scheme::JourneyHmac if looks_hex => "the signature is hexadecimal in upper case, expected lower case".to_owned(),
        Scheme::JourneyHmac => "the signature is not hexadecimal, expected 64 digits".to_owned(),
    }
}

#[cfg(test)]
mod tests;
