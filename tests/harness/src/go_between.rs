//! A go-between before an API server: it passes requests on, or answers as no API server would on request.

mod secured;
mod skew;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use ureq::{
    Body,
    http::{Method, Request, Response},
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use self::{secured::secured, skew::Skew};
use crate::{Authority, Client, Credentials, Kubeconfig, OrFail};

/// A request, as far as a test tells requests apart.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// What follows the question mark.
    pub query: String,
    /// What it says of who asks, as it came; empty if nothing.
    pub authorization: String,
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is passed on, and so is its answer.
    Passed,
    /// It is passed on with another query.
    PassedAs(String),
    /// It is passed on to another path.
    PassedTo(String),
    /// It is passed on; the connection is cut in the middle of the answer.
    CutInTheMiddle,
    /// The connection is cut.
    Cut,
    /// It is answered so, with this status and body, and does not get through.
    Answered(u16, String),
}

type Decide = Arc<dyn Fn(&Asked) -> Fate + Send + Sync>;

/// Speaks HTTP/1.1 on a port of the loopback address, plain or with a certificate of its own. It answers in threads of its own until the
/// process ends.
pub struct GoBetween {
    port: u16,
    /// The certificate of the authority that vouches for it, PEM; none where it speaks plain HTTP.
    authority: Option<String>,
    shared: Arc<Shared>,
}

struct Shared {
    server: Mutex<Client>,
    decide: Mutex<Decide>,
    skew: Mutex<Skew>,
    open: Mutex<Vec<TcpStream>>,
}

// === impl Asked ===

impl Asked {
    /// Whether it reads a collection.
    pub fn is_list(&self) -> bool {
        self.method == "GET" && self.query.contains("limit=")
    }

    /// Whether it follows a collection.
    pub fn is_watch(&self) -> bool {
        self.query.contains("watch=true")
    }
}

// === impl Fate ===

impl Fate {
    /// The answer `code` with the `reason` of the Kubernetes API.
    pub fn status(code: u16, reason: &str) -> Self {
        let body = format!(
            r#"{{"kind":"Status","apiVersion":"v1","metadata":{{}},"status":"Failure","message":"{reason}","reason":"{reason}","details":{{}},"code":{code}}}"#
        );
        Self::Answered(code, body)
    }
}

// === impl GoBetween ===

impl GoBetween {
    /// Stands before the server that `kubeconfig` leads to, and speaks to it as that says; as whoever asks, where that says nothing.
    pub fn before(kubeconfig: &Kubeconfig) -> Self {
        Self::start(kubeconfig, None)
    }

    /// The same, with a certificate of `authority` for `127.0.0.1` and `localhost`.
    pub fn secured_by(authority: &Authority, kubeconfig: &Kubeconfig) -> Self {
        Self::start(kubeconfig, Some(authority))
    }

    fn start(kubeconfig: &Kubeconfig, authority: Option<&Authority>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").or_fail("listen");
        let port = listener.local_addr().or_fail("listen").port();
        let tls = authority.map(secured);
        let shared = Arc::new(Shared {
            server: Mutex::new(Client::patient(kubeconfig)),
            decide: Mutex::new(Arc::new(|_| Fate::Passed)),
            skew: Mutex::default(),
            open: Mutex::default(),
        });
        let between = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if let Ok(copy) = stream.try_clone() {
                    between.open.lock().unwrap_or_else(PoisonError::into_inner).push(copy);
                }
                let (between, tls) = (between.clone(), tls.clone());
                thread::spawn(move || between.welcome(&stream, tls));
            }
        });
        Self {
            port,
            authority: authority.map(Authority::certificate),
            shared,
        }
    }

    /// How it is reached: by anyone, since it has the credentials itself.
    pub fn kubeconfig(&self) -> Kubeconfig {
        Kubeconfig {
            server: self.at("127.0.0.1"),
            authority: self.authority.clone().unwrap_or_default(),
            credentials: Credentials::Anonymous,
        }
    }

    /// Its base URL under the name `host` of this machine.
    pub fn at(&self, host: &str) -> String {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        format!("{scheme}://{host}:{}", self.port)
    }

    /// Lets `decide` tell what becomes of requests, and cuts all connections: watches begin anew.
    pub fn decide(&self, decide: impl Fn(&Asked) -> Fate + Send + Sync + 'static) {
        *self.shared.decide.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(decide);
        let mut open = self.shared.open.lock().unwrap_or_else(PoisonError::into_inner);
        for stream in open.drain(..) {
            // One that is closed already is what is wanted.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Stands before another server from now on, and cuts all connections.
    pub fn lead(&self, kubeconfig: &Kubeconfig) {
        *self.shared.server.lock().unwrap_or_else(PoisonError::into_inner) = Client::patient(kubeconfig);
        self.pass();
    }

    /// Answers as if the server's clock were ahead by so many `seconds`, and cuts all connections.
    pub fn skew(&self, seconds: i64) {
        *self.shared.skew.lock().unwrap_or_else(PoisonError::into_inner) = Skew::of_seconds(seconds);
        self.pass();
    }

    /// Passes everything on again, and cuts all connections: watches begin anew.
    pub fn pass(&self) {
        self.decide(|_| Fate::Passed);
    }
}

// === impl Shared ===

impl Shared {
    fn welcome(&self, stream: &TcpStream, tls: Option<Arc<ServerConfig>>) {
        match tls.map(ServerConnection::new) {
            None => self.serve(stream),
            Some(Ok(connection)) => self.serve(StreamOwned::new(connection, stream)),
            Some(Err(_)) => {}
        }
        // A copy of it is kept, so that letting go of it does not close it.
        let _ = stream.shutdown(Shutdown::Both);
    }

    fn serve(&self, stream: impl Read + Write) {
        let mut reader = BufReader::new(stream);
        // A connection that breaks is the client's matter.
        while let Ok(Some((asked, body))) = read_request(&mut reader) {
            let decide = self.decide.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if self
                .answer(reader.get_mut(), &asked, body, &decide(&asked.asked))
                .is_err()
            {
                break;
            }
        }
    }

    fn answer(&self, stream: &mut impl Write, asked: &Whole, body: Vec<u8>, fate: &Fate) -> std::io::Result<()> {
        let cut = || std::io::Error::from(std::io::ErrorKind::ConnectionAborted);
        match fate {
            Fate::Cut => Err(cut()),
            Fate::Answered(code, text) => {
                write!(
                    stream,
                    "HTTP/1.1 {code} Answered\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{text}",
                    text.len()
                )?;
                stream.flush()
            }
            Fate::Passed => send(stream, self.passed_on(asked, &asked.asked.query, body)?, self.skewed()),
            Fate::PassedAs(query) => send(stream, self.passed_on(asked, query, body)?, self.skewed()),
            Fate::PassedTo(path) => {
                let mut elsewhere = asked.clone();
                path.clone_into(&mut elsewhere.asked.path);
                send(
                    stream,
                    self.passed_on(&elsewhere, &asked.asked.query, body)?,
                    self.skewed(),
                )
            }
            Fate::CutInTheMiddle => {
                let mut answer = self.passed_on(asked, &asked.asked.query, body)?;
                let text = answer.body_mut().read_to_vec().map_err(std::io::Error::other)?;
                let half = text.get(..text.len() / 2).unwrap_or_default();
                write!(
                    stream,
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                    text.len()
                )?;
                stream.write_all(half)?;
                stream.flush()?;
                Err(cut())
            }
        }
    }

    fn skewed(&self) -> Skew {
        *self.skew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn passed_on(&self, asked: &Whole, query: &str, body: Vec<u8>) -> std::io::Result<Response<Body>> {
        let Asked { method, path, .. } = &asked.asked;
        let target = if query.is_empty() {
            path.clone()
        } else {
            format!("{path}?{query}")
        };
        let method = Method::from_bytes(method.as_bytes()).map_err(std::io::Error::other)?;
        let mut request = Request::builder().method(method);
        for (name, value) in &asked.headers {
            request = request.header(name, value);
        }
        if !asked.asked.authorization.is_empty() {
            request = request.header("authorization", &asked.asked.authorization);
        }
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).clone();
        server.forward(request, &target, body).map_err(std::io::Error::other)
    }
}

/// A request with its headers.
#[derive(Clone)]
struct Whole {
    asked: Asked,
    headers: Vec<(String, String)>,
}

/// The next request; none at the end of the connection.
fn read_request(reader: &mut impl BufRead) -> std::io::Result<Option<(Whole, Vec<u8>)>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut asked = Asked {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        authorization: String::new(),
    };
    let (mut headers, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        let (name, value) = (name.to_ascii_lowercase(), value.trim().to_owned());
        match name.as_str() {
            "content-length" => length = value.parse().map_err(std::io::Error::other)?,
            "accept" | "content-type" => headers.push((name, value)),
            "authorization" => asked.authorization = value,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some((Whole { asked, headers }, body)))
}

/// Sends `answer` in chunks, each as soon as it is there, as a server says it whose clock is wrong by `skew`.
fn send(stream: &mut impl Write, answer: Response<Body>, skew: Skew) -> std::io::Result<()> {
    let (parts, body) = answer.into_parts();
    write!(
        stream,
        "HTTP/1.1 {} Passed\r\ntransfer-encoding: chunked\r\n",
        parts.status.as_u16()
    )?;
    for (name, value) in &parts.headers {
        let value = value.to_str().unwrap_or_default();
        match name.as_str() {
            "content-type" | "retry-after" | "warning" => write!(stream, "{name}: {value}\r\n")?,
            "date" => write!(stream, "{name}: {}\r\n", skew.date(value))?,
            _ => {}
        }
    }
    write!(stream, "\r\n")?;
    let mut reader = BufReader::new(body.into_reader());
    let mut piece = vec![0; 64 * 1024];
    loop {
        let chunk = if skew.is_none() {
            let read = reader.read(&mut piece)?;
            piece.get(..read).unwrap_or_default().to_vec()
        } else {
            // Each event of a watch is a line; everything else is one.
            let mut line = Vec::new();
            reader.read_until(b'\n', &mut line)?;
            if line.is_empty() { line } else { skew.document(&line) }
        };
        write!(stream, "{:x}\r\n", chunk.len())?;
        stream.write_all(&chunk)?;
        write!(stream, "\r\n")?;
        stream.flush()?;
        if chunk.is_empty() {
            return Ok(());
        }
    }
}
