use std::process::Command;

use http::HeaderMap;
use uuid::Uuid;

use super::*;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn secret() -> Secret {
    SECRET.parse().unwrap()
}

/// The key of the example that implementations of asymmetric signatures share.
fn signing_key() -> Arc<SigningKey> {
    Arc::new("whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==".parse().unwrap())
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
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
    let content = Content { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: "1614265330", body: br#"{"test": 2432232314}"# };
    let signature = Signer::new(secret(), Vec::new()).standard(&content, at(0));
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    let signatures = Signer::new(secret(), Vec::new()).with_asymmetric(signing_key()).standard(&content, at(0));
    let (v1, v1a) = signatures.split_once(' ').unwrap();
    assert_eq!(v1, signature);
    assert_eq!(v1a, "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==");
    assert_eq!(signing_key().public_text(), "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=");
}

#[test]
fn the_official_library_verifies_with_either_secret_of_a_rotation() {
    let earlier = Secret::from_random([7; 32]);
    let signer = Signer::new(earlier.clone(), Vec::new()).rotated(Key::Secret(secret()), Timestamp::MAX);
    let signer = signer.with_asymmetric(signing_key());
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

#[test]
fn openssl_verifies_the_asymmetric_signature() {
    let headers = Signer::new(secret(), Vec::new()).with_asymmetric(signing_key()).sign(MessageId(Uuid::nil()), at(7), b"{}");
    let signature = value(&headers, "webhook-signature").split_once(" v1a,").unwrap().1;
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    // The fixed beginning of every Ed25519 public key in DER (RFC 8410), then the key.
    let public = STANDARD.decode(signing_key().public_text().strip_prefix("whpk_").unwrap()).unwrap();
    let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    std::fs::write(path("key.der"), [&prefix[..], &public].concat()).unwrap();
    std::fs::write(path("content"), format!("{}.7.{{}}", MessageId(Uuid::nil()))).unwrap();
    std::fs::write(path("signature"), STANDARD.decode(signature).unwrap()).unwrap();
    let verify = ["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", &path("key.der"), "-rawin", "-in", &path("content")];
    let printed = openssl(&[&verify[..], &["-sigfile", &path("signature")]].concat());
    assert_eq!(printed.trim(), "Signature Verified Successfully");
}

/// The versions in `webhook-signature` at this second.
fn versions(signer: &Signer, second: i64) -> Vec<String> {
    let headers = signer.sign(MessageId(Uuid::nil()), at(second), b"{}");
    value(&headers, "webhook-signature").split(' ').map(|signature| signature.split_once(',').unwrap().0.to_owned()).collect()
}

#[test]
fn an_earlier_key_signs_until_the_end_of_its_grace_time() {
    let signer = Signer::new(secret(), Vec::new()).with_asymmetric(signing_key());
    let seed = Arc::new(SigningKey::from_bytes(&[9; 32]).unwrap());
    let signer = signer.rotated(Key::Secret(Secret::from_random([7; 32])), at(100)).rotated(Key::Ed25519(Arc::clone(&seed)), at(50));
    assert_eq!(versions(&signer, 49), ["v1", "v1a", "v1a", "v1"]);
    assert_eq!(versions(&signer, 50), ["v1", "v1a", "v1"]);
    assert_eq!(versions(&signer, 100), ["v1", "v1a"]);
    let ids = |second| signer.public_keys(at(second)).iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(ids(49), [seed.id(), signing_key().id()]);
    assert_eq!(ids(50), [seed.id()]);
}

#[test]
fn a_rotated_rsa_key_signs_alone_and_the_earlier_one_stays_published() {
    let (old, new) = (key(), key());
    let signer = Signer::new(secret(), Vec::new()).with_journey(Arc::clone(&old)).rotated(Key::Rsa(Arc::clone(&new)), at(10));
    let headers = signer.sign(MessageId(Uuid::nil()), at(5), b"{}");
    assert_eq!(value(&headers, "x-journey-signature-rsa-sha256-key-id"), new.id());
    assert_eq!(signer.public_keys(at(5)), [new.public_jwk(), old.public_jwk()]);
    assert_eq!(signer.public_keys(at(10)), [new.public_jwk()]);
    let plain = Signer::new(secret(), Vec::new()).rotated(Key::Rsa(new), at(10));
    assert!(plain.public_keys(at(5)).is_empty(), "who does not use the profile does not begin to");
}

#[test]
fn signing_keys_are_parsed_strictly_and_never_shown() {
    let message = |text: &str| text.parse::<SigningKey>().unwrap_err().to_string();
    assert_eq!(message("whsec_AAAA"), "the signing key does not begin with `whsk_`, expected `whsk_` and base64 of 32 or 64 bytes");
    assert_eq!(message("whsk_AAAA"), "the signing key has 3 bytes, expected 32, or 64 with the public key");
    assert_eq!(message("whsk_AA*A"), "the signing key is not base64 after `whsk_`: character 8 is not of its alphabet");
    assert_eq!(
        message(&format!("whsk_{}", STANDARD.encode([1; 48]))),
        "the signing key has 48 bytes, expected 32, or 64 with the public key"
    );
    assert_eq!(message(&format!("whsk_{}", STANDARD.encode([1; 64]))), "the two halves of the signing key do not belong together");
    let seed: SigningKey = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbc=".parse().unwrap();
    assert_eq!(seed.id(), signing_key().id(), "with and without its public half");
    assert!(matches!("whsk_AAAA".parse::<Key>(), Err(ParseKeyError::Signing(SigningKeyError::Length(3)))));
    assert!(matches!(SECRET.parse::<Key>(), Ok(Key::Secret(_))));
    let shown = format!("{:?}", Signer::new(secret(), Vec::new()).with_asymmetric(Arc::new(seed)));
    assert!(!shown.contains("6Xb") && shown.contains("asymmetric: Some(SigningKey { id: "), "{shown}");
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
    assert!(shown.starts_with("Signer { secret: Secret(…), asymmetric: None, journey: Some(RsaKey { id: "), "{shown}");
}
