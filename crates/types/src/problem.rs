//! A failure with two messages: one for the caller, one for the log.

use std::{borrow::Cow, error::Error, fmt};

use crate::Code;

/// Whether trying the same request again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The request itself is at fault.
    Never,
    /// Nothing was applied; the same request may succeed later, after about this many seconds.
    After {
        /// Seconds to wait, sent as `Retry-After`.
        seconds: u32,
    },
    /// It is not known whether the write was applied: look before trying again.
    Unknown,
}

/// Why a request was refused. Cheap to pass: one pointer.
pub struct Problem(Box<Inner>);

struct Inner {
    code: Code,
    /// The engine's own code and its status, where the caller is told just what the engine said.
    engine: Option<(Box<str>, u16)>,
    message: String,
    details: Option<String>,
    listed: Vec<serde_json::Value>,
    hint: Option<String>,
    headers: Vec<(Cow<'static, str>, String)>,
    /// What the status is called in its line, where not by its own name.
    reason: Option<Box<str>>,
    private: Option<Box<dyn Error + Send + Sync>>,
    retry: Retry,
}

impl Problem {
    /// A problem with the caller's message. Nothing secret or internal belongs in it.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let retry = code.retry();
        Self(Box::new(Inner {
            code,
            engine: None,
            message: message.into(),
            details: None,
            listed: Vec::new(),
            hint: None,
            headers: Vec::new(),
            reason: None,
            private: None,
            retry,
        }))
    }

    /// What exactly was wrong: the offending part, as the caller wrote it.
    #[must_use]
    pub fn with_details(mut self, details: impl Into<String>) -> Self {
        self.0.details = Some(details.into());
        self
    }

    /// The same as a list of documents, for those who can read one.
    #[must_use]
    pub fn with_listed_details(mut self, listed: Vec<serde_json::Value>) -> Self {
        let texts: Vec<String> = listed.iter().map(ToString::to_string).collect();
        self.0.details = Some(texts.join("; "));
        self.0.listed = listed;
        self
    }

    /// What would be right.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Suggests the nearest of `candidates`, when one is near to `name`.
    #[must_use]
    pub fn suggesting<'a>(self, name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Self {
        match crate::nearest::nearest(name, candidates) {
            Some(near) => self.with_hint(format!("Perhaps you meant '{near}'")),
            None => self,
        }
    }

    /// A header the reply must carry, such as `WWW-Authenticate`; `name` in lower case.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        self.0.headers.push((name.into(), value.into()));
        self
    }

    /// The cause, for the log only.
    #[must_use]
    pub fn caused_by(mut self, private: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.private = Some(private.into());
        self
    }

    /// Overrides the code's own advice on trying again.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// What the engine itself said, under its own code.
    pub fn of_engine(code: impl Into<Box<str>>, status: u16, message: impl Into<String>) -> Self {
        let mut problem = Self::new(Code::RaisedByDatabase, message);
        problem.0.engine = Some((code.into(), status));
        problem
    }

    /// The code on the wire.
    pub fn code_text(&self) -> &str {
        self.0.engine.as_ref().map_or(self.0.code.as_str(), |(code, _)| code)
    }

    /// The status of the reply.
    pub fn status(&self) -> u16 {
        self.0.engine.as_ref().map_or(self.0.code.status(), |(_, status)| *status)
    }

    /// Gives the reply another status than the code's own.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        let code = self.code_text().into();
        self.0.engine = Some((code, status));
        self
    }

    /// Gives the status another name than its own.
    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<Box<str>>) -> Self {
        self.0.reason = Some(reason.into());
        self
    }

    /// What the status is called, where not by its own name.
    pub fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The caller's message.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The offending part.
    pub fn details(&self) -> Option<&str> {
        self.0.details.as_deref()
    }

    /// The offending parts, where there are several that have parts themselves.
    pub fn listed_details(&self) -> &[serde_json::Value] {
        &self.0.listed
    }

    /// What would be right: this problem's own hint, else the code's.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Headers the reply must carry.
    pub fn headers(&self) -> &[(Cow<'static, str>, String)] {
        &self.0.headers
    }

    /// The cause, for the log only.
    pub fn private(&self) -> Option<&(dyn Error + Send + Sync)> {
        self.0.private.as_deref()
    }

    /// Whether trying again can help.
    pub fn retryable(&self) -> Retry {
        self.0.retry
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code_text(), self.0.message)?;
        for part in [&self.0.details, &self.0.hint].into_iter().flatten() {
            write!(f, " ({part})")?;
        }
        match &self.0.private {
            Some(private) => write!(f, " [{private}]"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code_text(), self.0.message)
    }
}

impl Error for Problem {}
