//! A resolver that answers from a script, and requests through it.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use webhookc::delivery::AttemptOutcome;
use webhookc::egress::{Client, Exchange, Guard, Request, Resolve};

/// Gives one answer after another, the last one for ever; keeps the names it was asked for.
#[derive(Debug)]
pub struct Script {
    answers: Vec<Vec<IpAddr>>,
    asked: Mutex<Vec<String>>,
}

impl Script {
    pub fn new(answers: &[&[&str]]) -> Arc<Self> {
        let answers = answers.iter().map(|answer| answer.iter().map(|address| address.parse().unwrap()).collect()).collect();
        Arc::new(Self { answers, asked: Mutex::default() })
    }

    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Resolve for Script {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        let mut asked = self.asked.lock().unwrap();
        let answer = self.answers.get(asked.len()).or(self.answers.last()).cloned().unwrap_or_default();
        asked.push(name.to_owned());
        Box::pin(std::future::ready(Ok(answer)))
    }
}

/// A guard that opens these networks.
pub fn open(networks: &[&str]) -> Guard {
    Guard::new(networks.iter().map(|network| network.parse().unwrap()).collect())
}

/// A client that asks the script for addresses.
pub fn client(guard: &Guard, names: &Arc<Script>) -> Client {
    let names: Arc<dyn Resolve> = Arc::<Script>::clone(names);
    Client::with_resolver(guard.clone(), names).unwrap()
}

pub async fn post(client: &Client, url: &str) -> Exchange {
    let timeout = Duration::from_secs(10);
    let request = Request {
        method: "POST".to_owned(),
        url: url.to_owned(),
        headers: Vec::new(),
        body: Bytes::from_static(b"{}"),
        timeout,
        delivery: None,
    };
    client.exchange(request).await
}

/// Why it was refused; fails when it was not.
pub fn refusal(exchange: &Exchange) -> &str {
    let AttemptOutcome::Refused(why) = &exchange.outcome else { panic!("not refused: {exchange:?}") };
    why
}
