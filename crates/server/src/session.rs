//! What a request's transaction is told of the request, where the engine decides who may do what: role, claims, headers
//! and cookies, by the names that PostgREST gives them.

use http::{HeaderMap, HeaderName, header, request::Parts};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value as Json};
use transom_protocols::rest::{Preferences, Transaction};
use transom_query::notes::RoleNotes;
use transom_types::{Principal, Session};

use crate::settings::Native;

/// The session of one request.
pub fn of(
    native: &Native,
    head: &Parts,
    (principal, role): (&Principal, Option<&RoleNotes>),
    schema: Option<&str>,
    preferences: &Preferences,
) -> Session {
    let mut settings: Vec<(Box<str>, Box<str>)> = Vec::with_capacity(8 + native.settings.len());
    settings.extend(role.into_iter().flat_map(|role| role.settings.iter().cloned()));
    let mut set = |name: &str, value: String| settings.push((name.into(), value.into()));
    set("search_path", search_path(native, schema));
    tell(&mut set, head, principal);
    for (name, value) in &native.settings {
        set(name, value.clone());
    }
    if let Some(zone) = &preferences.timezone {
        set("timezone", zone.to_string());
    }
    Session {
        role: Some(principal.role.clone()),
        settings: settings.into(),
        before: native.before.as_deref().map(Into::into),
        rollback: rollback(native, preferences),
        isolation: role.and_then(|role| role.isolation.as_deref().map(Into::into)),
        ..Session::default()
    }
}

/// The session of a request where the engine has no say in who may do what: what it wishes to be shown otherwise.
/// `None` where it wishes nothing, so that its statement runs by itself.
pub fn of_wishes(preferences: &Preferences) -> Option<Session> {
    let zone = preferences.timezone.as_deref().filter(|zone| *zone != SHOWN)?;
    Some(Session { settings: [("timezone".into(), zone.into())].into(), ..Session::default() })
}

/// The session of a call of the engine's own function: it can see who asks, and how.
pub fn of_call(head: &Parts, principal: &Principal, preferences: &Preferences) -> Session {
    let session = of_wishes(preferences).unwrap_or_default();
    let mut settings: Vec<(Box<str>, Box<str>)> = session.settings.to_vec();
    let mut set = |name: &str, value: String| settings.push((name.into(), value.into()));
    tell(&mut set, head, principal);
    // Whatever another function may have set for the whole connection.
    set("response.headers", String::new());
    set("response.status", String::new());
    Session { settings: settings.into(), ..session }
}

/// Tells a transaction of its request.
fn tell(set: &mut dyn FnMut(&str, String), head: &Parts, principal: &Principal) {
    set("request.jwt.claims", claims(principal));
    set("request.method", head.method.as_str().to_owned());
    set("request.path", head.uri.path().to_owned());
    set("request.headers", headers(&head.headers));
    set("request.cookies", cookies(&head.headers));
}

/// The time zone in which times are shown without a wish.
const SHOWN: &str = "UTC";

/// Whether everything is undone: the deployment says how it is, and whether a request may say otherwise.
pub fn rollback(native: &Native, preferences: &Preferences) -> bool {
    match preferences.transaction.filter(|_| native.rollback_override) {
        Some(wished) => wished == Transaction::Rollback,
        None => native.rollback,
    }
}

fn search_path(native: &Native, schema: Option<&str>) -> String {
    let schema = schema.or(native.schemas.first().map(String::as_str));
    let names = schema.into_iter().chain(native.search_path.iter().map(String::as_str));
    let quoted: Vec<String> = names.map(|name| format!("\"{}\"", name.replace('"', "\"\""))).collect();
    quoted.join(", ")
}

/// The token's claims and the role that was found in them.
fn claims(principal: &Principal) -> String {
    let Json::Object(claims) = &*principal.claims else { return principal.claims.to_string() };
    let role = Json::String(principal.role.to_string());
    let said = claims.iter().map(|(name, value)| match name.as_str() {
        "role" => (name.as_str(), &role),
        _ => (name.as_str(), value),
    });
    object(said.chain((!claims.contains_key("role")).then_some(("role", &role))))
}

fn headers(headers: &HeaderMap) -> String {
    let texts = |name: &HeaderName| {
        let mut values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        let first = values.next().unwrap_or_default();
        values.fold(first, |all, value| all + ", " + value)
    };
    object(headers.keys().filter(|name| **name != header::COOKIE).map(|name| (name.as_str(), texts(name))))
}

/// These members as the text of an object.
fn object<'n>(members: impl Iterator<Item = (&'n str, impl Serialize)>) -> String {
    let mut text = Vec::with_capacity(256);
    // Nothing that is written to memory fails.
    let _ = serde_json::Serializer::new(&mut text).collect_map(members);
    String::from_utf8(text).unwrap_or_default()
}

fn cookies(headers: &HeaderMap) -> String {
    let mut cookies = Map::new();
    for header in headers.get_all(header::COOKIE) {
        let Ok(text) = header.to_str() else { continue };
        for (name, value) in text.split(';').filter_map(|pair| pair.trim().split_once('=')) {
            cookies.insert(name.to_owned(), Json::String(value.to_owned()));
        }
    }
    Json::Object(cookies).to_string()
}
