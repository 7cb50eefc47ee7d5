//! Good and bad tokens of every algorithm, and what a caller hears of them.

#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use support::{NOW, SECRET, Signer, encode, pem};
use transom_identity::{Identity, MintedToken, Secret, Settings, mint};
use transom_types::{Code, Principal, Problem};

fn secret() -> Secret {
    Secret::from_text(SECRET).unwrap()
}

fn with_secret() -> Settings {
    Settings { secret: Some(secret()), ..Settings::default() }
}

fn ask(identity: &Identity, token: &str, now: u64) -> Result<Principal, Problem> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(identity.authenticate(Some(&format!("Bearer {token}")), None, now))
}

fn refused(settings: Settings, token: &str) -> (Code, String) {
    let problem = ask(&Identity::new(settings).unwrap(), token, NOW).unwrap_err();
    let challenge = problem.headers().iter().find(|(name, _)| *name == "www-authenticate");
    if problem.code() != Code::TokenSecretMissing {
        let (_, challenge) = challenge.expect("a challenge");
        assert!(challenge.starts_with("Bearer"), "{challenge}");
    }
    let everything = format!("{problem:?} {:?}", problem.headers());
    if token.len() > 20 {
        assert!(
            !everything.contains(token) && !everything.contains(&token[token.len() - 20..]),
            "leaks the token"
        );
    }
    assert!(!everything.contains(SECRET), "leaks the secret");
    (problem.code(), problem.message().to_owned())
}

fn check_refused(settings: Settings, token: &str, code: Code, message: &str) {
    assert_eq!(refused(settings, token), (code, message.to_owned()));
}

fn signers() -> Vec<Signer> {
    vec![Signer::rs256(), Signer::es256(), Signer::es384(), Signer::eddsa()]
}

fn public(signer: &Signer) -> Settings {
    Settings { public_keys: vec![signer.public_pem()], ..Settings::default() }
}

#[test]
fn every_algorithm_is_accepted_with_its_own_key() {
    let claims = json!({"role": "author", "sub": "7", "exp": NOW + 60});
    for signer in &signers() {
        let identity = Identity::new(public(signer)).unwrap();
        let principal = ask(&identity, &signer.token(&claims), NOW).unwrap();
        assert_eq!(&*principal.role, "author");
        assert_eq!(*principal.claims, claims);
        assert!(!principal.anonymous);
    }
    let token = Signer::hs256(SECRET.as_bytes()).token(&claims);
    assert_eq!(&*ask(&Identity::new(with_secret()).unwrap(), &token, NOW).unwrap().role, "author");
}

#[test]
fn a_foreign_key_or_a_changed_token_is_refused() {
    let claims = json!({"role": "author"});
    for signer in &signers() {
        let other = match signer {
            Signer::Rs256(_) => Signer::rs256(),
            Signer::Es256(_) => Signer::es256(),
            Signer::Es384(_) => Signer::es384(),
            _ => Signer::eddsa(),
        };
        let message = "JWT cryptographic operation failed";
        check_refused(public(&other), &signer.token(&claims), Code::TokenInvalid, message);
        let token = signer.token(&claims);
        let parts: Vec<&str> = token.split('.').collect();
        let raised = format!("{}.{}.{}", parts[0], encode(&json!({"role": "service_role"})), parts[2]);
        check_refused(public(signer), &raised, Code::TokenInvalid, message);
        let unsigned = format!("{}.{}.", parts[0], parts[1]);
        check_refused(public(signer), &unsigned, Code::TokenInvalid, message);
    }
}

#[test]
fn alg_none_is_refused_in_every_spelling() {
    for none in ["none", "None", "NONE", "nOnE", ""] {
        let header = encode(&json!({"alg": none, "typ": "JWT"}));
        let payload = encode(&json!({"role": "service_role"}));
        for signature in ["", "AA"] {
            let token = format!("{header}.{payload}.{signature}");
            check_refused(
                with_secret(),
                &token,
                Code::TokenInvalid,
                "Wrong or unsupported encoding algorithm",
            );
        }
    }
}

#[test]
fn a_token_without_a_signature_is_called_so() {
    let token = format!("{}.{}.AA", encode(&json!({"alg": "none"})), encode(&json!({})));
    let refused = ask(&Identity::new(with_secret()).unwrap(), &token, NOW).unwrap_err();
    assert_eq!(refused.details(), Some("JWT is unsecured but expected 'alg' was not 'none'"));
}

#[test]
fn a_public_key_is_never_a_secret() {
    let claims = json!({"role": "service_role"});
    for signer in &signers() {
        let pem_text = signer.public_pem();
        let der = pem_text.lines().filter(|line| !line.starts_with('-')).collect::<String>();
        let jwk = signer.jwk(Some("k")).to_string();
        // Whatever form of the published key an attacker signs with.
        for published in [pem_text.as_bytes(), pem_text.trim_end().as_bytes(), der.as_bytes(), jwk.as_bytes()]
        {
            for header in [json!({"alg": "HS256"}), json!({"alg": "HS384"}), json!({"alg": "HS512"})] {
                let token = Signer::hs256(published).token_with(&header, &claims);
                check_refused(
                    public(signer),
                    &token,
                    Code::TokenInvalid,
                    "Wrong or unsupported encoding algorithm",
                );
            }
        }
    }
    let problem = Secret::from_text(&signers()[0].public_pem()).unwrap_err();
    assert_eq!(problem.code(), Code::ConfigInvalid);
}

#[test]
fn the_header_cannot_choose_another_algorithm_of_the_family() {
    let rs256 = Signer::rs256();
    let settings = public(&rs256);
    let Signer::Rs256(pair) = rs256 else { unreachable!() };
    let token = Signer::Ps256(pair).token(&json!({"role": "author"}));
    check_refused(settings, &token, Code::TokenInvalid, "Wrong or unsupported encoding algorithm");
}

#[test]
fn extensions_that_are_not_understood_are_refused() {
    let signer = Signer::hs256(SECRET.as_bytes());
    let crit = "The JWT header has 'crit': no critical extension is understood";
    for (header, message) in [
        (json!({"alg": "HS256", "crit": ["exp"]}), crit),
        (json!({"alg": "HS256", "crit": []}), crit),
        (json!({"alg": "HS256", "crit": ["b64"], "b64": false}), crit),
        (json!({"alg": "HS256", "b64": false}), "Unsupported token type"),
        (json!({"alg": "HS256", "enc": "A128GCM"}), "Unsupported token type"),
        (json!({"alg": "HS256", "kid": 7}), "The JWT header 'kid' must be a string"),
        (json!({"alg": 5}), "Wrong or unsupported encoding algorithm"),
        (json!({}), "Wrong or unsupported encoding algorithm"),
        (json!(["alg", "HS256"]), "The JWT header is not a JSON object"),
    ] {
        check_refused(with_secret(), &signer.token_with(&header, &json!({})), Code::TokenInvalid, message);
    }
    // `typ` is tolerated whatever it says; keys that travel in the header are not looked at.
    for header in [
        json!({"alg": "HS256", "typ": "at+jwt"}),
        json!({"alg": "HS256", "jwk": {"kty": "oct"}, "jku": "https://x.example"}),
    ] {
        let token = signer.token_with(&header, &json!({"role": "author"}));
        assert!(ask(&Identity::new(with_secret()).unwrap(), &token, NOW).is_ok());
    }
}

#[test]
fn malformed_tokens_are_refused() {
    for (token, message) in [
        ("x", "Expected 3 parts in JWT; got 1"),
        ("a.b", "Expected 3 parts in JWT; got 2"),
        ("a.b.c.d", "Expected 3 parts in JWT; got 4"),
        ("..", "The JWT header is not a JSON object"),
        ("!!.b.c", "JWT cryptographic operation failed"),
    ] {
        check_refused(with_secret(), token, Code::TokenInvalid, message);
    }
    let huge = format!("{}.b.c", "a".repeat(9_000));
    check_refused(with_secret(), &huge, Code::TokenInvalid, "The JWT is longer than 8192 bytes");
    let signer = Signer::hs256(SECRET.as_bytes());
    for claims in [json!([1]), json!("text"), json!(null)] {
        check_refused(with_secret(), &signer.token(&claims), Code::TokenClaims, "Parsing claims failed");
    }
    check_refused(
        Settings::default(),
        &signer.token(&json!({})),
        Code::TokenSecretMissing,
        "Server lacks JWT secret",
    );
}

#[test]
fn claims_are_judged() {
    let signer = Signer::hs256(SECRET.as_bytes());
    let strict = || Settings {
        audiences: vec!["shop".to_owned()],
        issuer: Some("https://id.example".to_owned()),
        ..with_secret()
    };
    let base = json!({"iss": "https://id.example", "aud": ["shop"], "exp": NOW + 10, "role": "author"});
    assert!(ask(&Identity::new(strict()).unwrap(), &signer.token(&base), NOW).is_ok());
    let changed = |name: &str, value: Json| {
        let mut claims = base.clone();
        claims[name] = value;
        signer.token(&claims)
    };
    for (name, value, message) in [
        ("exp", json!(NOW - 30), "JWT expired"),
        ("nbf", json!(NOW + 31), "JWT not yet valid"),
        ("iat", json!(NOW + 31), "JWT issued at future"),
        ("aud", json!("other"), "JWT not in audience"),
        ("iss", json!("https://evil.example"), "JWT not from the expected issuer"),
        ("iss", json!(null), "JWT not from the expected issuer"),
        ("role", json!(["author"]), "The JWT role claim must be a role's name"),
    ] {
        check_refused(strict(), &changed(name, value), Code::TokenClaims, message);
    }
    for (name, value) in
        [("exp", json!(NOW - 29)), ("nbf", json!(NOW + 30)), ("iat", json!(NOW + 30)), ("aud", json!(null))]
    {
        assert!(
            ask(&Identity::new(strict()).unwrap(), &changed(name, value.clone()), NOW).is_ok(),
            "{name} {value}"
        );
    }
}

#[test]
fn the_role_comes_from_its_path_or_is_anonymous() {
    let signer = Signer::hs256(SECRET.as_bytes());
    let nested = Settings { role_claim: ".app_metadata.role".to_owned(), ..with_secret() };
    let principal = ask(
        &Identity::new(nested).unwrap(),
        &signer.token(&json!({"app_metadata": {"role": "x"}, "role": "y"})),
        NOW,
    )
    .unwrap();
    assert_eq!(&*principal.role, "x");
    let principal =
        ask(&Identity::new(with_secret()).unwrap(), &signer.token(&json!({"sub": "1"})), NOW).unwrap();
    assert_eq!((&*principal.role, principal.anonymous), ("anon", false));
    let closed = || Settings { anonymous_role: None, ..with_secret() };
    check_refused(
        closed(),
        &signer.token(&json!({"sub": "1"})),
        Code::AnonymousDisabled,
        "Anonymous access is disabled",
    );
    let identity = Identity::new(closed()).unwrap();
    let problem = identity.authenticate_cached(None, None, NOW).unwrap().unwrap_err();
    assert_eq!(problem.code(), Code::AnonymousDisabled);
    let open = Identity::new(with_secret()).unwrap();
    assert!(open.authenticate_cached(None, None, NOW).unwrap().unwrap().anonymous);
}

#[tokio::test]
async fn apikey_is_used_when_there_is_no_bearer_token() {
    let signer = Signer::hs256(SECRET.as_bytes());
    let (user, key) = (signer.token(&json!({"role": "user"})), signer.token(&json!({"role": "anon"})));
    let identity = Identity::new(with_secret()).unwrap();
    let bearer = format!("Bearer {user}");
    for (authorization, apikey, role) in [
        (Some(bearer.as_str()), Some(key.as_str()), "user"),
        (None, Some(user.as_str()), "user"),
        (Some(bearer.as_str()), Some(user.as_str()), "user"),
        (Some("Basic dTpw"), Some(key.as_str()), "anon"),
    ] {
        assert_eq!(&*identity.authenticate(authorization, apikey, NOW).await.unwrap().role, role);
    }
    assert!(
        identity.authenticate(Some("Bearer garbage"), Some(&user), NOW).await.is_err(),
        "no way around a bad token"
    );
}

#[tokio::test]
async fn a_cached_token_stops_at_its_expiry_and_refusals_are_not_kept() {
    let signer = Signer::hs256(SECRET.as_bytes());
    let bearer = format!("Bearer {}", signer.token(&json!({"role": "user", "exp": NOW + 100})));
    let identity = Identity::new(with_secret()).unwrap();
    assert!(identity.authenticate_cached(Some(&bearer), None, NOW).is_none(), "not known yet");
    identity.authenticate(Some(&bearer), None, NOW).await.unwrap();
    assert!(identity.authenticate_cached(Some(&bearer), None, NOW + 129).unwrap().is_ok());
    let expired = identity.authenticate_cached(Some(&bearer), None, NOW + 130).unwrap().unwrap_err();
    assert_eq!((expired.code(), expired.message()), (Code::TokenClaims, "JWT expired"));
    assert!(identity.authenticate_cached(Some(&bearer), None, NOW + 600).is_none(), "too old: verified anew");
    assert!(identity.authenticate(Some(&bearer), None, NOW + 600).await.is_err());

    let before = identity.cached_tokens();
    for at in 0..100 {
        let bad = format!("Bearer {}", Signer::hs256(b"another secret").token(&json!({ "n": at })));
        assert!(identity.authenticate(Some(&bad), None, NOW).await.is_err());
    }
    assert_eq!(identity.cached_tokens(), before);
}

#[tokio::test]
async fn the_cache_is_bounded_and_can_be_off() {
    let signer = Signer::hs256(SECRET.as_bytes());
    for (bytes, most) in [(64 * 1024, 100), (0, 0)] {
        let identity = Identity::new(Settings { cache_bytes_max: bytes, ..with_secret() }).unwrap();
        for at in 0..500 {
            let bearer = format!("Bearer {}", signer.token(&json!({"sub": at.to_string()})));
            identity.authenticate(Some(&bearer), None, NOW).await.unwrap();
        }
        assert!(identity.cached_tokens() <= most, "{} kept", identity.cached_tokens());
    }
}

#[test]
fn bad_settings_are_reported_all_at_once() {
    let private = pem("PRIVATE KEY", b"anything");
    let settings = Settings {
        public_keys: vec![private, "nonsense".to_owned(), pem("CERTIFICATE", b"x"), pem("PUBLIC KEY", b"x")],
        jwks_files: vec!["/nowhere/jwks.json".into()],
        jwks_urls: vec!["http://id.example/jwks".to_owned()],
        role_claim: "a..b".to_owned(),
        anonymous_role: Some(String::new()),
        clock_skew_seconds: 301,
        ..Settings::default()
    };
    let problems = Identity::new(settings).unwrap_err();
    assert_eq!(problems.len(), 9, "{problems:#?}");
    assert!(problems.iter().all(|problem| problem.code() == Code::ConfigInvalid));
    assert!(Secret::from_text("short").is_err());
    assert!(Secret::from_base64("***").is_err());
    assert!(!format!("{:?}", with_secret()).contains(SECRET));
}

#[test]
fn minted_tokens_are_accepted() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let base64 = Secret::from_base64(&STANDARD.encode(SECRET)).unwrap();
    assert_eq!(base64, secret());
    let token = MintedToken {
        role: Some("author".to_owned()),
        subject: Some("7".to_owned()),
        lifetime_seconds: Some(60),
        claims: json!({"team": [1, 2]}).as_object().unwrap().clone(),
        ..MintedToken::default()
    };
    let token = mint(&base64, &token, NOW).unwrap();
    let principal = ask(&Identity::new(with_secret()).unwrap(), &token, NOW + 89).unwrap();
    assert_eq!(&*principal.role, "author");
    assert_eq!(
        *principal.claims,
        json!({"role": "author", "sub": "7", "iat": NOW, "exp": NOW + 60, "team": [1, 2]})
    );
    assert!(ask(&Identity::new(with_secret()).unwrap(), &token, NOW + 90).is_err());
}

#[test]
fn keys_from_files() {
    let folder = std::env::temp_dir().join(format!("transom-identity-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (one, two, three) = (Signer::es256(), Signer::rs256(), Signer::hs256(SECRET.as_bytes()));
    let (pem_path, set_path) = (folder.join("one.pem"), folder.join("set.json"));
    std::fs::write(&pem_path, one.public_pem()).unwrap();
    std::fs::write(&set_path, json!({"keys": [two.jwk(Some("two")), three.jwk(Some("three"))]}).to_string())
        .unwrap();
    let settings =
        Settings { public_key_files: vec![pem_path], jwks_files: vec![set_path], ..Settings::default() };
    let identity = Identity::new(settings).unwrap();
    let claims = json!({"role": "author"});
    // By name, without a name, and (for a key without a name) under a name that nobody has.
    for token in [
        one.token(&claims),
        one.token_named("unheard-of", &claims),
        two.token(&claims),
        two.token_named("two", &claims),
        three.token_named("three", &claims),
    ] {
        assert!(ask(&identity, &token, NOW).is_ok());
    }
    for token in [
        two.token_named("three", &claims),
        two.token_named("four", &claims),
        three.token_named("two", &claims),
    ] {
        assert_eq!(ask(&identity, &token, NOW).unwrap_err().code(), Code::TokenInvalid);
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

proptest! {
    #[test]
    fn garbage_never_panics_and_never_passes(token in "\\PC{0,200}", header in any::<Vec<u8>>(), payload in any::<Vec<u8>>()) {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        let identity = Identity::new(Settings { anonymous_role: None, ..with_secret() }).unwrap();
        let made = format!("{}.{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload), token);
        prop_assert!(ask(&identity, &token, NOW).is_err());
        prop_assert!(ask(&identity, &made, NOW).is_err());
    }

    #[test]
    fn any_changed_character_is_refused(at in 0usize..120, with in "[A-Za-z0-9_.-]") {
        let token = Signer::hs256(SECRET.as_bytes()).token(&json!({"role": "author", "sub": "0123456789"}));
        let mut changed = token.clone();
        let at = at % token.len();
        changed.replace_range(at..=at, &with);
        let identity = Identity::new(with_secret()).unwrap();
        prop_assert_eq!(ask(&identity, &changed, NOW).is_ok(), changed == token);
    }
}

#[test]
fn tokens_are_judged_as_postgrest_judges_them_where_that_is_spoken() {
    let key = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode(SECRET), "alg": "HS256"});
    let settings = || Settings {
        jwks: vec![json!({ "keys": [key] }).to_string()],
        compatible: true,
        ..Settings::default()
    };
    let identity = Identity::new(settings()).unwrap();
    let token = |claims: Json| Signer::hs256(SECRET.as_bytes()).token(&claims);
    // Without a role of its own a token is as good as none, and what no role is called is for the engine to refuse.
    let nobody = ask(&identity, &token(json!({"sub": "7"})), NOW).unwrap();
    assert_eq!((&*nobody.role, nobody.anonymous), ("anon", true));
    assert_eq!(&*ask(&identity, &token(json!({"role": 7})), NOW).unwrap().role, "7");
    let foreign = Signer::hs256(&[7; 32]).token(&json!({"role": "a"}));
    let problem = ask(&identity, &foreign, NOW).unwrap_err();
    assert_eq!(problem.message(), "No suitable key or wrong key type");
    assert_eq!(problem.details(), Some("None of the keys was able to decode the JWT"));
    assert!(Identity::new(Settings { jwks: vec!["{}".to_owned()], ..settings() }).is_err());
}
