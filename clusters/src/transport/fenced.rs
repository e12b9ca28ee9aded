//! The last place where a write can be held back: the connection itself.
//!
//! A process that is stopped between looking at its [`Fence`] and sending, and goes on minutes later, has requests in its buffers. None of
//! their bytes leaves. (What reads also ends there: such a process has nothing more to do.)

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};

use crate::Fence;

/// A connection that sends nothing once its fence has fallen.
pub(super) struct Fenced<I> {
    io: I,
    fence: Option<Fence>,
}

// === impl Fenced ===

impl<I> Fenced<I> {
    pub(super) fn new(io: I, fence: Option<Fence>) -> Self {
        Self { io, fence }
    }

    fn check(&self) -> io::Result<()> {
        match &self.fence {
            Some(fence) if fence.has_fallen() => Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "this process does not lead any more",
            )),
            _ => Ok(()),
        }
    }
}

impl<I: Read + Unpin> Read for Fenced<I> {
    fn poll_read(mut self: Pin<&mut Self>, task: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(task, buffer)
    }
}

impl<I: Write + Unpin> Write for Fenced<I> {
    fn poll_write(mut self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.io).poll_write(task, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(task)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.io).poll_write_vectored(task, bytes)
    }
}

impl<I: Connection> Connection for Fenced<I> {
    fn connected(&self) -> Connected {
        self.io.connected()
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, time::Duration};

    use hyper_util::rt::TokioIo;
    use tokio::{io::AsyncReadExt as _, time::Instant};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_byte_leaves_once_the_fence_has_fallen() {
        let fence = Fence::new();
        let (near, mut far) = tokio::io::duplex(64);
        let mut fenced = Fenced::new(TokioIo::new(near), Some(fence.clone()));
        let mut write = async |bytes: &[u8]| poll_fn(|task| Pin::new(&mut fenced).poll_write(task, bytes)).await;
        assert!(write(b"read").await.is_ok(), "who does not lead yet may read");
        assert!(fence.open_until(Instant::now() + Duration::from_secs(1)));
        assert!(write(b"write").await.is_ok());
        tokio::time::advance(Duration::from_secs(1)).await;
        let error = write(b"late").await.unwrap_err();
        assert_eq!(error.to_string(), "this process does not lead any more");
        drop(fenced);
        let mut arrived = Vec::new();
        far.read_to_end(&mut arrived).await.unwrap();
        assert_eq!(arrived, b"readwrite");
    }
}
