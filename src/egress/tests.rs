//! The client as a whole: every notation of an address that may not be called, and what of an answer is kept.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Client, Exchange, Guard, Request};
use crate::delivery::AttemptOutcome;

fn request(url: &str) -> Request {
    let headers = vec![("x-name".to_owned(), "Zoë".to_owned())];
    Request {
        method: "POST".to_owned(),
        url: url.to_owned(),
        headers,
        body: Bytes::from_static(b"{}"),
        timeout: Duration::from_secs(5),
        delivery: None,
    }
}

fn local() -> Client {
    Client::new(Guard::new(vec!["127.0.0.0/8".parse().unwrap()])).unwrap()
}

/// Answers one request with these bytes and closes.
async fn answered(bytes: Vec<u8>) -> Exchange {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let answer = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = [0; 4096];
        let read = stream.read(&mut seen).await.unwrap();
        // The other side may cut the answer off.
        drop(stream.write_all(&bytes).await);
        seen[..read].to_vec()
    });
    let exchange = local().exchange(request(&url)).await;
    let seen = answer.await.unwrap();
    assert!(seen.windows(4).any(|window| window == "Zoë".as_bytes()), "a header goes out as UTF-8");
    exchange
}

#[tokio::test]
async fn no_notation_of_a_forbidden_address_gets_through() {
    let client = Client::new(Guard::default()).unwrap();
    for url in [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0X7F.1/",
        "http://017700000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://127.0.1/",
        "http://127.0.0.1./",
        "http://user:pass@127.0.0.1:8080/",
        "http://%31%32%37.0.0.1/",
        "http://１２７.０.０.１/",
        "http://127。0。0。1/",
        "http://[::1]/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://0/",
        "http://169.254.169.254/latest/meta-data",
        "http://0xa9fea9fe/",
        "http:\\\\10.0.0.1\\x",
        "http:/10.0.0.1/",
        "HTTP://10.0.0.1/",
        "http://localhost/",
        "http://LOCALHOST/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "//127.0.0.1/",
        "",
    ] {
        let exchange = client.exchange(request(url)).await;
        assert!(matches!(exchange.outcome, AttemptOutcome::Refused(_)), "{url}: {:?}", exchange.outcome);
    }
}

#[tokio::test]
async fn what_cannot_be_put_into_a_request_is_refused_by_name() {
    let header = |name: &str, value: &str| Request { headers: vec![(name.to_owned(), value.to_owned())], ..request("http://127.0.0.1:9/") };
    for (request, reason) in [
        (header("bad name", "x"), "the header `bad name` has a name that cannot be sent"),
        (header("x", "a\r\nb: c"), "the header `x` has a value that cannot be sent"),
        (Request { method: "P OST".to_owned(), ..request("http://127.0.0.1:9/") }, "`P OST` is not a method"),
    ] {
        assert_eq!(local().exchange(request).await.outcome, AttemptOutcome::Refused(reason.to_owned()));
    }
}

#[tokio::test]
async fn only_the_start_of_an_answer_is_kept() {
    let mut bytes = b"HTTP/1.1 200 OK\r\n".to_vec();
    for n in 0..30 {
        bytes.extend(format!("x-{n}: {}\r\n", "v".repeat(1000)).into_bytes());
    }
    bytes.extend(b"\r\n");
    bytes.extend(vec![b'y'; 300_000]);
    let exchange = answered(bytes).await;
    assert_eq!(exchange.outcome, AttemptOutcome::Answered { status: 200, retry_after: None });
    assert_eq!((exchange.body.len(), exchange.headers.len()), (64 * 1024, 16));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_a_failure_whatever_its_status() {
    let exchange = answered(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_vec()).await;
    assert_eq!((exchange.status, &*exchange.body), (Some(200), &b"half"[..]));
    assert!(matches!(exchange.outcome, AttemptOutcome::ConnectionFailed(_)), "{:?}", exchange.outcome);
}

#[tokio::test]
async fn retry_after_is_read_in_both_forms() {
    for (headers, seconds) in [
        ("retry-after: 7", Some(7)),
        ("date: Wed, 21 Oct 2026 07:28:00 GMT\r\nretry-after: Wed, 21 Oct 2026 07:30:00 GMT", Some(120)),
        ("date: Wed, 21 Oct 2026 07:28:00 GMT\r\nretry-after: Wed, 21 Oct 2026 07:00:00 GMT", Some(0)),
        ("retry-after: 99999999999999999999999", Some(u64::MAX)),
        ("retry-after: -5", None),
        ("retry-after: soon", None),
    ] {
        let exchange = answered(format!("HTTP/1.1 503 Busy\r\n{headers}\r\ncontent-length: 0\r\n\r\n").into_bytes()).await;
        let retry_after = seconds.map(Duration::from_secs);
        assert_eq!(exchange.outcome, AttemptOutcome::Answered { status: 503, retry_after }, "{headers}");
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

fn compressed(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn a_compressed_answer_is_read() {
    let exchange = answered(compressed(&gzip(b"hello"))).await;
    assert_eq!((exchange.outcome, &*exchange.body), (AttemptOutcome::Answered { status: 200, retry_after: None }, &b"hello"[..]));
    let members = [gzip(b"hello, "), gzip(b"world")].concat();
    assert_eq!(&*answered(compressed(&members)).await.body, b"hello, world");
    assert_eq!(answered(compressed(&gzip(&vec![0; 1_000_000]))).await.body.len(), 64 * 1024);
    assert_eq!(answered(compressed(b"")).await.outcome, AttemptOutcome::Answered { status: 200, retry_after: None });
}

#[tokio::test]
async fn an_answer_that_cannot_be_decompressed_is_a_failure() {
    let whole = gzip(b"hello");
    for body in [&b"hello"[..], &whole[..whole.len() - 3]] {
        let exchange = answered(compressed(body)).await;
        assert!(
            matches!(&exchange.outcome, AttemptOutcome::ConnectionFailed(why) if why.starts_with("the answer cannot be decompressed: ")),
            "{:?}",
            exchange.outcome
        );
    }
}

/// Answers so many requests on each connection, then closes it; what it was sent.
async fn closing_after(requests: usize) -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
    serving(requests, "").await
}

/// Answers with these headers, and never closes.
async fn answering(headers: &str) -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
    serving(usize::MAX, headers).await
}

async fn serving(requests: usize, headers: &str) -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let answer = format!("HTTP/1.1 200 OK\r\n{headers}content-length: 2\r\n\r\nok");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/a?b=c#d", listener.local_addr().unwrap());
    let (told, seen) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (told, answer) = (told.clone(), answer.clone());
            tokio::spawn(async move {
                for _ in 0..requests {
                    let mut head = vec![0; 4096];
                    let read = stream.read(&mut head).await.unwrap();
                    if read == 0 {
                        return;
                    }
                    head.truncate(read);
                    drop(told.send(String::from_utf8(head).unwrap()));
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    (url, seen)
}

#[tokio::test]
async fn a_connection_is_used_again_and_the_steps_are_timed() {
    let (url, mut seen) = closing_after(usize::MAX).await;
    let client = local();
    let (first, second) = (client.exchange(request(&url)).await, client.exchange(request(&url)).await);
    let steps = |exchange: &Exchange| {
        let timing = exchange.timing;
        [timing.resolve, timing.connect, timing.tls, timing.first_byte].map(|step| step.is_some())
    };
    assert_eq!((steps(&first), first.timing.reused), ([false, true, false, true], false));
    assert_eq!((steps(&second), second.timing.reused), ([false, false, false, true], true));
    assert!(first.took >= first.timing.connect.unwrap() + first.timing.first_byte.unwrap());
    let sent = seen.recv().await.unwrap();
    let authority = url.trim_start_matches("http://").split('/').next().unwrap();
    assert!(sent.starts_with("POST /a?b=c HTTP/1.1\r\n"), "{sent}");
    for line in [&format!("host: {authority}"), "accept: */*", "accept-encoding: gzip", "content-length: 2", "x-name: Zoë"] {
        assert!(sent.contains(&format!("\r\n{line}\r\n")), "no `{line}`: {sent}");
    }
}

#[tokio::test]
async fn a_connection_that_the_receiver_has_closed_is_not_used() {
    let (url, _seen) = closing_after(1).await;
    let client = local();
    for n in 0..5 {
        let exchange = client.exchange(request(&url)).await;
        assert_eq!((exchange.status, exchange.timing.reused), (Some(200), false), "{n}: {:?}", exchange.outcome);
        // The close is on its way.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Answers the first request of each connection; of the next one it reads all or a few bytes, says this and closes. How many were answered.
async fn closing_at_the_second(says: &'static str, reset: bool) -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let answered = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&answered);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                let mut head = vec![0; 4096];
                assert!(stream.read(&mut head).await.unwrap() > 0);
                count.fetch_add(1, Relaxed);
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
                // Less than the request: what is closed with the rest unread is reset.
                let at_most = if reset { 5 } else { head.len() };
                if stream.read(&mut head[..at_most]).await.unwrap() == 0 {
                    return;
                }
                stream.write_all(says.as_bytes()).await.unwrap();
            });
        }
    });
    (url, answered)
}

#[tokio::test]
async fn a_kept_connection_that_closes_with_the_request_on_its_way_costs_no_attempt() {
    let with_id = |url: &str| {
        let mut request = request(url);
        request.headers.push(("webhook-id".to_owned(), "msg_1".to_owned()));
        request
    };
    for reset in [false, true] {
        let (url, answered) = closing_at_the_second("", reset).await;
        let client = local();
        for n in 1..=3 {
            let exchange = client.exchange(with_id(&url)).await;
            assert_eq!((exchange.status, exchange.timing.reused), (Some(200), false), "{n}: {:?}", exchange.outcome);
        }
        assert_eq!(answered.load(Relaxed), 3);
        let failed = client.exchange(request(&url)).await.outcome;
        assert!(matches!(failed, AttemptOutcome::ConnectionFailed(_)), "what nobody can know again is not sent twice: {failed:?}");
    }
    // Once something has been said, the request was read.
    let (url, answered) = closing_at_the_second("HTTP/1.1 200", false).await;
    let client = local();
    let outcomes = [client.exchange(with_id(&url)).await.outcome, client.exchange(with_id(&url)).await.outcome];
    assert!(matches!(outcomes, [AttemptOutcome::Answered { status: 200, .. }, AttemptOutcome::ConnectionFailed(_)]), "{outcomes:?}");
    assert_eq!(answered.load(Relaxed), 1);
}

#[tokio::test]
async fn a_connection_is_not_used_in_the_last_second_that_the_receiver_leaves_it() {
    for (keep, reused) in [("timeout=1, max=100", false), ("Timeout = 30", true), ("max=5", true), ("timeout=soon", true)] {
        let (url, _seen) = answering(&format!("keep-alive: {keep}\r\n")).await;
        let client = local();
        client.exchange(request(&url)).await;
        let exchange = client.exchange(request(&url)).await;
        assert_eq!((exchange.status, exchange.timing.reused), (Some(200), reused), "{keep}");
    }
}

#[tokio::test]
async fn user_info_is_sent_as_credentials_unless_there_are_others() {
    let (url, mut seen) = answering("").await;
    let url = |user_info: &str| url.replace("http://", &format!("http://{user_info}@"));
    let own = vec![("authorization".to_owned(), "Bearer own".to_owned())];
    for (request, value) in [
        (request(&url("me:p%40w")), "Basic bWU6cEB3"),
        (request(&url("key")), "Basic a2V5Og=="),
        (request(&url(":pw")), "Basic OnB3"),
        (Request { headers: own, ..request(&url("me:pw")) }, "Bearer own"),
    ] {
        assert_eq!(local().exchange(request).await.status, Some(200));
        let sent = seen.recv().await.unwrap();
        let values: Vec<_> = sent.lines().filter_map(|line| line.strip_prefix("authorization: ")).collect();
        assert_eq!(values, [value], "{sent}");
    }
}

#[tokio::test]
async fn an_answer_with_an_odd_header_is_an_answer() {
    for odd in ["x-a: b\r\n c", "x-a : b", "x a: b", "x-a\u{e9}: b", "no colon"] {
        let exchange = answered(format!("HTTP/1.1 200 OK\r\n{odd}\r\nx-b: c\r\ncontent-length: 2\r\n\r\nok").into_bytes()).await;
        assert_eq!(
            (exchange.outcome, &*exchange.body),
            (AttemptOutcome::Answered { status: 200, retry_after: None }, &b"ok"[..]),
            "{odd:?}"
        );
        assert!(exchange.headers.contains(&("x-b".to_owned(), "c".to_owned())), "{odd:?}: {:?}", exchange.headers);
    }
}

/// Never says anything.
#[derive(Debug)]
struct Silent;

impl super::Resolve for Silent {
    fn resolve<'a>(&'a self, _: &'a str) -> futures_util::future::BoxFuture<'a, std::io::Result<Vec<std::net::IpAddr>>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_silent_resolver_is_not_the_receivers_failure() {
    let client = Client::with_resolver(Guard::default(), Arc::new(Silent)).unwrap();
    let request = Request { timeout: Duration::from_millis(50), ..request("http://a.example/") };
    let said = "the name `a.example` could not be resolved: no answer of the resolver within the deadline";
    assert_eq!(client.exchange(request).await.outcome, AttemptOutcome::OurFault(said.to_owned()));
}
