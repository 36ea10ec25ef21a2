//! CSV (RFC 4180): records of a text, with commas or semicolons, as spreadsheets write it. A line
//! ends with LF, CR LF or CR.

use std::str::Chars;

/// Mark at the start of a text that some programs write.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Record with the number of its first line, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) line: usize,
    pub(super) fields: Vec<String>,
}

/// Reader of the records of a text, one after the other. Empty lines are left out. The separator is
/// the one that the first line has more of.
#[derive(Debug)]
pub(super) struct Records {
    separator: char,
    /// Bytes that were read.
    position: usize,
    /// Line of the next record.
    line: usize,
}

impl Records {
    /// Begins to read a text.
    pub(super) fn new(text: &str) -> Self {
        let start = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
        let first = text[start..].split(['\r', '\n']).next().unwrap_or_default();
        Self { separator: separator(first), position: start, line: 1 }
    }

    /// Returns the next record of the text.
    ///
    /// # Errors
    /// The line of a quotation that does not end, or of text after one.
    pub(super) fn next(&mut self, text: &str) -> Option<Result<Record, (usize, &'static str)>> {
        while self.position < text.len() {
            match self.record(text) {
                Ok(record) if record.fields.iter().all(|field| field.trim().is_empty()) => {}
                record => return Some(record),
            }
        }
        None
    }

    /// Reads a record up to the end of its last line.
    fn record(&mut self, text: &str) -> Result<Record, (usize, &'static str)> {
        let mut characters = text[self.position..].chars();
        let mut record = Record { line: self.line, fields: Vec::new() };
        let mut field = String::new();
        while let Some(character) = characters.next() {
            match character {
                '"' if field.is_empty() => {
                    let Some(lines) = quoted(&mut characters, &mut field) else {
                        return Err((self.line, "the quotation mark has no end"));
                    };
                    self.line += lines;
                    if next_of(&characters)
                        .is_some_and(|next| next != self.separator && !is_line_end(next))
                    {
                        return Err((self.line, "there is text after a closing quotation mark"));
                    }
                }
                '\r' if next_of(&characters) == Some('\n') => {}
                end if is_line_end(end) => {
                    self.line += 1;
                    break;
                }
                other if other == self.separator => record.fields.push(std::mem::take(&mut field)),
                other => field.push(other),
            }
        }
        record.fields.push(field);
        self.position = text.len() - characters.as_str().len();
        Ok(record)
    }
}

/// Reads the rest of a quotation. Returns its line ends, or `None` if it has no end.
fn quoted(characters: &mut Chars<'_>, field: &mut String) -> Option<usize> {
    let mut lines = 0;
    loop {
        match characters.next()? {
            '"' if next_of(characters) == Some('"') => {
                characters.next();
                field.push('"');
            }
            '"' => return Some(lines),
            other => {
                let is_end = other == '\n' || other == '\r' && next_of(characters) != Some('\n');
                lines += usize::from(is_end);
                field.push(other);
            }
        }
    }
}

fn next_of(characters: &Chars<'_>) -> Option<char> {
    characters.clone().next()
}

fn is_line_end(character: char) -> bool {
    matches!(character, '\r' | '\n')
}

fn separator(header: &str) -> char {
    let count = |separator| header.matches(separator).count();
    if count(';') > count(',') { ';' } else { ',' }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Lines = Vec<(usize, Vec<String>)>;

    fn parse(text: &str) -> Result<Lines, (usize, &'static str)> {
        let mut reader = Records::new(text);
        let records = std::iter::from_fn(|| reader.next(text));
        records.map(|record| record.map(|record| (record.line, record.fields))).collect()
    }

    fn records(text: &str) -> Lines {
        parse(text).expect("it is CSV")
    }

    fn of(line: usize, fields: &[&str]) -> (usize, Vec<String>) {
        (line, fields.iter().map(|field| (*field).to_owned()).collect())
    }

    #[test]
    fn quotations_hold_separators_line_ends_and_quotation_marks() {
        let text = "\u{feff}id,name\r\n1,\"Budi, \"\"B\"\"\nSantoso\"\r\n\r\n2,\n";
        let expected =
            [of(1, &["id", "name"]), of(2, &["1", "Budi, \"B\"\nSantoso"]), of(5, &["2", ""])];
        assert_eq!(records(text), expected);
        assert_eq!(records("id;name\n1;a,b"), [of(1, &["id", "name"]), of(2, &["1", "a,b"])]);
        assert_eq!(records(""), []);
        let lines = [of(1, &["id", "name"]), of(2, &["1", "a\rb"]), of(4, &["2", "c"])];
        assert_eq!(records("id,name\r1,\"a\rb\"\r2,c\r"), lines);
    }

    #[test]
    fn invalid_quotation_is_reported_with_its_line() {
        assert_eq!(parse("id\n\"a"), Err((2, "the quotation mark has no end")));
        assert_eq!(parse("id\n\"a\"b"), Err((2, "there is text after a closing quotation mark")));
    }
}
