//! The last look before a text goes: taken when its bytes are about to be written, after a connection was found or made.
//!
//! Between the decision to send and the first byte lie the name look-up, TCP and TLS, and whatever the machine does in between:
//! a process that is frozen there must not write when it wakes up.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};

/// The text may not go any more.
#[derive(Debug, thiserror::Error)]
#[error("too late to be written")]
pub(super) struct TooLate;

/// A request's body that asks before it is written. Refused, the request stays without its body, so that Twilio cannot take it.
pub(super) struct LastLook<M> {
    body: Option<Bytes>,
    may_write: M,
    refused: Arc<AtomicBool>,
}

impl<M: Fn() -> bool> LastLook<M> {
    /// A body, and what says whether it may go; the flag is set once it may not.
    pub(super) fn new(body: &[u8], may_write: M) -> (Self, Arc<AtomicBool>) {
        let refused = Arc::new(AtomicBool::new(false));
        let body = Self {
            body: Some(Bytes::copy_from_slice(body)),
            may_write,
            refused: Arc::clone(&refused),
        };
        (body, refused)
    }
}

impl<M: Fn() -> bool + Unpin> Body for LastLook<M> {
    type Data = Bytes;
    type Error = TooLate;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TooLate>>> {
        let this = self.get_mut();
        let Some(body) = this.body.take() else {
            return Poll::Ready(None);
        };
        if (this.may_write)() {
            Poll::Ready(Some(Ok(Frame::data(body))))
        } else {
            this.refused.store(true, Ordering::SeqCst);
            Poll::Ready(Some(Err(TooLate)))
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.body.as_ref().map_or(0, |body| body.len() as u64))
    }
}
