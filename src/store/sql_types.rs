//! Values that PostgreSQL stores in types of its own (`uuid`, `timestamptz`, `jsonb`, `text[]`), so
//! that administrators can query them, and SQLite as text and integers.

use std::{borrow::Cow, collections::BTreeMap};

use chrono::{DateTime, Utc};
use rusqlite::{
    ToSql,
    types::{FromSql, FromSqlResult, ToSqlOutput, ValueRef},
};
use sqlx::{
    Decode, Encode, Postgres, Sqlite, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueRef},
    sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef},
};
use uuid::Uuid;

use crate::domain::notification::Timestamp;

/// UUID: `uuid`; in SQLite its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id(pub Uuid);

/// JSON: `jsonb`; in SQLite its text.
///
/// `jsonb` refuses some JSON: the character U+0000, half a surrogate pair, and numbers that are too
/// large. Such JSON is stored as a JSON string with its text, and is restored when it is read. The
/// JSON that an application sends is therefore never refused or changed in meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Json<'a>(pub Cow<'a, str>);

/// List of texts: `text[]`; in SQLite a JSON array.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Texts(pub Vec<String>);

impl<'a> From<&'a str> for Json<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl From<String> for Json<'_> {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

impl From<&BTreeMap<String, String>> for Json<'_> {
    fn from(texts: &BTreeMap<String, String>) -> Self {
        // A map of texts always serializes.
        serde_json::to_string(texts).unwrap_or_else(|_| "{}".to_owned()).into()
    }
}

impl Json<'_> {
    /// Returns the text.
    pub(super) fn into_text(self) -> String {
        self.0.into_owned()
    }
}

impl Texts {
    /// Creates a list.
    pub(super) fn new<T: AsRef<str>>(texts: &[T]) -> Self {
        Self(texts.iter().map(|text| text.as_ref().to_owned()).collect())
    }

    fn json(&self) -> String {
        // Lists of strings always serialize.
        serde_json::to_string(&self.0).unwrap_or_else(|_| "[]".to_owned())
    }

    /// Reads a JSON array. An invalid list written by SQL counts as empty: one row must not affect
    /// others.
    fn of_json(text: &str) -> Self {
        Self(serde_json::from_str(text).unwrap_or_default())
    }
}

/// Implements the traits of both drivers for a type that SQLite stores as `$stored`.
macro_rules! stored_in_sqlite {
    ($type:ty, $stored:ty, |$value:ident| $write:expr, |$read:ident| $restore:expr) => {
        impl Type<Sqlite> for $type {
            fn type_info() -> SqliteTypeInfo {
                <$stored as Type<Sqlite>>::type_info()
            }

            fn compatible(ty: &SqliteTypeInfo) -> bool {
                <$stored as Type<Sqlite>>::compatible(ty)
            }
        }

        impl Encode<'_, Sqlite> for $type {
            fn encode_by_ref(
                &self,
                buffer: &mut SqliteArgumentsBuffer,
            ) -> Result<IsNull, BoxDynError> {
                let $value = self;
                let stored: $stored = $write;
                Encode::<Sqlite>::encode(stored, buffer)
            }
        }

        impl Decode<'_, Sqlite> for $type {
            fn decode(value: SqliteValueRef<'_>) -> Result<Self, BoxDynError> {
                let $read = <$stored as Decode<Sqlite>>::decode(value)?;
                Ok($restore?)
            }
        }

        impl ToSql for $type {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                let $value = self;
                let stored: $stored = $write;
                Ok(ToSqlOutput::from(stored))
            }
        }

        impl FromSql for $type {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let $read = <$stored as FromSql>::column_result(value)?;
                let restored: Result<Self, BoxDynError> = $restore;
                restored.map_err(rusqlite::types::FromSqlError::Other)
            }
        }
    };
}

stored_in_sqlite!(Id, String, |id| id.0.to_string(), |text| Uuid::try_parse(&text)
    .map(Self)
    .map_err(BoxDynError::from));
stored_in_sqlite!(Timestamp, i64, |time| time.0, |ms| Ok::<_, BoxDynError>(Self(ms)));
stored_in_sqlite!(
    Json<'_>,
    String,
    |json| json.0.clone().into_owned(),
    |text| Ok::<_, BoxDynError>(Self(Cow::Owned(text)))
);
stored_in_sqlite!(Texts, String, |texts| texts.json(), |text| Ok::<_, BoxDynError>(Self::of_json(
    &text
)));

/// Takes the type of PostgreSQL from a type of sqlx.
macro_rules! typed_in_postgres {
    ($type:ty, $like:ty) => {
        impl Type<Postgres> for $type {
            fn type_info() -> PgTypeInfo {
                <$like as Type<Postgres>>::type_info()
            }
        }
    };
    ($type:ty, $like:ty, array) => {
        typed_in_postgres!($type, $like);

        impl PgHasArrayType for $type {
            fn array_type_info() -> PgTypeInfo {
                <$like as PgHasArrayType>::array_type_info()
            }
        }
    };
}

typed_in_postgres!(Id, Uuid, array);
typed_in_postgres!(Timestamp, DateTime<Utc>, array);
typed_in_postgres!(Json<'_>, sqlx::types::Json<()>, array);
typed_in_postgres!(Texts, Vec<String>);

impl Encode<'_, Postgres> for Id {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Postgres>::encode_by_ref(&self.0, buffer)
    }
}

impl Decode<'_, Postgres> for Id {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        <Uuid as Decode<Postgres>>::decode(value).map(Self)
    }
}

/// Milliseconds from 1970 to 2000, from which PostgreSQL counts.
const POSTGRES_EPOCH_MS: i64 = 946_684_800_000;

/// `infinity` and `-infinity` of `timestamptz`, in the protocol.
const INFINITY: (i64, i64) = (i64::MAX, i64::MIN);

/// Latest time that PostgreSQL can store, in milliseconds since 1970.
const LATEST_MS: i64 = 9_224_318_015_999_999;

/// Earliest time that PostgreSQL can store, in milliseconds since 1970.
const EARLIEST_MS: i64 = -210_866_803_200_000;

/// Returns a time in the protocol of PostgreSQL: microseconds since 2000. Times that it cannot
/// store are infinite.
fn microseconds(Timestamp(ms): Timestamp) -> i64 {
    match ms {
        ms if ms > LATEST_MS => INFINITY.0,
        ms if ms < EARLIEST_MS => INFINITY.1,
        ms => (ms - POSTGRES_EPOCH_MS) * 1_000,
    }
}

fn milliseconds(microseconds: i64) -> Timestamp {
    Timestamp(match microseconds {
        i64::MAX => LATEST_MS,
        i64::MIN => EARLIEST_MS,
        microseconds => microseconds.div_euclid(1_000) + POSTGRES_EPOCH_MS,
    })
}

impl Encode<'_, Postgres> for Timestamp {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Postgres>::encode(microseconds(*self), buffer)
    }
}

impl Decode<'_, Postgres> for Timestamp {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        <i64 as Decode<Postgres>>::decode(value).map(milliseconds)
    }
}

/// Version of the binary format of `jsonb`, its first byte.
const JSONB_VERSION: u8 = 1;

/// Maximum number of digits of a number in `jsonb`, and maximum depth: far below the limits of
/// PostgreSQL, and far above what anyone queries.
const JSONB_DIGITS_MAX: usize = 500;
const JSONB_DEPTH_MAX: usize = 500;

/// Returns whether `jsonb` accepts valid JSON, and returns JSON of the same meaning.
fn fits_jsonb(json: &str) -> bool {
    let bytes = json.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => match string_end(bytes, at + 1) {
                Some(end) => at = end,
                None => return false,
            },
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'-' | b'0'..=b'9' => {
                let part =
                    |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
                let length = bytes[at..].iter().take_while(|byte| part(byte)).count();
                let number = &bytes[at..at + length];
                let exponent = number.iter().position(|byte| matches!(byte, b'e' | b'E'));
                let digits = exponent.map_or(0, |start| {
                    number[start..].iter().filter(|byte| byte.is_ascii_digit()).count()
                });
                if length > JSONB_DIGITS_MAX || digits > 2 {
                    return false;
                }
                at += length;
                continue;
            }
            _ => {}
        }
        if depth > JSONB_DEPTH_MAX {
            return false;
        }
        at += 1;
    }
    true
}

/// Returns the index of the quotation mark that ends a string; `None` if `jsonb` refuses the
/// string.
fn string_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' if bytes.get(at + 1) == Some(&b'u') => {
                let unit = code_unit(bytes, at)?;
                at += match unit {
                    0 | 0xDC00..=0xDFFF => return None,
                    0xD800..=0xDBFF => match code_unit(bytes, at + 6)? {
                        0xDC00..=0xDFFF => 12,
                        _ => return None,
                    },
                    _ => 6,
                };
            }
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Returns the code unit of the escape `\uXXXX` at an index.
fn code_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let escape = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(escape).ok()?, 16).ok()
}

impl Encode<'_, Postgres> for Json<'_> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.push(JSONB_VERSION);
        // A string is wrapped too: it cannot be told from a wrapped text otherwise.
        if self.0.starts_with('"') || !fits_jsonb(&self.0) {
            buffer.extend_from_slice(serde_json::to_string(&self.0)?.as_bytes());
        } else {
            buffer.extend_from_slice(self.0.as_bytes());
        }
        Ok(IsNull::No)
    }
}

impl Decode<'_, Postgres> for Json<'_> {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let bytes = value.as_bytes()?;
        let text = std::str::from_utf8(bytes.strip_prefix(&[JSONB_VERSION]).unwrap_or(bytes))?;
        Ok(Self(Cow::Owned(if text.starts_with('"') {
            serde_json::from_str(text)?
        } else {
            text.to_owned()
        })))
    }
}

impl Encode<'_, Postgres> for Texts {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Postgres>::encode_by_ref(&self.0, buffer)
    }
}

impl Decode<'_, Postgres> for Texts {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        // An element that is NULL was written by SQL, and means nothing.
        let texts = <Vec<Option<String>> as Decode<Postgres>>::decode(value)?;
        Ok(Self(texts.into_iter().flatten().collect()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn json_that_jsonb_refuses_or_changes_is_recognized() {
        for fits in [
            r"{}",
            r#"{"a": [1, -2.5e10, "\\u0000", "\ud83d\ude00", "\"", null]}"#,
            r#"{"a\u0041": "d800"}"#,
        ] {
            assert!(fits_jsonb(fits), "{fits}");
        }
        let deep = "[".repeat(600) + &"]".repeat(600);
        let long = "1".repeat(600);
        for unfit in [
            r#"{"a": "\u0000"}"#,
            r#"{"\\\u0000": 1}"#,
            r#"{"a": "\ud800"}"#,
            r#"{"a": "\ud800\u0041"}"#,
            r#"{"a": "\udc00"}"#,
            r#"{"a": 1e400}"#,
            r#"{"a": -1E-200000}"#,
            &deep,
            &long,
        ] {
            assert!(!fits_jsonb(unfit), "{unfit}");
        }
    }

    #[test]
    fn times_survive_and_those_without_a_representation_are_infinite() {
        for ms in [0, 1, -1, 1_766_620_800_123, LATEST_MS, EARLIEST_MS] {
            assert_eq!(milliseconds(microseconds(Timestamp(ms))), Timestamp(ms));
        }
        assert_eq!(microseconds(Timestamp(i64::MAX)), INFINITY.0);
        assert_eq!(microseconds(Timestamp(i64::MIN)), INFINITY.1);
        assert_eq!(milliseconds(INFINITY.0), Timestamp(LATEST_MS));
    }

    proptest! {
        #[test]
        fn every_text_can_be_part_of_json_that_fits(text in any::<String>()) {
            let json = serde_json::to_string(&[text.replace('\0', "")]).expect("a list of strings");
            prop_assert!(fits_jsonb(&json), "{json}");
        }
    }
}
