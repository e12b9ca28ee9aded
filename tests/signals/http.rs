//! Plain requests to the admin server, one connection each.

use std::{
    io::{Read as _, Write as _},
    net::{TcpStream, ToSocketAddrs as _},
    time::Duration,
};

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

const PATIENCE: Duration = Duration::from_secs(10);

/// A connection to `address`.
pub(crate) fn connect(address: &str) -> Result<TcpStream, String> {
    let addresses = address.to_socket_addrs().map_err(|error| error.to_string())?;
    let address = addresses.into_iter().next().ok_or("no address")?;
    let stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(|error| error.to_string())?;
    stream
        .set_read_timeout(Some(PATIENCE))
        .map_err(|error| error.to_string())?;
    stream
        .set_write_timeout(Some(PATIENCE))
        .map_err(|error| error.to_string())?;
    Ok(stream)
}

/// What is answered to `request`, byte for byte, until the server closes.
pub(crate) fn exchange(address: &str, request: &[u8]) -> Result<String, String> {
    let mut stream = connect(address)?;
    stream.write_all(request).map_err(|error| error.to_string())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The answer to a GET of `path`.
pub(crate) fn get(address: &str, path: &str) -> Result<Answer, String> {
    let text = exchange(
        address,
        format!("GET {path} HTTP/1.1\r\nhost: admin\r\n\r\n").as_bytes(),
    )?;
    let (head, body) = text
        .split_once("\r\n\r\n")
        .ok_or_else(|| format!("no answer: {text:?}"))?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Ok(Answer {
        status: status.ok_or_else(|| format!("no status: {head:?}"))?,
        body: body.to_owned(),
    })
}
