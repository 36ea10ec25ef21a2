//! Form and language of the source: columns, lengths, openings of doc comments, private words.

use super::{code, sources};

/// Maximum number of columns of code and comments.
const COLUMNS: usize = 100;

/// Maximum number of lines of a file.
const FILE_LINES: usize = 400;

/// Maximum number of lines of a function.
const FUNCTION_LINES: usize = 70;

/// Maximum share of doc comments that begin with a pronoun, in percent.
const PRONOUN_PERCENT: usize = 5;

/// Names of a private dialect that the project once had, with the field's terms.
const PRIVATE_WORDS: [(&str, &str); 19] = [
    ("Doorstep", "ConflatingQueue"),
    ("Outlet", "QueueDrain"),
    ("Dials", "RuntimeSettings"),
    ("Trail", "DeliveryTrace"),
    ("Walk", "EventTrace"),
    ("Brought", "FanOutReport"),
    ("Handing", "PendingReply"),
    ("Stage", "Resolution"),
    ("Pump", "ConnectionDriver"),
    ("Told", "Throttled"),
    ("Tether", "DropGuard"),
    ("Adopt", "Supervise"),
    ("Retire", "Shutdown"),
    ("Demand", "SubscriberCounts"),
    ("Intake", "Consumer"),
    ("UnderWay", "InFlight"),
    ("MarkEvery", "MarkAll"),
    ("SweepSome", "Sweep"),
    ("Newcomers", "SignInCache"),
];

#[test]
fn code_and_comments_fit_into_the_columns() {
    let mut long = Vec::new();
    for folder in ["src", "tests", "benches", "fuzz/fuzz_targets"] {
        for (name, text) in sources(folder) {
            for (index, line) in text.lines().enumerate() {
                if line.chars().count() > COLUMNS {
                    long.push(format!("{name}:{}", index + 1));
                }
            }
        }
    }
    assert!(long.is_empty(), "more than {COLUMNS} columns: {long:#?}");
}

#[test]
fn files_are_short() {
    let mut long = Vec::new();
    for folder in ["src", "tests", "benches"] {
        for (name, text) in sources(folder) {
            let lines = text.lines().count();
            if lines > FILE_LINES {
                long.push(format!("{name}: {lines}"));
            }
        }
    }
    assert!(long.is_empty(), "more than {FILE_LINES} lines: {long:#?}");
}

/// Returns the functions of a formatted file with more than [`FUNCTION_LINES`] lines.
fn long_functions(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let words: Vec<&str> = line.split_whitespace().take(5).collect();
        let Some(at) = words.iter().position(|word| *word == "fn") else { continue };
        let modifiers = ["pub", "async", "const"];
        if !words[..at]
            .iter()
            .all(|word| modifiers.contains(word) || word.starts_with("pub(") || word.ends_with(')'))
        {
            continue;
        }
        // rustfmt puts the closing brace below the beginning of the function.
        let end = lines[start..].iter().position(|line| {
            line.len() - line.trim_start().len() == indent
                && (line.trim_start().starts_with('}') || line.ends_with(';'))
        });
        let length = end.map_or(1, |end| end + 1);
        if length > FUNCTION_LINES {
            found.push(format!("{}: {length}", words.get(at + 1).unwrap_or(&"?")));
        }
    }
    found
}

#[test]
fn functions_are_short() {
    let mut long = Vec::new();
    for (name, text) in sources("src") {
        long.extend(long_functions(&text).into_iter().map(|found| format!("{name} {found}")));
    }
    assert!(long.is_empty(), "more than {FUNCTION_LINES} lines: {long:#?}");
    let body = "    let x = 1;\n".repeat(FUNCTION_LINES);
    assert_eq!(long_functions(&format!("pub async fn f() {{\n{body}}}\n")).len(), 1);
}

#[test]
fn doc_comments_begin_with_a_noun_or_a_verb() {
    let pronouns = [
        "What",
        "Who",
        "Whom",
        "Whose",
        "Whether",
        "When",
        "How",
        "It",
        "Its",
        "That",
        "Where",
        "Which",
        "Why",
        "Nobody",
        "Somebody",
        "One",
        "They",
        "Something",
    ];
    let (mut all, mut begin) = (0, Vec::new());
    for (name, text) in sources("src") {
        let mut before = "";
        for line in text.lines().map(str::trim_start) {
            let doc = |line: &str| line.starts_with("///") || line.starts_with("//!");
            if doc(line) && !doc(before) {
                all += 1;
                let opening = line[3..].split_whitespace().next().unwrap_or_default();
                if pronouns.contains(&opening) {
                    begin.push(format!("{name}: {line}"));
                }
            }
            before = line;
        }
    }
    assert!(all > 1_000, "{all}");
    assert!(begin.len() * 100 <= all * PRONOUN_PERCENT, "{} of {all}: {begin:#?}", begin.len());
}

#[test]
fn names_are_the_terms_of_the_field() {
    let mut found = Vec::new();
    for (name, text) in sources("src") {
        let code = code(&text);
        let words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
        for word in words {
            if let Some((_, term)) = PRIVATE_WORDS.iter().find(|(private, _)| *private == word) {
                found.push(format!("{name}: {word} is {term}"));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}
