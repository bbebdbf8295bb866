//! Who asks, and may they. A key belongs to one merchant; everything a request names is looked up among that
//! merchant's names, so another merchant's things do not exist for it.

use crate::http::problem::Problem;
use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use onhand_engine::Handle;
use onhand_engine::directory::Directory;
use onhand_engine::registry::Scopes;
use std::cell::Cell;
use std::sync::Arc;

/// The one who asks.
#[derive(Clone)]
pub struct Caller {
    /// The key's number.
    pub key: u32,
    /// The merchant's names.
    pub directory: Arc<Directory>,
    /// What [`Directory::names`] was before anything of the request was read.
    pub names: Cell<u32>,
}

impl Caller {
    /// Notes what names mean now, before the next part of a request is read.
    pub fn look_again(&self) {
        self.names.set(self.directory.names());
    }
}

/// Finds the caller of a request and checks the scope it needs.
///
/// # Errors
/// 401 for a missing, wrong or revoked key, 403 for a key without the scope.
pub fn caller(request: &HttpRequest, handle: &Handle, needed: Scopes) -> Result<Caller, Problem> {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    // The name of the scheme is read in any case (RFC 9110, section 11.1).
    let secret = header.and_then(|value| value.split_once(' '));
    let secret = secret.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let secret = secret.map(|(_, secret)| secret.trim());
    let Some(secret) = secret else {
        return Err(Problem::new(401, "key_missing", "send the header Authorization: Bearer KEY"));
    };
    let key = handle.registry().key(blake3::hash(secret.as_bytes()).as_bytes());
    let key = key.filter(|key| !key.is_revoked);
    let directory = key.and_then(|key| handle.directory(key.merchant));
    let (Some(key), Some(directory)) = (key, directory) else {
        return Err(Problem::new(401, "key_wrong", "the key is not known or was revoked"));
    };
    if !key.scopes.allow(needed) {
        let names = onhand_engine::registry::SCOPES;
        let missing = names.iter().find(|(_, bit)| *bit == needed.0).map_or("", |(name, _)| name);
        return Err(Problem::new(403, "scope_missing", format!("the key lacks the scope {missing}")));
    }
    let names = Cell::new(directory.names());
    Ok(Caller { key: key.number, directory, names })
}
