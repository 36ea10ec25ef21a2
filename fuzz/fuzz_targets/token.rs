//! `scripts/fuzz 60 token`: no token makes the check panic, and none that was not signed is
//! believed.
#![no_main]

use std::sync::LazyLock;

use futures_util::FutureExt as _;
use libfuzzer_sys::fuzz_target;
use lonceng::{
    auth::Tokens,
    config::{Auth, Secret},
    redis::CookieSession,
};

static TOKENS: LazyLock<Tokens> = LazyLock::new(|| {
    let config =
        Auth { jwt_secret: Secret::from("0123456789abcdef0123456789abcdef"), ..Auth::default() };
    Tokens::new(&config).expect("a secret is a key")
});

fuzz_target!(|text: &str| {
    // Nothing has to be fetched, so the answer is there at once.
    let checked = TOKENS.verify(text).now_or_never().expect("it does not wait");
    assert!(checked.is_err(), "nobody signed this");
    let _ = CookieSession::parse(text);
});
