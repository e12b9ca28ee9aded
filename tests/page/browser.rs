//! A real browser, driven over its `DevTools` protocol.

use std::{
    io::{BufRead as _, BufReader},
    net::TcpStream,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket, stream::MaybeTlsStream};

/// How long the browser may take for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// A browser with one page open. It ends with this.
pub(crate) struct Browser {
    process: Child,
    _profile: tempfile::TempDir,
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    session: String,
    asked: u64,
    /// What the page told unasked: requests, exceptions, messages.
    pub(crate) told: Vec<Value>,
}

impl Browser {
    /// Opens `url`.
    pub(crate) fn open(url: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let program = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
        let mut process = Command::new(&program)
            .args([
                "--headless=new",
                "--disable-gpu",
                "--no-first-run",
                "--remote-debugging-port=0",
            ])
            // In a container without user namespaces the browser's own sandbox does not start; the only page is ours.
            .args(["--no-sandbox", "--disable-dev-shm-usage", "about:blank"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("cannot start {program}: {error}; install chromium, or name it in CHROMIUM")
            });
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = lines
            .find_map(|line| Some(line.unwrap().strip_prefix("DevTools listening on ")?.trim().to_owned()))
            .expect("the browser says where it listens");
        // Read to the end, or the browser would wait for its own log one day.
        thread::spawn(move || lines.for_each(drop));
        let (socket, _) = tungstenite::connect(address).unwrap();
        if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
        }
        let mut browser = Self {
            process,
            _profile: profile,
            socket,
            session: String::new(),
            asked: 0,
            told: Vec::new(),
        };
        let target = browser.ask("Target.createTarget", &json!({"url": "about:blank"}))["targetId"].clone();
        let attached = browser.ask("Target.attachToTarget", &json!({"targetId": target, "flatten": true}));
        attached["sessionId"].as_str().unwrap().clone_into(&mut browser.session);
        for domain in ["Page", "Network", "Runtime", "Log"] {
            browser.ask(&format!("{domain}.enable"), &json!({}));
        }
        browser.ask("Page.navigate", &json!({"url": url}));
        browser
    }

    /// The answer to `method`.
    pub(crate) fn ask(&mut self, method: &str, parameters: &Value) -> Value {
        self.asked += 1;
        let mut request = json!({"id": self.asked, "method": method, "params": parameters});
        if !self.session.is_empty() {
            request["sessionId"] = self.session.clone().into();
        }
        self.socket.send(Message::text(request.to_string())).unwrap();
        loop {
            let message = self.socket.read().unwrap();
            let Ok(text) = message.to_text() else { continue };
            let Ok(mut answer) = serde_json::from_str::<Value>(text) else {
                continue;
            };
            if answer["id"] != self.asked {
                self.told.push(answer);
                continue;
            }
            assert_eq!(answer["error"], Value::Null, "{method}");
            return answer["result"].take();
        }
    }

    /// What `expression` is in the page.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let answer = self.ask(
            "Runtime.evaluate",
            &json!({"expression": expression, "returnByValue": true, "awaitPromise": true}),
        );
        assert_eq!(answer["exceptionDetails"], Value::Null, "{expression}");
        answer["result"]["value"].clone()
    }

    /// Waits until `expression` is true in the page.
    pub(crate) fn until(&mut self, expression: &str, within: Duration) {
        let end = Instant::now() + within;
        // The page itself says when: looked at every tenth of a second, in the page.
        let wait = format!(
            "new Promise((resolve) => {{ const look = () => {{ if ({expression}) resolve(true); else setTimeout(look, 100); }}; \
             look(); setTimeout(() => resolve(false), 10000); }})"
        );
        while self.value(&wait) != true {
            assert!(
                Instant::now() < end,
                "not within {within:?}: {expression}; the page: {}",
                self.value("document.body.innerText")
            );
        }
    }

    /// Presses `key`.
    pub(crate) fn press(&mut self, key: &str, code: u32) {
        for kind in ["rawKeyDown", "keyUp"] {
            let event = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            self.ask("Input.dispatchKeyEvent", &event);
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
