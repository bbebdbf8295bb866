//! Every released record, byte for byte: what a log of this release holds, a later release must read, and must
//! write again in the same way. One file a kind below `golden/`, with the header and each variant of the body.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Book, header, records};
use onhand_record::admin::{
    CommandRefusedV1, KeyCreatedV1, KeyRevokedV1, LogClosedV1, LogOpenedV1, MerchantCreatedV1,
};
use onhand_record::agreed::AgreedV1;
use onhand_record::grant::ModeV1;
use onhand_record::header::VERSION_EXTENDED;
use onhand_record::hold::{EndCauseV1, HeldLineV1, HoldExtendedV1, HoldPlacedV1, HoldsEndedV1};
use onhand_record::kit::{
    KitPictureV1, PartPictureV1, SkuKitV1, decode_cancelled, decode_shipped, encode_after,
};
use onhand_record::order::{
    BacklogFilledV1, FilledV1, LinePictureV1, OrderCancelledV1, OrderShippedV1, ReleasedV1, RepeatAnsweredV1,
    SourceV1, WaitingV1,
};
use onhand_record::routing::{ChannelRoutingV1, FormatV1, RoutingProfilePutV1};
use onhand_record::rules::{
    AmountV1, ChannelPutV1, ChannelTermsV1, LocationPutV1, LocationTermsV1, PolicyV1, PoolV1,
    SkuChannelTermsV1, SkuLimitsV1, SkuPutV1, SkuTermsV1, StockPolicyV1, channel_version, decode_channel,
    decode_location, decode_sku, encode_both, encode_channel, encode_sku, sku_version,
};
use onhand_record::snapshot::{
    AgreedRowV1, ChannelRowV1, ExposureRowV1, GrantRowV1, HoldRowV1, KeyRowV1, KitRowV1, MerchantRoutingV1,
    MerchantRowV1, MerchantRulesV1, MerchantStateV1, NameV1, OrderRowV1, PartsRowV1, PlaceRowV1,
    ProfileRowV1, SkuLimitsRowV1, SkuRowV1, SkuTagsRowV1, SkuTermsRowV1, SnapshotV1, WithinRowV1,
};
use onhand_record::stock::{LevelV1, MovementV1, ShortedV1, StateV1, StockMovedV1};
use onhand_record::{Header, Kind, VERSION, decode, encode_into};

/// Records with two parts: the second is written where it says something.
macro_rules! extended {
    ($kind:expr, $read:ident, [$($case:literal => $first:expr, $second:expr);+ $(;)?]) => {
        let mut book = Book::open(common::file_of($kind));
        $({
            let (first, second) = ($first, $second);
            let mut bytes = Vec::new();
            let is_plain = second == Default::default();
            let version = if is_plain { VERSION } else { VERSION_EXTENDED };
            let header = Header { version, ..header($kind) };
            header.encode_into(&mut bytes);
            encode_both(&first, &second, &mut bytes).unwrap();
            let stored = book.page($case, &bytes);
            let (read, body) = Header::decode(&stored).unwrap();
            assert_eq!(read, header);
            assert_eq!($read(version, body).unwrap(), (first, second), "{}", $case);
        })+
        book.close();
    };
}

#[test]
fn headers() {
    let mut book = Book::open("header");
    let (hash, print) = (Some([0x11; 16]), Some([0x22; 16]));
    for (case, idempotency, fingerprint) in [
        ("neither", None, None),
        ("idempotency", hash, None),
        ("fingerprint", None, print),
        ("both", hash, print),
    ] {
        let header = Header { idempotency, fingerprint, ..header(Kind::StockMoved) };
        let mut bytes = Vec::new();
        header.encode_into(&mut bytes);
        bytes.extend_from_slice(b"body");
        let stored = book.page(case, &bytes);
        assert_eq!(Header::decode(&stored).unwrap(), (header, &b"body"[..]));
    }
    let last = Header {
        merchant: u32::MAX,
        at: u64::MAX,
        actor: u32::MAX,
        request: [0xFF; 16],
        ..header(Kind::LogOpened)
    };
    let mut bytes = Vec::new();
    last.encode_into(&mut bytes);
    let stored = book.page("largest", &bytes);
    assert_eq!(Header::decode(&stored).unwrap(), (last, &[][..]));
    book.close();
}

#[test]
fn log_and_keys() {
    records!(Kind::LogOpened, LogOpenedV1, [
        "first" => LogOpenedV1 { cluster: *b"cluster-16-bytes", epoch: 1, feature_level: 1 },
        "largest" => LogOpenedV1 { cluster: [0xFF; 16], epoch: u64::MAX, feature_level: u32::MAX },
    ]);
    records!(Kind::LogClosed, LogClosedV1, [
        "closed" => LogClosedV1 { digest: 0x0123_4567_89AB_CDEF },
    ]);
    records!(Kind::MerchantCreated, MerchantCreatedV1<'_>, [
        "created" => MerchantCreatedV1 { name: "Bäckerei 東京" },
    ]);
    records!(Kind::KeyCreated, KeyCreatedV1, [
        "created" => KeyCreatedV1 { key: 250, secret_hash: [0x5A; 32], scopes: 15 },
        // From 251 on a number takes more than one byte.
        "later" => KeyCreatedV1 { key: 251, secret_hash: [0x5A; 32], scopes: 1 },
    ]);
    records!(Kind::KeyRevoked, KeyRevokedV1, [
        "revoked" => KeyRevokedV1 { key: 65_536 },
    ]);
    records!(Kind::CommandRefused, CommandRefusedV1<'_>, [
        "with numbers" => CommandRefusedV1 {
            status: 409,
            code: "insufficient_stock",
            detail: "3 were asked for",
            numbers: vec![("requested", 3), ("available", -2), ("limit", i64::MAX)],
        },
        "bare" => CommandRefusedV1 { status: 409, code: "nothing_left", detail: "", numbers: vec![] },
    ]);
}

#[test]
fn rules() {
    let location = LocationPutV1 {
        location: 3,
        is_new: true,
        code: "main",
        kind: "warehouse",
        country: "DE",
        region: Some("BE"),
        postal_code: Some("10115"),
        priority: 70_000,
    };
    extended!(Kind::LocationPut, decode_location, [
        "new" => location, LocationTermsV1::default();
        "changed" => LocationPutV1 { is_new: false, region: None, postal_code: None, priority: 0, ..location },
            LocationTermsV1::default();
        "keeps units" => location, LocationTermsV1 { safety_stock: 251 };
    ]);
    let policy =
        StockPolicyV1 { ceiling: Some(AmountV1::Percent(50)), buffer: AmountV1::Units(300), floor: 7 };
    let channel = ChannelPutV1 {
        channel: 300,
        is_new: true,
        code: "web",
        kind: "shopify",
        locations: vec![3, 0, 65_535],
        policy: PolicyV1::Backorder,
    };
    let (none, eighth) = (ChannelRoutingV1::default(), ChannelRoutingV1 { profile: Some(300) });
    channels([
        ("new", channel.clone(), ChannelTermsV1::default(), none),
        (
            "changed",
            ChannelPutV1 { is_new: false, locations: vec![], policy: PolicyV1::Reject, ..channel.clone() },
            ChannelTermsV1::default(),
            none,
        ),
        ("keeps units", channel.clone(), ChannelTermsV1 { stock_policy: policy, rank: 300 }, none),
        ("has a rank", channel.clone(), ChannelTermsV1 { rank: 1, ..ChannelTermsV1::default() }, none),
        ("has a profile", channel.clone(), ChannelTermsV1::default(), eighth),
        (
            "imposes",
            ChannelPutV1 { policy: PolicyV1::Imposed, ..channel.clone() },
            ChannelTermsV1::default(),
            none,
        ),
        (
            "ships complete",
            ChannelPutV1 { policy: PolicyV1::ShipComplete, ..channel.clone() },
            ChannelTermsV1::default(),
            none,
        ),
        (
            "keeps units and has a profile",
            channel,
            ChannelTermsV1 { stock_policy: policy, rank: 300 },
            eighth,
        ),
    ]);
    let sku = SkuPutV1 {
        sku: 1_000_000,
        is_new: true,
        code: "MUG-é",
        title: Some("A mug"),
        unit: Some("piece"),
        decimals: 3,
        gtin: Some("4006381333931"),
        tags: vec!["blue", "", "large"],
    };
    skus(sku, policy);
}

/// SKUs have two parts that are written only where they, or the last, say something.
fn skus(sku: SkuPutV1<'static>, policy: StockPolicyV1) {
    let keeps = SkuTermsV1 {
        safety_stock: Some(2),
        safety_stock_at: vec![(0, 0), (300, 251)],
        channels: vec![
            SkuChannelTermsV1 { channel: 1, policy: StockPolicyV1::default(), dedicated: 300 },
            SkuChannelTermsV1 { channel: 300, policy, dedicated: 0 },
        ],
        pools: vec![PoolV1 { channel: 1, since: 70_000, left: 251, charged: 3, claimed: 4 }],
    };
    let pool = SkuTermsV1 {
        channels: vec![SkuChannelTermsV1 { channel: 0, policy: StockPolicyV1::default(), dedicated: 5 }],
        pools: vec![PoolV1 { channel: 0, since: 0, left: 5, charged: 0, claimed: 0 }],
        ..SkuTermsV1::default()
    };
    let (none, no_kit) = (SkuTermsV1::default(), SkuKitV1::default());
    let changed = SkuPutV1 {
        is_new: false,
        title: None,
        unit: None,
        decimals: 0,
        gtin: None,
        tags: vec![],
        ..sku.clone()
    };
    let kit = SkuKitV1 { components: vec![(70_000, 2), (3, 1_000_000_000)] };
    let mut book = Book::open(common::file_of(Kind::SkuPut));
    let (any, few) = (SkuLimitsV1::default(), SkuLimitsV1 { backorder_limit: Some(251) });
    for (case, put, terms, kit, limits) in [
        ("new", sku.clone(), none.clone(), no_kit.clone(), any),
        ("changed", changed.clone(), none.clone(), no_kit.clone(), any),
        ("keeps units", sku.clone(), keeps, no_kit.clone(), any),
        ("makes a pool", sku, pool, no_kit.clone(), any),
        ("is a kit", changed.clone(), none.clone(), kit, any),
        ("lets few wait", changed, none, no_kit, few),
    ] {
        let version = sku_version(&terms, &kit, limits);
        let mut bytes = Vec::new();
        Header { version, ..header(Kind::SkuPut) }.encode_into(&mut bytes);
        encode_sku(&put, &terms, &kit, limits, &mut bytes).unwrap();
        let stored = book.page(case, &bytes);
        let (read, body) = Header::decode(&stored).unwrap();
        assert_eq!(read.version, version, "{case}");
        assert_eq!(decode_sku(version, body).unwrap(), (put, terms, kit, limits), "{case}");
    }
    book.close();
}

#[test]
fn stock() {
    let moved = StockMovedV1 {
        movement: MovementV1::Receive,
        sku: 17,
        location: 2,
        from: None,
        to: Some(StateV1::Sellable),
        quantity: 1_000,
        decimals: 2,
        reason: "purchase",
        reference: Some("PO-1"),
        shorts: vec![],
        after: LevelV1 { sellable: 1_000, damaged: 250, quality_control: 251, committed: u32::MAX },
    };
    let shorts = vec![
        ShortedV1 { order: 9, demand: 0, quantity: 1 },
        ShortedV1 { order: u64::MAX, demand: u16::MAX, quantity: u32::MAX },
    ];
    let (sellable, damaged) = (Some(StateV1::Sellable), Some(StateV1::Damaged));
    records!(Kind::StockMoved, StockMovedV1<'_>, [
        "receive" => moved.clone(),
        "adjust" => StockMovedV1 {
            movement: MovementV1::Adjust, from: sellable, to: None, reference: None, shorts, ..moved.clone()
        },
        "set" => StockMovedV1 { movement: MovementV1::Set { expected: 70_000 }, ..moved.clone() },
        "move" => StockMovedV1 {
            movement: MovementV1::Move, from: damaged, to: Some(StateV1::QualityControl), ..moved
        },
    ]);
}

#[test]
fn holds() {
    let line = HeldLineV1 { id: "1", sku: 17, decimals: 0, quantity: 3 };
    let placed = HoldPlacedV1 {
        channel: 300,
        deadline: 1_795_478_400_123,
        customer: Some([0xC1; 16]),
        lines: vec![line, HeldLineV1 { id: "é", sku: 70_000, decimals: 3, quantity: 251 }],
    };
    records!(Kind::HoldPlaced, HoldPlacedV1<'_>, [
        "full" => placed.clone(),
        "for nobody" => HoldPlacedV1 { channel: 0, customer: None, lines: vec![line], ..placed },
    ]);
    records!(Kind::HoldExtended, HoldExtendedV1, [
        "extended" => HoldExtendedV1 { hold: 70_000, deadline: 1_795_478_400_123 },
    ]);
    records!(Kind::HoldsEnded, HoldsEndedV1, [
        "released" => HoldsEndedV1 { holds: vec![251], cause: EndCauseV1::Released },
        "expired" => HoldsEndedV1 { holds: vec![7, 70_000], cause: EndCauseV1::Expired },
    ]);
}

fn picture() -> Vec<LinePictureV1> {
    let line = LinePictureV1 {
        ordered: 10,
        cancelled: 1,
        shipped: 2,
        returned: 1,
        backordered: 3,
        short: 1,
        allocated: vec![(3, 2), (300, 1)],
    };
    vec![line.clone(), LinePictureV1 { ordered: 251, allocated: vec![], ..line }]
}

fn kits() -> Vec<KitPictureV1> {
    let part = PartPictureV1 {
        sku: 70_000,
        per_kit: 2,
        shipped: 4,
        backordered: 6,
        short: 1,
        allocated: vec![(3, 251), (300, 1)],
    };
    let parts = vec![part.clone(), PartPictureV1 { sku: 3, per_kit: 1, allocated: vec![], ..part }];
    vec![KitPictureV1 { line: 1, parts }]
}

/// What becomes of an order is told of its lines, and behind that of its kits, if it has some.
macro_rules! changes {
    ($kind:expr, $decode:ident, [$($case:literal => $change:expr, $kits:expr);+ $(;)?] $(, $more:expr)?) => {
        let mut book = Book::open(common::file_of($kind));
        $({
            let (change, kits): (_, Vec<KitPictureV1>) = ($change, $kits);
            let version = if kits.is_empty() { VERSION } else { VERSION_EXTENDED };
            let mut bytes = Vec::new();
            Header { version, ..header($kind) }.encode_into(&mut bytes);
            encode_into(&change, &mut bytes).unwrap();
            encode_after(&kits, &mut bytes).unwrap();
            let stored = book.page($case, &bytes);
            let (read, body) = Header::decode(&stored).unwrap();
            assert_eq!(read.version, version, "{}", $case);
            assert_eq!($decode(version, body).unwrap(), (change, kits), "{}", $case);
        })+
        $(book = $more(book);)?
        book.close();
    };
}

#[test]
fn what_becomes_of_orders() {
    let sources = [SourceV1::Backordered, SourceV1::Short, SourceV1::Claimed(300)];
    let released = sources.map(|source| ReleasedV1 { demand: 1, source, quantity: 251 }).to_vec();
    let cancelled = OrderCancelledV1 {
        order: 70_000,
        lines: vec![(0, 1), (1, 250)],
        released,
        reason: Some("customer"),
        after: picture(),
    };
    let least = OrderCancelledV1 { order: 1, lines: vec![], released: vec![], reason: None, after: vec![] };
    changes!(Kind::OrderCancelled, decode_cancelled, [
        "full" => cancelled.clone(), vec![];
        "least" => least, vec![];
        "has kits" => cancelled.clone(), kits();
    ], |book| common::lapsed::pages(book, &OrderCancelledV1 { reason: None, ..cancelled }, &kits()));
    let shipped = OrderShippedV1 {
        order: u64::MAX,
        location: 3,
        lines: vec![(0, 2)],
        claims: vec![(0, 1), (1, 1)],
        tracking_number: Some("1Z999"),
        after: picture(),
    };
    let least = OrderShippedV1 {
        order: 1,
        location: 0,
        lines: vec![],
        claims: vec![],
        tracking_number: None,
        after: vec![],
    };
    changes!(Kind::OrderShipped, decode_shipped, [
        "full" => shipped.clone(), vec![];
        "least" => least, vec![];
        "has kits" => shipped, kits();
    ]);
    let waiting = WaitingV1 { is_short: true, order: 70_000, demand: 1 };
    let fills = vec![
        FilledV1 { waiting, location: 3, quantity: 251 },
        FilledV1 { waiting: WaitingV1 { is_short: false, ..waiting }, location: 4, quantity: 1 },
    ];
    records!(Kind::BacklogFilled, BacklogFilledV1, [
        "goes on" => BacklogFilledV1 { sku: 17, fills, next: Some(waiting) },
        "done" => BacklogFilledV1 { sku: 17, fills: vec![], next: None },
    ]);
    records!(Kind::RepeatAnswered, RepeatAnsweredV1, [
        "first answer" => RepeatAnsweredV1 { order: 70_000, conflicts: false },
        "conflict" => RepeatAnsweredV1 { order: u64::MAX, conflicts: true },
    ]);
}

/// Rows of a snapshot have no header.
macro_rules! rows {
    ($book:ident, [$($case:literal => $type:ty = $value:expr),+ $(,)?]) => {
        $({
            let value: $type = $value;
            let mut bytes = Vec::new();
            encode_into(&value, &mut bytes).unwrap();
            let stored = $book.page($case, &bytes);
            assert_eq!(decode::<$type>(&stored).unwrap(), value, "{}", $case);
        })+
    };
}

/// Channels have up to three parts.
fn channels<const N: usize>(cases: [(&'static str, ChannelPutV1<'_>, ChannelTermsV1, ChannelRoutingV1); N]) {
    let mut book = Book::open(common::file_of(Kind::ChannelPut));
    for (case, put, terms, routing) in cases {
        let mut bytes = Vec::new();
        let header =
            Header { version: channel_version(put.policy, &terms, routing), ..header(Kind::ChannelPut) };
        header.encode_into(&mut bytes);
        encode_channel(&put, &terms, routing, &mut bytes).unwrap();
        let stored = book.page(case, &bytes);
        let (read, body) = Header::decode(&stored).unwrap();
        assert_eq!(read, header);
        assert_eq!(decode_channel(read.version, body).unwrap(), (put, terms, routing), "{case}");
    }
    book.close();
}

#[test]
fn routing_profiles() {
    let profile = RoutingProfilePutV1 {
        profile: 300,
        is_new: true,
        code: "europe-é",
        version: 1,
        format: FormatV1::Toml,
        text: "otherwise = \"reject\"\n",
    };
    records!(Kind::RoutingProfilePut, RoutingProfilePutV1<'_>, [
        "new" => profile,
        "next version" => RoutingProfilePutV1 {
            is_new: false, version: 251, format: FormatV1::Json, text: "{}", ..profile
        },
    ]);
}

#[test]
fn snapshot_rows() {
    let name = NameV1 { code: "MUG", put: 70_000 };
    let channel = ChannelRowV1 { name, locations: vec![3, 300], policy: PolicyV1::Backorder };
    let pass = WaitingV1 { is_short: false, order: 9, demand: 2 };
    let stock_policy =
        StockPolicyV1 { ceiling: Some(AmountV1::Units(300)), buffer: AmountV1::Percent(10), floor: 0 };
    let mut book = Book::open("snapshot");
    rows!(book, [
        "about" => SnapshotV1 =
            SnapshotV1 { cluster: *b"cluster-16-bytes", cut: 70_000, at: 1_795_478_400_123, digest: u64::MAX },
        "merchant" => MerchantRowV1<'_> = MerchantRowV1 { merchant: 1, name: "shop" },
        "key" => KeyRowV1 =
            KeyRowV1 { key: 251, merchant: 1, secret_hash: [0x5A; 32], scopes: 7, is_revoked: true },
        "state" => MerchantStateV1<'_> = MerchantStateV1 {
            cut: 70_000,
            at: 1_795_478_400_123,
            locations: vec![name, NameV1 { code: "", put: 0 }],
            channels: vec![channel.clone(), ChannelRowV1 { policy: PolicyV1::Reject, locations: vec![], ..channel }],
        },
        "sku" => SkuRowV1<'_> = SkuRowV1 {
            name, decimals: 3, is_in_use: true, levels: vec![(3, 1_000, 250, 251), (300, 0, 0, 0)], pass: Some(pass),
        },
        "sku that never moved" => SkuRowV1<'_> =
            SkuRowV1 { name, decimals: 0, is_in_use: false, levels: vec![], pass: None },
        "order" => OrderRowV1 = OrderRowV1 {
            order: 70_000,
            channel: 300,
            policy: PolicyV1::Reject,
            lines: vec![(10, 1, 2, 0), (251, 0, 0, 0)],
            demands: vec![(17, 0, 3, 1), (70_000, 1, 0, 0)],
            claims: vec![(0, 3, 2), (1, 300, 251)],
        },
        "rules" => MerchantRulesV1 = MerchantRulesV1 {
            locations: vec![LocationTermsV1 { safety_stock: 251 }, LocationTermsV1::default()],
            channels: vec![ChannelTermsV1 { stock_policy, rank: 1 }, ChannelTermsV1::default()],
        },
        "routing" => MerchantRoutingV1<'_> = MerchantRoutingV1 {
            profiles: vec![ProfileRowV1 {
                code: "europe", versions: vec![9, 70_000], format: FormatV1::Json, text: "{}",
            }],
            channels: vec![None, Some(300)],
            places: vec![
                PlaceRowV1 { kind: "shop", country: "DE", region: Some("BE"), postal_code: Some("10115") },
                PlaceRowV1 { kind: "3pl", country: "IE", region: None, postal_code: None },
            ],
        },
        "kit" => KitRowV1 = KitRowV1 { sku: 70_000, components: vec![(3, 2), (251, 1_000)] },
        "parts" => PartsRowV1 = PartsRowV1 { order: 70_000, parts: vec![(0, 0), (2, 251)] },
        "agreed" => AgreedRowV1 =
            AgreedRowV1 { order: 70_000, agreed: vec![AgreedV1::CancelAfter(1_795_478_400_123)] },
        "limits" => SkuLimitsRowV1 =
            SkuLimitsRowV1 { sku: 70_000, limits: SkuLimitsV1 { backorder_limit: Some(0) } },
        "within" => WithinRowV1 = WithinRowV1 { order: 70_000, locations: vec![3, 300] },
        "tags" => SkuTagsRowV1<'_> = SkuTagsRowV1 { sku: 70_000, tags: vec!["blue", "é"] },
        "hold" => HoldRowV1 = HoldRowV1 {
            hold: 70_000,
            channel: 300,
            deadline: 1_795_478_400_123,
            extensions: 2,
            customer: Some([0xC1; 16]),
            key: 251,
            units: vec![(17, 3), (70_000, 251)],
        },
        "exposure" => ExposureRowV1 =
            ExposureRowV1 { channel: 300, mode: ModeV1::Overlap(250), max_lag_ms: 3_600_000, watermark: 251 },
        "grant" => GrantRowV1 = GrantRowV1 {
            sku: 70_000,
            channel: 300,
            since: 68_000,
            granted: 251,
            sold: 9,
            revision: 70_000,
            lowerings: vec![(69_000, 3, Some(1_795_478_400_123)), (70_000, 251, None)],
        },
        "terms of a sku" => SkuTermsRowV1 = SkuTermsRowV1 {
            sku: 70_000,
            terms: SkuTermsV1 {
                safety_stock: None,
                safety_stock_at: vec![(3, 1)],
                channels: vec![SkuChannelTermsV1 { channel: 300, policy: stock_policy, dedicated: 9 }],
                pools: vec![PoolV1 { channel: 300, since: 70_000, left: 1, charged: 2, claimed: 251 }],
            },
        },
    ]);
    book.close();
}
