//! Browsers that receive Web Push: table `push_subscriptions`.

use sha2::{Digest as _, Sha256};
use sqlx::FromRow;

use super::{Store, StoreError};
use crate::domain::{notification::Timestamp, user::UserId};

/// Maximum number of browsers of a user; the oldest is replaced.
const PER_USER_MAX: i64 = 20;

const PUT: &str = "INSERT INTO push_subscriptions (id, user_id, endpoint, p256dh, auth, \
     created_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO UPDATE SET user_id = \
     excluded.user_id, p256dh = excluded.p256dh, auth = excluded.auth, created_at = \
     excluded.created_at";

const LIMIT: &str = "DELETE FROM push_subscriptions WHERE user_id = $1 AND id NOT IN (SELECT id \
     FROM push_subscriptions WHERE user_id = $1 ORDER BY created_at DESC LIMIT $2)";

const OF_USER: &str = "SELECT id, endpoint, p256dh, auth FROM push_subscriptions WHERE user_id \
     = $1 ORDER BY id";

const REMOVE: &str = "DELETE FROM push_subscriptions WHERE id = $1 AND ($2 = '' OR user_id = $2)";

/// Subscription of a browser (RFC 8030, RFC 8291).
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct PushSubscription {
    /// Hash of the endpoint.
    pub id: String,
    /// URL of the push service.
    pub endpoint: String,
    /// Public key of the browser, base64url.
    pub p256dh: String,
    /// Authentication secret, base64url.
    pub auth: String,
}

/// Returns the ID of a subscription.
#[must_use]
pub fn subscription_id(endpoint: &str) -> String {
    hex::encode(Sha256::digest(endpoint.as_bytes()))
}

impl Store {
    /// Stores a subscription; one with the same endpoint now belongs to this user.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn put_subscription(
        &self,
        user: &UserId,
        subscription: &PushSubscription,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        in_transaction!(self, |_db, tx| {
            sqlx::query(PUT)
                .bind(&subscription.id)
                .bind(user.as_str())
                .bind(&subscription.endpoint)
                .bind(&subscription.p256dh)
                .bind(&subscription.auth)
                .bind(now)
                .execute(&mut *tx)
                .await?;
            sqlx::query(LIMIT).bind(user.as_str()).bind(PER_USER_MAX).execute(&mut *tx).await?;
        });
        Ok(())
    }

    /// Returns the subscriptions of a user.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn subscriptions(&self, user: &str) -> Result<Vec<PushSubscription>, StoreError> {
        Ok(on_pool!(self, |pool| sqlx::query_as(OF_USER).bind(user).fetch_all(pool).await)?)
    }

    /// Removes a subscription, of this user or of any. Returns whether it existed.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn remove_subscription(
        &self,
        id: &str,
        user: Option<&UserId>,
    ) -> Result<bool, StoreError> {
        let removed = on_writer!(self, |connection| {
            sqlx::query(REMOVE)
                .bind(id)
                .bind(user.map_or("", UserId::as_str))
                .execute(connection)
                .await
                .map(|done| done.rows_affected())
        })?;
        Ok(removed > 0)
    }

    /// Returns the value of a key of the table `meta`, after writing `value` if there is none: all
    /// hubs that share the store get the same.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn shared_value(&self, key: &str, value: &str) -> Result<String, StoreError> {
        let put = "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let get = "SELECT value FROM meta WHERE key = $1";
        on_writer!(self, |connection| {
            sqlx::query(put).bind(key).bind(value).execute(connection).await.map(drop)
        })?;
        Ok(on_pool!(self, |pool| sqlx::query_scalar(get).bind(key).fetch_one(pool).await)?)
    }
}
