//! Refused sign-ins: what the client is told, and what the log says.

use std::time::Duration;

use crate::support::{
    hub::Hub,
    tokens::{SECRET, signed},
    wait::until,
};
use serde_json::{Value, json};

const ORIGIN: &str = "https://app.example.com";

/// Headers of a WebSocket handshake (RFC 6455, section 4.1), without credentials.
const HANDSHAKE: [(&str, &str); 5] = [
    ("connection", "upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("origin", ORIGIN),
];

/// Lines of the log about refused sign-ins take so long to come again.
const PATIENCE: Duration = Duration::from_secs(40);

async fn hub_with_tokens() -> Hub {
    Hub::sqlite(&[
        ("LONCENG_AUTH__METHODS", r#"["jwt"]"#),
        ("LONCENG_AUTH__JWT_SECRET", SECRET),
        ("LONCENG_AUTH__JWT_ISSUER", "https://login.example.com"),
        ("LONCENG_AUTH__JWT_AUDIENCE", "hub"),
        ("LONCENG_SERVER__ALLOWED_ORIGINS", ORIGIN),
    ])
    .await
}

fn claims() -> Value {
    json!({ "sub": "u", "iss": "https://login.example.com", "aud": "hub",
        "exp": chrono::Utc::now().timestamp() + 600 })
}

/// Returns a token whose claims are changed.
fn changed(name: &str, value: &Value) -> String {
    let mut claims = claims();
    claims[name] = value.clone();
    signed("secret", None, &claims)
}

/// Returns a token without a claim.
fn without(name: &str) -> String {
    let mut claims = claims();
    claims.as_object_mut().expect("an object").remove(name);
    signed("secret", None, &claims)
}

/// Returns tokens that are refused, each with a text of the reason.
fn refused_tokens() -> Vec<(String, String)> {
    let expired = chrono::Utc::now() - chrono::Duration::minutes(10);
    let expired_at = expired.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let early = chrono::Utc::now().timestamp() + 600;
    let (good, other) = (signed("secret", None, &claims()), changed("sub", &json!("v")));
    let (signed_part, _) = good.rsplit_once('.').expect("three parts");
    let (_, signature_of_other) = other.rsplit_once('.').expect("three parts");
    [
        ("nonsense".to_owned(), "neither a JSON Web Token nor a known API key"),
        (format!("{signed_part}.{signature_of_other}"), "its signature does not match"),
        (signed("rsa-as-secret", None, &claims()), "signed with another secret or key"),
        (signed("rsa", None, &claims()), "no key for its algorithm (alg)"),
        (changed("exp", &json!(expired.timestamp())), expired_at.as_str()),
        (changed("nbf", &json!(early)), "not valid before"),
        (changed("iss", &json!("them")), "issuer (iss)"),
        (changed("aud", &json!("them")), "audience (aud)"),
        (without("aud"), "claim aud is missing"),
        (without("sub"), "claim sub is missing"),
        (changed("exp", &json!("soon")), "claim exp"),
    ]
    .map(|(token, text)| (token, text.to_owned()))
    .to_vec()
}

#[tokio::test]
async fn refused_client_is_told_the_reason_over_http_and_web_socket() {
    let hub = hub_with_tokens().await;
    for (token, text) in refused_tokens() {
        let bearer = [("authorization", &*format!("Bearer {token}")), ("origin", ORIGIN)];
        let protocol = format!("lonceng.v1, token.{token}");
        let handshake = [&HANDSHAKE[..], &[("sec-websocket-protocol", &*protocol)]].concat();
        for (path, headers) in [
            ("/api/v1/notifications", &bearer[..]),
            ("/api/v1/stream", &bearer[..]),
            ("/ws", &handshake[..]),
        ] {
            let (status, problem) = hub.send("GET", path, headers, String::new()).await;
            let detail = problem["detail"].as_str().unwrap_or_default();
            assert_eq!(status, 401, "{path} {text}");
            assert!(detail.contains(&text), "{path} {text}: {detail}");
            assert!(!problem.to_string().contains(&token), "{problem}");
        }
    }
    for (path, headers) in [("/api/v1/notifications", &[][..]), ("/ws", &HANDSHAKE[..])] {
        let (status, problem) = hub.send("GET", path, headers, String::new()).await;
        assert_eq!(status, 401);
        assert_eq!(problem["detail"], "there is no token; send one as \"Authorization: Bearer\"");
    }
    let key = [("x-api-key", "unknown")];
    let (_, problem) = hub.send("POST", "/api/v1/events", &key, "{}".to_owned()).await;
    assert_eq!(problem["detail"], "the API key is not known");
}

#[tokio::test]
async fn log_names_the_reason_and_the_origin_and_never_the_token() {
    let hub = hub_with_tokens().await;
    let lines = || -> Vec<String> {
        let log = hub.log();
        log.lines()
            .filter(|line| line.contains("a sign-in is refused"))
            .map(str::to_owned)
            .collect()
    };
    let expired = changed("exp", &json!(1_767_225_600));
    let protocol = format!("lonceng.v1, token.{expired}");
    let handshake = [&HANDSHAKE[..], &[("sec-websocket-protocol", &*protocol)]].concat();
    for _ in 0..3 {
        assert_eq!(hub.send("GET", "/ws", &handshake, String::new()).await.0, 401);
    }
    let wrong = signed("rsa-as-secret", None, &claims());
    let by_query = format!("/api/v1/notifications?token={wrong}");
    assert_eq!(hub.get(&by_query).await.0, 401);
    let found = until("both reasons are logged", PATIENCE, async || {
        Some(lines()).filter(|lines| lines.len() >= 2)
    })
    .await;
    assert_eq!(found.len(), 2, "one line for each reason: {found:#?}");
    for part in ["WARN", "it expired at 2026-01-01T00:00:00Z", ORIGIN, "/ws", "suppressed=0"] {
        assert!(found[0].contains(part), "{part}: {}", found[0]);
    }
    assert!(found[1].contains("signature does not match"), "{}", found[1]);
    assert!(!found[1].contains("origin"), "there was no page: {}", found[1]);
    // The next line of the same reason says how many there were in between.
    let next = until("the reason is logged again", PATIENCE, async || {
        hub.send("GET", "/ws", &handshake, String::new()).await;
        lines().into_iter().nth(2)
    })
    .await;
    let count = next.split("suppressed=").nth(1).and_then(|count| count.trim().parse().ok());
    assert!(count.is_some_and(|count: u64| count >= 2), "{next}");
    let log = hub.log();
    for token in [&expired, &wrong] {
        let signature = token.rsplit('.').next().expect("three parts");
        assert!(!log.contains(signature), "{log}");
    }
}

#[tokio::test]
async fn dev_sign_in_without_a_user_says_how_to_name_one() {
    let hub = Hub::sqlite(&[]).await;
    for (path, headers) in [("/api/v1/notifications", &[][..]), ("/ws", &HANDSHAKE[..4])] {
        let (status, problem) = hub.send("GET", path, headers, String::new()).await;
        assert_eq!((status, &problem["detail"]), (401, &json!("name a user: ?user_id=")), "{path}");
    }
}
