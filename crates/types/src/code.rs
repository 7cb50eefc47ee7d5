//! The closed list of failures a caller can meet. A code is never reused; `docs/reference/errors.md` is generated from this table.

use crate::Retry;

macro_rules! codes {
    ($($name:ident = $code:literal, $status:literal, $title:literal;)*) => {
        /// A stable failure code: what it is called on the wire, its HTTP status and its title.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $title] $name,)* }

        impl Code {
            /// Every code, in the order of the reference page.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The HTTP status of the reply.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// A short title, the same for every occurrence (RFC 9457, section 3.1.4).
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

// `PGRST…` codes and SQLSTATEs keep the meaning that PostgREST and PostgreSQL document; `TR…` are ours.
codes! {
    QuerySyntax = "PGRST100", 400, "The query string could not be parsed";
    FunctionMethod = "PGRST101", 405, "A function is called with GET, HEAD or POST";
    BodyInvalid = "PGRST102", 400, "The request body is not valid";
    RangeInvalid = "PGRST103", 416, "The requested range cannot be satisfied";
    PutFilter = "PGRST105", 405, "PUT needs exactly the primary key columns as `eq` filters";
    SchemaUnknown = "PGRST106", 406, "The schema is not exposed";
    MediaTypeUnacceptable = "PGRST107", 406, "None of the accepted media types can be produced";
    NotEmbedded = "PGRST108", 400, "A filter or order names a resource that is not embedded in select";
    HeadersInvalid = "PGRST111", 500, "The headers that the database asks for cannot be read";
    StatusInvalid = "PGRST112", 500, "The status that the database asks for cannot be read";
    PutRange = "PGRST114", 400, "PUT takes no limit or offset";
    PutKeyMismatch = "PGRST115", 400, "The key in the body differs from the key in the URL";
    SingularExpected = "PGRST116", 406, "Exactly one row was asked for";
    MethodUnsupported = "PGRST117", 405, "The method is not supported here";
    RelatedOrder = "PGRST118", 400, "Ordering by a related column needs a to-one relationship";
    EmbedFilter = "PGRST120", 400, "An embedded resource can only be filtered with is.null or not.is.null";
    PreferInvalid = "PGRST122", 400, "A preference given with handling=strict is not valid";
    AggregatesDisabled = "PGRST123", 400, "Aggregate functions are not allowed here";
    RaisedInvalid = "PGRST121", 500, "What the database raised cannot be read";
    MaxAffectedExceeded = "PGRST124", 400, "More rows would be affected than max-affected allows";
    PathInvalid = "PGRST125", 404, "There is nothing at this path";
    RootDisabled = "PGRST126", 404, "The API does not describe itself";
    MaxAffectedPreference = "PGRST128", 400, "max-affected needs handling=strict";
    RelationshipMissing = "PGRST200", 400, "No relationship was found between the two resources";
    RelationshipAmbiguous = "PGRST201", 300, "More than one relationship was found";
    FunctionMissing = "PGRST202", 404, "No such function";
    FunctionAmbiguous = "PGRST203", 300, "More than one function takes these arguments";
    ColumnMissing = "PGRST204", 400, "The body names a column that does not exist";
    TableMissing = "PGRST205", 404, "No such table or view";
    TokenSecretMissing = "PGRST300", 500, "No key to verify tokens is configured";
    TokenInvalid = "PGRST301", 401, "The token cannot be accepted";
    AnonymousDisabled = "PGRST302", 401, "A token is required";
    TokenClaims = "PGRST303", 401, "A claim of the token cannot be accepted";

    ColumnUndefined = "42703", 400, "No such column";
    FunctionUndefined = "42883", 400, "The operator or function does not apply to this type";
    ValueInvalid = "22P02", 400, "A value is not of its column's type";
    NumberOutOfRange = "22003", 400, "A number is out of range";
    DivisionByZero = "22012", 400, "Division by zero";
    RegexInvalid = "2201B", 400, "A regular expression is not valid";
    GroupingInvalid = "42803", 400, "Columns and aggregates are mixed where they cannot be";
    NotNull = "23502", 400, "A required column has no value";
    ForeignKey = "23503", 409, "A foreign key has no match, or a referenced row is still in use";
    Unique = "23505", 409, "The value exists already";
    Check = "23514", 400, "A check constraint refuses the row";
    RaisedByDatabase = "P0001", 400, "The database refused the change";
    Privilege = "42501", 403, "Not allowed";
    GeneratedColumn = "428C9", 400, "A generated column takes no value";
    ConflictTarget = "42P10", 400, "on_conflict names columns without a unique constraint";
    ReadOnly = "25006", 405, "This operation cannot write";

    Unsupported = "TR001", 400, "This database engine cannot do that";
    TooManyParts = "TR002", 400, "The request has too many or too deeply nested parts";
    BodyTooLarge = "TR003", 413, "The request body is too large";
    UriTooLong = "TR004", 414, "The request target is too long";
    HeadersTooLarge = "TR005", 431, "The request headers are too large";
    RequestMalformed = "TR006", 400, "The HTTP request is ambiguous or malformed";
    RequestTimeout = "TR007", 408, "The request did not arrive in time";
    MediaTypeUnsupported = "TR008", 415, "The body's media type is not supported";
    CursorInvalid = "TR009", 400, "The cursor does not fit this request";
    PreconditionFailed = "TR010", 412, "The resource has changed";
    PreconditionRequired = "TR011", 428, "This request needs a precondition";
    IdempotencyMismatch = "TR012", 422, "The idempotency key was used for a different request";
    IdempotencyInvalid = "TR013", 400, "The idempotency key is not valid";
    BatchInvalid = "TR014", 400, "The batch is not valid";
    ResourceKeyInvalid = "TR015", 400, "The resource key does not fit the table's key";
    ResourceMissing = "TR016", 404, "No such row, or none that you may see";
    ChangesNotTracked = "TR017", 404, "Changes of this table are not tracked";
    ChangesExpired = "TR018", 410, "The change log no longer reaches back to this position";
    ResultTooLarge = "TR019", 400, "The result is larger than this server returns at once";

    Overloaded = "TR101", 503, "The server is at its limit";
    Deadline = "TR102", 504, "The statement was stopped at its deadline";
    DatabaseUnavailable = "TR103", 503, "The database cannot be reached";
    DiskFull = "TR104", 507, "The disk is full: writes are refused, reads go on";
    WriteUnknown = "TR105", 500, "It is not known whether the write was applied";
    Internal = "TR106", 500, "An error inside the server";
    ShuttingDown = "TR107", 503, "The server is stopping";
    DatabaseDamaged = "TR108", 500, "The database file is damaged";
    KeysUnavailable = "TR109", 503, "The keys to verify tokens cannot be fetched";

    ConfigInvalid = "TR201", 500, "The configuration is not valid";
    PolicyInvalid = "TR202", 500, "A policy or grant is not valid";
    MigrationRefused = "TR203", 500, "A migration cannot be applied";
    QueryFileInvalid = "TR204", 500, "A named query is not valid";
}

impl Code {
    /// Finds a code by its name on the wire.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }

    /// Whether a retry can help, unless the occurrence knows better.
    pub fn retry(self) -> Retry {
        match self {
            Self::Overloaded | Self::DatabaseUnavailable | Self::ShuttingDown | Self::KeysUnavailable => {
                Retry::After { seconds: 1 }
            }
            Self::DiskFull => Retry::After { seconds: 30 },
            Self::WriteUnknown => Retry::Unknown,
            _ => Retry::Never,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn codes_are_unique_and_parse_back() {
        for (at, code) in Code::ALL.iter().enumerate() {
            assert_eq!(Code::parse(code.as_str()), Some(*code));
            assert!(Code::ALL[at + 1..].iter().all(|other| other.as_str() != code.as_str()), "{code:?}");
            assert!((300..600).contains(&code.status()));
        }
    }
}
