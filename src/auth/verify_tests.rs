use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};

use super::*;
use crate::{auth::mint, clock, config::Secret};

fn config() -> config::Auth {
    config::Auth {
        jwt_secret: Secret::from("0123456789abcdef0123456789abcdef"),
        ..config::Auth::default()
    }
}

fn claims(value: Value) -> Claims {
    serde_json::from_value(value).expect("the test's claims are claims")
}

fn seconds(offset: i64) -> i64 {
    clock::now().0 / 1_000 + offset
}

fn tokens(config: &config::Auth) -> Tokens {
    Tokens::new(config).expect("the test's keys can be used")
}

async fn verify(config: &config::Auth, value: Value) -> Result<Claims, TokenError> {
    tokens(config).verify(&mint(config, &claims(value))?).await
}

#[actix::test]
async fn signed_token_is_accepted() {
    let claims = verify(
        &config(),
        json!({"sub":"7","preferred_username":"budi","role":"admin","exp":seconds(60)}),
    )
    .await;
    let identity = claims.and_then(|claims| claims.identity());
    assert_eq!(
        identity.map(|identity| (identity.user_id.to_string(), identity.login, identity.roles)),
        Ok(("7".to_owned(), Some("budi".to_owned()), vec!["admin".to_owned()]))
    );
}

#[actix::test]
async fn time_is_checked_with_five_seconds_of_leeway() {
    assert!(verify(&config(), json!({"sub":"u","exp":seconds(-3)})).await.is_ok());
    let (end, begin) = (seconds(-20), seconds(20));
    assert_eq!(
        verify(&config(), json!({"sub":"u","exp":end})).await.err(),
        Some(TokenError::Expired(Timestamp(end * 1_000)))
    );
    assert_eq!(
        verify(&config(), json!({"sub":"u","nbf":begin})).await.err(),
        Some(TokenError::TooEarly(Timestamp(begin * 1_000)))
    );
    assert!(verify(&config(), json!({"sub":"u"})).await.is_ok());
}

#[actix::test]
async fn issuer_and_audience_are_checked_where_configured() {
    let config = config::Auth { jwt_issuer: "us".into(), jwt_audience: "hub".into(), ..config() };
    assert!(verify(&config, json!({"sub":"u","iss":"us","aud":["hub","x"]})).await.is_ok());
    for (wrong, error) in [
        (json!({"sub":"u","iss":"them","aud":"hub"}), TokenError::Issuer),
        (json!({"sub":"u","iss":"us","aud":"them"}), TokenError::Audience),
        (json!({"sub":"u","iss":"us"}), TokenError::Claim("aud")),
        (json!({"sub":"u","aud":"hub"}), TokenError::Claim("iss")),
    ] {
        assert_eq!(verify(&config, wrong).await.err(), Some(error));
    }
}

#[actix::test]
async fn other_algorithms_and_signatures_are_refused() {
    let tokens = tokens(&config());
    // {"alg":"none"} . {"sub":"u"} .
    assert_eq!(
        tokens.verify("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1In0.").await.err(),
        Some(TokenError::NoKey)
    );
    let other =
        config::Auth { jwt_secret: Secret::from("another secret of thirty-two byte"), ..config() };
    let token = mint(&other, &claims(json!({"sub":"u"}))).expect("it signs");
    assert_eq!(tokens.verify(&token).await.err(), Some(TokenError::Signature));
    let key = EncodingKey::from_secret(config().jwt_secret.reveal().as_bytes());
    let hs512 =
        jsonwebtoken::encode(&Header::new(Algorithm::HS512), &claims(json!({"sub":"u"})), &key);
    assert_eq!(tokens.verify(&hs512.expect("it signs")).await.err(), Some(TokenError::NoKey));
    for text in ["", "x", "x.y.z", "bG9uY2Vu.e30.e30", "e30.e30.e30", &token.replace('.', "")] {
        assert_eq!(tokens.verify(text).await.err(), Some(TokenError::Malformed), "{text}");
    }
}

#[actix::test]
async fn an_expired_token_with_a_wrong_signature_is_only_not_ours() {
    let other =
        config::Auth { jwt_secret: Secret::from("another secret of thirty-two byte"), ..config() };
    let token = mint(&other, &claims(json!({"sub":"u","exp":seconds(-60)}))).expect("it signs");
    assert_eq!(tokens(&config()).verify(&token).await.err(), Some(TokenError::Signature));
}

#[actix::test]
async fn times_may_have_a_fraction_and_null_is_absent() {
    let exp = async |value: Value| verify(&config(), json!({"sub": "u", "exp": value})).await;
    assert!(exp(json!(f64::from(i32::MAX) + 0.5)).await.is_ok());
    let end = Timestamp(1_767_225_600_000);
    assert_eq!(exp(json!(1_767_225_600.25)).await.err(), Some(TokenError::Expired(end)));
    let endless = exp(Value::Null)
        .await
        .and_then(|claims| claims.identity())
        .map(|identity| identity.expires_at);
    assert_eq!(endless, Ok(None));
    assert_eq!(exp(json!("soon")).await.err(), Some(TokenError::Claim("exp")));
    assert!(verify(&config(), json!({"sub": "u", "nbf": null})).await.is_ok());
}

#[actix::test]
async fn an_identity_ends_when_its_token_is_refused() {
    let end = seconds(60);
    let identity = verify(&config(), json!({"sub": "u", "exp": end}))
        .await
        .and_then(|claims| claims.identity());
    assert_eq!(
        identity.map(|identity| identity.expires_at),
        Ok(Some(end + 5)),
        "with the leeway of the check"
    );
}

#[actix::test]
async fn roles_that_are_null_do_not_hide_role() {
    let claims = verify(&config(), json!({"sub": "u", "roles": null, "role": "admin"})).await;
    let roles = claims.and_then(|claims| claims.identity()).map(|identity| identity.roles);
    assert_eq!(roles, Ok(vec!["admin".to_owned()]));
}

#[actix::test]
async fn a_missing_sub_is_named() {
    let claims = verify(&config(), json!({"login": "budi"})).await.expect("the signature is right");
    assert_eq!(claims.identity().err(), Some(TokenError::Claim("sub")));
}

#[actix::test]
async fn a_header_that_demands_an_extension_is_refused() {
    let header = r#"{"alg":"HS256","typ":"JWT","crit":["exp"]}"#;
    let base64 = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let message = format!("{}.{}", base64.encode(header), base64.encode(r#"{"sub":"u"}"#));
    let key = EncodingKey::from_secret(config().jwt_secret.reveal().as_bytes());
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).expect("it signs");
    let token = format!("{message}.{signature}");
    assert_eq!(tokens(&config()).verify(&token).await.err(), Some(TokenError::Critical));
}
