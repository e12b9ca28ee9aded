//! What a failure below HTTP means.

use std::error::Error as StdError;

use hyper_util::client::legacy;
use kube::client::AuthError;

use crate::{Cause, config};

/// The cause behind an error of the transport.
pub(crate) fn cause(error: &(dyn StdError + Send + Sync + 'static)) -> Cause {
    if let Some(error) = error.downcast_ref::<AuthError>() {
        return Cause::Credentials(config::credentials(error).into());
    }
    match error.downcast_ref::<legacy::Error>() {
        Some(client) if client.is_connect() => Cause::Connect(innermost(error).into()),
        _ => Cause::Broken(innermost(error).into()),
    }
}

/// The texts of an error and its sources, from the outside in, without what says no more than the next.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        // Many errors repeat the text of their source at the end of their own.
        if let Some(last) = texts.last_mut()
            && let Some(head) = last.strip_suffix(&*text)
        {
            *last = head.trim_end_matches([':', ' ']).to_owned();
        }
        texts.push(text);
        next = error.source();
    }
    texts.retain(|text| !text.is_empty() && !text.starts_with("client error"));
    texts.dedup();
    if texts.is_empty() {
        return "connection closed".to_owned();
    }
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_chain_of_errors_reads_as_one_sentence_without_repetition() {
        #[derive(Debug, thiserror::Error)]
        #[error("tcp connect error")]
        struct Outer(#[source] io::Error);
        #[derive(Debug, thiserror::Error)]
        #[error("handshake failed: {0}")]
        struct Repeating(#[source] io::Error);
        let refused = || io::Error::other("connection refused");
        assert_eq!(innermost(&Outer(refused())), "tcp connect error: connection refused");
        assert_eq!(innermost(&Repeating(refused())), "handshake failed: connection refused");
    }
}
