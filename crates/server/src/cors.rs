//! Cross-origin requests (the Fetch standard, section 3.2). Credentials are tokens in a header, never cookies, so
//! `Access-Control-Allow-Credentials` is never sent.

use http::{HeaderMap, HeaderValue, Method, header, request::Parts};

use crate::{
    reply::{self, Reply},
    settings,
};

const COMPATIBLE_METHODS: HeaderValue =
    HeaderValue::from_static("GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD");
const COMPATIBLE_EXPOSED: HeaderValue = HeaderValue::from_static(
    "Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Location, Server, Transfer-Encoding, \
     Range-Unit",
);
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PATCH, PUT, DELETE, OPTIONS");
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Content-Range, Content-Location, Location, Link, ETag, Preference-Applied, Idempotency-Replayed, Retry-After, \
     Server-Timing, WWW-Authenticate, X-Request-Id",
);
const PREFLIGHT_VARY: HeaderValue =
    HeaderValue::from_static("origin, access-control-request-method, access-control-request-headers");

/// The origins that may call.
#[derive(Clone, Debug)]
pub struct Cors {
    origins: Origins,
    preflight_max_age: HeaderValue,
    /// Whether replies say what PostgREST's say.
    compatible: bool,
}

#[derive(Clone, Debug)]
enum Origins {
    None,
    Any,
    These(Vec<HeaderValue>),
}

impl Cors {
    /// Reads the settings; an origin that no header can carry matches none.
    pub fn new(settings: &settings::Cors, compatible: bool) -> Self {
        let origins = match settings.origins.as_slice() {
            [] => Origins::None,
            origins if origins.iter().any(|origin| origin == "*") => Origins::Any,
            origins => {
                let value = |origin: &String| HeaderValue::from_str(origin.trim_end_matches('/')).ok();
                Origins::These(origins.iter().filter_map(value).collect())
            }
        };
        let preflight_max_age = HeaderValue::from(settings.preflight_max_age.as_secs());
        Self { origins, preflight_max_age, compatible }
    }

    /// The answer to a preflight request, if it is one.
    pub fn preflight(&self, head: &Parts) -> Option<Reply> {
        if head.method != Method::OPTIONS || !head.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        {
            return None;
        }
        let allowed = self.allowed(&head.headers)?;
        let wanted = head.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
        if self.compatible {
            return Some(self.compatible_preflight(allowed, wanted));
        }
        let mut reply = reply::no_content();
        let headers = reply.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        if let Some(wanted) = wanted {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, self.preflight_max_age.clone());
        headers.insert(header::VARY, PREFLIGHT_VARY);
        Some(reply)
    }

    fn compatible_preflight(&self, allowed: HeaderValue, wanted: Option<&HeaderValue>) -> Reply {
        let mut reply = reply::ok_empty();
        let wanted = wanted.and_then(|wanted| wanted.to_str().ok()).unwrap_or_default();
        let wanted = wanted.split(',').map(str::trim).filter(|name| !name.is_empty());
        let named: Vec<&str> = std::iter::once("Authorization")
            .chain(wanted)
            .chain(["Accept", "Accept-Language", "Content-Language"])
            .collect();
        reply::set(&mut reply, header::ACCESS_CONTROL_ALLOW_HEADERS, &named.join(", "));
        let headers = reply.headers_mut();
        self.allow(allowed, headers);
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, COMPATIBLE_METHODS);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, self.preflight_max_age.clone());
        reply
    }

    /// Names the origin. There, pages of origins that are named one by one may send credentials.
    fn allow(&self, allowed: HeaderValue, headers: &mut HeaderMap) {
        if self.compatible && matches!(self.origins, Origins::These(_)) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    }

    /// Lets the page read the reply, when its origin may.
    pub fn decorate(&self, allowed: Option<HeaderValue>, reply: &mut Reply) {
        let Some(allowed) = allowed else { return };
        let headers = reply.headers_mut();
        if let (Origins::These(_), false) = (&self.origins, self.compatible) {
            headers.append(header::VARY, HeaderValue::from_static("origin"));
        }
        self.allow(allowed, headers);
        let exposed = if self.compatible { COMPATIBLE_EXPOSED } else { EXPOSED };
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }

    /// What `Access-Control-Allow-Origin` says to this request; none for one without an origin or with a strange one.
    pub fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        match &self.origins {
            Origins::None => None,
            Origins::Any => Some(HeaderValue::from_static("*")),
            Origins::These(origins) => origins.contains(origin).then(|| origin.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use super::*;

    fn reply(origins: &[&str], origin: &str, compatible: bool) -> Option<Reply> {
        let settings = settings::Cors {
            origins: origins.iter().map(ToString::to_string).collect(),
            preflight_max_age: Duration::from_secs(60),
        };
        let request = http::Request::options("/").header("origin", origin);
        let request = request.header("access-control-request-headers", "Foo,Bar");
        let request = request.header("access-control-request-method", "PATCH").body(()).unwrap();
        Cors::new(&settings, compatible).preflight(&request.into_parts().0)
    }

    fn check(origins: &[&str], origin: &str, expected: Option<&str>) {
        let allowed = reply(origins, origin, false)
            .map(|reply| reply.headers()["access-control-allow-origin"].to_str().unwrap().to_owned());
        assert_eq!(allowed.as_deref(), expected, "{origins:?} {origin}");
    }

    #[test]
    fn names_only_origins_that_may_call() {
        check(&["*"], "https://a.example", Some("*"));
        check(&["https://a.example/"], "https://a.example", Some("https://a.example"));
        check(&["https://a.example"], "https://a.example.evil", None);
        check(&[], "https://a.example", None);
    }

    #[test]
    fn says_what_postgrest_says() {
        let any = reply(&["*"], "https://a.example", true).unwrap();
        assert_eq!(any.headers()["access-control-allow-origin"], "*");
        let allowed = "Authorization, Foo, Bar, Accept, Accept-Language, Content-Language";
        assert_eq!(any.headers()["access-control-allow-headers"], allowed);
        assert!(!any.headers().contains_key("access-control-allow-credentials"));
        let named = reply(&["https://a.example"], "https://a.example", true).unwrap();
        assert_eq!(named.headers()["access-control-allow-credentials"], "true");
    }
}
