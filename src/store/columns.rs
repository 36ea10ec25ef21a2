//! Columns of a new notification, from which both backends generate their statements and binds.

/// Calls the macro `$then` with the list of columns: for each its name, and its value as an
/// expression over the notification `$n`.
macro_rules! notification_columns {
    ($then:ident, $n:ident $(, $argument:expr)*) => {
        $then!(
            $n,
            [$($argument),*],
            (notification_id, Id($n.notification_id)),
            (user_id, $n.user_id.as_str()),
            (seq, $n.seq),
            (revision, $n.revision),
            (type_code, $n.type_code.as_str()),
            (title, $n.title.as_str()),
            (message, $n.message.as_str()),
            (priority, $n.priority.as_str()),
            (source, $n.source.as_deref()),
            (actor_id, $n.actor_id.as_ref().map(UserId::as_str)),
            (entity_type, $n.entity_type.as_deref()),
            (entity_id, $n.entity_id.as_deref()),
            (action_url, $n.action_url.as_deref()),
            (metadata, Json::from(stored_metadata($n))),
            (count, $n.count),
            (created_at, $n.created_at),
            (changed_at, Some($n.changed_at).filter(|at| *at != $n.created_at)),
            (expires_at, $n.expires_at),
            (status, $n.status.as_str()),
            (read_at, $n.read_at),
            (seen_at, $n.seen_at),
            (keep_until, $n.keep_until),
            (clicked_at, $n.clicked_at),
            (variant, $n.variant.as_deref()),
            (metadata_id, $n.metadata_id.as_deref()),
            (event_id, $n.event_id.as_deref()),
            (publisher, $n.publisher.as_deref()),
            (group_key, $n.group_key.as_deref()),
            (actors, stored_actors($n)),
            (category, $n.presentation.category.as_deref()),
            (presentation, stored_presentation($n))
        )
    };
}

/// Returns the names of the columns, as an array.
macro_rules! column_names {
    ($n:ident, [], $(($name:ident, $value:expr)),*) => {
        [$(stringify!($name)),*]
    };
}

pub(super) use {column_names, notification_columns};
