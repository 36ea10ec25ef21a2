//! Preferences of users: table `user_notification_preferences`.

use std::convert::Infallible;

use super::{
    Store, StoreError,
    audit::{AuditEntry, entered},
    rows::{parse_preferences, user_id},
    sql_types::Json,
};
use crate::domain::{
    deliveries::QUIET, notification::Timestamp, preferences::Preferences, user::UserId,
};

const OF_ONE: &str = "SELECT preferences FROM user_notification_preferences WHERE user_id = $1";

const PUT: &str = "INSERT INTO user_notification_preferences (user_id, preferences, updated_at, \
retention_days) \
     VALUES ($1, $2, $3, $4) ON CONFLICT (user_id) DO UPDATE SET preferences = \
     excluded.preferences, \
     updated_at = excluded.updated_at, retention_days = excluded.retention_days";

/// Selects the preferences of a user for a change, and locks them until the end of the transaction,
/// also those of a user who has none yet.
const LOCK: &str = "INSERT INTO user_notification_preferences (user_id, preferences, updated_at) \
     VALUES ($1, $2, $3) ON CONFLICT (user_id) DO UPDATE SET user_id = excluded.user_id \
     RETURNING preferences";

/// Makes due what waits for the end of the quiet hours: the dispatcher decides again.
const RELEASE_QUIET: &str = "UPDATE deliveries SET due_at = $2 WHERE user_id = $1 AND state = \
     'scheduled' AND reason = $3 AND due_at > $2";

fn written(preferences: &Preferences) -> Json<'static> {
    // A type of this crate with string keys always serializes.
    serde_json::to_string(preferences).unwrap_or_else(|_| "{}".to_owned()).into()
}

impl Store {
    /// Returns the preferences of a user.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn preferences(&self, user: &UserId) -> Result<Preferences, StoreError> {
        let found =
            reading!(self, |db, tx| db::first!(tx, (Json<'static>,), OF_ONE, user.as_str()))?;
        Ok(found.map(|(json,)| parse_preferences(&json)).unwrap_or_default())
    }

    /// Returns the preferences of these users; users without any are left out.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn preferences_of(
        &self,
        users: &[UserId],
    ) -> Result<Vec<(UserId, Preferences)>, StoreError> {
        if users.is_empty() {
            return Ok(Vec::new());
        }
        let ids = serde_json::to_string(users).unwrap_or_else(|_| "[]".to_owned());
        let rows = reading!(self, |db, tx| {
            db::rows!(tx, (String, Json<'static>), db::PREFERENCES_BY_ID, &ids)
        })?;
        rows.into_iter()
            .map(|(user, json)| Ok((user_id(&user)?, parse_preferences(&json))))
            .collect()
    }

    /// Replaces the preferences of a user.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn put_preferences(
        &self,
        user: &UserId,
        preferences: &Preferences,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        on_writer!(self, |pool| {
            sqlx::query(PUT)
                .bind(user.as_str())
                .bind(written(preferences))
                .bind(now)
                .bind(preferences.retention_days)
                .execute(pool)
                .await
                .map(drop)
        })?;
        Ok(())
    }

    /// Changes the preferences of a user by what `change` makes of the stored ones, with the audit
    /// entry that it may return. No other change comes between, by this hub or another one. Returns
    /// what is stored then; after an error of `change`, nothing has changed.
    ///
    /// # Errors
    /// When the store is unavailable; within, what `change` refuses.
    pub async fn change_preferences<E>(
        &self,
        user: &UserId,
        now: Timestamp,
        change: impl FnOnce(Preferences) -> Result<(Preferences, Option<AuditEntry>), E>,
    ) -> Result<Result<Preferences, E>, StoreError> {
        let changed = in_transaction!(self, |_db, tx| {
            let stored: Json<'static> = sqlx::query_scalar(LOCK)
                .bind(user.as_str())
                .bind(written(&Preferences::default()))
                .bind(now)
                .fetch_one(&mut *tx)
                .await?;
            let stored = parse_preferences(&stored);
            let quiet = (stored.quiet_hours, stored.timezone.clone());
            let changed = change(stored);
            if let Ok((preferences, entry)) = &changed {
                if (preferences.quiet_hours, preferences.timezone.clone()) != quiet {
                    sqlx::query(RELEASE_QUIET)
                        .bind(user.as_str())
                        .bind(now)
                        .bind(QUIET)
                        .execute(&mut *tx)
                        .await?;
                }
                sqlx::query(PUT)
                    .bind(user.as_str())
                    .bind(written(preferences))
                    .bind(now)
                    .bind(preferences.retention_days)
                    .execute(&mut *tx)
                    .await?;
                if let Some(entry) = entry {
                    entered!(entry, tx);
                }
            }
            changed.map(|(preferences, _)| preferences)
        });
        Ok(changed)
    }

    /// Sets the retention period of a user, and leaves other preferences unchanged.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn set_retention(
        &self,
        user: &UserId,
        days: i64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let set = |stored| {
            let preferences = Preferences { retention_days: Some(days), ..stored };
            Ok::<_, Infallible>((preferences, None))
        };
        match self.change_preferences(user, now, set).await? {
            Ok(_) => Ok(()),
        }
    }
}
