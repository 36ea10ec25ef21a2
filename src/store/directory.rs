//! The directory: table `users`.

use super::{
    Store, StoreError,
    audit::{AuditEntry, entered},
    like::pattern,
    rows::{PersonRow, RecipientRow, all},
    sql_types::{Json, Texts},
};
use crate::domain::{
    notification::Timestamp,
    preferences::Preferences,
    user::{Person, PersonPatch, UserId},
};

macro_rules! person_columns {
    () => {
        "u.user_id, u.login, u.name, u.email, u.roles, u.locale, u.timezone, u.email_verified, \
         u.addresses"
    };
}

const WITH_ROLE: &str = concat!(
    "SELECT ",
    person_columns!(),
    " FROM user_roles r JOIN users u ON u.user_id = r.user_id WHERE r.role = $1 AND r.user_id > $2 \
     ORDER BY r.user_id LIMIT $3"
);

const EVERYONE: &str = concat!(
    "SELECT ",
    person_columns!(),
    " FROM users u WHERE u.user_id > $1 ORDER BY u.user_id LIMIT $2"
);

/// Inserts a user; an existing one stays unchanged.
const ENTER: &str =
    "INSERT INTO users (user_id, login, updated_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";

/// Locales of the users; a directory has few.
const LOCALES: &str = "SELECT locale, COUNT(*) FROM users WHERE locale IS NOT NULL AND \
locale <> '' GROUP BY locale ORDER BY 2 DESC, 1 LIMIT 100";

macro_rules! put_person {
    () => {
        "INSERT INTO users (user_id, login, name, email, roles, locale, timezone, updated_at, \
         email_verified, addresses) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
    };
}

/// Inserts a user with all fields; an existing one stays unchanged.
const CREATE: &str = concat!(put_person!(), "ON CONFLICT DO NOTHING");

/// Replaces a user; absent fields are removed.
const PUT: &str = concat!(
    put_person!(),
    "ON CONFLICT (user_id) DO UPDATE SET login = excluded.login, name = excluded.name, email = \
     excluded.email, roles = excluded.roles, locale = excluded.locale, timezone = \
     excluded.timezone, updated_at = excluded.updated_at, email_verified = \
     excluded.email_verified, addresses = excluded.addresses"
);

const REMOVE: &str = "DELETE FROM users WHERE user_id = $1";

const COUNT: &str = "SELECT COUNT(*) FROM users";

const COUNT_WITH_ROLE: &str = "SELECT COUNT(*) FROM user_roles WHERE role = $1";

/// Selects a page of the directory by ID; `$2` is part of a name.
const LIST: &str = concat!(
    "SELECT ",
    person_columns!(),
    " FROM users u WHERE u.user_id > $1 AND ($2 = '' OR LOWER(u.user_id) LIKE $2 ESCAPE '\\' \
     OR LOWER(COALESCE(u.login, '')) LIKE $2 ESCAPE '\\' OR LOWER(COALESCE(u.name, '')) LIKE $2 \
     ESCAPE '\\' \
     OR LOWER(COALESCE(u.email, '')) LIKE $2 ESCAPE '\\') ORDER BY u.user_id LIMIT $3"
);

/// Returns updates in the order of their IDs, in which other transactions lock them; those of one
/// user stay in the order in which they came.
fn in_order(patches: &[PersonPatch]) -> Vec<&PersonPatch> {
    let mut patches: Vec<&PersonPatch> = patches.iter().collect();
    patches.sort_by(|a, b| a.person.user_id.cmp(&b.person.user_id));
    patches
}

impl Store {
    /// Returns a page of the directory by ID, and the number of users, in one snapshot: users after
    /// `after` with a role, or with `part` in one of their names. The number counts all users, or
    /// those with the role.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn page_of_directory(
        &self,
        role: Option<&str>,
        after: &str,
        part: &str,
        limit: i64,
    ) -> Result<(Vec<Person>, i64), StoreError> {
        let pattern = pattern(part);
        let (rows, total): (Vec<PersonRow>, i64) =
            in_snapshot!(self, |tx| if let Some(role) = role {
                let total =
                    sqlx::query_scalar(COUNT_WITH_ROLE).bind(role).fetch_one(&mut *tx).await?;
                let rows = sqlx::query_as(WITH_ROLE).bind(role).bind(after).bind(limit);
                (rows.fetch_all(&mut *tx).await?, total)
            } else {
                let total = sqlx::query_scalar(COUNT).fetch_one(&mut *tx).await?;
                let rows = sqlx::query_as(LIST).bind(after).bind(&pattern).bind(limit);
                (rows.fetch_all(&mut *tx).await?, total)
            });
        Ok((all(rows)?, total))
    }

    /// Returns the number of users with a role, or of all.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn count_of_directory(&self, role: Option<&str>) -> Result<i64, StoreError> {
        let count = reading!(self, |db, tx| match role {
            Some(role) => db::first!(tx, (i64,), COUNT_WITH_ROLE, role),
            None => db::first!(tx, (i64,), COUNT),
        })?;
        Ok(count.map_or(0, |(count,)| count))
    }

    /// Returns the number of users in the directory.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn directory_size(&self) -> Result<i64, StoreError> {
        Ok(on_pool!(self, |pool| sqlx::query_scalar(COUNT).fetch_one(pool).await)?)
    }

    /// Replaces a user, or adds one. With `only_new`, a user that exists stays unchanged. Returns
    /// whether the user was written.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn put_person(
        &self,
        person: &Person,
        only_new: bool,
        entry: &AuditEntry,
    ) -> Result<bool, StoreError> {
        let roles = Texts::new(&person.roles);
        let sql = if only_new { CREATE } else { PUT };
        Ok(in_transaction!(self, |_db, tx| {
            let written = sqlx::query(sql)
                .bind(person.user_id.as_str())
                .bind(&person.login)
                .bind(&person.name)
                .bind(&person.email)
                .bind(&roles)
                .bind(&person.locale)
                .bind(&person.timezone)
                .bind(entry.at)
                .bind(person.email_verified)
                .bind(Json::from(&person.addresses))
                .execute(&mut *tx)
                .await?
                .rows_affected()
                > 0;
            if written {
                entered!(entry, tx);
            }
            written
        }))
    }

    /// Removes a user from the directory; the inbox stays. Returns whether the user existed.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn remove_person(
        &self,
        user: &UserId,
        entry: &AuditEntry,
    ) -> Result<bool, StoreError> {
        Ok(in_transaction!(self, |_db, tx| {
            let removed =
                sqlx::query(REMOVE).bind(user.as_str()).execute(&mut *tx).await?.rows_affected()
                    > 0;
            if removed {
                entered!(entry, tx);
            }
            removed
        }))
    }

    /// Removes users from the directory as [`Self::remove_person`] does, in one transaction, each
    /// with its entry. Returns the number of those that existed.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn remove_people(
        &self,
        removals: &[(UserId, AuditEntry)],
    ) -> Result<usize, StoreError> {
        // In the order of their IDs in which other transactions lock them.
        let mut removals: Vec<&(UserId, AuditEntry)> = removals.iter().collect();
        removals.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(in_transaction!(self, |_db, tx| {
            let mut count = 0;
            for (user, entry) in &removals {
                let done = sqlx::query(REMOVE).bind(user.as_str()).execute(&mut *tx).await?;
                if done.rows_affected() > 0 {
                    entered!(entry, tx);
                    count += 1;
                }
            }
            count
        }))
    }

    /// Returns these users; unknown ones are left out.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn people(&self, users: &[UserId]) -> Result<Vec<Person>, StoreError> {
        if users.is_empty() {
            return Ok(Vec::new());
        }
        let ids = serde_json::to_string(users).unwrap_or_else(|_| "[]".to_owned());
        let rows = reading!(self, |db, tx| db::rows!(tx, PersonRow, db::USERS_BY_ID, &ids))?;
        all(rows)
    }

    /// Returns the locales of the directory with the number of their users, the most frequent
    /// first.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn locales(&self) -> Result<Vec<(String, i64)>, StoreError> {
        Ok(on_pool!(self, |pool| sqlx::query_as(LOCALES).fetch_all(pool).await)?)
    }

    /// Returns these users and their preferences, in one statement. Unknown users, and users
    /// without preferences, are left out.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn recipients(
        &self,
        users: &[UserId],
    ) -> Result<(Vec<Person>, Vec<(UserId, Preferences)>), StoreError> {
        let (mut people, mut preferences) = (Vec::new(), Vec::new());
        if users.is_empty() {
            return Ok((people, preferences));
        }
        let ids = serde_json::to_string(users).unwrap_or_else(|_| "[]".to_owned());
        for row in reading!(self, |db, tx| db::rows!(tx, RecipientRow, db::RECIPIENTS, &ids))? {
            let (person, chosen) = row.parts()?;
            people.extend(person);
            preferences.extend(chosen);
        }
        Ok((people, preferences))
    }

    /// Returns up to `limit` users after `after`, by ID: those with a role, or all.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn users_with_role(
        &self,
        role: Option<&str>,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Person>, StoreError> {
        all(match role {
            Some(role) => on_pool!(self, |pool| {
                sqlx::query_as::<_, PersonRow>(WITH_ROLE)
                    .bind(role)
                    .bind(after)
                    .bind(limit)
                    .fetch_all(pool)
                    .await
            })?,
            None => on_pool!(self, |pool| {
                sqlx::query_as::<_, PersonRow>(EVERYONE)
                    .bind(after)
                    .bind(limit)
                    .fetch_all(pool)
                    .await
            })?,
        })
    }

    /// Updates users in one transaction.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn merge_people(
        &self,
        patches: &[PersonPatch],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let patches = in_order(patches);
        in_inbox_transaction!(self, |db, tx| db::merge_people(&mut tx, &patches, now).await?);
        Ok(())
    }

    /// Updates users who have signed in, in one transaction. On SQLite, a power failure may lose
    /// it: the next sign-in repeats it, and nothing was promised to anybody.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn sign_in(&self, patches: &[PersonPatch], now: Timestamp) -> Result<(), StoreError> {
        let patches = in_order(patches);
        in_inbox_transaction!(self, begin_relaxed, |db, tx| {
            db::merge_people(&mut tx, &patches, now).await?;
        });
        Ok(())
    }

    /// Inserts users that are not in the directory, in the order in which other transactions lock
    /// them.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn enter_people(&self, people: &[Person], now: Timestamp) -> Result<(), StoreError> {
        let mut people: Vec<&Person> = people.iter().collect();
        people.sort_by(|a, b| a.user_id.cmp(&b.user_id));
        in_inbox_transaction!(self, |db, tx| {
            for person in people {
                db::run!(tx, ENTER, person.user_id.as_str(), &person.login, now)?;
            }
        });
        Ok(())
    }
}
