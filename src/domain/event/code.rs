//! Code of a type, derived from the name of an event.

/// Derives the code from a subject, topic or type: drops an `events.` prefix, replaces dots and
/// dashes by underscores, and converts to upper case.
///
/// ```
/// assert_eq!(lonceng::domain::event::code_of("events.refund.requested"), "REFUND_REQUESTED");
/// ```
#[must_use]
pub fn code_of(name: &str) -> String {
    let name = name.trim();
    name.strip_prefix("events.")
        .unwrap_or(name)
        .chars()
        .flat_map(|c| match c {
            '.' | '-' => '_'.to_uppercase(),
            other => other.to_uppercase(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::code_of;

    #[test]
    fn names_become_codes() {
        for (name, code) in [
            ("events.refund.requested", "REFUND_REQUESTED"),
            ("booking.created", "BOOKING_CREATED"),
            ("admin.notifications", "ADMIN_NOTIFICATIONS"),
            ("user-login", "USER_LOGIN"),
            ("REFUND_REQUESTED", "REFUND_REQUESTED"),
            ("events.", ""),
        ] {
            assert_eq!(code_of(name), code, "{name}");
        }
    }

    proptest! {
        #[test]
        fn a_code_is_its_own_code(name in "[a-z.-]{0,40}") {
            let code = code_of(&name);
            prop_assert_eq!(code_of(&code), code.clone());
        }
    }
}
