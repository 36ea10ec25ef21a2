//! Numbers of connections of each user at each hub, in Redis: for the limit of connections per
//! user.
//!
//! A hash per user has a field per hub. Fields of hubs that have died are not counted, so a crash
//! needs no cleanup; the hash expires when nothing has been written for a day.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::channels::Channels;
use crate::{domain::user::UserId, redis::Redis};

/// Lifetime of the numbers of a user, in seconds. Every hub writes them again every few hours.
const LIFETIME_SECONDS: i64 = 24 * 60 * 60;

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
            let counts = this.redis.run::<(HashMap<String, i64>,)>(&pipe).await;
            let counts = counts.map(|(counts,)| counts).unwrap_or_default();
            let elsewhere = counts.iter().filter(|(boot, _)| others.contains(*boot));
            elsewhere.map(|(_, count)| usize::try_from(*count).unwrap_or(0)).sum()
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
            pipe.hset(key, &self.boot, here).ignore();
            pipe.expire(key, LIFETIME_SECONDS).ignore();
        }
    }
}
