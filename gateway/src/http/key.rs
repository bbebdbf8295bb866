//! The `Idempotency-Key` of a request, and the keys of the lines of a bulk body.

use crate::http::problem::{FieldError, Problem};
use actix_web::HttpRequest;

/// The longest key: four times the UUIDs that most senders use, and what other services take.
pub(super) const KEY_BYTES_MAX: usize = 255;

/// What stands before a key that is made of the request's key and a line's number. No key of a caller's can
/// begin so: they are printable.
const LINE_TAG: char = '\0';

/// Whether a text can be a key: 1 to 255 printable bytes.
fn is_key(key: &str) -> bool {
    (1..=KEY_BYTES_MAX).contains(&key.len()) && key.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

fn wrong_form() -> String {
    format!("must have 1 to {KEY_BYTES_MAX} printable bytes (ASCII)")
}

/// The key of a request, quoted or not. The header twice with one value is a proxy's doing; with two it is
/// unclear which request this is.
pub(super) fn of_header(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let invalid = |detail: String| Problem::new(400, "idempotency_key_invalid", detail);
    let mut found: Option<String> = None;
    for value in request.headers().get_all("idempotency-key") {
        let text = value.to_str().unwrap_or_default();
        let key = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
        if !is_key(key) {
            return Err(invalid(format!("the header Idempotency-Key {}", wrong_form())));
        }
        if found.as_deref().is_some_and(|other| other != key) {
            return Err(invalid("there are two headers Idempotency-Key with two values".into()));
        }
        found = Some(key.to_owned());
    }
    Ok(found)
}

/// The member `idempotency_key` of a line of a bulk body.
pub(super) fn of_member(key: Option<&String>) -> Result<Option<String>, Problem> {
    match key {
        Some(key) if !is_key(key) => Err(at_member("idempotency_key_invalid", wrong_form())),
        key => Ok(key.cloned()),
    }
}

/// Refuses the member outside a bulk body: there the header says it, and two keys could say two things.
pub(super) fn no_member(key: Option<&String>) -> Result<(), Problem> {
    let detail = "stands only in the lines of a bulk body; send the header Idempotency-Key";
    key.map_or(Ok(()), |_| Err(at_member("unknown_field", detail.into())))
}

fn at_member(code: &'static str, detail: String) -> Problem {
    Problem::invalid(vec![FieldError { pointer: "/idempotency_key".into(), code, detail }])
}

/// The key of a line that has none of its own: the request's, and the line's number.
pub(super) fn of_line(key: &str, number: u64) -> String {
    format!("{LINE_TAG}{number}:{key}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_printable_and_no_line_of_a_body_has_a_callers_key() {
        assert!(is_key("k") && is_key(&"k".repeat(255)) && is_key("a b"));
        for key in ["", &"k".repeat(256), "é", "a\nb", "\u{7f}"] {
            assert!(!is_key(key), "{key:?}");
        }
        assert!(!is_key(&of_line("k", 3)));
        assert_ne!(of_line("k", 11), of_line("1:k", 1));
    }
}
