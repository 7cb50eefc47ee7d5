//! Answers of the data room as HTTP replies: status, headers, conditions.

use http::{HeaderName, HeaderValue, StatusCode, header, request::Parts};
use transom_data::DataReply;
use transom_protocols::rest::{self, Preferences, ReplyForm, ReplyKind, RestRequest, Return, Window};
use transom_query::{
    catalog::Returns,
    request::{Action, DataRequest, Insert, Resolution, Resource},
};
use transom_types::{Code, Digest, Precondition, Problem};

use crate::{
    app::App,
    reply::{self, Reply, etag::Etag, forms},
};

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// What a reply needs to know of its request.
#[derive(Debug)]
pub struct Asked {
    form: ReplyForm,
    preferences: Preferences,
    conditions: Precondition,
    window: Window,
    fingerprint: Option<u64>,
    compatible: bool,
}

impl Asked {
    /// Parts a request into what the reply needs and what the data room does.
    pub fn of(parsed: RestRequest) -> (Self, DataRequest) {
        let RestRequest { request, reply, preferences, conditions, window, fingerprint, compatible, .. } =
            parsed;
        (Self { form: reply, preferences, conditions, window, fingerprint, compatible }, request)
    }
}

impl Asked {
    /// Takes back what could not be done, and takes note of the form that was chosen.
    pub fn note(&mut self, answer: &DataReply) {
        if let Some(media) = &answer.media {
            self.form = ReplyForm::of(media);
        }
        if self.compatible && !answer.resolved {
            self.preferences.without_resolution();
        }
    }
}

/// The reply to a read. `row`: of one row by its key.
pub async fn read(
    app: &App,
    head: &Parts,
    asked: &Asked,
    row: bool,
    answer: DataReply,
) -> Result<Reply, Problem> {
    let cursor = answer.cursor.clone();
    let rows = answer.rows;
    let mut reply = read_part(app, asked, row, answer).await?;
    if let (Some(fingerprint), Some(cursor)) = (asked.fingerprint, cursor)
        && page_is_full(app, asked, rows)
    {
        let token = rest::encode_cursor(fingerprint, &cursor);
        let path = head.uri.path();
        let path = path.strip_prefix(rest::BASE).unwrap_or(path);
        let link = rest::next_link(path, head.uri.query().unwrap_or_default(), &token);
        reply::set(&mut reply, header::LINK, &link);
    }
    conditional(asked, reply)
}

/// A short page is the last one; one that the deployment's own limit has cut short is not.
fn page_is_full(app: &App, asked: &Asked, rows: u64) -> bool {
    let bounds = [asked.window.limit, app.settings.rows_max.map(u64::from)];
    rows > 0 && bounds.into_iter().flatten().min().is_none_or(|bound| rows >= bound)
}

/// The reply to a read without what only an HTTP request of its own can have.
pub async fn read_part(_app: &App, asked: &Asked, row: bool, answer: DataReply) -> Result<Reply, Problem> {
    let (kind, range) = asked.window.read(answer.rows, answer.total)?;
    let mut reply = shaped(asked, status_of(kind), answer).await?;
    if !row {
        reply::set(&mut reply, header::CONTENT_RANGE, &range);
    }
    Ok(reply)
}

/// Tags a complete reply, and leaves out what the caller has (RFC 9110, section 13.2.2).
fn conditional(asked: &Asked, mut reply: Reply) -> Result<Reply, Problem> {
    if reply.status() != StatusCode::OK {
        return Ok(reply);
    }
    let digest = match reply.body() {
        reply::ReplyBody::Full(body) => Digest::of(body),
        reply::ReplyBody::Stored(reading) => reading.stored().digest(),
        _ => Digest::of(b""),
    };
    let etag = Etag::of(digest);
    let Precondition { within, without } = &asked.conditions;
    if within.as_ref().is_some_and(|states| !states.has(Some(digest))) {
        return Err(Problem::new(Code::PreconditionFailed, "The resource has changed")
            .with_header("etag", etag.as_str()));
    }
    if without.as_ref().is_some_and(|states| states.has(Some(digest))) {
        return Ok(reply::not_modified(reply, etag.header()));
    }
    reply.headers_mut().insert(header::ETAG, etag.header());
    Ok(reply)
}

/// The reply to a function's call.
pub async fn called(_head: &Parts, asked: &Asked, answer: DataReply) -> Result<Reply, Problem> {
    let replayed = answer.replayed;
    let mut reply = match answer.returns {
        Some(Returns::Nothing) => {
            let mut reply = reply::no_content();
            say_preferences(&mut reply, asked);
            reply
        }
        _ => {
            let (kind, range) = asked.window.read(answer.rows, answer.total)?;
            let mut reply = shaped(asked, status_of(kind), answer).await?;
            reply::set(&mut reply, header::CONTENT_RANGE, &range);
            reply
        }
    };
    say_replayed(&mut reply, replayed);
    Ok(reply)
}

/// The reply to a write.
pub async fn written(
    asked: &Asked,
    resource: &Resource,
    action: &Action,
    answer: DataReply,
) -> Result<Reply, Problem> {
    let returned = asked.preferences.returning == Some(Return::Representation);
    let counted = asked.preferences.count.is_some();
    let (kind, range) = rest::write_reply(action, answer.rows, answer.inserted, returned, counted);
    // Of a row that is new. An upsert that changed one says where it is only when asked for headers.
    let kind = match action {
        // Nothing came to be where nothing was given: said only by PostgREST.
        Action::Insert(insert) if asked.compatible && answer.inserted == 0 && merges(insert) => ReplyKind::Ok,
        _ => kind,
    };
    let location = location(asked, resource, &answer).filter(|_| kind == ReplyKind::Created || !returned);
    let replayed = answer.replayed;
    let mut reply = match returned {
        true => shaped(asked, status_of(kind), answer).await?,
        false => {
            let mut reply = reply::empty(status_of(kind));
            say_preferences(&mut reply, asked);
            reply
        }
    };
    reply::set(&mut reply, header::CONTENT_RANGE, &range);
    if let Some(location) = location {
        reply::set(&mut reply, header::LOCATION, &location);
    }
    say_replayed(&mut reply, replayed);
    Ok(reply)
}

async fn shaped(asked: &Asked, status: StatusCode, answer: DataReply) -> Result<Reply, Problem> {
    let body = forms::body(&asked.form, answer.returns, answer.rows, answer.json).await?;
    let mut reply = reply::with_contents(status, content_type(&asked.form)?, body);
    say_preferences(&mut reply, asked);
    reply::varies(&mut reply);
    Ok(reply)
}

/// Errors: [`Code::Internal`] for a name that is none; those of media types are.
fn content_type(form: &ReplyForm) -> Result<HeaderValue, Problem> {
    HeaderValue::from_str(form.content_type()).map_err(|error| {
        Problem::new(Code::Internal, "a media type that no header can have").caused_by(error)
    })
}

/// The account of how a request would run, in place of its reply.
pub fn account(asked: &Asked, answer: DataReply) -> Result<Reply, Problem> {
    Ok(reply::with_contents(StatusCode::OK, content_type(&asked.form)?, answer.json.into()))
}

fn merges(insert: &Insert) -> bool {
    insert.conflict.as_ref().is_some_and(|conflict| conflict.resolution == Resolution::Merge)
}

fn location(asked: &Asked, resource: &Resource, answer: &DataReply) -> Option<String> {
    let (Resource::Table(table) | Resource::Row(table, _)) = resource else { return None };
    let base = if asked.compatible { "" } else { rest::BASE };
    rest::location(base, table, answer.key.as_ref()?)
}

fn say_preferences(reply: &mut Reply, asked: &Asked) {
    if let Some(applied) = asked.preferences.applied() {
        reply::set(reply, PREFERENCE_APPLIED, &applied);
    }
}

/// Says of a batch what of its preferences was done.
pub fn say_of_batch(reply: &mut Reply, preferences: &Preferences) {
    let zone = preferences.timezone.as_ref().map(|zone| format!("timezone={zone}"));
    let transaction = preferences.transaction.map(|ended| rest::transaction_name(ended).to_owned());
    let applied: Vec<String> = zone.into_iter().chain(transaction).collect();
    if !applied.is_empty() {
        reply::set(reply, PREFERENCE_APPLIED, &applied.join(", "));
    }
}

/// Says that this is the reply of an earlier request with the same key.
pub fn say_replayed(reply: &mut Reply, replayed: bool) {
    if replayed {
        reply.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
}

fn status_of(kind: ReplyKind) -> StatusCode {
    match kind {
        ReplyKind::Ok => StatusCode::OK,
        ReplyKind::Created => StatusCode::CREATED,
        ReplyKind::Partial => StatusCode::PARTIAL_CONTENT,
        ReplyKind::NoContent => StatusCode::NO_CONTENT,
    }
}
