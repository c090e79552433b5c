//! A headless Chromium over its `DevTools` protocol, spoken through a pipe: each message is JSON ended by a zero byte. The browser reads
//! from its descriptor 3 and writes to 4, which a shell makes of its input and output. No port, no driver program, no other host.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};

/// How long anything in a browser may take before it counts as stuck.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A browser with one page.
pub struct Browser {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    /// Messages that came while an answer was waited for.
    waiting: VecDeque<Value>,
    next: u64,
    session: Option<String>,
    /// What the console said that is an error, and what went wrong otherwise.
    pub complaints: Vec<String>,
    /// Every URL that was asked for.
    pub asked: Vec<String>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts it. Without Chromium there is nothing to test with, and the test fails.
    pub fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let program = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
        let arguments = "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --disable-extensions \
            --disable-background-networking --disable-component-update --disable-sync --disable-default-apps --metrics-recording-only \
            --remote-debugging-pipe";
        let line = format!("exec \"$0\" {arguments} --user-data-dir=\"$1\" about:blank 3<&0 4>&1 </dev/null >/dev/null");
        let mut child = Command::new("sh")
            .arg("-c")
            .arg(line)
            .arg(&program)
            .arg(profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell that starts Chromium");
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(output).split(0).map_while(Result::ok) {
                if sender.send(serde_json::from_slice(&message).unwrap()).is_err() {
                    return;
                }
            }
        });
        let (complaints, asked) = (Vec::new(), Vec::new());
        let mut browser =
            Self { child, input, messages, waiting: VecDeque::new(), next: 1, session: None, complaints, asked, _profile: profile };
        let target = browser.call("Target.createTarget", &json!({ "url": "about:blank" }))["targetId"].as_str().unwrap().to_owned();
        let session = browser.call("Target.attachToTarget", &json!({ "targetId": target, "flatten": true }));
        browser.session = Some(session["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Network", "Log"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        browser
    }

    /// Calls a method of the protocol; the error when it fails.
    fn attempt(&mut self, method: &str, parameters: &Value) -> Result<Value, String> {
        let id = self.next;
        self.next += 1;
        let mut message = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = Value::from(session.as_str());
        }
        let sent = self.input.write_all(format!("{message}\0").as_bytes());
        sent.expect("Chromium is there: `chromium` has to be installed, or `CHROMIUM` to name it");
        let began = Instant::now();
        loop {
            let message = self.receive(PATIENCE.saturating_sub(began.elapsed())).unwrap_or_else(|| panic!("no answer to {method}"));
            if message["id"] == id {
                return match message.get("error") {
                    Some(error) => Err(error.to_string()),
                    None => Ok(message["result"].clone()),
                };
            }
            self.waiting.push_back(message);
        }
    }

    /// Calls a method of the protocol, which must not fail.
    pub fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.attempt(method, parameters).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    fn receive(&mut self, patience: Duration) -> Option<Value> {
        let message = match self.messages.recv_timeout(patience) {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => return None,
            Err(RecvTimeoutError::Disconnected) => panic!("Chromium is gone, or was never there: install `chromium`"),
        };
        self.note(&message);
        Some(message)
    }

    /// Remembers what must not happen.
    fn note(&mut self, message: &Value) {
        let parameters = &message["params"];
        match message["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" => self.complaints.push(parameters["exceptionDetails"].to_string()),
            "Runtime.consoleAPICalled" if matches!(parameters["type"].as_str(), Some("error" | "warning")) => {
                self.complaints.push(parameters["args"].to_string());
            }
            "Log.entryAdded" if parameters["entry"]["level"] == "error" => self.complaints.push(parameters["entry"].to_string()),
            "Network.requestWillBeSent" => self.asked.push(parameters["request"]["url"].as_str().unwrap().to_owned()),
            _ => {}
        }
    }

    /// Opens an address and waits until the page is there.
    pub fn open(&mut self, url: &str) {
        self.waiting.clear();
        let answer = self.call("Page.navigate", &json!({ "url": url }));
        assert!(answer.get("errorText").is_none(), "{url}: {}", answer["errorText"]);
        self.wait_for("the page", "document.readyState === 'complete'");
    }

    /// The value of an expression in the page.
    pub fn value(&mut self, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", &parameters);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    /// The text that a reader sees of an element.
    pub fn text(&mut self, selector: &str) -> String {
        let text = self.value(&format!("document.querySelector({})?.innerText ?? ''", json!(selector)));
        text.as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Waits until an expression is true.
    pub fn wait_for(&mut self, what: &str, expression: &str) {
        let began = Instant::now();
        loop {
            // Between two pages there may be none to ask.
            let parameters = json!({ "expression": format!("!!({expression})"), "returnByValue": true });
            if self.attempt("Runtime.evaluate", &parameters).is_ok_and(|answer| answer["result"]["value"] == true) {
                return;
            }
            if began.elapsed() > PATIENCE {
                let page = self.value("document.body.innerText");
                panic!("never saw {what} ({expression}); the page says:\n{}", page.as_str().unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until an element says this.
    pub fn wait_for_text(&mut self, selector: &str, text: &str) {
        let expression = format!("document.querySelector({})?.innerText.includes({})", json!(selector), json!(text));
        self.wait_for(text, &expression);
    }

    /// Presses a key, as a reader does: when the page is there. Its text is seen before its script has run.
    pub fn press(&mut self, key: &str) {
        self.wait_for("the page", "document.readyState === 'complete'");
        let text = if key.chars().count() == 1 { key } else { "" };
        let text = if key == "Enter" { "\r" } else { text };
        // Where the keyboard goes next is for the browser to say, which knows that key by its number.
        let number = if key == "Tab" { 9 } else { 0 };
        self.call("Input.dispatchKeyEvent", &json!({ "type": "keyDown", "key": key, "text": text, "windowsVirtualKeyCode": number }));
        self.call("Input.dispatchKeyEvent", &json!({ "type": "keyUp", "key": key }));
    }

    /// Clicks an element by what it is, as its reader does: when the page is there, and nothing moves or is without its script any more.
    pub fn click(&mut self, selector: &str) {
        self.wait_for(selector, &format!("document.readyState === 'complete' && document.querySelector({})", json!(selector)));
        let at = self.value(&format!(
            "(() => {{ const e = document.querySelector({}); e.scrollIntoView({{ block: 'center' }}); const b = e.getBoundingClientRect(); \
             return [b.x + b.width / 2, b.y + b.height / 2]; }})()",
            json!(selector)
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            self.call("Input.dispatchMouseEvent", &json!({ "type": kind, "x": at[0], "y": at[1], "button": "left", "clickCount": 1 }));
        }
    }

    /// The size of the window.
    pub fn resize(&mut self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Light or dark, as the reader's system says.
    pub fn prefer(&mut self, scheme: &str) {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.call("Emulation.setEmulatedMedia", &features);
    }

    /// Takes a picture of the window, to be looked at: `target/tmp/NAME.png`.
    pub fn picture(&mut self, name: &str) {
        let picture = self.call("Page.captureScreenshot", &json!({ "format": "png" }));
        let bytes = base64::engine::general_purpose::STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
        std::fs::write(std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.png")), bytes).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
