//! A bearer token that lies in a file, and is written anew there before it runs out.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use http::{HeaderValue, header::AUTHORIZATION};
use parking_lot::Mutex;
use tokio::time::Instant;

/// A file is read again so often; kubelets write a token anew minutes before it runs out.
const FRESH: Duration = Duration::from_mins(1);

/// The token of a file, as the header that carries it.
#[derive(Clone)]
pub(super) struct TokenFile {
    path: Arc<Path>,
    /// The last token that the file had, and when it was read. What fails to be read changes nothing: a file may be gone for a moment.
    last: Arc<Mutex<(HeaderValue, Instant)>>,
}

/// Why a file gives no token.
#[derive(Debug, thiserror::Error)]
pub(super) enum TokenFileError {
    #[error("its token file {} cannot be read: {cause}", file.display())]
    Unreadable {
        file: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("its token file {} holds no token", .0.display())]
    NoToken(PathBuf),
}

// === impl TokenFile ===

impl TokenFile {
    /// The token in the file `path`.
    pub(super) fn open(path: &Path) -> Result<Self, TokenFileError> {
        Ok(Self {
            last: Arc::new(Mutex::new((read(path)?, Instant::now()))),
            path: path.into(),
        })
    }

    /// Puts the token into `request`.
    pub(super) fn authorize<B>(&self, mut request: http::Request<B>) -> http::Request<B> {
        request.headers_mut().insert(AUTHORIZATION, self.header());
        request
    }

    fn header(&self) -> HeaderValue {
        let mut last = self.last.lock();
        let (header, since) = &mut *last;
        if since.elapsed() >= FRESH {
            *since = Instant::now();
            if let Ok(new) = read(&self.path) {
                *header = new;
            }
        }
        header.clone()
    }
}

/// The header for the token in `path`. `kubectl create token > FILE` ends it with a new line, which is none of the token.
fn read(path: &Path) -> Result<HeaderValue, TokenFileError> {
    let text = std::fs::read_to_string(path).map_err(|cause| TokenFileError::Unreadable {
        file: path.to_owned(),
        cause,
    })?;
    let token = text.trim();
    let header = match token {
        "" => None,
        token => HeaderValue::try_from(format!("Bearer {token}")).ok(),
    };
    let mut header = header.ok_or_else(|| TokenFileError::NoToken(path.to_owned()))?;
    // Never shown by Debug (S8).
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(tokens: &TokenFile) -> String {
        let request = tokens.authorize(http::Request::new(()));
        request.headers()[AUTHORIZATION].to_str().unwrap().to_owned()
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_read_without_the_space_around_it_and_again_when_it_is_old() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "one\n").unwrap();
        let tokens = TokenFile::open(&path).unwrap();
        assert_eq!(sent(&tokens), "Bearer one");

        std::fs::write(&path, " two \r\n").unwrap();
        assert_eq!(sent(&tokens), "Bearer one");
        tokio::time::advance(FRESH).await;
        assert_eq!(sent(&tokens), "Bearer two");

        for gone in ["", "\n", "a\nb"] {
            std::fs::write(&path, gone).unwrap();
            tokio::time::advance(FRESH).await;
            assert_eq!(sent(&tokens), "Bearer two", "{gone:?}");
        }
        std::fs::remove_file(&path).unwrap();
        tokio::time::advance(FRESH).await;
        assert_eq!(sent(&tokens), "Bearer two");
    }

    #[test]
    fn a_file_without_a_token_is_refused_and_not_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        assert!(
            TokenFile::open(&path)
                .err()
                .unwrap()
                .to_string()
                .contains("cannot be read")
        );
        for text in ["", " \n", "hunter2\nhunter3"] {
            std::fs::write(&path, text).unwrap();
            let error = TokenFile::open(&path).err().unwrap().to_string();
            assert!(
                error.ends_with("holds no token") && !error.contains("hunter"),
                "{error}"
            );
        }
    }
}
