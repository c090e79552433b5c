//! The receivers' side in five languages: the files of `docs/verify`, which the book shows, are run on the same requests, good and bad.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::assigning_clones, clippy::case_sensitive_file_extension_comparisons, reason = "short, and the names are our own")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use uuid::Uuid;
use webhookc::delivery::{Key, Secret, Signer, SigningKey};
use webhookc::ids::MessageId;

#[path = "../docs/verify/verify.rs"]
mod verify;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEXT: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
const STRANGER: &str = "whsec_MTEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
const PUBLIC: &str = "whpk_/RckOFqgx1tk+3jNYC+h2ZH96/drE8WO1wLqyDXp9hg=";
const OTHER_PUBLIC: &str = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";
const NOW: i64 = 1_700_000_000;

/// A request, what its receiver knows, and what it must find.
#[derive(Clone, Debug)]
struct Case {
    name: &'static str,
    id: String,
    timestamp: String,
    signatures: String,
    body: Vec<u8>,
    keys: &'static str,
    now: i64,
    expected: &'static str,
}

fn signed(signer: &Signer, keys: &'static str) -> Case {
    let body = "{\"event\":\"asset_ready\",\"name\":\"Pumpe Ä\\u0000\"}\r\n".as_bytes().to_vec();
    let headers = signer.sign(MessageId(Uuid::from_u128(7)), Timestamp::from_second(NOW).unwrap(), &body);
    let header = |name: &str| headers.iter().find(|(known, _)| *known == name).unwrap().1.clone();
    let (id, timestamp, signatures) = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    Case { name: "good", id, timestamp, signatures, body, keys, now: NOW + 3, expected: "ok" }
}

const NONE: &str = "refused: no signature fits";
const AGE: &str = "refused: too old, or the clocks differ";
const HEADER: &str = "refused: a header is missing";

fn cases() -> Vec<Case> {
    let hmac = Signer::new(SECRET.parse().unwrap(), Vec::new());
    let asymmetric: SigningKey = "whsk_CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=".parse().unwrap();
    let both = hmac.clone().with_asymmetric(Arc::new(asymmetric));
    let rotated = hmac.rotated(Key::Secret(NEXT.parse::<Secret>().unwrap()), Timestamp::MAX);
    let good = signed(&hmac, SECRET);
    let changed = |name: &'static str, expected: &'static str, change: &dyn Fn(&mut Case)| {
        let mut case = Case { name, expected, ..good.clone() };
        change(&mut case);
        case
    };
    let mut cases = vec![
        good.clone(),
        Case { name: "rotated, the old secret known", ..signed(&rotated, SECRET) },
        Case { name: "rotated, the new secret known", ..signed(&rotated, NEXT) },
        Case {
            name: "not yet rotated, both known",
            ..signed(&hmac, "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3 whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        },
        Case { name: "by the public key", ..signed(&both, PUBLIC) },
        Case { name: "by the secret beside a public key", ..signed(&both, SECRET) },
        Case { name: "another public key", expected: NONE, ..signed(&both, OTHER_PUBLIC) },
        Case { name: "only HMAC, only a public key known", expected: NONE, ..signed(&hmac, PUBLIC) },
        changed("another secret", NONE, &|case| case.keys = STRANGER),
        changed("the body changed", NONE, &|case| case.body.push(b' ')),
        changed("no body", NONE, &|case| case.body.clear()),
        changed("another id", NONE, &|case| case.id = String::from("msg_2")),
        changed("another time", NONE, &|case| case.timestamp = (NOW + 1).to_string()),
        changed("too old", AGE, &|case| case.now = NOW + 301),
        changed("just in time", "ok", &|case| case.now = NOW + 300),
        changed("too early", AGE, &|case| case.now = NOW - 301),
        changed("no time", AGE, &|case| case.timestamp = String::from("now")),
        changed("a negative time", AGE, &|case| case.timestamp = format!("-{NOW}")),
        changed("no id", HEADER, &|case| case.id.clear()),
        changed("no signature", HEADER, &|case| case.signatures.clear()),
        changed("half a signature", NONE, &|case| case.signatures.truncate(20)),
        changed("not base64", NONE, &|case| case.signatures = String::from("v1,??? v1a,!!!")),
        changed("a version without a signature", NONE, &|case| case.signatures = String::from("v1")),
        changed("another version", NONE, &|case| case.signatures = case.signatures.replace("v1,", "v2,")),
        changed("rubbish before it", "ok", &|case| case.signatures = format!("v1,AAAA v9,x {}", case.signatures)),
    ];
    let mut swapped = signed(&both, PUBLIC);
    swapped.signatures = swapped.signatures.replace("v1a,", "v1,");
    cases.push(Case { name: "a v1a signature called v1", expected: NONE, ..swapped });
    cases
}

fn line(case: &Case) -> String {
    let Case { id, timestamp, signatures, body, keys, now, .. } = case;
    format!("{id}\t{timestamp}\t{signatures}\t{}\t{keys}\t{now}\n", STANDARD.encode(body))
}

/// What each case expects, from a program that reads them a line each.
fn judge(program: &str, file: &str) {
    let cases = cases();
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/verify").join(file);
    let mut child = Command::new(program)
        .arg(&path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("`{program}` must be installed to run this test: {error}"));
    child.stdin.take().unwrap().write_all(cases.iter().map(line).collect::<Vec<_>>().concat().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{file}: {output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    let said: Vec<&str> = said.lines().collect();
    assert_eq!(said.len(), cases.len(), "{file}: {said:?}");
    for (case, said) in cases.iter().zip(said) {
        assert_eq!(said, case.expected, "{file}: {}", case.name);
    }
}

#[test]
fn python() {
    judge("python3", "verify.py");
}

#[test]
fn javascript() {
    judge("node", "verify.mjs");
}

#[test]
fn java() {
    judge("java", "Verify.java");
}

#[test]
fn php() {
    judge("php", "verify.php");
}

#[test]
fn rust() {
    for case in cases() {
        let headers = verify::Headers { id: &case.id, timestamp: &case.timestamp, signatures: &case.signatures };
        let keys: Vec<&str> = case.keys.split(' ').collect();
        let verified = verify::verify(&headers, &case.body, &keys, u64::try_from(case.now).unwrap());
        let said = verified.map_or_else(|why| format!("refused: {why}"), |()| "ok".to_owned());
        assert_eq!(said, case.expected, "{}", case.name);
    }
}

#[test]
fn the_book_shows_the_very_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/src/verify.md")).unwrap();
    let mut shown = 0;
    for entry in std::fs::read_dir(root.join("docs/verify")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name != "request.http" {
            shown += 1;
            assert!(page.contains(&format!("{{{{#include ../verify/{name}}}}}")), "{name} is not in the book");
        }
    }
    assert_eq!(shown, 5);
}
