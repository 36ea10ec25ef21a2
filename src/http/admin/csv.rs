//! CSV (RFC 4180): records of a text, with commas or semicolons, as spreadsheets write it. A line
//! ends with LF, CR LF or CR.

/// Record with the number of its first line, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) line: usize,
    pub(super) fields: Vec<String>,
}

/// Parses all records. Empty lines are left out. The separator is the one that the first line has
/// more of.
///
/// # Errors
/// The line of a quotation that does not end, or of text after one.
pub(super) fn parse(text: &str) -> Result<Vec<Record>, (usize, &'static str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let separator = separator(text.split(['\r', '\n']).next().unwrap_or_default());
    let (mut records, mut line) = (Vec::new(), 1);
    let mut record = Record { line, fields: Vec::new() };
    let mut field = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if field.is_empty() => {
                let began = line;
                loop {
                    match characters.next() {
                        Some('"') if characters.next_if_eq(&'"').is_some() => field.push('"'),
                        Some('"') => break,
                        Some(quoted) => {
                            let is_end = quoted == '\n'
                                || quoted == '\r' && characters.peek() != Some(&'\n');
                            line += usize::from(is_end);
                            field.push(quoted);
                        }
                        None => return Err((began, "the quotation mark has no end")),
                    }
                }
                if characters
                    .peek()
                    .is_some_and(|next| *next != separator && !matches!(next, '\r' | '\n'))
                {
                    return Err((line, "there is text after a closing quotation mark"));
                }
            }
            '\r' if characters.peek() == Some(&'\n') => {}
            '\r' | '\n' => {
                record.fields.push(std::mem::take(&mut field));
                line += 1;
                let next = Record { line, fields: Vec::new() };
                records.push(std::mem::replace(&mut record, next));
            }
            other if other == separator => record.fields.push(std::mem::take(&mut field)),
            other => field.push(other),
        }
    }
    record.fields.push(field);
    records.push(record);
    records.retain(|record| record.fields.iter().any(|field| !field.trim().is_empty()));
    Ok(records)
}

fn separator(header: &str) -> char {
    let count = |separator| header.matches(separator).count();
    if count(';') > count(',') { ';' } else { ',' }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str) -> Vec<(usize, Vec<String>)> {
        let records = parse(text).expect("it is CSV");
        records.into_iter().map(|record| (record.line, record.fields)).collect()
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
