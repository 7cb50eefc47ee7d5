//! `Accept`: in which form the reply is written (RFC 9110, section 12.5.1).

use transom_query::request::{Account, Detail, Media};
use transom_types::{Code, Problem};

/// The form of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplyForm {
    /// A JSON array of the rows.
    Array {
        /// Members that are null are left out.
        strip_nulls: bool,
        /// Asked for as `application/vnd.pgrst.array+json`.
        vendor: bool,
    },
    /// The one row as a JSON object.
    Object {
        /// Members that are null are left out.
        strip_nulls: bool,
        /// Asked for as `application/vnd.pgrst.object+json`; otherwise it is a resource by its key.
        vendor: bool,
    },
    /// `text/csv` with a header line.
    Csv,
    /// A function's scalar as it is.
    Bare(BareMedia),
    /// The engine's plan of the statement, not its rows.
    Plan(PlanForm),
    /// The engine has given it its form; this is its `Content-Type`.
    Made(Box<str>),
}

/// A media type in which only a function's scalar can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BareMedia {
    /// `application/octet-stream`
    OctetStream,
    /// `text/plain`
    Plain,
    /// `text/xml`
    Xml,
}

/// `application/vnd.pgrst.plan`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanForm {
    /// `+json`, not text.
    pub json: bool,
    /// `for="…"`: the media type whose statement is explained.
    pub media: Option<Box<str>>,
    /// `options=analyze|verbose|…`
    pub options: Vec<Box<str>>,
}

/// Who is asked: functions can answer in more forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A table or view.
    Table,
    /// A row by its key: an object unless another form is named.
    Row,
    /// A function.
    Function,
}

impl ReplyForm {
    /// The value of `Content-Type`.
    pub fn content_type(&self) -> &str {
        match self {
            Self::Array { strip_nulls: true, .. } => {
                "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8"
            }
            Self::Array { vendor: true, .. } => "application/vnd.pgrst.array+json; charset=utf-8",
            Self::Object { strip_nulls: true, .. } => {
                "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8"
            }
            Self::Object { vendor: true, .. } => "application/vnd.pgrst.object+json; charset=utf-8",
            Self::Array { .. } | Self::Object { .. } => "application/json; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Bare(BareMedia::OctetStream) => "application/octet-stream",
            Self::Bare(BareMedia::Plain) => "text/plain; charset=utf-8",
            Self::Bare(BareMedia::Xml) => "text/xml; charset=utf-8",
            Self::Plan(PlanForm { json: true, .. }) => "application/vnd.pgrst.plan+json; charset=utf-8",
            Self::Plan(_) => "application/vnd.pgrst.plan+text; charset=utf-8",
            Self::Made(content_type) => content_type,
        }
    }

    /// The form of what was chosen as a media type.
    pub fn of(media: &Media) -> Self {
        match media {
            Media::Any | Media::Json => Self::Array { strip_nulls: false, vendor: false },
            Media::Stripped => Self::Array { strip_nulls: true, vendor: true },
            Media::Object { strip_nulls } => Self::Object { strip_nulls: *strip_nulls, vendor: true },
            Media::Other(name)
                if !matches!(&**name, "text/plain" | "text/xml" | "application/openapi+json") =>
            {
                Self::Made(name.clone())
            }
            other => Self::Made(format!("{}; charset=utf-8", other.name()).into()),
        }
    }

    /// Whether exactly one row was asked for.
    pub fn is_singular(&self) -> bool {
        matches!(self, Self::Object { .. })
    }
}

/// One range of an `Accept` header.
struct Range<'a> {
    media: &'a str,
    parameters: &'a str,
    /// Thousandths.
    quality: u16,
}

/// Chooses the form of the reply: the first that can be produced, in order of preference.
/// Errors: [`Code::MediaTypeUnacceptable`].
pub fn negotiate(accept: Option<&str>, asked: Asked) -> Result<ReplyForm, Problem> {
    let Some(header) = accept.filter(|accept| !accept.trim().is_empty() && *accept != "*/*") else {
        return Ok(default_form(asked));
    };
    if header == "application/json" {
        return Ok(default_form(asked));
    }
    let mut ranges: Vec<_> =
        split_quoted(header, b',').map(range).filter(|range| range.quality > 0).collect();
    ranges.sort_by_key(|range| std::cmp::Reverse(range.quality));
    match ranges.iter().find_map(|range| form(range, asked)) {
        Some(form) => Ok(form),
        None => Err(unacceptable(header, asked)),
    }
}

/// What a caller takes, best first, as PostgREST reads it: a range of media types is known only as `*/*`.
pub(super) fn accepted(accept: Option<&str>) -> Vec<Media> {
    let header = accept.map(str::trim).filter(|header| !header.is_empty()).unwrap_or("*/*");
    let mut ranges: Vec<_> = split_quoted(header, b',').map(range).collect();
    ranges.sort_by_key(|range| std::cmp::Reverse(range.quality));
    ranges.iter().map(media).collect()
}

fn media(range: &Range<'_>) -> Media {
    let strip_nulls = parameter(range.parameters, "nulls").is_some_and(|value| value == "stripped");
    let name = range.media.to_ascii_lowercase();
    match name.as_str() {
        "application/vnd.pgrst.object+json" | "application/vnd.pgrst.object" => Media::Object { strip_nulls },
        "application/vnd.pgrst.array+json" | "application/vnd.pgrst.array" if strip_nulls => Media::Stripped,
        "application/vnd.pgrst.array+json" | "application/vnd.pgrst.array" => Media::Json,
        "application/vnd.pgrst.plan" | "application/vnd.pgrst.plan+text" => account(range, false),
        "application/vnd.pgrst.plan+json" => account(range, true),
        name => Media::named(name),
    }
}

fn account(asked: &Range<'_>, json: bool) -> Media {
    let of = parameter(asked.parameters, "for").map_or(Media::Json, |of| {
        let (name, parameters) = of.split_once(';').unwrap_or((of, ""));
        match range(name).media {
            // An account of an account is none.
            name if name.starts_with("application/vnd.pgrst.plan") => Media::named(name),
            name => media(&Range { media: name, parameters, quality: 0 }),
        }
    });
    let options = parameter(asked.parameters, "options").unwrap_or_default();
    let details = Detail::ALL
        .into_iter()
        .filter(|detail| options.split('|').any(|option| option.trim().eq_ignore_ascii_case(detail.name())));
    Media::Plan(Box::new(Account { of, json, details: details.collect() }))
}

fn default_form(asked: Asked) -> ReplyForm {
    match asked {
        Asked::Row => ReplyForm::Object { strip_nulls: false, vendor: false },
        Asked::Table | Asked::Function => ReplyForm::Array { strip_nulls: false, vendor: false },
    }
}

fn form(range: &Range<'_>, asked: Asked) -> Option<ReplyForm> {
    let strip_nulls = parameter(range.parameters, "nulls").is_some_and(|value| value == "stripped");
    let plan = |json| {
        let options = parameter(range.parameters, "options").unwrap_or_default();
        ReplyForm::Plan(PlanForm {
            json,
            media: parameter(range.parameters, "for").map(Into::into),
            options: options
                .split('|')
                .map(str::trim)
                .filter(|option| !option.is_empty())
                .map(Into::into)
                .collect(),
        })
    };
    let bare = |media| (asked == Asked::Function).then_some(ReplyForm::Bare(media));
    match range.media.to_ascii_lowercase().as_str() {
        "*/*" | "application/*" | "application/json" => Some(default_form(asked)),
        "application/vnd.pgrst.array+json" | "application/vnd.pgrst.array" => {
            Some(ReplyForm::Array { strip_nulls, vendor: true })
        }
        "application/vnd.pgrst.object+json" | "application/vnd.pgrst.object" => {
            Some(ReplyForm::Object { strip_nulls, vendor: true })
        }
        "text/csv" | "text/*" => Some(ReplyForm::Csv),
        "application/vnd.pgrst.plan" | "application/vnd.pgrst.plan+text" => Some(plan(false)),
        "application/vnd.pgrst.plan+json" => Some(plan(true)),
        "application/octet-stream" => bare(BareMedia::OctetStream),
        "text/plain" => bare(BareMedia::Plain),
        "text/xml" => bare(BareMedia::Xml),
        _ => None,
    }
}

fn range(text: &str) -> Range<'_> {
    let text = text.trim();
    let (media, parameters) = text.split_once(';').unwrap_or((text, ""));
    let quality = parameter(parameters, "q").map_or(1_000, |q| match q.parse::<f32>() {
        // Not a number and out of range both count as not acceptable.
        Ok(quality) if (0.0..=1.0).contains(&quality) => (quality * 1_000.0) as u16,
        _ => 0,
    });
    Range { media: media.trim(), parameters, quality }
}

/// The value of a parameter such as `q=0.5` or `for="text/csv"`.
pub(crate) fn parameter<'a>(parameters: &'a str, wanted: &str) -> Option<&'a str> {
    split_quoted(parameters, b';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().trim_matches('"'))
    })
}

/// Splits at a byte that stands outside double quotes.
fn split_quoted(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut quoted = false;
        let end = text.bytes().position(|byte| {
            quoted ^= byte == b'"';
            byte == separator && !quoted
        });
        rest = end.map(|end| &text[end + 1..]);
        Some(&text[..end.unwrap_or(text.len())])
    })
}

#[cold]
fn unacceptable(header: &str, asked: Asked) -> Problem {
    let possible = match asked {
        Asked::Function => {
            "application/json, application/vnd.pgrst.object+json, application/vnd.pgrst.array+json, text/csv, application/vnd.pgrst.plan, and for a scalar application/octet-stream, text/plain, text/xml"
        }
        _ => {
            "application/json, application/vnd.pgrst.object+json, application/vnd.pgrst.array+json, text/csv, application/vnd.pgrst.plan"
        }
    };
    let header = super::scanner::clip(header);
    let problem = Problem::new(
        Code::MediaTypeUnacceptable,
        format!("None of these media types are available: {header}"),
    )
    .with_hint(format!("Available: {possible}"));
    match header.contains("geo+json") {
        true => problem.with_details("GeoJSON needs geometry types, which this server does not have"),
        false => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(header: &str) -> Vec<String> {
        accepted(Some(header)).iter().map(|media| media.name().into_owned()).collect()
    }

    #[test]
    fn what_is_taken_stands_in_order() {
        assert_eq!(names("image/png;q=0.2, TEXT/csv, */*;q=0.5"), ["text/csv", "*/*", "image/png"]);
        assert_eq!(names(""), ["*/*"]);
        assert_eq!(names("application/vnd.pgrst.array+json"), ["application/json"]);
        assert_eq!(
            names("application/vnd.pgrst.object;nulls=stripped"),
            ["application/vnd.pgrst.object+json;nulls=stripped"]
        );
    }

    #[test]
    fn accounts_are_of_a_form_and_tell_what_is_asked_for() {
        assert_eq!(
            names("application/vnd.pgrst.plan; options=wal|analyze"),
            ["application/vnd.pgrst.plan+text; for=\"application/json\"; options=analyze|wal"]
        );
        assert_eq!(
            names("application/vnd.pgrst.plan+json; for=\"application/vnd.pgrst.array;nulls=stripped\""),
            [concat!(
                "application/vnd.pgrst.plan+json; ",
                "for=\"application/vnd.pgrst.array+json;nulls=stripped\""
            )]
        );
        assert_eq!(
            names("application/vnd.pgrst.plan; for=\"application/vnd.pgrst.plan\""),
            ["application/vnd.pgrst.plan+text; for=\"application/vnd.pgrst.plan\""]
        );
    }

    #[test]
    fn only_known_texts_have_a_charset() {
        let content_type = |name: &str| ReplyForm::of(&Media::named(name)).content_type().to_owned();
        assert_eq!(content_type("text/csv"), "text/csv; charset=utf-8");
        assert_eq!(content_type("text/xml"), "text/xml; charset=utf-8");
        assert_eq!(content_type("text/html"), "text/html");
        assert_eq!(content_type("application/octet-stream"), "application/octet-stream");
    }
}
