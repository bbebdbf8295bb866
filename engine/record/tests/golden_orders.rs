//! Every released record of an order, byte for byte, as `golden.rs` has the others.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Book, header};
use onhand_record::agreed::AgreedV1;
use onhand_record::codec::decode_first;
use onhand_record::header::{VERSION_AGREED, VERSION_KITS};
use onhand_record::kit::KitLineV1;
use onhand_record::order::{
    AcceptedAll, ClaimV1, LineAskedV1, OrderAcceptedV1, OrderAskedV1, OrderRefusedV1, SealedV1, ShipToV1,
    ShortfallV1, decode_accepted_all, decode_accepted_whole, decode_refused_whole, encode_agreed,
    encode_details, encode_kits, version_with,
};
use onhand_record::routing::{OrderDetailsV1, OrderSaidV1, RoutedV1};
use onhand_record::rules::PolicyV1;
use onhand_record::{Header, Kind, encode_into};

fn asked() -> OrderAskedV1<'static> {
    OrderAskedV1 {
        external_id: "#1001",
        channel: 1,
        policy: Some(PolicyV1::Backorder),
        placed_at: Some(-1),
        currency: Some(*b"EUR"),
        ship_to: Some(ShipToV1 { country: "DE", region: Some("BE"), postal_code: Some("10115") }),
        customer: Some(SealedV1 { key: 4_294_967_296, ciphertext: &[0xC1, 0x00, 0xFF] }),
        lines: vec![
            LineAskedV1 { id: "1", sku: 17, decimals: 0, quantity: 3, unit_price: Some(12_990_000) },
            LineAskedV1 { id: "2", sku: 70_000, decimals: 3, quantity: u32::MAX, unit_price: Some(i64::MIN) },
            LineAskedV1 { id: "3", sku: 0, decimals: 1, quantity: 251, unit_price: None },
        ],
    }
}

fn asked_least() -> OrderAskedV1<'static> {
    OrderAskedV1 {
        policy: None,
        placed_at: None,
        currency: None,
        ship_to: None,
        customer: None,
        lines: vec![LineAskedV1 { id: "a", sku: 1, decimals: 0, quantity: 1, unit_price: None }],
        ..asked()
    }
}

fn asked_country_only() -> OrderAskedV1<'static> {
    let ship_to = Some(ShipToV1 { country: "FR", region: None, postal_code: None });
    OrderAskedV1 { policy: Some(PolicyV1::Reject), ship_to, ..asked_least() }
}

/// Orders have two bodies, one behind the other, and some have details behind them.
macro_rules! orders {
    ($kind:expr, $decode:expr, $policy:expr, [$($case:literal => $asked:expr, $decided:expr, $details:expr);+ $(;)?] $(, $more:ident)?) => {
        let mut book = Book::open(common::file_of($kind));
        $({
            let (asked, decided, details): (_, _, OrderDetailsV1<'_>) = ($asked, $decided, $details);
            let mut bytes = Vec::new();
            let policy = $policy(&decided);
            let version = version_with(policy, &details);
            let header = Header { version, ..header($kind) };
            header.encode_into(&mut bytes);
            encode_into(&asked, &mut bytes).unwrap();
            encode_into(&decided, &mut bytes).unwrap();
            encode_details(policy, &details, &mut bytes).unwrap();
            let stored = book.page($case, &bytes);
            let (read, body) = Header::decode(&stored).unwrap();
            assert_eq!(read, header);
            assert_eq!($decode(version, body).unwrap(), (asked.clone(), decided, details), "{}", $case);
            // Who looks for the external id alone reads no further.
            let ((external, channel), _) = decode_first::<(&str, u16)>(body).unwrap();
            assert_eq!((external, channel), (asked.external_id, asked.channel));
        })+
        $(book = $more(book);)?
        book.close();
    };
}

/// An accepted order with kits has all that others may have, and behind it what they were made of.
fn with_kits(mut book: Book) -> Book {
    let kits = vec![
        KitLineV1 { line: 0, parts: vec![(3, 2), (70_000, 1)] },
        KitLineV1 { line: 2, parts: vec![(17, 1_000_000_000)] },
    ];
    let accepted = OrderAcceptedV1 { policy: PolicyV1::Backorder, claims: vec![] };
    for (case, details) in [("has kits", no_details()), ("has kits and was routed", routed())] {
        let header = Header { version: VERSION_KITS, ..header(Kind::OrderAccepted) };
        let mut bytes = Vec::new();
        header.encode_into(&mut bytes);
        encode_into(&asked(), &mut bytes).unwrap();
        encode_into(&accepted, &mut bytes).unwrap();
        encode_kits(&details, &kits, &mut bytes).unwrap();
        let stored = book.page(case, &bytes);
        let (read, body) = Header::decode(&stored).unwrap();
        assert_eq!(read, header);
        let read = decode_accepted_all(VERSION_KITS, body).unwrap();
        let whole = (asked(), accepted.clone(), details.clone());
        assert_eq!(decode_accepted_whole(VERSION_KITS, body).unwrap(), whole);
        let (asked, accepted, details) = whole;
        let kits = kits.clone();
        assert_eq!(read, AcceptedAll { asked, accepted, details, kits, agreed: vec![] }, "{case}");
    }
    with_agreements(book)
}

/// One of which more was agreed has that behind its kits, which may be none.
fn with_agreements(mut book: Book) -> Book {
    let kit = KitLineV1 { line: 0, parts: vec![(3, 2)] };
    for (case, kits) in [("ships complete by a date", vec![]), ("has kits and ships complete", vec![kit])] {
        let header = Header { version: VERSION_AGREED, ..header(Kind::OrderAccepted) };
        let accepted = OrderAcceptedV1 { policy: PolicyV1::ShipComplete, claims: vec![] };
        let agreed = vec![AgreedV1::CompleteBy(1_795_478_400_123), AgreedV1::CancelAfter(0)];
        let details = no_details();
        let mut bytes = Vec::new();
        header.encode_into(&mut bytes);
        encode_into(&asked_least(), &mut bytes).unwrap();
        encode_into(&accepted, &mut bytes).unwrap();
        encode_agreed(&details, &kits, &agreed, &mut bytes).unwrap();
        let stored = book.page(case, &bytes);
        let (read, body) = Header::decode(&stored).unwrap();
        assert_eq!(read, header);
        let read = decode_accepted_all(VERSION_AGREED, body).unwrap();
        let asked = asked_least();
        assert_eq!(read, AcceptedAll { asked, accepted, details, kits, agreed }, "{case}");
    }
    book
}

fn no_details() -> OrderDetailsV1<'static> {
    OrderDetailsV1::default()
}

fn confirms(hold: u64) -> OrderDetailsV1<'static> {
    OrderDetailsV1 { hold: Some(hold), ..no_details() }
}

fn says_much() -> OrderDetailsV1<'static> {
    let said = OrderSaidV1 {
        priority: Some(-300),
        tags: vec!["gift", "é"],
        customer_tier: Some("gold"),
        is_b2b: Some(false),
        ship_method: Some("express"),
        payment_risk: Some(100),
    };
    OrderDetailsV1 { said, ..no_details() }
}

fn routed() -> OrderDetailsV1<'static> {
    let routed = RoutedV1 { profile: 300, explanation: &[1, 7, 0, 1, 0, 3, 0, 0], within: None };
    OrderDetailsV1 { routed: Some(routed), ..no_details() }
}

fn waits_within() -> OrderDetailsV1<'static> {
    let routed = RoutedV1 { profile: 0, explanation: &[1, 7, 10, 1, 0, 3, 2, 1], within: Some(vec![3, 300]) };
    OrderDetailsV1 { routed: Some(routed), ..no_details() }
}

#[test]
fn orders() {
    let claims = vec![
        ClaimV1 { demand: 0, location: 3, quantity: 3 },
        ClaimV1 { demand: 1, location: 300, quantity: 70_000 },
        ClaimV1 { demand: 1, location: 4, quantity: u32::MAX },
    ];
    let policy = |accepted: &OrderAcceptedV1| accepted.policy;
    orders!(Kind::OrderAccepted, decode_accepted_whole, policy, [
        "full" => asked(), OrderAcceptedV1 { policy: PolicyV1::Backorder, claims: claims.clone() }, no_details();
        "country only" => asked_country_only(),
            OrderAcceptedV1 { policy: PolicyV1::Reject, claims: vec![claims[0]] }, no_details();
        "nothing kept" => asked_least(), OrderAcceptedV1 { policy: PolicyV1::Backorder, claims: vec![] }, no_details();
        "confirms a hold" => asked_least(),
            OrderAcceptedV1 { policy: PolicyV1::Reject, claims: vec![claims[0]] }, confirms(70_000);
        "says much" => asked_least(), OrderAcceptedV1 { policy: PolicyV1::Reject, claims: vec![] }, says_much();
        "was routed" => asked_least(), OrderAcceptedV1 { policy: PolicyV1::Reject, claims: vec![claims[0]] },
            OrderDetailsV1 { hold: Some(70_000), ..routed() };
        "waits within" => asked_least(), OrderAcceptedV1 { policy: PolicyV1::Backorder, claims: vec![] }, waits_within();
        "imposed" => OrderAskedV1 { policy: Some(PolicyV1::Imposed), ..asked_least() },
            OrderAcceptedV1 { policy: PolicyV1::Imposed, claims: vec![claims[0]] }, no_details();
        "ships complete" => OrderAskedV1 { policy: Some(PolicyV1::ShipComplete), ..asked_least() },
            OrderAcceptedV1 { policy: PolicyV1::ShipComplete, claims: vec![claims[0]] }, no_details();
    ], with_kits);
    let shortfalls = vec![
        ShortfallV1 { line: 0, requested: 3, available: 2 },
        ShortfallV1 { line: 1_199, requested: u32::MAX, available: 0 },
    ];
    let rejects = |_: &OrderRefusedV1| PolicyV1::Reject;
    orders!(Kind::OrderRefused, decode_refused_whole, rejects, [
        "full" => asked(), OrderRefusedV1 { shortfalls: shortfalls.clone() }, no_details();
        "least" => asked_least(), OrderRefusedV1 { shortfalls: vec![] }, no_details();
        "was to confirm a hold" => asked_least(), OrderRefusedV1 { shortfalls }, confirms(70_000);
        "was routed" => asked_least(), OrderRefusedV1 { shortfalls: vec![] }, routed();
    ]);
}
