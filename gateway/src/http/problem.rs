//! Errors as RFC 9457 problems, with a stable code. `docs/OPERATIONS.md` has a paragraph for each code.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use onhand_engine::directory::Directory;
use onhand_engine::domain::{Rejection, SkuNumber};
use onhand_engine::refusal::{Refusal, refusal_of};
use onhand_engine::snapshots::chunks::ChunkError;
use onhand_engine::snapshots::log::{PlaceError, ReadError};
use onhand_engine::{Busy, SearchError};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// Seconds after which a refused request may be tried again: a queue drains in milliseconds, so the smallest
/// number the header can say.
const RETRY_AFTER_SECONDS: u32 = 1;

/// Characters of the caller's own text that an answer repeats: enough to recognise it, and no more, since it may
/// be as long as a body.
const ECHO_CHARS_MAX: usize = 64;

/// The caller's own text as an answer repeats it.
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(ECHO_CHARS_MAX) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// One place in a body that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FieldError {
    /// JSON pointer to the place.
    pub pointer: String,
    /// Stable code.
    pub code: &'static str,
    /// A sentence.
    pub detail: String,
}

/// A problem to be answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// Stable code.
    pub code: String,
    /// A sentence for people.
    pub detail: String,
    /// The places in the body, if the body is to blame.
    pub errors: Vec<FieldError>,
    /// Further members.
    pub members: Map<String, Value>,
    /// Whether trying again later is right.
    pub retry_after: bool,
}

impl Problem {
    /// A problem with nothing but a code and a sentence.
    pub fn new(status: u16, code: &str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            detail: detail.into(),
            errors: Vec::new(),
            members: Map::new(),
            retry_after: false,
        }
    }

    /// A body that is wrong in these places; the first gives the code.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let (code, detail) = errors.first().map_or(("invalid_body", String::new()), |first| {
            let more = errors.len() - 1;
            let rest = if more > 0 { format!(" (and {more} more)") } else { String::new() };
            let place = if first.pointer.is_empty() { "the body" } else { &first.pointer };
            (first.code, format!("{place} {}{rest}", first.detail))
        });
        Self { errors, ..Self::new(422, code, detail) }
    }

    /// The same of a body that stands within another one, at this pointer.
    #[must_use]
    pub fn under(mut self, pointer: &str) -> Self {
        if self.errors.is_empty() {
            return self;
        }
        for error in &mut self.errors {
            error.pointer.insert_str(0, pointer);
        }
        Self::invalid(self.errors)
    }

    /// A member with a number or text.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// A refusal knows a SKU by its number; whoever asked knows it by its code.
    #[must_use]
    pub fn naming(mut self, directory: &Directory) -> Self {
        if let Some(Value::Number(number)) = self.members.get("sku") {
            let number = number.as_u64().and_then(|number| u32::try_from(number).ok());
            let code = number.map(|number| directory.with_sku_code(SkuNumber(number), str::to_owned));
            self.members.insert("sku".to_owned(), code.into());
        }
        self
    }

    /// Not found; the same for what does not exist and for what is another merchant's.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(404, &format!("{what}_not_found"), format!("there is no such {what}"))
    }

    /// A record that was to be read: not there, which is the caller's affair, or not readable, which is ours.
    #[must_use]
    pub fn unread(error: &ReadError, what: &str) -> Self {
        match error {
            ReadError::NotThere(_) => Self::not_found(what),
            ReadError::Place(_) => Self::unread_record(error),
        }
    }

    /// A record that must be there was to be read.
    #[must_use]
    pub fn unread_record(error: &ReadError) -> Self {
        tracing::error!(%error, "the log cannot be read");
        match error {
            ReadError::Place(PlaceError::Io(_)) => Self::storage_unavailable(),
            ReadError::Place(_) | ReadError::NotThere(_) => Self::internal(),
        }
    }

    /// The index was to be read.
    #[must_use]
    pub fn unread_index(error: &ChunkError) -> Self {
        if error.is_damage() {
            tracing::error!(%error, "the index is damaged; stop, move the directory index away and start again");
            return Self::internal();
        }
        tracing::error!(%error, "the index cannot be read now");
        Self::storage_unavailable()
    }

    /// The disk, or the system, does not let us read now: that says nothing about what is there.
    #[must_use]
    pub fn storage_unavailable() -> Self {
        let detail = "what the answer needs cannot be read now; nothing was done, try again";
        Self { retry_after: true, ..Self::new(503, "storage_unavailable", detail) }
    }

    /// The engine replays its log or stops, or builds the merchant's state again.
    #[must_use]
    pub fn not_ready() -> Self {
        let detail = "the server is starting or stopping, or builds the merchant's state again; try again";
        Self { retry_after: true, ..Self::new(503, "not_ready", detail) }
    }

    /// The log's buffer is full, or a shard's mailbox.
    #[must_use]
    pub fn overloaded() -> Self {
        let detail = "more waits for the disk than may; nothing was done, try again";
        Self { retry_after: true, ..Self::new(503, "overloaded", detail) }
    }

    /// The log has no room left for the record.
    #[must_use]
    pub fn log_full() -> Self {
        let detail = "the disk is full, and the log has no room for the record; nothing was done, try again";
        Self { retry_after: true, ..Self::new(503, "storage_full", detail) }
    }

    /// The bulk bodies of a worker have as much under way as they may together.
    #[must_use]
    pub fn bulk_overloaded(max: usize) -> Self {
        let detail = format!("bulk bodies have {max} bytes under way; nothing was done, try again");
        Self { retry_after: true, ..Self::new(503, "bulk_overloaded", detail) }.with("max", max)
    }

    /// A name changed what it means between the reading of the request and its turn.
    #[must_use]
    pub fn renamed() -> Self {
        let detail =
            "the decimals of a sku changed while the request was read; nothing was done, send it again";
        Self { retry_after: true, ..Self::new(503, "names_changed", detail) }
    }

    /// A defect on our side; nothing was done.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(500, "internal_error", "the request could not be decided; nothing was done")
    }

    /// The body.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut body = Map::new();
        body.insert("type".into(), format!("urn:onhand:problem:{}", self.code).into());
        body.insert("title".into(), self.code.replace('_', " ").into());
        body.insert("status".into(), self.status.into());
        body.insert("code".into(), self.code.clone().into());
        body.insert("detail".into(), self.detail.clone().into());
        if !self.errors.is_empty() {
            body.insert("errors".into(), serde_json::to_value(&self.errors).unwrap_or_default());
        }
        body.extend(self.members.clone());
        Value::Object(body)
    }

    /// The response.
    #[must_use]
    pub fn to_response(&self, request_id: Option<&str>) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = HttpResponse::build(status);
        response.content_type("application/problem+json");
        if self.retry_after {
            response.insert_header(("Retry-After", RETRY_AFTER_SECONDS));
        }
        if self.status == 401 {
            response.insert_header(("WWW-Authenticate", "Bearer"));
        }
        let mut body = self.to_json();
        if let (Some(id), Some(members)) = (request_id, body.as_object_mut()) {
            response.insert_header(("Request-Id", id));
            members.insert("request_id".into(), id.into());
        }
        response.body(body.to_string())
    }
}

impl From<Busy> for Problem {
    fn from(busy: Busy) -> Self {
        match busy {
            Busy::Merchant { max } => {
                let detail =
                    format!("the merchant has {max} requests on their way; nothing was done, try again");
                Self { retry_after: true, ..Self::new(429, "merchant_overloaded", detail) }
            }
            Busy::Engine { max } => {
                let detail = format!("{max} requests are on their way; nothing was done, try again");
                Self { retry_after: true, ..Self::new(503, "overloaded", detail) }
            }
            Busy::Space { free, needed } => {
                let detail = format!(
                    "the disk has {free} bytes free and must have {needed} for this; nothing was done, try again"
                );
                let problem = Self { retry_after: true, ..Self::new(503, "storage_full", detail) };
                problem.with("free_bytes", free).with("needed_bytes", needed)
            }
        }
    }
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Index(error) => Self::unread_index(&error),
            SearchError::Log(error) => Self::unread_record(&error),
            SearchError::Record(error) => {
                tracing::error!(%error, "a record that the index names is not understood");
                Self::internal()
            }
        }
    }
}

impl Problem {
    /// A business "no", in the words of the merchant whose directory it is.
    #[must_use]
    pub fn refused(rejection: &Rejection, directory: &Directory) -> Self {
        let Refusal { status, code, detail, numbers, pointer } = refusal_of(rejection, directory);
        let mut problem = Self::new(status, code, detail.clone());
        for (name, number) in numbers {
            problem.members.insert(name.to_owned(), number.into());
        }
        if let Some(pointer) = pointer {
            problem.errors.push(FieldError { pointer, code, detail });
        }
        problem
    }
}
