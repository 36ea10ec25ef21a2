//! A session over Server-Sent Events (HTML standard, section 9.2): the same messages, out through a response's body.
//!
//! The session and the body live on one thread and share a queue. What the session puts in is bounded by the session as on
//! any connection; the body takes it out when the client reads.

use std::{
    cell::RefCell,
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::Stream;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::domain::frame;

/// How long a browser waits before it connects again, in milliseconds.
const RETRY_MS: u32 = 2_000;

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Bytes>,
    /// Nothing more comes.
    ended: bool,
    /// Nobody reads any more.
    gone: bool,
    body: Option<Waker>,
    session: Option<Waker>,
}

impl Queue {
    fn push(&mut self, bytes: Bytes) {
        self.waiting.push_back(bytes);
        if let Some(body) = self.body.take() {
            body.wake();
        }
    }
}

/// The session's end.
pub struct Events {
    queue: Rc<RefCell<Queue>>,
    epoch: String,
    deadline: Option<Pin<Box<Sleep>>>,
    waker: Option<Waker>,
}

/// The response's end: its body.
pub struct EventBody(Rc<RefCell<Queue>>);

/// Both ends. `epoch` is the store's: with a revision it is a message's `id`.
#[must_use]
pub fn event_stream(epoch: &str) -> (Events, EventBody) {
    let queue = Rc::new(RefCell::new(Queue::default()));
    queue.borrow_mut().push(Bytes::from(format!("retry: {RETRY_MS}\n\n")));
    let events = Events { queue: Rc::clone(&queue), epoch: epoch.to_owned(), deadline: None, waker: None };
    (events, EventBody(queue))
}

impl Events {
    pub(super) fn waiting(&self) -> usize {
        self.queue.borrow().waiting.len()
    }

    /// Queues the message of a WebSocket frame; its JSON has no line break.
    pub(super) fn enqueue(&mut self, message: &Bytes, revision: Option<i64>) {
        let payload = frame::payload(message);
        let mut event = BytesMut::with_capacity(payload.len() + 48);
        if let Some(revision) = revision {
            event.put_slice(format!("id: {}.{revision}\n", self.epoch).as_bytes());
        }
        event.put_slice(b"data: ");
        event.put_slice(payload);
        event.put_slice(b"\n\n");
        self.queue.borrow_mut().push(event.freeze());
    }

    /// Says where the client stands, without a message.
    pub(super) fn stand_at(&mut self, revision: i64) {
        self.queue.borrow_mut().push(Bytes::from(format!("id: {}.{revision}\n\n", self.epoch)));
    }

    /// A comment: it keeps proxies from giving up, and finds out that nobody reads any more.
    pub(super) fn ping(&mut self) {
        self.queue.borrow_mut().push(Bytes::from_static(b": ping\n\n"));
    }

    pub(super) fn drop_waiting(&mut self) {
        self.queue.borrow_mut().waiting.clear();
    }

    pub(super) fn finish(&mut self, last: &Bytes, linger: Duration) {
        self.enqueue(last, None);
        self.queue.borrow_mut().ended = true;
        self.deadline = Some(Box::pin(sleep_until(Instant::now() + linger)));
    }

    pub(super) fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    pub(super) fn remember(&mut self, waker: &Waker) {
        if !self.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            self.waker = Some(waker.clone());
        }
        self.queue.borrow_mut().session.clone_from(&self.waker);
    }

    pub(super) fn is_gone(&self) -> bool {
        self.queue.borrow().gone
    }

    pub(super) fn poll_flush(&mut self) -> Poll<()> {
        if self.queue.borrow().waiting.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }

    pub(super) fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.deadline {
            Some(deadline) => deadline.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let mut queue = self.queue.borrow_mut();
        queue.ended = true;
        if let Some(body) = queue.body.take() {
            body.wake();
        }
    }
}

impl Stream for EventBody {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut queue = self.0.borrow_mut();
        let next = match queue.waiting.pop_front() {
            Some(bytes) => Poll::Ready(Some(Ok(bytes))),
            None if queue.ended => Poll::Ready(None),
            None => {
                queue.body = Some(cx.waker().clone());
                Poll::Pending
            }
        };
        // The session reads on once everything is written.
        if queue.waiting.is_empty()
            && let Some(session) = &queue.session
            && !next.is_pending()
        {
            session.wake_by_ref();
        }
        next
    }
}

impl Drop for EventBody {
    fn drop(&mut self) {
        let mut queue = self.0.borrow_mut();
        queue.gone = true;
        queue.waiting.clear();
        if let Some(session) = queue.session.take() {
            session.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;

    use super::*;

    #[actix::test]
    async fn messages_come_out_as_events_with_their_place() {
        let (mut events, mut body) = event_stream("q7");
        events.enqueue(&frame::text(br#"{"type":"connected"}"#), None);
        events.enqueue(&frame::text(br#"{"type":"notification.push"}"#), Some(17));
        events.stand_at(18);
        events.ping();
        assert_eq!(events.waiting(), 5);
        events.finish(&frame::text(br#"{"type":"closed"}"#), Duration::from_secs(1));
        let mut text = String::new();
        while let Some(Ok(bytes)) = body.next().await {
            text.push_str(std::str::from_utf8(&bytes).expect("events are text"));
        }
        assert_eq!(
            text,
            "retry: 2000\n\ndata: {\"type\":\"connected\"}\n\nid: q7.17\ndata: {\"type\":\"notification.push\"}\n\n\
             id: q7.18\n\n: ping\n\ndata: {\"type\":\"closed\"}\n\n"
        );
        assert!(events.poll_flush().is_ready());
        drop(body);
        assert!(events.is_gone());
    }
}
