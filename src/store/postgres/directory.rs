//! Updates of the directory on PostgreSQL: one statement for many users, because each is a round
//! trip.

use sqlx::PgConnection;

use crate::{
    domain::{notification::Timestamp, user::PersonPatch},
    store::{StoreError, sql_types::Json},
};

/// Updates users from one array per column; absent fields stay unchanged. `$10` and `$11` tell
/// whether roles and addresses are among the updated. They are locked in the order of the arrays.
const MERGE: &str = "INSERT INTO users AS u (user_id, login, name, email, roles, locale, \
     timezone, email_verified, addresses, updated_at) SELECT n.user_id, n.login, n.name, n.email, \
     ARRAY(SELECT jsonb_array_elements_text(n.roles)), n.locale, n.timezone, n.email_verified, \
     n.addresses, $12 FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[], \
     $6::text[], $7::text[], $8::boolean[], $9::jsonb[]) WITH ORDINALITY AS n (user_id, login, \
     name, email, roles, locale, timezone, email_verified, addresses, place) ORDER BY n.place ON \
     CONFLICT (user_id) DO UPDATE SET login = COALESCE(excluded.login, u.login), name = \
     COALESCE(excluded.name, u.name), email = COALESCE(excluded.email, u.email), roles = CASE \
     WHEN $10 THEN excluded.roles ELSE u.roles END, locale = COALESCE(excluded.locale, u.locale), \
     timezone = COALESCE(excluded.timezone, u.timezone), email_verified = CASE WHEN \
     excluded.email_verified IS NULL AND (excluded.email IS NULL OR excluded.email = u.email) \
     THEN u.email_verified ELSE excluded.email_verified END, addresses = CASE WHEN $11 THEN \
     excluded.addresses ELSE u.addresses END, updated_at = excluded.updated_at";

/// Members that an update replaces only if it has them, and that are never NULL in the table.
#[derive(PartialEq, Eq, Clone, Copy)]
struct Replaced {
    roles: bool,
    addresses: bool,
}

impl Replaced {
    fn of(patch: &PersonPatch) -> Self {
        Self { roles: patch.set_roles, addresses: !patch.person.addresses.is_empty() }
    }
}

/// Updates users, sorted by ID. One statement takes neighbours that replace the same members; it
/// cannot update a user twice.
pub(in crate::store) async fn merge_people(
    connection: &mut PgConnection,
    patches: &[&PersonPatch],
    now: Timestamp,
) -> Result<(), StoreError> {
    let together = |a: &&PersonPatch, b: &&PersonPatch| {
        a.person.user_id != b.person.user_id && Replaced::of(a) == Replaced::of(b)
    };
    for run in patches.chunk_by(together) {
        let Some(replaced) = run.first().map(|patch| Replaced::of(patch)) else { continue };
        merge(connection, run, replaced, now).await?;
    }
    Ok(())
}

async fn merge(
    connection: &mut PgConnection,
    patches: &[&PersonPatch],
    replaced: Replaced,
    now: Timestamp,
) -> Result<(), StoreError> {
    fn column<'a, T>(patches: &[&'a PersonPatch], of: impl Fn(&'a PersonPatch) -> T) -> Vec<T> {
        patches.iter().map(|patch| of(patch)).collect()
    }
    // A list of strings always serializes.
    let roles = |patch: &PersonPatch| {
        let roles = if patch.set_roles { patch.person.roles.as_slice() } else { &[] };
        Json::from(serde_json::to_string(roles).unwrap_or_else(|_| "[]".to_owned()))
    };
    sqlx::query(MERGE)
        .bind(column(patches, |patch| patch.person.user_id.as_str()))
        .bind(column(patches, |patch| patch.person.login.as_deref()))
        .bind(column(patches, |patch| patch.person.name.as_deref()))
        .bind(column(patches, |patch| patch.person.email.as_deref()))
        .bind(column(patches, roles))
        .bind(column(patches, |patch| patch.person.locale.as_deref()))
        .bind(column(patches, |patch| patch.person.timezone.as_deref()))
        .bind(column(patches, |patch| patch.person.email_verified))
        .bind(column(patches, |patch| Json::from(&patch.person.addresses)))
        .bind(replaced.roles)
        .bind(replaced.addresses)
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}
