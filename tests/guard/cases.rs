//! Every case of `cases.txt` is judged alike in `webhookc.toml`, in a `<request>` and when it is sent.

use std::fs;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use url::{Host, Url};
use webhookc::activity::Feed;
use webhookc::config::Overrides;
use webhookc::delivery::AttemptOutcome;
use webhookc::egress::{Client, Guard};
use webhookc::reload::{Absent, Files, Keyring, Reloader, Setup, trigger};
use webhookc::store::Store;
use webhookc::time::{SystemClock, SystemEntropy};
use webhookc::vault::{Vault, VaultKey, VaultKeys};

use super::receiver::Receiver;
use super::script::{Script, client, open, post, refusal};

struct Case {
    kind: &'static str,
    url: String,
}

impl Case {
    /// What the refusal says; `None` when there is none as long as nobody looks the name up.
    fn reason(&self) -> Option<&'static str> {
        Some(match self.kind {
            "public" | "name" => return None,
            "unreadable" => "",
            "localhost" => "a loopback address",
            "this-host" => "an address of this host",
            "shared" => "a shared address of a provider",
            "translation" => "a private translation address",
            kind => kind,
        })
    }
}

fn cases() -> Vec<Case> {
    let lines = include_str!("cases.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(' ').unwrap()).map(|(kind, url)| Case { kind, url: unescape(url) }).collect()
}

fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let (c, length) = match after.as_bytes()[0] {
            b't' => ('\t', 1),
            b'n' => ('\n', 1),
            b'r' => ('\r', 1),
            b'\\' => ('\\', 1),
            b'u' => {
                let (digits, _) = after[2..].split_once('}').unwrap();
                (char::from_u32(u32::from_str_radix(digits, 16).unwrap()).unwrap(), digits.len() + 3)
            }
            other => panic!("`\\{}` is no escape", char::from(other)),
        };
        plain.push(c);
        rest = &after[length..];
    }
    plain + rest
}

/// Every character by its number, so that none means anything to the file it stands in.
fn spell(text: &str, escape: impl Fn(u32) -> String) -> String {
    text.chars().map(|c| escape(c.into())).collect::<Vec<_>>().concat()
}

#[test]
fn there_are_enough_cases() {
    let cases = cases();
    assert!(cases.iter().filter(|case| case.reason().is_some()).count() >= 150);
    for (at, case) in cases.iter().enumerate() {
        assert!(!cases[..at].iter().any(|earlier| earlier.url == case.url), "`{}` stands there twice", case.url);
    }
}

#[tokio::test]
async fn every_case_is_refused_when_it_is_sent() {
    // Names answer with a private address, so that nothing is ever connected.
    let names = Script::new(&[&["10.0.0.1"]]);
    let guard = Guard::default();
    let client = client(&guard, &names);
    let mut wrong = Vec::new();
    for case in cases() {
        let asked = names.asked().len();
        if case.kind == "public" {
            // It would really be called.
            let url = Url::parse(&case.url).unwrap();
            assert_eq!(guard.check_host(&url.host().unwrap()), Ok(()), "{}", case.url);
            continue;
        }
        let exchange = post(&client, &case.url).await;
        let looked_up = names.asked().len() > asked;
        let is_right = match &exchange.outcome {
            AttemptOutcome::Refused(why) => {
                looked_up == (case.kind == "name") && why.contains(case.reason().unwrap_or("a private address"))
            }
            AttemptOutcome::Answered { .. }
            | AttemptOutcome::TimedOut
            | AttemptOutcome::ConnectionFailed(_)
            | AttemptOutcome::OurFault(_) => false,
        };
        if !is_right {
            wrong.push(format!("{} {:?}: {:?}, looked up: {looked_up}", case.kind, case.url, exchange.outcome));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn every_case_is_refused_when_it_is_configured() {
    const SCHEMA: &str = r#"<data-model><model name="asset" label="Asset"><field name="name" label="Name" type="text"/>
<display>{name}</display><webhook type="update" name="asset_saved"><field name="name"/>REQUEST</webhook></model></data-model>"#;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let store = Store::open_with(
        &format!("sqlite:{}", path("test.db").display()),
        Vault::new(VaultKeys::of(VaultKey::from_bytes([7; 32])), Arc::new(SystemEntropy)),
    )
    .await
    .unwrap();
    let files = Files { paths: vec![folder.path().to_owned()], overrides: Overrides::default(), sink: None };
    let (_trigger, requests) = trigger();
    let mut reloader = Reloader::new(Setup {
        files: files.clone(),
        keyring: Arc::new(Keyring::new(store, Arc::new(SystemEntropy))),
        absent: Absent::Refused,
        guard: Guard::default(),
        quiet: Duration::from_millis(50),
        feed: Feed::default(),
        clock: Arc::new(SystemClock),
        requests,
        swapped: Arc::default(),
        rejected: Arc::default(),
    });
    let mut wrong = Vec::new();
    for case in cases() {
        let quoted = spell(&case.url, |c| format!("\\U{c:08x}"));
        let endpoint = format!("[[endpoints]]\nname = \"erp\"\nevents = \"*\"\nurl = \"{quoted}\"\n");
        let referred = spell(&case.url, |c| format!("&#{c};"));
        let request = format!("<request url=\"{referred}\"/>");
        for (place, config, schema) in [("webhookc.toml", endpoint.as_str(), ""), ("request", "", request.as_str())] {
            fs::write(path("webhookc.toml"), config).unwrap();
            fs::write(path("schema.xml"), SCHEMA.replace("REQUEST", schema)).unwrap();
            let (generation, report) = reloader.take(files.attempt()).await;
            let said = report.lines.join("\n");
            let is_right = match case.reason() {
                None => generation.is_some(),
                // What the compiler finds wrong with the text comes first.
                Some(reason) => {
                    generation.is_none() && (said.contains("error[WH0") || said.contains(reason) && said.contains("may not be called"))
                }
            };
            if !is_right {
                wrong.push(format!("{} {:?} in {place}: {said}", case.kind, case.url));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn an_allowed_network_is_allowed_in_every_notation() {
    let receiver = Receiver::start(&[]).await;
    let port = receiver.base.rsplit(':').next().unwrap();
    let client = Client::new(open(&["127.0.0.0/8"])).unwrap();
    let mut sent = 0;
    for case in cases() {
        let is_local = Url::parse(&case.url).is_ok_and(|url| url.host() == Some(Host::Ipv4(Ipv4Addr::LOCALHOST)) && url.port().is_none());
        let Some(host) = case.url.strip_prefix("http://").and_then(|rest| rest.strip_suffix('/')).filter(|_| is_local) else { continue };
        let exchange = post(&client, &format!("http://{host}:{port}/a")).await;
        assert_eq!(exchange.status, Some(200), "{host}: {exchange:?}");
        sent += 1;
    }
    assert!(sent > 20, "{sent}");
    assert_eq!(receiver.got("a").len(), sent);
    assert!(refusal(&post(&client, &format!("http://10.0.0.1:{port}/a")).await).contains("a private address"));
}
