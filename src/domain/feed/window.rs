//! How much may be on its way to a watcher who has not shown that it reads.
//!
//! Between the hub and whoever reads there are buffers of megabytes, and a state that lies there gets old. So messages go out in
//! bunches, some of them end with a ping, and without its pong no more than a few bunches go out: what happens meanwhile replaces
//! what waits here. A watcher that answers quickly never notices; one that answers slowly gets a single bunch at a time, made of
//! what is newest then. One that never answers gets a bunch now and then.

use crate::domain::monotonic::Monotonic;

/// Bunches on their way at first, and at most.
const FIRST: u32 = 4;
const MOST: u32 = 32;

/// An answer that takes so long, in milliseconds, is slow.
const SLOW_MS: i64 = 250;

/// An answer that takes longer, in milliseconds, is not waited for. Who never answers is closed by the heartbeat in the end.
const PATIENCE_MS: i64 = 5_000;

/// The window of one watcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowControl {
    /// Bunches that may be on their way.
    size: u32,
    /// Bunches that are, as far as is known.
    on_the_way: u32,
    /// The ping that is out.
    ping: Option<Ping>,
    /// Pings so far.
    pings: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ping {
    number: u32,
    /// Bunches that went out after it.
    followed: u32,
    sent: Monotonic,
}

impl Default for FlowControl {
    fn default() -> Self {
        Self { size: FIRST, on_the_way: 0, ping: None, pings: 0 }
    }
}

impl FlowControl {
    /// Whether another bunch may go out now.
    #[must_use]
    pub fn is_open(&self, now: Monotonic) -> bool {
        self.on_the_way < self.size || self.opens_at().is_none_or(|at| now >= at)
    }

    /// When it opens by itself, if it is closed and no pong comes.
    #[must_use]
    pub fn opens_at(&self) -> Option<Monotonic> {
        let ping = self.ping?;
        (self.on_the_way >= self.size).then_some(Monotonic(ping.sent.0 + PATIENCE_MS))
    }

    /// A bunch goes out. Answers with the number of the ping that must follow it, if one must.
    #[must_use = "without the ping the window stays closed"]
    pub fn send(&mut self, now: Monotonic) -> Option<u32> {
        if self.on_the_way >= self.size {
            // No answer came in time, or a slow one: from here on one bunch at a time.
            *self = Self { size: 1, on_the_way: 0, ping: None, pings: self.pings };
        }
        self.on_the_way += 1;
        if let Some(ping) = &mut self.ping {
            ping.followed += 1;
            return None;
        }
        if self.on_the_way * 2 < self.size {
            return None;
        }
        self.pings = self.pings.wrapping_add(1);
        self.ping = Some(Ping { number: self.pings, followed: 0, sent: now });
        Some(self.pings)
    }

    /// A pong has come: if it answers the ping that is out, what went out before that has been read.
    pub fn answered(&mut self, number: u32, now: Monotonic) {
        let Some(ping) = self.ping.take_if(|ping| ping.number == number) else { return };
        self.on_the_way = ping.followed;
        let quick = now.0 - ping.sent.0 < SLOW_MS;
        self.size = if quick { (self.size * 2).min(MOST) } else { 1 };
    }
}
