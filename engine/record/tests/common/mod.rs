//! Golden files: named records in hexadecimal, compared byte for byte. With `ONHAND_GOLDEN=write` in the
//! environment they are made again, on purpose; `docs/FORMATS.md` says when that is allowed.
#![allow(dead_code, unused_macros, unused_imports, reason = "each test program uses some of it")]
#![allow(unreachable_pub, missing_docs, reason = "each test program uses some of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

pub mod lapsed;

use onhand_record::grant::{ExposurePutV1, FeedPassedV1, GrantAcknowledgedV1, GrantSetV1, GrantsFreedV1};
use onhand_record::hold::{HoldExtendedV1, HoldPlacedV1, HoldsEndedV1};
use onhand_record::kit::{decode_cancelled, decode_shipped};
use onhand_record::order::{BacklogFilledV1, RepeatAnsweredV1, decode_accepted_all, decode_refused};
use onhand_record::routing::RoutingProfilePutV1;
use onhand_record::rules::{decode_channel, decode_location, decode_sku};
use onhand_record::stock::StockMovedV1;
use onhand_record::{DecodeError, Header, Kind, VERSION, admin, decode};
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

/// Bytes of a line of a golden file.
const LINE_BYTES: usize = 32;

/// Records of one kind: each is encoded as it stands in the file, and the file reads back as each.
macro_rules! records {
    ($kind:expr, $type:ty, [$($case:literal => $value:expr),+ $(,)?]) => {
        let mut book = $crate::common::Book::open($crate::common::file_of($kind));
        $({
            let value: $type = $value;
            let mut bytes = Vec::new();
            $crate::common::header($kind).encode_into(&mut bytes);
            onhand_record::encode_into(&value, &mut bytes).unwrap();
            let stored = book.page($case, &bytes);
            let (read, body) = onhand_record::Header::decode(&stored).unwrap();
            assert_eq!(read, $crate::common::header($kind));
            assert_eq!(onhand_record::decode::<$type>(body).unwrap(), value, "{}", $case);
        })+
        book.close();
    };
}
pub(crate) use records;

/// One file of golden records.
pub struct Book {
    name: &'static str,
    stored: Vec<(String, Vec<u8>)>,
    made: Vec<(String, Vec<u8>)>,
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn is_writing() -> bool {
    std::env::var_os("ONHAND_GOLDEN").is_some_and(|value| value == "write")
}

fn parse(text: &str) -> Vec<(String, Vec<u8>)> {
    let mut pages: Vec<(String, Vec<u8>)> = Vec::new();
    for line in text.lines() {
        match line.strip_prefix("= ") {
            Some(case) => pages.push((case.to_owned(), Vec::new())),
            None => {
                let pairs = line.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
                let bytes = pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap());
                pages.last_mut().unwrap().1.extend(bytes);
            }
        }
    }
    pages
}

fn format(pages: &[(String, Vec<u8>)]) -> String {
    let mut text = String::new();
    for (case, bytes) in pages {
        writeln!(text, "= {case}").unwrap();
        for line in bytes.chunks(LINE_BYTES) {
            line.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
            text.push('\n');
        }
    }
    text
}

impl Book {
    pub fn open(name: &'static str) -> Self {
        let path = directory().join(format!("{name}.hex"));
        let stored = match fs::read_to_string(&path) {
            Ok(text) => parse(&text),
            Err(_) if is_writing() => Vec::new(),
            Err(error) => panic!("{}: {error}", path.display()),
        };
        Self { name, stored, made: Vec::new() }
    }

    /// Compares a record with the stored one and returns that; when writing, the record itself.
    pub fn page(&mut self, case: &str, bytes: &[u8]) -> Vec<u8> {
        self.made.push((case.to_owned(), bytes.to_vec()));
        if is_writing() {
            return bytes.to_vec();
        }
        let found = self.stored.iter().find(|(stored, _)| stored == case);
        let (_, stored) = found.unwrap_or_else(|| panic!("{}.hex has no {case:?}", self.name));
        assert_eq!(bytes, stored, "{}.hex, {case}: a released record is encoded in another way", self.name);
        stored.clone()
    }

    /// Nothing is in the file that was not asked for.
    pub fn close(self) {
        if is_writing() {
            fs::write(directory().join(format!("{}.hex", self.name)), format(&self.made)).unwrap();
        } else {
            assert!(self.stored == self.made, "{}.hex has other pages, or in another order", self.name);
        }
    }
}

/// Every golden record of every kind.
pub fn golden_records() -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for kind in onhand_record::header::KINDS {
        let name = file_of(kind);
        for (case, bytes) in parse(&fs::read_to_string(directory().join(format!("{name}.hex"))).unwrap()) {
            all.push((format!("{name}.hex, {case}"), bytes));
        }
    }
    all
}

/// The golden file of a kind.
pub fn file_of(kind: Kind) -> &'static str {
    match kind {
        Kind::LogOpened => "log_opened",
        Kind::LogClosed => "log_closed",
        Kind::MerchantCreated => "merchant_created",
        Kind::KeyCreated => "key_created",
        Kind::KeyRevoked => "key_revoked",
        Kind::LocationPut => "location_put",
        Kind::ChannelPut => "channel_put",
        Kind::SkuPut => "sku_put",
        Kind::RoutingProfilePut => "routing_profile_put",
        Kind::StockMoved => "stock_moved",
        Kind::OrderAccepted => "order_accepted",
        Kind::OrderRefused => "order_refused",
        Kind::OrderCancelled => "order_cancelled",
        Kind::OrderShipped => "order_shipped",
        Kind::BacklogFilled => "backlog_filled",
        Kind::CommandRefused => "command_refused",
        Kind::RepeatAnswered => "repeat_answered",
        Kind::HoldPlaced => "hold_placed",
        Kind::HoldExtended => "hold_extended",
        Kind::HoldsEnded => "holds_ended",
        Kind::ExposurePut => "exposure_put",
        Kind::GrantSet => "grant_set",
        Kind::GrantAcknowledged => "grant_acknowledged",
        Kind::FeedPassed => "feed_passed",
        Kind::GrantsFreed => "grants_freed",
    }
}

/// Reads a record of any kind.
pub fn read_any(record: &[u8]) -> Result<Kind, DecodeError> {
    let (header, body) = Header::decode(record)?;
    read_body(header.kind, header.version, body)?;
    Ok(header.kind)
}

/// Reads a body of a kind.
pub fn read_body(kind: Kind, version: u8, body: &[u8]) -> Result<(), DecodeError> {
    match kind {
        Kind::LogOpened => decode::<admin::LogOpenedV1>(body).map(drop),
        Kind::LogClosed => decode::<admin::LogClosedV1>(body).map(drop),
        Kind::MerchantCreated => decode::<admin::MerchantCreatedV1<'_>>(body).map(drop),
        Kind::KeyCreated => decode::<admin::KeyCreatedV1>(body).map(drop),
        Kind::KeyRevoked => decode::<admin::KeyRevokedV1>(body).map(drop),
        Kind::LocationPut => decode_location(version, body).map(drop),
        Kind::ChannelPut => decode_channel(version, body).map(drop),
        Kind::SkuPut => decode_sku(version, body).map(drop),
        Kind::RoutingProfilePut => decode::<RoutingProfilePutV1<'_>>(body).map(drop),
        Kind::StockMoved => decode::<StockMovedV1<'_>>(body).map(drop),
        Kind::OrderAccepted => decode_accepted_all(version, body).map(drop),
        Kind::OrderRefused => decode_refused(version, body).map(drop),
        Kind::OrderCancelled => decode_cancelled(version, body).map(drop),
        Kind::OrderShipped => decode_shipped(version, body).map(drop),
        Kind::BacklogFilled => decode::<BacklogFilledV1>(body).map(drop),
        Kind::CommandRefused => decode::<admin::CommandRefusedV1<'_>>(body).map(drop),
        Kind::RepeatAnswered => decode::<RepeatAnsweredV1>(body).map(drop),
        Kind::HoldPlaced => decode::<HoldPlacedV1<'_>>(body).map(drop),
        Kind::HoldExtended => decode::<HoldExtendedV1>(body).map(drop),
        Kind::HoldsEnded => decode::<HoldsEndedV1>(body).map(drop),
        Kind::ExposurePut => decode::<ExposurePutV1>(body).map(drop),
        Kind::GrantSet => decode::<GrantSetV1>(body).map(drop),
        Kind::GrantAcknowledged => decode::<GrantAcknowledgedV1>(body).map(drop),
        Kind::FeedPassed => decode::<FeedPassedV1>(body).map(drop),
        Kind::GrantsFreed => decode::<GrantsFreedV1>(body).map(drop),
    }
}

/// A header with everything in it.
pub fn header(kind: Kind) -> Header {
    Header {
        kind,
        version: VERSION,
        merchant: 0x0102_0304,
        at: 1_795_478_400_123,
        actor: 7,
        request: *b"request-16-bytes",
        idempotency: Some([0xA1; 16]),
        fingerprint: Some([0xF1; 16]),
    }
}
