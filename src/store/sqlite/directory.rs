//! Updates of the directory on SQLite: one statement per user, which costs no round trip.

use super::{DirectTransaction, Statements as _, run};
use crate::{
    domain::{notification::Timestamp, user::PersonPatch},
    store::{
        StoreError,
        sql_types::{Json, Texts},
    },
};

/// Updates a user; absent fields stay unchanged.
const MERGE: &str = "INSERT INTO users (user_id, login, name, email, roles, locale, timezone, \
updated_at, \
     email_verified, addresses) \
     VALUES ($1, $2, $3, $4, COALESCE($5, $9), $6, $7, $8, $10, COALESCE($11, $12)) \
     ON CONFLICT (user_id) DO UPDATE SET \
     login = COALESCE(excluded.login, users.login), name = COALESCE(excluded.name, users.name), \
     email = COALESCE(excluded.email, users.email), roles = COALESCE($5, users.roles), \
     locale = COALESCE(excluded.locale, users.locale), timezone = COALESCE(excluded.timezone, \
     users.timezone), \
     email_verified = CASE WHEN $10 IS NULL AND (excluded.email IS NULL OR excluded.email = \
     users.email) THEN users.email_verified ELSE $10 END, addresses = COALESCE($11, \
     users.addresses), updated_at = excluded.updated_at";

/// Updates users.
#[allow(clippy::unused_async)] // As on PostgreSQL.
pub(in crate::store) async fn merge_people(
    transaction: &mut DirectTransaction,
    patches: &[&PersonPatch],
    now: Timestamp,
) -> Result<(), StoreError> {
    for PersonPatch { person, set_roles } in patches {
        let roles = set_roles.then(|| Texts::new(&person.roles));
        run!(
            transaction,
            MERGE,
            person.user_id.as_str(),
            &person.login,
            &person.name,
            &person.email,
            roles,
            &person.locale,
            &person.timezone,
            now,
            Texts::default(),
            person.email_verified,
            (!person.addresses.is_empty()).then(|| Json::from(&person.addresses)),
            Json::from("{}")
        )?;
    }
    Ok(())
}
