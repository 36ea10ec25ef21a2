//! The safe subset of the template language, checked token by token before a template is parsed.
//!
//! Templates are written by administrators and rendered with data from publishers, inside the
//! process that delivers everybody's notifications. minijinja bounds neither the depth of an
//! expression (a long chain of operators overflows the stack of its code generator) nor the size of
//! a value (a doubled string, a repeated list). So a template may only use what can be bounded:
//! conditions, loops, filters of a fixed list, comparisons and arithmetic of numbers. Every value
//! it computes is then at most as large as the event plus what the filters return, and
//! [`Budget`](super::budget::Budget) bounds those.

use minijinja::{
    machinery::{Token, tokenize},
    syntax::SyntaxConfig,
};

use super::{BadTemplate, filters};

/// Maximum length of a template, in bytes.
pub(super) const SOURCE_MAX_BYTES: usize = 8 * 1024;

/// Maximum number of tokens between `{` and `}` or `{%` and `%}`: it bounds the depth of an
/// expression.
const TAG_MAX_TOKENS: usize = 128;

/// Maximum depth of brackets in an expression.
const BRACKETS_MAX_DEPTH: usize = 16;

/// Maximum depth of nested statements; each `elif` counts, because it nests in the syntax tree.
const BLOCKS_MAX_DEPTH: usize = 32;

/// Error of braces that are meant literally, such as those of a style sheet.
const BRACES: &str = "braces are placeholders, and this is none: write styles as attributes, such \
as <p style=\"color: red\">, or put {% raw %} before and {% endraw %} after braces that are text";

/// Tests that `is` may name: those of minijinja that take constant time or time linear in their
/// argument.
const TESTS: [&str; 36] = [
    "undefined",
    "defined",
    "none",
    "boolean",
    "odd",
    "even",
    "divisibleby",
    "number",
    "integer",
    "int",
    "float",
    "string",
    "sequence",
    "iterable",
    "mapping",
    "startingwith",
    "endingwith",
    "lower",
    "upper",
    "eq",
    "equalto",
    "ne",
    "lt",
    "lessthan",
    "le",
    "gt",
    "greaterthan",
    "ge",
    "in",
    "true",
    "false",
    "not",
    "True",
    "False",
    "None",
    "sameas",
];

/// Bracket that is open in an expression.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bracket {
    /// Arguments of a filter, test or function.
    Call,
    /// Parentheses around an expression.
    Group,
    /// Subscript such as `items[0]`.
    Subscript,
    /// List of constants.
    List,
}

/// Class of the previous token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Previous {
    /// Nothing, or an operator: an operand follows.
    Operator,
    /// End of an operand that is a literal number.
    Number,
    /// End of any other operand.
    Operand,
    Dot,
    Pipe,
    /// `is`, or `is not`.
    Is,
}

/// Statement whose tag is being read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Statement {
    /// `{ … }`.
    Print,
    /// `{% for x in`, before `in`.
    ForNames,
    /// `{% for x in …`.
    For,
    /// `{% set`, before `=`.
    SetName,
    Set,
    With,
    Other,
}

/// Checks that a template keeps to the subset.
///
/// # Errors
/// The first violation, with its line. Syntax errors are left to the parser, which explains them
/// better.
pub(super) fn check(source: &str, syntax: &SyntaxConfig) -> Result<(), BadTemplate> {
    if source.len() > SOURCE_MAX_BYTES {
        let detail = format!(
            "the template has {} bytes; at most {SOURCE_MAX_BYTES} are possible",
            source.len()
        );
        return Err(BadTemplate { detail, line: None });
    }
    let mut checker = Checker::default();
    for token in tokenize(source, false, syntax.clone()) {
        let Ok((token, span)) = token else { return Ok(()) };
        checker
            .token(&token)
            .map_err(|detail| BadTemplate { detail, line: Some(usize::from(span.start_line)) })?;
    }
    Ok(())
}

/// State of the check.
#[derive(Default)]
struct Checker {
    tag: Option<Tag>,
    /// Open statements, each with its number of `elif`s.
    blocks: Vec<usize>,
}

/// Tag that is being checked.
struct Tag {
    statement: Option<Statement>,
    tokens: usize,
    brackets: Vec<Bracket>,
    previous: Previous,
    /// True after a `+` whose left operand is not a literal number: the right one must be.
    plus: bool,
}

impl Checker {
    fn token(&mut self, token: &Token<'_>) -> Result<(), String> {
        match token {
            Token::TemplateData(_) => {}
            Token::VariableStart => self.tag = Some(Tag::new(Some(Statement::Print))),
            Token::BlockStart => self.tag = Some(Tag::new(None)),
            Token::VariableEnd | Token::BlockEnd => {
                let tag = self.tag.take();
                if tag.is_some_and(|tag| tag.statement == Some(Statement::SetName)) {
                    return Err("{% set %} needs a value: write {% set name = value %}".to_owned());
                }
            }
            token => {
                let Some(tag) = &mut self.tag else { return Ok(()) };
                tag.tokens += 1;
                if tag.tokens > TAG_MAX_TOKENS {
                    return Err(format!(
                        "the expression is too long: at most {TAG_MAX_TOKENS} words and signs \
                         are possible"
                    ));
                }
                match (tag.statement, token) {
                    (None, Token::Ident(word)) => {
                        tag.statement = Some(statement(word, &mut self.blocks)?);
                    }
                    (None, _) => return Ok(()),
                    (Some(statement), token) => tag.expression(statement, token)?,
                }
            }
        }
        Ok(())
    }
}

/// Recognizes a statement by its first word and keeps the nesting.
fn statement(word: &str, blocks: &mut Vec<usize>) -> Result<Statement, String> {
    let statement = match word {
        "for" => Statement::ForNames,
        "set" => Statement::SetName,
        "with" => Statement::With,
        "if" | "elif" | "else" | "endif" | "endfor" | "endwith" | "break" | "continue" => {
            Statement::Other
        }
        "endset" => {
            return Err("{% endset %} is not possible: write {% set name = value %}".to_owned());
        }
        other => {
            return Err(format!(
                "{{% {other} %}} is not possible in a template; if, for, set and with are"
            ));
        }
    };
    match word {
        "for" | "if" | "with" => blocks.push(1),
        "elif" => {
            if let Some(depth) = blocks.last_mut() {
                *depth += 1;
            }
        }
        "endfor" | "endif" | "endwith" => drop(blocks.pop()),
        _ => {}
    }
    if blocks.iter().sum::<usize>() > BLOCKS_MAX_DEPTH {
        return Err(format!(
            "statements are nested too deeply: at most {BLOCKS_MAX_DEPTH} levels are possible"
        ));
    }
    Ok(statement)
}

impl Tag {
    fn new(statement: Option<Statement>) -> Self {
        Self {
            statement,
            tokens: 0,
            brackets: Vec::new(),
            previous: Previous::Operator,
            plus: false,
        }
    }

    fn expression(&mut self, statement: Statement, token: &Token<'_>) -> Result<(), String> {
        let is_number = matches!(token, Token::Int(_) | Token::Int128(_) | Token::Float(_));
        if std::mem::take(&mut self.plus) && !is_number {
            return Err(
                "+ needs a number on one side; write {a|plus(b)} to add fields, {a} {b} to join \
                 texts"
                    .to_owned(),
            );
        }
        if self.brackets.last() == Some(&Bracket::List) && !is_constant(token) {
            return Err("a list in a template can only hold constants".to_owned());
        }
        self.previous = match token {
            Token::Ident(word) => self.word(statement, word)?,
            Token::Str(_) | Token::String(_) => Previous::Operand,
            // `items.0` is a subscript, not a number.
            _ if is_number && self.previous == Previous::Dot => Previous::Operand,
            _ if is_number => Previous::Number,
            Token::Plus => {
                self.plus = self.previous != Previous::Number;
                Previous::Operator
            }
            Token::Mul => {
                return Err("* is not possible in a template; write {a|times(2)}".to_owned());
            }
            Token::Pow => return Err("** is not possible in a template".to_owned()),
            Token::Tilde => {
                return Err(
                    "~ is not possible in a template; write {a} {b} to join texts".to_owned()
                );
            }
            // `@media print { p { … } }` and `p { color: red }` are rules of a style sheet.
            Token::BraceOpen | Token::Colon
                if statement == Statement::Print && self.brackets.is_empty() =>
            {
                return Err(BRACES.to_owned());
            }
            Token::BraceOpen | Token::BraceClose => {
                return Err("a map is not possible in a template".to_owned());
            }
            Token::Dot => Previous::Dot,
            Token::Pipe => Previous::Pipe,
            Token::Comma => return self.comma(statement),
            Token::Colon => {
                return Err(
                    "a slice is not possible in a template; use truncate, first or last".to_owned()
                );
            }
            Token::Assign => return self.assign(statement),
            Token::ParenOpen | Token::BracketOpen => return self.open(token),
            Token::ParenClose | Token::BracketClose => {
                self.brackets.pop();
                Previous::Operand
            }
            _ => Previous::Operator,
        };
        Ok(())
    }

    fn word(&mut self, statement: Statement, word: &str) -> Result<Previous, String> {
        match (self.previous, word) {
            (Previous::Dot, _) => Ok(Previous::Operand),
            (Previous::Pipe, name) if filters::is_known(name) => Ok(Previous::Operand),
            (Previous::Pipe, name) => Err(format!("unknown filter: there is no filter {name}")),
            (Previous::Is, "not") => Ok(Previous::Is),
            (Previous::Is, name) if TESTS.contains(&name) => Ok(Previous::Operand),
            (Previous::Is, name) => Err(format!("unknown test: there is no test {name}")),
            (_, "is") => Ok(Previous::Is),
            (_, "in") => {
                if statement == Statement::ForNames && self.brackets.is_empty() {
                    self.statement = Some(Statement::For);
                }
                Ok(Previous::Operator)
            }
            (_, "and" | "or" | "not" | "if" | "else") => Ok(Previous::Operator),
            (_, "recursive") if statement == Statement::For => {
                Err("a recursive loop is not possible in a template".to_owned())
            }
            _ => Ok(Previous::Operand),
        }
    }

    fn comma(&mut self, statement: Statement) -> Result<(), String> {
        let separates = match self.brackets.last() {
            Some(bracket) => matches!(bracket, Bracket::Call | Bracket::List),
            None => matches!(statement, Statement::ForNames | Statement::With),
        };
        if !separates {
            return Err("a tuple is not possible in a template".to_owned());
        }
        self.previous = Previous::Operator;
        Ok(())
    }

    fn assign(&mut self, statement: Statement) -> Result<(), String> {
        match (self.brackets.last(), statement) {
            (Some(Bracket::Call), _) | (None, Statement::With) => {}
            (None, Statement::SetName) => self.statement = Some(Statement::Set),
            _ => return Err("= is not possible here; compare with ==".to_owned()),
        }
        self.previous = Previous::Operator;
        Ok(())
    }

    fn open(&mut self, token: &Token<'_>) -> Result<(), String> {
        let after_operand = matches!(self.previous, Previous::Operand | Previous::Number);
        let bracket = match (token, after_operand) {
            (Token::ParenOpen, true) => Bracket::Call,
            (Token::ParenOpen, false) => Bracket::Group,
            (_, true) => Bracket::Subscript,
            (_, false) => Bracket::List,
        };
        self.brackets.push(bracket);
        if self.brackets.len() > BRACKETS_MAX_DEPTH {
            return Err(format!(
                "brackets are nested too deeply: at most {BRACKETS_MAX_DEPTH} levels are possible"
            ));
        }
        self.previous = Previous::Operator;
        Ok(())
    }
}

/// Returns whether a token is a constant.
fn is_constant(token: &Token<'_>) -> bool {
    match token {
        Token::Str(_)
        | Token::String(_)
        | Token::Int(_)
        | Token::Int128(_)
        | Token::Float(_)
        | Token::Comma
        | Token::Minus
        | Token::BracketClose => true,
        Token::Ident(word) => {
            matches!(*word, "true" | "false" | "none" | "True" | "False" | "None")
        }
        _ => false,
    }
}
