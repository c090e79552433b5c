//! A receiver that, as long as it is not well, fails, hangs and takes its time as its seed says. It keeps a book of what comes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};

use crate::Random;
use crate::book::{Book, Request};
use crate::time::Time;

pub struct Receiver {
    pub url: String,
    pub temper: Temper,
    shared: Arc<Shared>,
}

/// What may go wrong with it, besides being slow and answering that it has failed.
#[derive(Clone, Copy, Debug)]
pub struct Temper {
    /// Some requests are never answered.
    pub hangs: bool,
    /// Some are too much.
    pub is_overloaded: bool,
}

struct Shared {
    random: Random,
    temper: Temper,
    time: Arc<Time>,
    book: Mutex<Book>,
}

impl Receiver {
    pub async fn start(seed: u64, time: Arc<Time>, temper: Temper, book: Book) -> Self {
        let shared = Arc::new(Shared { temper, random: Random::new(seed.wrapping_add(1 << 32)), time, book: Mutex::new(book) });
        let app = axum::Router::new().fallback(receive).with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, temper, shared }
    }

    pub fn book<T>(&self, look: impl FnOnce(&mut Book) -> T) -> T {
        look(&mut self.shared.book.lock().unwrap())
    }
}

async fn receive(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap, body: Bytes) -> StatusCode {
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let request = Request {
        endpoint: crate::ENDPOINTS.iter().position(|name| *name == &uri.path()[1..]).unwrap(),
        message: headers["webhook-id"].to_str().unwrap().to_owned(),
        event: body["event"].as_str().unwrap().to_owned(),
        object: body["object"]["id"].as_str().unwrap().to_owned(),
        sequence: body["sequence"].as_i64().unwrap(),
        at: shared.time.passed(),
        life: 0,
        answer: None,
    };
    let (number, is_well) = {
        let mut book = shared.book.lock().unwrap();
        (book.came(request), book.is_well)
    };
    let mut answer = StatusCode::NO_CONTENT;
    if !is_well {
        match shared.random.below(10) {
            0 if shared.temper.hangs => {
                shared.book.lock().unwrap().hung = Some(shared.time.passed());
                std::future::pending::<()>().await;
            }
            1..4 => tokio::time::sleep(Duration::from_millis(shared.random.of(&[50, 200, 450]))).await,
            _ => {}
        }
        answer = match shared.random.below(20) {
            0..9 => StatusCode::NO_CONTENT,
            9..11 if shared.temper.is_overloaded => StatusCode::TOO_MANY_REQUESTS,
            19 => StatusCode::GONE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
    }
    shared.book.lock().unwrap().answered(number, answer.as_u16(), shared.time.passed());
    answer
}
