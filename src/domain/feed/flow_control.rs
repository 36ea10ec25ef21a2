//! Flow control for a watcher: limits the messages in flight until the client shows that it reads.
//!
//! Between the hub and the client are buffers of megabytes, and state in them becomes outdated. So
//! messages leave in batches, some of them followed by a ping, and only a few batches are sent
//! before the pong arrives; what happens meanwhile is conflated in the queue. A client that answers
//! quickly is not affected; one that answers slowly gets a single batch at a time, made of the
//! newest state. One that never answers gets a batch now and then.

use crate::domain::monotonic::Monotonic;

/// Batches in flight, at first and at most.
const FIRST: u32 = 4;
const MOST: u32 = 32;

/// Delay from which a pong counts as slow, in milliseconds.
const SLOW_MS: i64 = 250;

/// Time to wait for a pong, in milliseconds. A client that never answers is closed by the
/// heartbeat.
const PONG_TIMEOUT_MS: i64 = 5_000;

/// Flow control of one watcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowControl {
    /// Maximum number of batches in flight.
    size: u32,
    /// Number of batches in flight.
    in_flight: u32,
    /// Ping without a pong so far.
    ping: Option<Ping>,
    /// Number of pings sent.
    pings: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ping {
    number: u32,
    /// Batches sent after it.
    followed: u32,
    sent: Monotonic,
}

impl Default for FlowControl {
    fn default() -> Self {
        Self { size: FIRST, in_flight: 0, ping: None, pings: 0 }
    }
}

impl FlowControl {
    /// Returns whether another batch may be sent now.
    #[must_use]
    pub fn is_open(&self, now: Monotonic) -> bool {
        self.in_flight < self.size || self.opens_at().is_none_or(|at| now >= at)
    }

    /// Returns the time at which the next batch may be sent without a pong, if none may be sent
    /// now.
    #[must_use]
    pub fn opens_at(&self) -> Option<Monotonic> {
        let ping = self.ping?;
        (self.in_flight >= self.size).then_some(Monotonic(ping.sent.0 + PONG_TIMEOUT_MS))
    }

    /// Counts a batch. Returns the number of the ping that must follow it, if one must.
    #[must_use = "without the ping the window stays closed"]
    pub fn send(&mut self, now: Monotonic) -> Option<u32> {
        if self.in_flight >= self.size {
            // The pong was late or slow: from now on one batch at a time.
            *self = Self { size: 1, in_flight: 0, ping: None, pings: self.pings };
        }
        self.in_flight += 1;
        if let Some(ping) = &mut self.ping {
            ping.followed += 1;
            return None;
        }
        if self.in_flight * 2 < self.size {
            return None;
        }
        self.pings = self.pings.wrapping_add(1);
        self.ping = Some(Ping { number: self.pings, followed: 0, sent: now });
        Some(self.pings)
    }

    /// Handles a pong: if it answers the current ping, all batches before the ping have been read.
    pub fn answered(&mut self, number: u32, now: Monotonic) {
        let Some(ping) = self.ping.take_if(|ping| ping.number == number) else { return };
        self.in_flight = ping.followed;
        let quick = now.0 - ping.sent.0 < SLOW_MS;
        self.size = if quick { (self.size * 2).min(MOST) } else { 1 };
    }
}
