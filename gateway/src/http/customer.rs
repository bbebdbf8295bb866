//! The personal data of an order: who it is for. Sealed before it reaches the log, shown by `GET` alone,
//! erased with its key. Answers to other requests never carry it: they must be the same again after it is
//! erased.

use super::orders::{Accepted, order_in_path};
use super::{Desk, respond};
use crate::body::Check;
use crate::http::problem::Problem;
use crate::render::Rendered;
use actix_web::web::{Bytes, Path};
use actix_web::{HttpRequest, HttpResponse};
use onhand_engine::ask::{Ask, OrderAsk};
use onhand_engine::customer::{CustomerError, Sealed};
use onhand_engine::record::codec::decode_first;
use onhand_engine::record::encode_into;
use onhand_engine::record::order::{OrderAskedV1, SealedV1};
use onhand_engine::registry::Scopes;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::time::Duration;

/// The longest member, in bytes: longer than any name or address line in use.
pub(super) const MEMBER_BYTES_MAX: usize = 256;

/// How often, and how many times, to ask again for a key when many were taken at once: in all some two
/// seconds, a hundred times what making a batch takes.
const KEY_PAUSE: Duration = Duration::from_millis(1);
const KEY_ATTEMPTS: usize = 2_000;

/// The member `customer` of an order. Nothing else about a person is accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Customer<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    company: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    email: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    phone: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    address1: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    address2: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    city: Option<Cow<'a, str>>,
}

impl Customer<'_> {
    /// Checks every member and writes the data in the form that is sealed.
    pub(super) fn checked(&self, check: &mut Check) -> Vec<u8> {
        let Self { name, company, email, phone, address1, address2, city } = self;
        let members = [
            ("/customer/name", name),
            ("/customer/company", company),
            ("/customer/email", email),
            ("/customer/phone", phone),
            ("/customer/address1", address1),
            ("/customer/address2", address2),
            ("/customer/city", city),
        ];
        for (pointer, text) in members {
            if let Some(text) = text {
                check.text(pointer, text, MEMBER_BYTES_MAX);
            }
        }
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// Puts the sealed data into what is asked. Its fingerprint was taken before: sealed twice it differs.
pub(super) async fn seal(desk: &Desk, ask: &mut Ask, customer: Option<Vec<u8>>) -> Result<(), Problem> {
    let (Some(customer), Ask::PlaceOrder(order)) = (customer, ask) else { return Ok(()) };
    let sealed = sealed(desk, &customer).await?;
    let mut bytes = Vec::with_capacity(order.asked.len() + sealed.ciphertext.len() + 16);
    put(order, &sealed, &mut bytes).ok_or_else(Problem::internal)?;
    order.asked = bytes;
    Ok(())
}

fn put(order: &OrderAsk, sealed: &Sealed, out: &mut Vec<u8>) -> Option<()> {
    let (mut asked, _) = decode_first::<OrderAskedV1<'_>>(&order.asked).ok()?;
    asked.customer = Some(SealedV1 { key: sealed.key, ciphertext: &sealed.ciphertext });
    encode_into(&asked, out).ok()
}

async fn sealed(desk: &Desk, customer: &[u8]) -> Result<Sealed, Problem> {
    let handle = desk.intake.handle();
    for _ in 0..KEY_ATTEMPTS {
        match handle.customers().seal(desk.caller.directory.merchant, customer) {
            Ok(sealed) => return Ok(sealed),
            Err(CustomerError::NotReady) => tokio::time::sleep(KEY_PAUSE).await,
            Err(CustomerError::Io(_) | CustomerError::Damaged(_)) => break,
        }
    }
    Err(Problem::not_ready())
}

/// The data of an order, if it had some: `None` once it is erased.
pub(super) fn opened(
    desk: &Desk,
    asked: &OrderAskedV1<'_>,
) -> Result<Option<Box<serde_json::value::RawValue>>, Problem> {
    let Some(sealed) = &asked.customer else { return Ok(None) };
    let merchant = desk.caller.directory.merchant;
    let text = desk.intake.handle().customers().unseal(merchant, sealed.key, sealed.ciphertext);
    let text = text.map_err(|error| {
        tracing::error!(%error, "personal data cannot be read");
        Problem::internal()
    })?;
    let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
    Ok(text.and_then(|text| serde_json::value::RawValue::from_string(text).ok()))
}

pub(super) async fn erase(request: HttpRequest, path: Path<String>) -> HttpResponse {
    respond(&request, erase_one(&request, &path))
}

/// Erases the data; that there was none, or none any more, is as good.
fn erase_one(request: &HttpRequest, id: &str) -> Result<Rendered, Problem> {
    let desk = Desk::open(request, Scopes::ORDERS_WRITE)?;
    desk.require_key()?;
    let order = order_in_path(id)?;
    let handle = desk.intake.handle();
    let accepted = Accepted::read(handle, desk.caller.directory.merchant, order)?;
    if let Some(sealed) = accepted.decode()?.asked.customer {
        handle.customers().erase(sealed.key).map_err(|error| {
            tracing::error!(%error, "personal data cannot be erased");
            Problem::internal()
        })?;
    }
    Ok(Rendered { status: 204, body: Bytes::new().to_vec(), is_repeat: false })
}
