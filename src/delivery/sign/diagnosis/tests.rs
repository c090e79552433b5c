#![allow(clippy::similar_names, reason = "a signer has signed")]

use std::sync::Arc;

use uuid::Uuid;

use super::*;
use crate::delivery::{RsaKey, Secret, Signer, SigningKey};
use crate::ids::MessageId;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
const BODY: &str = "{\"name\":\"A \\\" B\",\"n\":1.0}";
const SENT: i64 = 1_700_000_000;

fn signer() -> Signer {
    let secret: Secret = SECRET.parse().unwrap();
    let asymmetric: SigningKey = "whsk_CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=".parse().unwrap();
    Signer::new(secret, Vec::new()).with_asymmetric(Arc::new(asymmetric))
}

fn headers(signer: &Signer, body: &str) -> Vec<(String, String)> {
    let made = signer.sign(MessageId(Uuid::from_u128(1)), Timestamp::from_second(SENT).unwrap(), body.as_bytes());
    made.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn keys(told: &[&str]) -> Vec<Verifier> {
    told.iter().flat_map(|text| Verifier::read(text).unwrap()).collect()
}

fn occasion(seconds_later: i64) -> Occasion {
    Occasion { at: Timestamp::from_second(SENT + seconds_later).ok(), tolerance: Duration::from_mins(5) }
}

/// Everything that is said, a line each.
fn said(headers: &[(String, String)], body: &str, told: &[&str], occasion: Occasion) -> Vec<String> {
    let diagnosis = diagnose(&Received { headers, body: body.as_bytes() }, &keys(told), occasion);
    let lines = diagnosis.signatures.iter().map(|signature| format!("{}: {}", signature.scheme.name(), signature.detail));
    diagnosis.mistakes.iter().cloned().chain(lines).collect()
}

#[test]
fn what_holds_says_with_which_key() {
    let sent = headers(&signer(), BODY);
    assert_eq!(said(&sent, BODY, &[OTHER, SECRET], occasion(60)), ["v1: holds with key 2", "v1a: there is no key for it"]);
    let whole = [SECRET, "whpk_/RckOFqgx1tk+3jNYC+h2ZH96/drE8WO1wLqyDXp9hg="];
    assert_eq!(said(&sent, BODY, &whole, occasion(0)), ["v1: holds with key 1", "v1a: holds with key 2"]);
    assert!(diagnose(&Received { headers: &sent, body: BODY.as_bytes() }, &keys(&whole), occasion(0)).is_good());
}

#[test]
fn a_changed_body_is_recognised_by_how_it_was_changed() {
    let sent = headers(&signer(), BODY);
    for (body, part) in [
        (format!("{BODY}\n"), "the body without the line break at its end"),
        (BODY.replace(':', ": ").replace(',', ", "), "the same JSON without white space"),
        (format!("\u{feff}{BODY}"), "without the byte order mark"),
    ] {
        let said = said(&sent, &body, &[SECRET], occasion(0));
        assert!(said[0].starts_with("v1: the body was changed: it holds for") && said[0].contains(part), "{body}: {said:?}");
    }
    let lines = headers(&signer(), "a\nb");
    assert!(said(&lines, "a\r\nb", &[SECRET], occasion(0))[0].contains("line breaks as `\\n`"));
    let mut cut = headers(&signer(), BODY);
    cut.push(("content-length".to_owned(), BODY.len().to_string()));
    assert!(said(&cut, &BODY[..10], &[SECRET], occasion(0))[0].contains("the body has 10 bytes, and `content-length` says 25"));
}

#[test]
fn a_wrong_key_is_told_from_a_changed_request_where_that_can_be() {
    let sent = headers(&signer(), BODY);
    let unknown = "v1: the secret is another, or the body, `webhook-id` or `webhook-timestamp` was changed";
    assert_eq!(said(&sent, BODY, &[OTHER], occasion(0))[0], unknown);
    let with_public = said(&sent, BODY, &[OTHER, "whpk_/RckOFqgx1tk+3jNYC+h2ZH96/drE8WO1wLqyDXp9hg="], occasion(0));
    assert_eq!(with_public[0], "v1: it was signed with another secret: the request is as it was signed, as another signature shows");
    let key = Arc::new(RsaKey::generate().unwrap());
    let pem = key.public_pem().unwrap();
    let mut moved = headers(&Signer::new(SECRET.parse().unwrap(), Vec::new()).with_journey(Arc::clone(&key)), BODY);
    moved[0].1 = "msg_other".to_owned();
    let said_of_moved = said(&moved, BODY, &[SECRET, &pem], occasion(0));
    assert_eq!(said_of_moved[0], "v1: `webhook-id` or `webhook-timestamp` is not what was signed: a signature of the body alone holds");
    assert_eq!(said_of_moved[1..], ["journey-hmac: holds with key 1", "journey-rsa: holds with key 2"]);
    // The same key as a JSON Web Key.
    let web_keys = serde_json::json!({ "keys": [key.public_jwk()] }).to_string();
    assert_eq!(said(&moved, BODY, &[&web_keys], occasion(0)).last().unwrap(), "journey-rsa: holds with key 1");
    let as_text = Signer::new(Secret::from_bytes(SECRET.as_bytes()).unwrap(), Vec::new());
    assert!(said(&headers(&as_text, BODY), BODY, &[SECRET], occasion(0))[0].contains("used the secret as text"));
}

#[test]
fn age_and_form_are_mistakes_of_their_own() {
    let sent = headers(&signer(), BODY);
    assert_eq!(said(&sent, BODY, &[SECRET], occasion(3_600))[0], "it was sent 60 min before, expected at most 5 min");
    assert_eq!(said(&sent, BODY, &[SECRET], occasion(-900))[0], "it was sent 15 min after, expected at most 5 min");
    assert_eq!(said(&sent, BODY, &[SECRET], Occasion { at: None, ..occasion(0) })[0], "v1: holds with key 1");
    let with = |name: &str, value: &str| {
        let mut changed = sent.clone();
        changed.iter_mut().filter(|(known, _)| known == name).for_each(|(_, old)| value.clone_into(old));
        said(&changed, BODY, &[SECRET], occasion(0))
    };
    assert!(with("webhook-timestamp", "1700000000000")[0].contains("(which are milliseconds), expected seconds since 1970"));
    assert!(with("webhook-timestamp", "now")[0].contains("`webhook-timestamp` is `now`"));
    assert_eq!(
        with("webhook-signature", "v1,a-_b")[0],
        "v1: the signature is base64 with `-` and `_`, expected the alphabet with `+` and `/`"
    );
    assert_eq!(
        with("webhook-signature", "")[..2],
        ["the header `webhook-signature` is missing", "v1: there is none, although there is a key for it"]
    );
}

#[test]
fn what_is_no_key_is_refused_without_repeating_it() {
    for (text, part) in [
        ("hello", "expected `whsec_…`"),
        ("whsec_abc", "is not base64"),
        ("whpk_AAAA", "has 3 bytes, expected 32"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "not an RSA public key"),
        ("{\"keys\": []}", "it is empty"),
        ("{\"keys\": [{\"kty\": \"EC\"}]}", "neither an RSA nor an Ed25519 key"),
    ] {
        let error = Verifier::read(text).unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains("abc"), "{text}: {error}");
    }
}
