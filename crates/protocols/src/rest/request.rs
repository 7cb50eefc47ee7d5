//! One request, from its parts to a [`DataRequest`] and what the reply needs.

use http::Method;
use transom_query::catalog::Callable;
use transom_query::request::{
    Action, Condition, Cursor, DataRequest, Expect, Filter, Literal, Media, Operator, Resource, Returning,
    Shape, Slot, Test, Values,
};
use transom_types::{Code, Precondition, Problem};

use super::{
    accept::{Asked, ReplyForm, accepted, negotiate},
    action::action,
    body::Body,
    build::Build,
    call::{Call, Whole, call},
    conditions::{conditions, idempotency_key},
    cursor::{decode_cursor, fingerprint},
    prefer::{Allowed, Honoured, Preferences, Return, preferences},
    query_string::{Arguments, Query, query},
    range::{Window, window},
    target::{Target, target},
};

/// The parts of an HTTP request that this protocol reads.
#[derive(Clone, Debug, Default)]
pub struct Head<'a> {
    /// The method.
    pub method: Method,
    /// What follows `/rest/v1`, still percent-encoded, with or without its leading slash.
    pub path: &'a str,
    /// What follows `?`, as it arrived.
    pub query: &'a str,
    /// The headers.
    pub headers: Headers<'a>,
    /// Whether a request is read just as PostgREST reads it, where this protocol is stricter or says more.
    pub compatible: bool,
    /// What of the preferences can be honoured.
    pub allowed: Allowed<'a>,
}

/// The headers that this protocol reads.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "each is named after the header it holds")]
pub struct Headers<'a> {
    pub accept: Option<&'a str>,
    pub content_type: Option<&'a str>,
    /// Every `Prefer` header.
    pub prefer: Vec<&'a str>,
    pub range: Option<&'a str>,
    pub range_unit: Option<&'a str>,
    pub if_match: Option<&'a str>,
    pub if_none_match: Option<&'a str>,
    pub idempotency_key: Option<&'a str>,
    pub accept_profile: Option<&'a str>,
    pub content_profile: Option<&'a str>,
}

/// The parameter names of all functions of a name, or `None` when there is none. Asked for `rpc/NAME` only, to tell arguments
/// from filters (without an answer, what begins with an operator is a filter) and bodies with named arguments from others.
pub type FunctionParameters<'a> = &'a dyn Fn(&str) -> Option<Callable>;

/// One request, parsed.
#[derive(Clone, Debug, PartialEq)]
pub struct RestRequest {
    /// What is asked of the data.
    pub request: DataRequest,
    /// The form of the reply.
    pub reply: ReplyForm,
    /// `HEAD`: the reply has no body.
    pub head_only: bool,
    /// What the caller would like.
    pub preferences: Preferences,
    /// `If-Match` and `If-None-Match`.
    pub conditions: Precondition,
    /// `Idempotency-Key`, of writes.
    pub idempotency_key: Option<Box<str>>,
    /// Which rows of the whole, for `Content-Range`.
    pub window: Window,
    /// With `cursor=`: what the next page's token is bound to.
    pub fingerprint: Option<u64>,
    /// The schema that is meant, where it is said.
    pub schema: Option<Box<str>>,
    /// Whether the reply says all that PostgREST says, as PostgREST says it.
    pub compatible: bool,
}

/// Reads one request to a table, row or function. `body` matters to POST, PATCH and PUT only.
/// Errors: the `PGRST1xx` codes for what cannot be read, [`Code::TooManyParts`] for what is over a limit.
pub fn parse(
    head: &Head<'_>,
    body: Option<&[u8]>,
    functions: FunctionParameters<'_>,
) -> Result<RestRequest, Problem> {
    let body = Body::Bytes(head.headers.content_type, body.unwrap_or_default());
    parse_part(head, body, functions, None)
}

/// `operation` is the place in a batch, if the request is part of one.
pub(super) fn parse_part(
    head: &Head<'_>,
    body: Body<'_>,
    functions: FunctionParameters<'_>,
    operation: Option<u16>,
) -> Result<RestRequest, Problem> {
    let target = target(head.path)?;
    let headers = &head.headers;
    let method = method(&head.method, &target)?;
    let mut preferences = match headers.prefer.is_empty() {
        true => Preferences::default(),
        false => preferences(&headers.prefer, &head.allowed)?,
    };
    let (reply, accepts) = form(head, &target)?;
    let mut build = Build::new(operation, head.compatible);
    let mut query = read_query(head, &target, method, functions, &mut build)?;
    let reads = method == Verb::Get;
    // PostgREST reads it of GET alone.
    let range = headers.range.filter(|_| if head.compatible { head.method == Method::GET } else { reads });
    let window = window(query.offset, query.limit, range, headers.range_unit)?;
    query.select.limit = rows_slot(window.limit, &mut build)?;
    query.select.offset = rows_slot((window.offset > 0).then_some(window.offset), &mut build)?;
    refuse_misplaced(method, (&target, head.compatible), &query)?;

    let (payload, action) = match target {
        Target::Function(ref name) => {
            call(&mut query, Call { read_only: reads, body, operation, whole: whole(head, name, functions) })?
        }
        _ => action(method, &mut query, body, &preferences, (operation, head.compatible))?,
    };
    let resource = resource(target, &mut build)?;
    let expect = expect(&resource, &action, &reply, (&preferences, head.compatible))?;
    let mut shape = Shape {
        returning: returning(&action, &preferences),
        // A write knows how many rows it affects.
        count: preferences.count.filter(|_| matches!(action, Action::Read | Action::Call { .. })),
        resource,
        action,
        select: query.select,
        expect,
        accepts,
    };
    let fingerprint = read_cursor(query.cursor.as_deref(), &mut shape, &mut build)?;
    preferences.apply(&honoured(&shape, head.compatible));
    let conditions = conditions(headers.if_match, headers.if_none_match);
    let demands = conditions.within.is_some() || conditions.without.is_some();
    let (conditions, precondition) = match demands && !reads {
        true => (Precondition::default(), Some(conditions)),
        false => (conditions, None),
    };
    Ok(RestRequest {
        request: DataRequest { shape, values: Values { literals: build.literals, payload, precondition } },
        reply,
        head_only: head.method == Method::HEAD,
        preferences,
        conditions,
        idempotency_key: idempotency_key(headers.idempotency_key.filter(|_| !reads))?,
        window,
        fingerprint,
        compatible: head.compatible,
        schema: schema(head).map(Into::into),
    })
}

/// The form of the reply. Where the schema has forms of its own, what can be made is known only when it was looked at.
fn form(head: &Head<'_>, target: &Target) -> Result<(ReplyForm, Vec<Media>), Problem> {
    let accept = head.headers.accept;
    if head.compatible {
        return Ok((ReplyForm::of(&Media::Json), accepted(accept)));
    }
    let asked = match target {
        Target::Row(..) => Asked::Row,
        Target::Function(_) => Asked::Function,
        _ => Asked::Table,
    };
    Ok((negotiate(accept, asked)?, Vec::new()))
}

fn honoured(shape: &Shape, compatible: bool) -> Honoured {
    let insert = matches!(shape.action, Action::Insert(_));
    Honoured {
        insert,
        write: !matches!(shape.action, Action::Read | Action::Call { .. }),
        missing: insert || compatible && matches!(shape.action, Action::Update { .. }),
        max_affected: matches!(shape.expect, Expect::AtMost(_)),
        compatible,
    }
}

/// The schema that a request names: by `Accept-Profile` where it reads, by `Content-Profile` where it writes or calls.
pub fn schema<'a>(head: &Head<'a>) -> Option<&'a str> {
    let header = match head.method {
        Method::GET | Method::HEAD => head.headers.accept_profile,
        _ => head.headers.content_profile,
    };
    header.map(str::trim).filter(|schema| !schema.is_empty())
}

/// A method that fits its target.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Post,
    Patch,
    Put,
    Delete,
}

fn method(method: &Method, target: &Target) -> Result<Verb, Problem> {
    let verb = match *method {
        Method::GET | Method::HEAD => Some(Verb::Get),
        Method::POST => Some(Verb::Post),
        Method::PATCH => Some(Verb::Patch),
        Method::PUT => Some(Verb::Put),
        Method::DELETE => Some(Verb::Delete),
        _ => None,
    };
    let possible = target.methods();
    let fits = match (verb, target) {
        (None, _) | (_, Target::Batch | Target::Root) => false,
        (Some(Verb::Post), Target::Row(..)) => false,
        (Some(verb), Target::Function(_)) => matches!(verb, Verb::Get | Verb::Post),
        _ => true,
    };
    match (verb, target) {
        (Some(verb), _) if fits => Ok(verb),
        (Some(Verb::Post), Target::Batch) | (Some(Verb::Get), Target::Root) => Err(no_data(target)),
        (_, Target::Function(_)) => {
            Err(Problem::new(Code::FunctionMethod, format!("Cannot use the {method} method on RPC"))
                .with_hint("Call functions with GET, HEAD or POST")
                .with_header("allow", possible))
        }
        _ => Err(Problem::new(Code::MethodUnsupported, format!("Unsupported HTTP method: {method}"))
            .with_hint(format!("Possible here: {possible}"))
            .with_header("allow", possible)),
    }
}

/// The root and the batch have readers of their own.
#[cold]
fn no_data(target: &Target) -> Problem {
    let what = if *target == Target::Batch { "a batch cannot stand here" } else { "the root holds no rows" };
    Problem::new(Code::PathInvalid, what).with_hint("Paths of data are TABLE, TABLE/KEY and rpc/FUNCTION")
}

fn read_query(
    head: &Head<'_>,
    target: &Target,
    method: Verb,
    functions: FunctionParameters<'_>,
    build: &mut Build,
) -> Result<Query, Problem> {
    let Target::Function(name) = target else { return query(head.query, Arguments::None, build) };
    if method != Verb::Get {
        return query(head.query, Arguments::None, build);
    }
    if head.compatible {
        return query(head.query, Arguments::ByValue, build);
    }
    match functions(name) {
        Some(Callable { of_engine: true, .. }) => query(head.query, Arguments::ByValue, build),
        Some(Callable { parameters, .. }) => query(head.query, Arguments::Known(&parameters), build),
        None => query(head.query, Arguments::Guessed, build),
    }
}

/// What a call does with a body as a whole. Where a parameter has no name, it is the whole body.
fn whole(head: &Head<'_>, name: &str, functions: FunctionParameters<'_>) -> Whole {
    let posted = head.method == Method::POST;
    let known = if posted || !head.compatible { functions(name) } else { None };
    let unnamed =
        |called: &Callable| called.of_engine && called.parameters.iter().any(|name| name.is_empty());
    match &known {
        Some(called) if posted && unnamed(called) => Whole::Kept,
        Some(called) if called.of_engine => Whole::Dropped,
        _ if head.compatible => Whole::Dropped,
        _ => Whole::Refused,
    }
}

fn rows_slot(rows: Option<u64>, build: &mut Build) -> Result<Option<Slot>, Problem> {
    rows.map(|rows| build.literal(Literal::Integer(i64::try_from(rows).unwrap_or(i64::MAX)))).transpose()
}

/// Parameters that mean nothing for this method are refused and not dropped in silence.
fn refuse_misplaced(
    method: Verb,
    (target, compatible): (&Target, bool),
    query: &Query,
) -> Result<(), Problem> {
    let misplaced = |what: &str, why: &str| {
        Err(Problem::new(Code::QuerySyntax, format!("{what} cannot be given here"))
            .with_details(why.to_owned()))
    };
    let function = matches!(target, Target::Function(_));
    let select = &query.select;
    let ignores = compatible && method != Verb::Put;
    if ignores {
        return Ok(());
    }
    if method == Verb::Post && !function && (select.filter.is_some() || select.having.is_some()) {
        return misplaced("a filter", "POST inserts the rows of the body; no rows are chosen");
    }
    if query.cursor.is_some() && (method != Verb::Get || matches!(target, Target::Row(..))) {
        return misplaced("cursor", "only a read of many rows has pages");
    }
    if query.on_conflict.is_some() && !compatible && (method != Verb::Post || function) {
        return misplaced("on_conflict", "only an insert (POST) can conflict");
    }
    if method == Verb::Put && (query.limit.is_some() || query.offset.is_some()) {
        return Err(Problem::new(
            Code::PutRange,
            "limit/offset querystring parameters are not allowed for PUT",
        ));
    }
    if method == Verb::Put
        && matches!(target, Target::Table(_))
        && !select.filter.as_ref().is_some_and(fixes_columns)
    {
        return Err(Problem::new(
            Code::PutFilter,
            "Filters must include all and only primary key columns with 'eq' operators",
        )
        .with_hint("Write PUT /table?id=eq.1, or PUT /table/1"));
    }
    Ok(())
}

/// Whether a filter is nothing but `column=eq.value`, once or more.
fn fixes_columns(filter: &Filter) -> bool {
    match filter {
        Filter::And(parts) => {
            parts.iter().all(|part| matches!(part, Filter::Condition(_)) && fixes_columns(part))
        }
        Filter::Condition(Condition { path: Some(path), aggregate: None, test }) => {
            path.json.is_empty() && matches!(test, Test::Compare(Operator::Eq, None, _))
        }
        _ => false,
    }
}

fn resource(target: Target, build: &mut Build) -> Result<Resource, Problem> {
    Ok(match target {
        Target::Table(name) => Resource::Table(name),
        Target::Function(name) => Resource::Function(name),
        Target::Row(name, key) => {
            Resource::Row(name, key.iter().map(|value| build.text(value)).collect::<Result<_, _>>()?)
        }
        Target::Root | Target::Batch => {
            return Err(Problem::new(Code::PathInvalid, "there is no data at this path"));
        }
    })
}

fn returning(action: &Action, preferences: &Preferences) -> Returning {
    match (action, preferences.returning) {
        (Action::Read | Action::Call { .. }, _) | (_, Some(Return::Representation)) => Returning::Rows,
        (Action::Insert(_), Some(Return::HeadersOnly)) => Returning::Key,
        _ => Returning::Minimal,
    }
}

fn expect(
    resource: &Resource,
    action: &Action,
    reply: &ReplyForm,
    (preferences, compatible): (&Preferences, bool),
) -> Result<Expect, Problem> {
    let changes =
        matches!(action, Action::Update { .. } | Action::Delete | Action::Call { read_only: false, .. });
    let max_affected = match (preferences.max_affected.filter(|_| changes), preferences.strict) {
        (Some(rows), Some(true)) => Some(rows),
        // Asked not to be strict, the bound is not kept; a bound that is not known to be kept is no bound.
        (None, _) | (_, Some(false)) => None,
        (Some(_), None) if compatible => None,
        (Some(_), None) => {
            return Err(Problem::new(
                Code::MaxAffectedPreference,
                "max-affected is kept only with handling=strict",
            )
            .with_hint("Send Prefer: handling=strict, max-affected=N"));
        }
    };
    if matches!(reply, ReplyForm::Bare(_)) {
        return Ok(Expect::Scalar);
    }
    let one = reply.is_singular() || matches!(resource, Resource::Row(..));
    Ok(match (one, max_affected) {
        (true, Some(0)) => Expect::AtMost(0),
        (true, _) if matches!(action, Action::Put { .. }) => Expect::Any,
        (true, _) => Expect::One,
        (false, Some(rows)) => Expect::AtMost(rows),
        (false, None) => Expect::Any,
    })
}

/// Reads `cursor=`: nothing or `start` for the first page, else a token of this very request.
fn read_cursor(token: Option<&str>, shape: &mut Shape, build: &mut Build) -> Result<Option<u64>, Problem> {
    let Some(token) = token else { return Ok(None) };
    if shape.select.offset.is_some() {
        return Err(Problem::new(Code::QuerySyntax, "cursor and offset exclude each other")
            .with_hint("A cursor says itself where the page begins"));
    }
    let fingerprint = fingerprint(shape);
    let after = match token {
        "" | "start" => None,
        token => {
            let values = decode_cursor(token, fingerprint)?;
            super::build::within(values.len() as u32, CURSOR_VALUES_MAX, "values in the cursor")?;
            Some(
                values
                    .into_iter()
                    .map(|value| build.literal(Literal::Text(value)))
                    .collect::<Result<_, _>>()?,
            )
        }
    };
    shape.select.cursor = Some(Cursor { after });
    Ok(Some(fingerprint))
}

/// Most order terms that a cursor can hold.
const CURSOR_VALUES_MAX: u32 = 256;
