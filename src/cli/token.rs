//! `lonceng token`: signs a token, for development.

use std::path::Path;

use clap::Args;
use serde_json::{Map, Value, json};

use super::{Failure, load};
use crate::{
    auth::{Claims, mint},
    clock,
};

/// Mint a token with the configured HS256 secret
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lonceng token --user 7 --login alice --role admin --ttl 8h")]
pub(super) struct Token {
    /// The user's id
    #[arg(long)]
    user: String,
    /// The name they sign in with
    #[arg(long)]
    login: Option<String>,
    /// A role; may be given more than once
    #[arg(long = "role")]
    roles: Vec<String>,
    /// Lifetime, such as 30s, 15m, 1h or 7d
    #[arg(long, default_value = "1h", value_parser = seconds)]
    ttl: i64,
}

fn seconds(text: &str) -> Result<i64, String> {
    let wrong = || format!("{text:?} is not a duration, such as 30s, 15m, 1h or 7d");
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: i64 = text[..split].parse().map_err(|_| wrong())?;
    let factor = match &text[split..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    number
        .checked_mul(factor)
        .filter(|seconds| (1..=315_360_000).contains(seconds))
        .ok_or_else(wrong)
}

impl Token {
    pub(super) fn run(self, config: &Path) -> Result<(), Failure> {
        let loaded = load(config)?;
        let auth = &loaded.config.auth;
        if auth.jwt_secret.is_empty() {
            return Err(Failure::Usage(
                "auth.jwt_secret is empty; set it, or LONCENG_AUTH__JWT_SECRET, to at least 32 \
                 bytes"
                    .to_owned(),
            ));
        }
        let mut other = Map::new();
        let now = clock::now().0 / 1_000;
        other.insert("iat".to_owned(), now.into());
        other.insert("roles".to_owned(), json!(self.roles));
        if let Some(login) = self.login {
            other.insert("login".to_owned(), login.into());
        }
        for (name, value) in [("iss", &auth.jwt_issuer), ("aud", &auth.jwt_audience)] {
            if !value.is_empty() {
                other.insert(name.to_owned(), Value::String(value.clone()));
            }
        }
        other.insert("exp".to_owned(), (now + self.ttl).into());
        let claims = Claims { sub: Value::String(self.user), other };
        claims.identity()?;
        println!("{}", mint(auth, &claims)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn durations_are_read() {
        for (text, expected) in
            [("30s", 30), ("15m", 900), ("1h", 3_600), ("7d", 604_800), ("45", 45)]
        {
            assert_eq!(seconds(text), Ok(expected));
        }
        for text in ["", "h", "1y", "-1h", "0s", "99999999999999d"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
