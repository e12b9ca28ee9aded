//! The lines of a watch's body.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;

use crate::{Cause, cluster::failure, transport::AnswerBody};

/// An event is one object with a few bytes around; stores take objects of some megabytes at most.
const LONGEST_LINE: usize = 64 << 20;
/// A buffer that one huge object left behind is not kept for the small ones.
const KEPT_BUFFER: usize = 64 << 10;

/// Cuts a body into lines. What follows the last newline when the body ends is half an event, and is dropped.
pub(super) struct Lines {
    body: AnswerBody,
    buffer: BytesMut,
    /// How far the buffer has been searched for a newline.
    searched: usize,
}

// === impl Lines ===

impl Lines {
    pub(super) fn new(body: AnswerBody) -> Self {
        Self {
            body,
            buffer: BytesMut::new(),
            searched: 0,
        }
    }

    /// The next line that is not empty; none at the end of the body. Can be dropped half-way without losing anything.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Cause> {
        loop {
            if let Some(line) = self.buffered_line() {
                return Ok(Some(line));
            }
            if self.buffer.len() > LONGEST_LINE {
                return Err(Cause::TooLarge(LONGEST_LINE));
            }
            let Some(frame) = self.body.frame().await else {
                return Ok(None);
            };
            if let Ok(data) = frame.map_err(|error| failure::cause(&*error))?.into_data() {
                self.buffer.extend_from_slice(&data);
            }
        }
    }

    fn buffered_line(&mut self) -> Option<Bytes> {
        loop {
            let fresh = self.buffer.get(self.searched..)?;
            let Some(at) = fresh.iter().position(|byte| *byte == b'\n') else {
                self.searched = self.buffer.len();
                return None;
            };
            let line = self.buffer.split_to(self.searched + at + 1);
            self.searched = 0;
            if self.buffer.is_empty() && self.buffer.capacity() > KEPT_BUFFER {
                self.buffer = BytesMut::new();
            }
            if !line.trim_ascii().is_empty() {
                return Some(line.freeze());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use http_body::Frame;
    use http_body_util::StreamBody;
    use tower::BoxError;

    use super::*;

    fn lines(chunks: &[&'static str]) -> Lines {
        let chunks: Vec<_> = chunks
            .iter()
            .map(|chunk| Ok::<_, BoxError>(Frame::data(Bytes::from_static(chunk.as_bytes()))))
            .collect();
        Lines::new(StreamBody::new(stream::iter(chunks)).boxed_unsync())
    }

    #[tokio::test]
    async fn lines_are_cut_wherever_the_pieces_are() {
        let cases: [(&[&'static str], &[&str]); 5] = [
            (&["a\nb\n"], &["a\n", "b\n"]),
            (&["a", "b", "\n", "c\n"], &["ab\n", "c\n"]),
            (&["\n\r\n", "a\n\n"], &["a\n"]),
            (&["a\nhalf"], &["a\n"]),
            (&[], &[]),
        ];
        for (chunks, expected) in cases {
            let mut lines = lines(chunks);
            let mut found = Vec::new();
            while let Some(line) = lines.next().await.unwrap() {
                found.push(line);
            }
            assert_eq!(found, expected, "{chunks:?}");
        }
    }
}
