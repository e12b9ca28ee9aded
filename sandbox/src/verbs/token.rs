//! Continue tokens.

use base64::Engine as _;
use serde::{Deserialize, Serialize};

use crate::{error::Refusal, store::key::Key};

/// Where a paged list goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Token {
    v: String,
    /// The version of the first page; -1 if the list is no longer consistent.
    pub(crate) rv: i64,
    start: String,
    /// How many objects come after the page before.
    #[serde(default)]
    pub(crate) remaining: Option<usize>,
}

const FORM: &str = "meta.k8s.io/v1";

// === impl Token ===

impl Token {
    /// The token to go on after `last`.
    pub(crate) fn new(version: i64, last: &Key, remaining: Option<usize>) -> Self {
        Self {
            v: FORM.to_owned(),
            rv: version,
            start: last.as_str().to_owned(),
            remaining,
        }
    }

    /// The last key of the page before.
    pub(crate) fn after(&self) -> Key {
        Key::from_text(&self.start)
    }

    /// The text.
    pub(crate) fn encode(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
    }

    /// Reads the text.
    ///
    /// # Errors
    /// 400: it is no token.
    pub(crate) fn decode(text: &str) -> Result<Self, Refusal> {
        let refuse =
            |what: String| Refusal::bad_request(format!("invalid continue token: continue key is not valid: {what}"));
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|error| refuse(error.to_string()))?;
        let token: Self = serde_json::from_slice(&bytes).map_err(|error| refuse(error.to_string()))?;
        if token.v != FORM {
            return Err(refuse(format!(
                "server does not recognize this encoded version: {:?}",
                token.v
            )));
        }
        Ok(token)
    }
}
