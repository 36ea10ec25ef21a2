//! Codes that no type in use has.

use super::{Catalog, similar};
use crate::domain::{event::code_of, skipped::Skipped};

impl Catalog {
    /// Returns whether a code belongs to a type that is off because its row is invalid.
    #[must_use]
    pub fn is_invalid(&self, code: &str) -> bool {
        let key = code_of(code);
        self.invalid.contains(&key) && !self.types.contains_key(&key)
    }

    /// Returns the code of the type that `code` was probably meant to be.
    #[must_use]
    pub fn similar(&self, code: &str) -> Option<&str> {
        let key = similar::nearest(&code_of(code), self.types.keys())?;
        self.types.get(key).map(|kind| kind.code.as_str())
    }

    /// Returns the reason for which an event with this code makes no notification, as a sentence.
    #[must_use]
    pub fn why_skipped(&self, code: &str, why: Skipped) -> String {
        match why {
            Skipped::NoType => match self.similar(code) {
                Some(similar) => format!("no type {code}; did you mean {similar}?"),
                None => format!("no type {code}"),
            },
            other => other.explained().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalog::tests::row;

    #[test]
    fn type_with_an_invalid_row_is_off_and_not_unknown() {
        let rows = [row("GOOD", "x", "SELF"), row("BAD.ROW", "{% if %}", "SELF")];
        let (catalog, bad) = Catalog::build(&rows, &[], "en");
        assert_eq!(bad.len(), 1);
        assert!(catalog.is_invalid("bad-row") && !catalog.is_invalid("GOOD"));
        assert_eq!(
            catalog.why_skipped("BAD_ROW", Skipped::InvalidType),
            "the type's row is invalid, so the type is off"
        );
        assert_eq!(
            catalog.why_skipped("GOOOD", Skipped::NoType),
            "no type GOOOD; did you mean GOOD?"
        );
    }
}
