//! A merchant with one SKU, whose stock says in the end how many orders had their effect.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::Api;
use crate::client::Link;
use crate::error::{LoadError, excerpt};
use crate::faults::server::open_merchant;
use crate::plan::Target;
use crate::runtime::runtime;

/// Units at the start: more than can be ordered, one each, within an hour.
const STOCK: u64 = 1_000_000_000;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// See the module.
pub(crate) struct Merchant {
    pub(crate) name: &'static str,
    pub(crate) key: String,
}

impl Merchant {
    /// Creates a merchant on a running server, by the administrator's commands.
    pub(crate) fn open(
        binary: &Path,
        data: &Path,
        address: SocketAddr,
        name: &'static str,
    ) -> Result<Self, LoadError> {
        let key = open_merchant(binary, data, name, "orders:write,stock:write,read")?;
        let merchant = Self { name, key };
        runtime()?.block_on(merchant.furnish(address))?;
        Ok(merchant)
    }

    async fn furnish(&self, address: SocketAddr) -> Result<(), LoadError> {
        let mut api = self.api(address);
        for (path, body) in [
            ("/v1/locations/main", json!({ "kind": "warehouse", "country": "DE" })),
            ("/v1/channels/web", json!({ "kind": "api", "locations": ["main"] })),
            ("/v1/skus/MUG", json!({})),
        ] {
            api.put(path, &body).await?.expect(&[200, 201], || format!("PUT {path}"))?;
        }
        let body =
            json!({ "type": "receive", "sku": "MUG", "location": "main", "quantity": STOCK }).to_string();
        let request = format!(
            "POST /v1/stock/movements HTTP/1.1\r\nHost: onhand\r\nAuthorization: Bearer {}\r\n\
             Idempotency-Key: stock\r\nContent-Length: {}\r\n\r\n{body}",
            self.key,
            body.len()
        );
        let mut text = Vec::new();
        let sink = &mut |_, bytes: &[u8]| text.extend_from_slice(bytes);
        let answer = Link::new(address).exchange(request.as_bytes(), PATIENCE, sink).await;
        match answer {
            Ok(head) if head.status == 201 => Ok(()),
            Ok(head) => Err(LoadError::Answer {
                doing: "receiving stock".to_owned(),
                status: head.status,
                body: excerpt(&text),
            }),
            Err(source) => Err(LoadError::Connection { doing: "receiving stock".to_owned(), source }),
        }
    }

    fn api(&self, address: SocketAddr) -> Api {
        Api::new(&Target { host: address.to_string(), address, key: self.key.clone() }, PATIENCE)
    }

    /// Whether the stock is what so many accepted orders leave: what was accepted is there, and nothing that was refused.
    pub(crate) fn audit(&self, address: SocketAddr, accepted: u64) -> Result<Option<String>, LoadError> {
        let reply = runtime()?.block_on(async {
            let reply = self.api(address).get("/v1/stock/MUG").await?;
            reply.expect(&[200], || "reading the stock".to_owned())
        })?;
        let read: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let claimed = read["locations"].as_array().into_iter().flatten();
        let claimed: u64 = claimed.filter_map(|level| level["committed"].as_u64()).sum();
        let fault = || {
            format!(
                "{}: {accepted} orders were accepted, and {claimed} units are committed: {read}",
                self.name
            )
        };
        Ok((claimed != accepted).then(fault))
    }
}
