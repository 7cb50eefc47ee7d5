//! In which version of OpenAPI the API is described, and as which media type: chosen by what the caller accepts.

use transom_types::{Code, Problem};

use crate::rest::parameter;

/// A version of OpenAPI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 2.0, as PostgREST describes a schema.
    Two,
    /// 3.1.
    Three,
}

/// A document that the caller takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Its version.
    pub version: Version,
    /// Its `Content-Type`.
    pub content_type: &'static str,
}

/// The usual media type of a document.
pub const CONTENT_TYPE: &str = "application/openapi+json; charset=utf-8";

/// Chooses the document that the caller likes best, the first of several liked alike. `usual` is the version for those who
/// name none.
/// Errors: [`Code::MediaTypeUnacceptable`], naming the versions that there are.
pub fn choose(accept: Option<&str>, usual: Version) -> Result<Chosen, Problem> {
    let Some(accept) = accept.filter(|accept| !accept.trim().is_empty()) else {
        return Ok(Chosen { version: usual, content_type: CONTENT_TYPE });
    };
    let mut best: Option<(f32, Chosen)> = None;
    let mut unknown = false;
    for range in accept.split(',') {
        let (media, parameters) = range.split_once(';').unwrap_or((range, ""));
        let media = media.trim().to_ascii_lowercase();
        let quality = parameter(parameters, "q").map_or(Some(1.0), |quality| quality.parse::<f32>().ok());
        let Some(quality) = quality.filter(|quality| *quality > 0.0) else { continue };
        let version = match parameter(parameters, "version") {
            None => Some(usual),
            Some("2" | "2.0") => Some(Version::Two),
            Some("3" | "3.1" | "3.1.0") => Some(Version::Three),
            Some(_) => None,
        };
        let Some(content_type) = content_type(&media, version.unwrap_or(usual)) else { continue };
        let Some(version) = version else {
            unknown = true;
            continue;
        };
        if best.is_none_or(|(liked, _)| quality > liked) {
            best = Some((quality, Chosen { version, content_type }));
        }
    }
    best.map(|(_, chosen)| chosen).ok_or_else(|| unacceptable(accept, unknown))
}

/// The media type that a range of media types has room for.
fn content_type(media: &str, version: Version) -> Option<&'static str> {
    match (media, version) {
        ("*/*" | "application/*" | "application/openapi+json", _) => Some(CONTENT_TYPE),
        ("application/json", _) => Some("application/json; charset=utf-8"),
        ("application/vnd.oai.openapi+json", Version::Two) => {
            Some("application/vnd.oai.openapi+json;version=2.0")
        }
        ("application/vnd.oai.openapi+json", Version::Three) => {
            Some("application/vnd.oai.openapi+json;version=3.1")
        }
        _ => None,
    }
}

#[cold]
fn unacceptable(accept: &str, unknown: bool) -> Problem {
    let accept: String = accept.chars().take(100).collect();
    // In the message too where a version was asked for: where PostgREST is spoken there is no more.
    let versions = if unknown { "; OpenAPI has version=2.0 and version=3.1 here" } else { "" };
    let message = format!("None of these media types are available: {accept}{versions}");
    Problem::new(Code::MediaTypeUnacceptable, message).with_hint(
        "The description is application/openapi+json;version=3.1 or application/openapi+json;version=2.0",
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const JSON: &str = "application/json; charset=utf-8";

    #[track_caller]
    fn check(accept: &str, version: Version, content_type: &'static str) {
        assert_eq!(choose(Some(accept), Version::Two).unwrap(), Chosen { version, content_type }, "{accept}");
    }

    #[test]
    fn the_version_and_the_form_are_chosen() {
        for accept in ["", "*/*", "application/openapi+json", "text/html, */*;q=0.1"] {
            check(accept, Version::Two, CONTENT_TYPE);
        }
        check("application/json", Version::Two, JSON);
        check("application/json;version=3.1", Version::Three, JSON);
        check("application/openapi+json; version=3.1", Version::Three, CONTENT_TYPE);
        check("application/openapi+json;version=\"3.1\"", Version::Three, CONTENT_TYPE);
        let vendor = "application/vnd.oai.openapi+json;version=3.1";
        check(vendor, Version::Three, vendor);
        check("application/openapi+json;q=0.5, application/json;version=3.1", Version::Three, JSON);
        check("application/openapi+json;version=9, application/json", Version::Two, JSON);
        assert_eq!(choose(None, Version::Three).unwrap().version, Version::Three);
        let two = choose(Some("application/openapi+json;version=2.0"), Version::Three).unwrap();
        assert_eq!(two, Chosen { version: Version::Two, content_type: CONTENT_TYPE });
    }

    #[test]
    fn there_are_no_others() {
        for accept in ["text/csv", "*/*;q=0", "application/openapi+json;version=3.0", "*/*;version=1.2"] {
            let problem = choose(Some(accept), Version::Two).unwrap_err();
            assert_eq!(problem.code(), Code::MediaTypeUnacceptable);
            assert_eq!(problem.message().contains("version=2.0 and version=3.1"), accept.contains("version"));
        }
    }
}
