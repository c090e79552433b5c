//! Names: every answer is checked, the connection goes to what was checked, nothing else chooses where a request goes, and connections
//! are kept all the same.

use std::process::Command;

use super::receiver::{Behaviour, Receiver};
use super::script::{Script, client, open, post, refusal};
use webhookc::egress::Client;

/// The receiver under a name.
fn named(receiver: &Receiver, name: &str, path: &str) -> String {
    receiver.url(path).replace("127.0.0.1", name)
}

#[tokio::test]
async fn one_forbidden_answer_refuses_the_name_wherever_it_stands() {
    let receiver = Receiver::start(&[]).await;
    let guard = open(&["127.0.0.0/8"]);
    for forbidden in ["10.0.0.1", "169.254.169.254", "::1", "::ffff:192.168.0.1", "64:ff9b::a00:1", "2002:a00:1::", "fd00::1", "0.0.0.0"] {
        for answer in [&[forbidden][..], &["127.0.0.1", forbidden], &[forbidden, "127.0.0.1"], &["127.0.0.1", "127.0.0.1", forbidden]] {
            let names = Script::new(&[answer]);
            let exchange = post(&client(&guard, &names), &named(&receiver, "hooks.example", "a")).await;
            let why = refusal(&exchange);
            assert!(why.starts_with("`hooks.example` may not be called: the address ") && why.contains(forbidden), "{answer:?}: {why}");
        }
    }
    assert!(receiver.got("a").is_empty());
}

#[tokio::test]
async fn an_answer_that_changes_leads_nowhere_else() {
    // Every connection is closed after its answer or before it, so each request looks the name up anew.
    let receiver = Receiver::start(&[("closes", Behaviour::Closes)]).await;
    let guard = open(&["127.0.0.0/8"]);
    let names = Script::new(&[&["127.0.0.1"], &["169.254.169.254"]]);
    let client = client(&guard, &names);
    let url = named(&receiver, "rebind.example", "closes");
    drop(post(&client, &url).await);
    assert_eq!(receiver.got("closes").len(), 1, "the checked address was called");
    assert_eq!(names.asked(), ["rebind.example"], "one look-up, whose answer is both checked and called");
    let second = post(&client, &url).await;
    assert!(refusal(&second).contains("169.254.169.254"), "{second:?}");
    assert_eq!((names.asked().len(), receiver.got("closes").len()), (2, 1));
}

#[tokio::test]
async fn a_name_whose_second_answer_is_forbidden_keeps_the_connection_to_the_first() {
    let receiver = Receiver::start(&[]).await;
    let names = Script::new(&[&["127.0.0.1"], &["10.0.0.1"]]);
    let client = client(&open(&["127.0.0.0/8"]), &names);
    for _ in 0..5 {
        assert_eq!(post(&client, &named(&receiver, "kept.example", "a")).await.status, Some(200));
    }
    assert_eq!((receiver.got("a").len(), receiver.connections(), names.asked().len()), (5, 1, 1), "one connection, one look-up");
}

#[tokio::test]
async fn connections_are_kept_alive() {
    let receiver = Receiver::start(&[]).await;
    let client = Client::new(open(&["127.0.0.0/8"])).unwrap();
    for _ in 0..2 {
        assert_eq!(post(&client, &receiver.url("a")).await.status, Some(200));
    }
    assert_eq!((receiver.got("a").len(), receiver.connections()), (2, 1));
}

#[tokio::test]
async fn redirects_are_answers() {
    let receiver = Receiver::start(&[("away", Behaviour::Redirects)]).await;
    let names = Script::new(&[&["127.0.0.1"]]);
    let client = client(&open(&["0.0.0.0/0"]), &names);
    let exchange = post(&client, &named(&receiver, "hooks.example", "away")).await;
    assert_eq!(exchange.status, Some(302));
    assert!(exchange.headers.iter().any(|(name, value)| name == "location" && value.contains("169.254.169.254")), "{exchange:?}");
    assert_eq!((receiver.connections(), names.asked().len()), (1, 1));
}

/// What tells the test below that it is the child.
const RECEIVER: &str = "WEBHOOKC_TEST_RECEIVER";

#[tokio::test]
async fn proxies_in_the_environment_are_ignored() {
    if let Ok(url) = std::env::var(RECEIVER) {
        let names = Script::new(&[&["127.0.0.1"]]);
        let client = client(&open(&["127.0.0.0/8"]), &names);
        for url in [url.clone(), url.replace("127.0.0.1", "hooks.example")] {
            assert_eq!(post(&client, &url).await.status, Some(200), "{url}");
        }
        let refused = post(&client, "http://169.254.169.254/latest").await;
        assert!(refusal(&refused).contains("169.254.169.254"));
        return;
    }
    // The environment belongs to the whole process, so the same test runs in one of its own.
    let receiver = Receiver::start(&[]).await;
    let proxy = Receiver::start(&[]).await;
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "names::proxies_in_the_environment_are_ignored"]).env(RECEIVER, receiver.url("a"));
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        child.env(name, &proxy.base).env(name.to_lowercase(), &proxy.base);
    }
    child.env("NO_PROXY", "nowhere.example").env("no_proxy", "nowhere.example");
    let output = tokio::task::spawn_blocking(move || child.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!((receiver.got("a").len(), proxy.connections()), (2, 0));
}
