//! Numbers of connections of each user at each hub, in Redis: for the limit of connections per
//! user.
//!
//! A hash per user has a field per hub, with the number and the time of writing. Every hub writes
//! its numbers again every five minutes. Fields of hubs that have died, and old ones, are not
//! counted, so neither a crash nor a failed write needs cleanup.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::channels::Channels;
use crate::{clock, domain::user::UserId, redis::Redis};

/// Lifetime of a number, in seconds: more than two intervals of writing it again.
const LIFETIME_SECONDS: i64 = 12 * 60;

/// Number of users in one round trip.
const CHUNK: usize = 1_000;

/// Numbers of connections of each user.
#[derive(Clone)]
pub(super) struct Connections {
    redis: Redis,
    channels: Channels,
    boot: String,
}

impl Connections {
    pub(super) fn new(redis: Redis, channels: Channels, boot: String) -> Self {
        Self { redis, channels, boot }
    }

    /// Sets the number of a user's connections at this hub. Returns their number at `others`, or 0
    /// while Redis is unavailable.
    pub(super) fn set(
        &self,
        user: UserId,
        here: usize,
        others: Arc<HashSet<String>>,
    ) -> impl Future<Output = usize> + use<> {
        let this = self.clone();
        async move {
            let key = this.channels.connections(&user);
            let mut pipe = redis::pipe();
            this.write(&mut pipe, &key, here);
            if others.is_empty() {
                // Nobody reads it, but another hub may start.
                let _ = this.redis.run::<()>(&pipe).await;
                return 0;
            }
            pipe.hgetall(&key);
            let counts = this.redis.run::<(HashMap<String, String>,)>(&pipe).await;
            let counts = counts.map(|(counts,)| counts).unwrap_or_default();
            let elsewhere = counts.iter().filter(|(boot, _)| others.contains(*boot));
            elsewhere.filter_map(|(_, field)| count_of(field, now_seconds())).sum()
        }
    }

    /// Sets the numbers of many users.
    pub(super) async fn restore(&self, counts: Vec<(UserId, usize)>) {
        for chunk in counts.chunks(CHUNK) {
            let mut pipe = redis::pipe();
            for (user, here) in chunk {
                self.write(&mut pipe, &self.channels.connections(user), *here);
            }
            if self.redis.run::<()>(&pipe).await.is_err() {
                return;
            }
        }
    }

    fn write(&self, pipe: &mut redis::Pipeline, key: &str, here: usize) {
        if here == 0 {
            pipe.hdel(key, &self.boot).ignore();
        } else {
            pipe.hset(key, &self.boot, format!("{here}:{}", now_seconds())).ignore();
            pipe.expire(key, LIFETIME_SECONDS).ignore();
        }
    }
}

fn now_seconds() -> i64 {
    clock::now().0 / 1_000
}

/// Returns the number in a field, unless it is old or malformed.
fn count_of(field: &str, now: i64) -> Option<usize> {
    let (count, written) = field.split_once(':')?;
    let age = now - written.parse::<i64>().ok()?;
    count.parse().ok().filter(|_| age <= LIFETIME_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::{LIFETIME_SECONDS, count_of};

    #[test]
    fn old_and_malformed_numbers_are_not_counted() {
        assert_eq!(count_of("3:1000", 1_000), Some(3));
        assert_eq!(count_of("3:1000", 1_000 + LIFETIME_SECONDS), Some(3));
        assert_eq!(count_of("3:1000", 1_001 + LIFETIME_SECONDS), None);
        for field in ["", "3", "x:1000", "3:x", "-1:1000"] {
            assert_eq!(count_of(field, 1_000), None, "{field}");
        }
    }
}
