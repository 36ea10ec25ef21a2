//! Preferences of users: table `user_notification_preferences`.

use super::{
    Store, StoreError,
    audit::{AuditEntry, entered},
    rows::{parse_preferences, user_id},
    sql_types::Json,
};
use crate::domain::{notification::Timestamp, preferences::Preferences, user::UserId};

const OF_ONE: &str = "SELECT preferences FROM user_notification_preferences WHERE user_id = $1";

const PUT: &str = "INSERT INTO user_notification_preferences (user_id, preferences, updated_at, \
retention_days) \
     VALUES ($1, $2, $3, $4) ON CONFLICT (user_id) DO UPDATE SET preferences = \
     excluded.preferences, \
     updated_at = excluded.updated_at, retention_days = excluded.retention_days";

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

    /// Replaces the preferences of a user, with the audit entry of an administrator.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn put_preferences_as(
        &self,
        user: &UserId,
        preferences: &Preferences,
        entry: &AuditEntry,
    ) -> Result<(), StoreError> {
        in_transaction!(self, |_db, tx| {
            sqlx::query(PUT)
                .bind(user.as_str())
                .bind(written(preferences))
                .bind(entry.at)
                .bind(preferences.retention_days)
                .execute(&mut *tx)
                .await?;
            entered!(entry, tx);
        });
        Ok(())
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
        in_transaction!(self, |_db, tx| {
            let found: Option<Json<'static>> =
                sqlx::query_scalar(OF_ONE).bind(user.as_str()).fetch_optional(&mut *tx).await?;
            let mut preferences = found.as_ref().map(parse_preferences).unwrap_or_default();
            preferences.retention_days = Some(days);
            sqlx::query(PUT)
                .bind(user.as_str())
                .bind(written(&preferences))
                .bind(now)
                .bind(days)
                .execute(&mut *tx)
                .await?;
        });
        Ok(())
    }
}
