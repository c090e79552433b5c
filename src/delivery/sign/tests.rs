use std::process::Command;

use http::HeaderMap;
use uuid::Uuid;

use super::*;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn secret() -> Secret {
    SECRET.parse().unwrap()
}

fn key() -> Arc<RsaKey> {
    Arc::new(RsaKey::generate().unwrap())
}

fn value<'a>(headers: &'a [(&'static str, String)], name: &str) -> &'a str {
    headers.iter().find(|(seen, _)| *seen == name).map(|(_, value)| value.as_str()).unwrap()
}

/// The example that the specification's reference libraries share.
#[test]
fn the_published_example_has_the_published_signature() {
    let signature = standard(&[secret()], "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", br#"{"test": 2432232314}"#);
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn the_official_library_verifies_with_either_secret_of_a_rotation() {
    let earlier = Secret::from_random([7; 32]);
    let signer = Signer::new(secret(), vec![earlier.clone()]);
    let body = br#"{"event":"asset_ready"}"#;
    let headers = signer.sign(MessageId(Uuid::from_u128(1)), Timestamp::now(), body);
    assert_eq!(value(&headers, "webhook-id"), "msg_00000000000000000000000000000001");
    let map: HeaderMap = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    for text in [SECRET.to_owned(), earlier.reveal()] {
        let verifier = standardwebhooks::Webhook::new(&text).unwrap();
        verifier.verify(body, &map).unwrap();
        assert!(verifier.verify(b"{}", &map).is_err());
    }
    let stranger = standardwebhooks::Webhook::new(&Secret::from_random([8; 32]).reveal()).unwrap();
    assert!(stranger.verify(body, &map).is_err());
}

/// Neither the id nor the time is signed; `openssl` computes the same HMAC from the secret's bytes.
#[test]
fn the_journey_profile_signs_the_body_alone() {
    let key = key();
    let signer = Signer::new(secret(), Vec::new()).with_journey(Arc::clone(&key));
    let headers = signer.sign(MessageId(Uuid::nil()), Timestamp::UNIX_EPOCH, b"what do ya want for nothing?");
    let hmac = value(&headers, "x-journey-signature");
    let key_hex = hex(secret().as_bytes());
    let directory = tempfile::tempdir().unwrap();
    let body = directory.path().join("body");
    std::fs::write(&body, "what do ya want for nothing?").unwrap();
    let printed = openssl(&["dgst", "-sha256", "-mac", "HMAC", "-macopt", &format!("hexkey:{key_hex}"), body.to_str().unwrap()]);
    assert_eq!(printed.rsplit(' ').next().unwrap().trim(), hmac);
    assert_eq!(value(&headers, "x-journey-signature-rsa-sha256-key-id"), key.id());
    let rsa = value(&headers, "x-journey-signature-rsa-sha256");
    assert_eq!((rsa.len(), rsa.contains('\n')), (344, false));
}

#[test]
fn openssl_verifies_the_rsa_signature() {
    let key = key();
    let headers =
        Signer::new(secret(), Vec::new()).with_journey(Arc::clone(&key)).sign(MessageId(Uuid::nil()), Timestamp::UNIX_EPOCH, b"{}");
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("key.pem"), key.public_pem().unwrap()).unwrap();
    std::fs::write(path("body"), "{}").unwrap();
    std::fs::write(path("signature"), STANDARD.decode(value(&headers, "x-journey-signature-rsa-sha256")).unwrap()).unwrap();
    let printed = openssl(&["dgst", "-sha256", "-verify", &path("key.pem"), "-signature", &path("signature"), &path("body")]);
    assert_eq!(printed.trim(), "Verified OK");
}

fn openssl(arguments: &[&str]) -> String {
    let output = Command::new("openssl").args(arguments).output().expect("the `openssl` command must be installed to run this test");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "openssl {arguments:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn an_rsa_key_survives_storing_and_its_web_key_has_its_modulus() {
    let key = key();
    let again = RsaKey::from_pkcs8(&key.to_pkcs8().unwrap()).unwrap();
    assert_eq!((again.id(), again.public_pem()), (key.id(), key.public_pem()));
    let jwk = key.public_jwk();
    assert_eq!(jwk["e"], "AQAB");
    assert_eq!(jwk["n"].as_str().unwrap().len(), 342);
    assert_eq!(jwk["kid"], key.id());
    assert!(matches!(RsaKey::from_pkcs8(b"no key"), Err(KeyError::Unreadable(_))));
}

#[test]
fn secrets_are_parsed_strictly_and_never_shown() {
    let message = |text: &str| text.parse::<Secret>().unwrap_err().to_string();
    assert_eq!(message("sec_AAAA"), "the secret does not begin with `whsec_`, expected `whsec_` and base64 of 24 to 64 bytes");
    assert_eq!(message("whsec_AAAA"), "the secret has 3 bytes, expected 24 to 64");
    assert_eq!(message("whsec_AA*A"), "the secret is not base64 after `whsec_`: character 9 is not of its alphabet");
    assert_eq!(Secret::from_bytes(&[0; 65]), Err(SecretError::Length(65)));
    assert_eq!(secret().reveal(), SECRET);
    let shown = format!("{:?}", Signer::new(secret(), Vec::new()).with_journey(key()));
    assert!(shown.starts_with("Signer { secrets: [Secret(…)], journey: Some(RsaKey { id: "), "{shown}");
}
