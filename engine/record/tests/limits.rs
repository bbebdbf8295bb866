//! The largest records that may be, and bytes that are none: what fits is read back, what does not is refused,
//! and nothing makes a decoder panic or allocate what it is told to.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{golden_records, read_any, read_body};
use onhand_record::codec::decode_first;
use onhand_record::header::{KINDS, VERSION_ROUTED};
use onhand_record::kit::{KitPictureV1, PartPictureV1, decode_shipped, encode_after};
use onhand_record::order::{
    ClaimV1, LineAskedV1, LinePictureV1, OrderAcceptedV1, OrderAskedV1, OrderCancelledV1, OrderRefusedV1,
    OrderShippedV1, ReleasedV1, SealedV1, ShipToV1, ShortfallV1, SourceV1, customer_of,
    decode_accepted_whole, decode_refused_whole, encode_details,
};
use onhand_record::routing::{OrderDetailsV1, OrderSaidV1, RoutedV1};
use onhand_record::rules::PolicyV1;
use onhand_record::snapshot::{
    KeyRowV1, KitRowV1, MerchantRoutingV1, MerchantRowV1, MerchantRulesV1, MerchantStateV1, OrderRowV1,
    PartsRowV1, SkuRowV1, SkuTagsRowV1, SkuTermsRowV1, SnapshotV1, WithinRowV1,
};
use onhand_record::stock::{LevelV1, MovementV1, ShortedV1, StockMovedV1};
use onhand_record::{DecodeError, EncodeError, Header, Kind, RECORD_BYTES_MAX, decode, encode_into};
use proptest::prelude::*;

/// Lines of the longest order, as the domain and the API allow.
const LINES: u16 = 1_200;

/// Locations that each line of it is served from.
const LOCATIONS: u16 = 64;

/// Sixteen letters of four bytes: the longest code.
const LONGEST: &str = "𝔸𝔸𝔸𝔸𝔸𝔸𝔸𝔸𝔸𝔸𝔸𝔸𝔸𝔸𝔸𝔸";

fn largest_header(kind: Kind) -> Header {
    Header {
        kind,
        version: kind.version_max(),
        merchant: u32::MAX,
        at: u64::MAX,
        actor: u32::MAX,
        request: [0xFF; 16],
        idempotency: Some([0xFF; 16]),
        fingerprint: Some([0xFF; 16]),
    }
}

fn largest_asked<'a>(ids: &'a [String], ciphertext: &'a [u8]) -> OrderAskedV1<'a> {
    let line = |id: &'a String| LineAskedV1 {
        id,
        sku: u32::MAX,
        decimals: 3,
        quantity: u32::MAX,
        unit_price: Some(i64::MIN),
    };
    OrderAskedV1 {
        external_id: LONGEST,
        channel: u16::MAX,
        policy: Some(PolicyV1::Backorder),
        placed_at: Some(i64::MIN),
        currency: Some(*b"XXX"),
        ship_to: Some(ShipToV1 { country: "DE", region: Some(LONGEST), postal_code: Some(LONGEST) }),
        customer: Some(SealedV1 { key: u64::MAX, ciphertext }),
        lines: ids.iter().map(line).collect(),
    }
}

/// An id of 64 bytes for each line.
fn ids() -> Vec<String> {
    (0..LINES).map(|line| format!("{line:064}")).collect()
}

fn all_claims() -> impl Iterator<Item = (u16, u16)> {
    (0..LINES).flat_map(|line| (0..LOCATIONS).map(move |location| (line, u16::MAX - location)))
}

/// Twenty tags, an explanation of 300 bytes and a thousand locations are the most.
fn largest_details() -> OrderDetailsV1<'static> {
    let said = OrderSaidV1 {
        priority: Some(i32::MIN),
        tags: vec![LONGEST; 20],
        customer_tier: Some(LONGEST),
        is_b2b: Some(true),
        ship_method: Some(LONGEST),
        payment_risk: Some(u8::MAX),
    };
    let routed = Some(RoutedV1 {
        profile: u16::MAX,
        explanation: &[0xFF; 300],
        within: Some((0..1_000).map(|number| u16::MAX - number).collect()),
    });
    OrderDetailsV1 { hold: Some(u64::MAX), said, routed }
}

#[test]
fn the_largest_order_is_a_record() {
    let (ids, ciphertext) = (ids(), vec![0xC1; 16 << 10]);
    assert!(ids.iter().all(|id| id.len() == 64) && LONGEST.len() == 64);
    let asked = largest_asked(&ids, &ciphertext);
    let details = largest_details();
    let claim = |(demand, location)| ClaimV1 { demand, location, quantity: u32::MAX };
    let accepted = OrderAcceptedV1 { policy: PolicyV1::Backorder, claims: all_claims().map(claim).collect() };
    let mut record = Vec::new();
    let largest = Header { version: VERSION_ROUTED, ..largest_header(Kind::OrderAccepted) };
    largest.encode_into(&mut record);
    encode_into(&asked, &mut record).unwrap();
    encode_into(&accepted, &mut record).unwrap();
    encode_details(PolicyV1::Backorder, &details, &mut record).unwrap();
    assert!(record.len() > RECORD_BYTES_MAX * 3 / 4 && record.len() <= RECORD_BYTES_MAX);
    let (header, body) = Header::decode(&record).unwrap();
    assert_eq!(header, largest);
    let read = decode_accepted_whole(header.version, body).unwrap();
    assert_eq!(read, (asked.clone(), accepted, details.clone()));
    assert_eq!(customer_of(body).unwrap(), asked.customer);

    let shortfall = |line| ShortfallV1 { line, requested: u32::MAX, available: u32::MAX };
    let refused = OrderRefusedV1 { shortfalls: (0..LINES).map(shortfall).collect() };
    let mut record = Vec::new();
    largest_header(Kind::OrderRefused).encode_into(&mut record);
    encode_into(&asked, &mut record).unwrap();
    encode_into(&refused, &mut record).unwrap();
    encode_details(PolicyV1::Backorder, &details, &mut record).unwrap();
    let (header, body) = Header::decode(&record).unwrap();
    assert_eq!(customer_of(body).unwrap(), asked.customer);
    let read = decode_refused_whole(header.version, body).unwrap();
    assert_eq!(read, (asked, refused, details));
}

fn picture(locations: u16) -> Vec<LinePictureV1> {
    let line = LinePictureV1 {
        ordered: u32::MAX,
        cancelled: u32::MAX,
        shipped: u32::MAX,
        returned: u32::MAX,
        backordered: u32::MAX,
        short: u32::MAX,
        allocated: (0..locations).map(|location| (u16::MAX - location, u32::MAX)).collect(),
    };
    vec![line; usize::from(LINES)]
}

/// Parts of each line of the largest order with kits, and locations that each of them is served from: as many claims as such
/// an order may have.
const PARTS: u16 = 4;
const PART_LOCATIONS: u16 = 4;

#[test]
fn what_becomes_of_the_largest_order_with_kits_is_a_record() {
    let lines: Vec<(u16, u32)> = (0..LINES).map(|line| (line, u32::MAX)).collect();
    let shipped = OrderShippedV1 {
        order: u64::MAX,
        location: u16::MAX,
        lines,
        claims: (0..LINES * PARTS).map(|demand| (demand, u32::MAX)).collect(),
        tracking_number: Some(LONGEST),
        after: picture(PARTS * PART_LOCATIONS),
    };
    let part = PartPictureV1 {
        sku: u32::MAX,
        per_kit: u32::MAX,
        shipped: u32::MAX,
        backordered: u32::MAX,
        short: u32::MAX,
        allocated: (0..PART_LOCATIONS).map(|location| (u16::MAX - location, u32::MAX)).collect(),
    };
    let kit = |line| KitPictureV1 { line, parts: vec![part.clone(); usize::from(PARTS)] };
    let kits: Vec<KitPictureV1> = (0..LINES).map(kit).collect();
    let mut record = Vec::new();
    largest_header(Kind::OrderShipped).encode_into(&mut record);
    encode_into(&shipped, &mut record).unwrap();
    encode_after(&kits, &mut record).unwrap();
    let (header, body) = Header::decode(&record).unwrap();
    assert_eq!(decode_shipped(header.version, body).unwrap(), (shipped, kits));
}

#[test]
fn what_becomes_of_the_largest_order_is_a_record() {
    let lines: Vec<(u16, u32)> = (0..LINES).map(|line| (line, u32::MAX)).collect();
    let released = all_claims().map(|(demand, location)| ReleasedV1 {
        demand,
        source: SourceV1::Claimed(location),
        quantity: u32::MAX,
    });
    let cancelled = OrderCancelledV1 {
        order: u64::MAX,
        lines: lines.clone(),
        released: released.collect(),
        reason: Some(LONGEST),
        after: picture(0),
    };
    let mut record = Vec::new();
    largest_header(Kind::OrderCancelled).encode_into(&mut record);
    encode_into(&cancelled, &mut record).unwrap();
    let (_, body) = Header::decode(&record).unwrap();
    assert_eq!(decode::<OrderCancelledV1<'_>>(body).unwrap(), cancelled);

    let shipped = OrderShippedV1 {
        order: u64::MAX,
        location: u16::MAX,
        lines: lines.clone(),
        claims: lines,
        tracking_number: Some(LONGEST),
        after: picture(LOCATIONS),
    };
    let mut record = Vec::new();
    largest_header(Kind::OrderShipped).encode_into(&mut record);
    encode_into(&shipped, &mut record).unwrap();
    let (_, body) = Header::decode(&record).unwrap();
    assert_eq!(decode::<OrderShippedV1<'_>>(body).unwrap(), shipped);
}

fn with_shorts(count: u64) -> StockMovedV1<'static> {
    let short = |order| ShortedV1 { order: u64::MAX - order, demand: u16::MAX, quantity: u32::MAX };
    StockMovedV1 {
        movement: MovementV1::Set { expected: u32::MAX },
        sku: u32::MAX,
        location: u16::MAX,
        from: None,
        to: None,
        quantity: u32::MAX,
        decimals: 3,
        reason: LONGEST,
        reference: Some(LONGEST),
        shorts: (0..count).map(short).collect(),
        after: LevelV1 { sellable: 0, damaged: 0, quality_control: 0, committed: 0 },
    }
}

#[test]
fn a_record_that_is_too_long_is_refused_and_leaves_nothing() {
    // A loss that takes this many claims is still one record.
    let moved = with_shorts(61_000);
    let mut record = b"what was there".to_vec();
    encode_into(&moved, &mut record).unwrap();
    assert_eq!(decode::<StockMovedV1<'_>>(&record[14..]).unwrap(), moved);
    let mut record = b"what was there".to_vec();
    let refused = encode_into(&with_shorts(62_000), &mut record);
    assert!(matches!(refused, Err(EncodeError::TooLong { bytes, max }) if bytes > max), "{refused:?}");
    assert_eq!(record, b"what was there");
}

#[test]
fn a_length_is_not_taken_at_its_word() {
    // A list of 2^63 elements, and one of as many as the limit just does not allow.
    for length in [1_u64 << 63, 1 << 32, 40 << 20] {
        let bytes = [&[0xFD][..], &length.to_le_bytes(), &[0; 64]].concat();
        assert!(matches!(decode::<OrderRefusedV1>(&bytes), Err(DecodeError::Malformed(_))));
        assert!(matches!(decode::<MerchantRowV1<'_>>(&bytes), Err(DecodeError::Malformed(_))));
        assert!(matches!(decode_first::<Vec<u8>>(&bytes), Err(DecodeError::Malformed(_))));
    }
}

#[test]
fn a_golden_record_cut_short_or_with_more_behind_it_is_none() {
    let records = golden_records();
    assert!(records.len() >= 27);
    for (name, record) in records {
        read_any(&record).unwrap();
        for length in 0..record.len() {
            assert!(read_any(&record[..length]).is_err(), "{name}, cut at {length}");
        }
        let longer = [&record[..], &[0]].concat();
        assert!(matches!(read_any(&longer), Err(DecodeError::TrailingBytes { bytes: 1 })), "{name}");
    }
}

#[test]
fn a_golden_record_with_any_byte_changed_is_read_or_refused() {
    for (_, record) in golden_records() {
        for position in 0..record.len() {
            for value in [0, 1, 250, 251, 252, 253, 254, 255, record[position] ^ 1, record[position] ^ 0x80] {
                let mut changed = record.clone();
                changed[position] = value;
                // It must only come back: the frame's checksum says whether it is what was written.
                drop(read_any(&changed));
            }
        }
    }
}

#[test]
fn what_a_header_does_not_know_is_refused_by_name() {
    let mut record = Vec::new();
    largest_header(Kind::LogClosed).encode_into(&mut record);
    let read = |position: usize, value: u8| {
        let mut changed = record.clone();
        changed[position] = value;
        Header::decode(&changed).map(drop)
    };
    assert_eq!(read(0, 3), Err(DecodeError::UnknownKind { kind: 3 }));
    assert_eq!(read(1, 2), Err(DecodeError::UnknownVersion { kind: 2, version: 2 }));
    // A version that is kept for something else.
    let mut accepted = Vec::new();
    Header { version: 4, ..largest_header(Kind::OrderAccepted) }.encode_into(&mut accepted);
    let kept = DecodeError::UnknownVersion { kind: Kind::OrderAccepted as u8, version: 4 };
    assert_eq!(Header::decode(&accepted).map(drop), Err(kept));
    assert_eq!(read(2, 4), Err(DecodeError::UnknownFlags { flags: 4 }));
    assert!(matches!(read(3, 1), Err(DecodeError::UnknownFlags { .. })));
    assert_eq!(Header::decode(&record[..35]).map(drop), Err(DecodeError::TooShort { bytes: 35 }));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_a_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        drop(read_any(&bytes));
        for kind in KINDS {
            for version in 1..=kind.version_max() {
                drop(read_body(kind, version, &bytes));
            }
        }
        drop(decode::<SnapshotV1>(&bytes));
        drop(decode_first::<MerchantRowV1<'_>>(&bytes));
        drop(decode_first::<KeyRowV1>(&bytes));
        drop(decode::<MerchantStateV1<'_>>(&bytes));
        drop(decode_first::<SkuRowV1<'_>>(&bytes));
        drop(decode_first::<OrderRowV1>(&bytes));
        drop(decode::<MerchantRulesV1>(&bytes));
        drop(decode_first::<SkuTermsRowV1>(&bytes));
        drop(decode::<MerchantRoutingV1<'_>>(&bytes));
        drop(decode_first::<SkuTagsRowV1<'_>>(&bytes));
        drop(decode_first::<WithinRowV1>(&bytes));
        drop(decode_first::<KitRowV1>(&bytes));
        drop(decode_first::<PartsRowV1>(&bytes));
    }

    /// Bytes that mostly are small numbers get deeper into a body than any others.
    #[test]
    fn nor_do_bytes_that_look_like_a_body(bytes in prop::collection::vec(0_u8..6, 0..300)) {
        for kind in KINDS {
            for version in 1..=kind.version_max() {
                drop(read_body(kind, version, &bytes));
            }
        }
        drop(decode::<MerchantStateV1<'_>>(&bytes));
        drop(decode_first::<SkuRowV1<'_>>(&bytes));
        drop(decode_first::<OrderRowV1>(&bytes));
        drop(decode::<MerchantRulesV1>(&bytes));
        drop(decode_first::<SkuTermsRowV1>(&bytes));
        drop(decode::<MerchantRoutingV1<'_>>(&bytes));
        drop(decode_first::<SkuTagsRowV1<'_>>(&bytes));
        drop(decode_first::<WithinRowV1>(&bytes));
        drop(decode_first::<KitRowV1>(&bytes));
        drop(decode_first::<PartsRowV1>(&bytes));
    }
}
