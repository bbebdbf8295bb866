//! What would have been: the very same under the same rules, and under others what they say, with whatever came later
//! following as far as it can.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;
#[path = "simulate/shop.rs"]
mod shop;

use common::{SHARDS, accepted, recorded};
use onhand_engine::ask::{Answer, Ask, HoldAsk};
use onhand_engine::domain::command::Confirm;
use onhand_engine::domain::order::Policy;
use onhand_engine::domain::{HoldId, LocationNumber};
use onhand_engine::simulate::{Counts, Fate, Question, Report, SimulateError, Strayed, simulate};
use onhand_engine::snapshots::Lsn;
use onhand_engine::snapshots::storage::SimStorage;
use shop::{BERLIN, MUNICH, Shop, WEB, on_web, stock_of};

/// A parcel that comes from one place, from Munich where both could send it.
const MUNICH_FIRST: &str = r#"
[[strategies]]
rank = [{ by = "fewest_shipments" }, { by = "priority", list = ["munich"] }]

[[rate_cards]]
name = "parcels"
currency = "EUR"
rates = [{ from = "berlin", shipment = "4.90" }, { from = "munich", shipment = "3.90" }]
"#;

/// No order is split.
const ONE_PARCEL: &str = "[[strategies]]\nname = \"one parcel\"\nmax_split = 1\n";

/// Berlin serves everything, and who cannot be served waits for it.
const BERLIN_ALONE: &str = "otherwise = \"backorder\"\n[[strategies]]\ninclude = [\"berlin\"]\n";

/// Who cannot be served waits.
const WAIT: &str = "otherwise = \"backorder\"\n[[strategies]]\n";

fn tried(storage: &SimStorage, question: &Question<'_>) -> Report {
    let report = simulate(storage, "the disk", question).unwrap();
    assert_eq!(report.ends.simulated.check(), Ok(()));
    report
}

/// External id of each order that fares differently, and from where how much is claimed for it in the simulated world;
/// `None` if it is refused there.
type Differing<'a> = (&'a str, Option<&'a [(LocationNumber, u32)]>);

/// Rules; orders of the simulated world, as [`orders`] has them; units unsold and waiting in the end; who fares differently.
type Case<'a> = (&'a str, [u64; 6], [u64; 2], &'a [Differing<'a>]);

/// From where how much is claimed.
type Claimed = Vec<(LocationNumber, u32)>;

fn differing(report: &Report) -> Vec<(String, Option<Claimed>)> {
    let one = |fate: &Fate| match fate {
        Fate::Accepted { claims, .. } => {
            let mut claims: Claimed = claims.iter().map(|served| (served.location, served.units)).collect();
            claims.sort_unstable();
            Some(claims)
        }
        Fate::Refused { .. } => None,
    };
    let rows = report.differences.iter();
    rows.map(|row| (row.external_id.clone(), one(&row.told.simulated.fate))).collect()
}

/// Orders, filled, split, backordered, refused, shipments.
fn orders(counts: &Counts) -> [u64; 6] {
    [counts.orders, counts.filled, counts.split, counts.backordered, counts.refused, counts.shipments]
}

/// Ten mugs at each of two places, and five orders: one, one that the other place alone can serve, one that both must, one
/// that none can, and one that waits for the rest.
fn five_orders(storage: &SimStorage) -> [Lsn; 5] {
    let shop = Shop::open(storage, 10);
    let lsns = [
        accepted(shop.order("a", None, 4)).0,
        accepted(shop.order("b", None, 8)).0,
        accepted(shop.order("c", None, 7)).0,
        match shop.order("d", None, 5) {
            Answer::Refused { lsn, .. } => lsn,
            other => panic!("{other:?}"),
        },
        accepted(shop.order("e", Some(Policy::Backorder), 3)).0,
    ];
    shop.end();
    lsns
}

#[test]
fn rules_change_the_orders_that_they_are_about_and_no_others() {
    let storage = SimStorage::default();
    five_orders(&storage);
    let cases: [Case<'_>; 3] = [
        (
            MUNICH_FIRST,
            [5, 3, 1, 1, 1, 5],
            [0, 2],
            &[
                ("a", Some(&[(MUNICH, 4)])),
                ("b", Some(&[(BERLIN, 8)])),
                ("c", Some(&[(BERLIN, 1), (MUNICH, 6)])),
                ("e", Some(&[(BERLIN, 1)])),
            ],
        ),
        (
            ONE_PARCEL,
            [5, 3, 0, 1, 1, 4],
            [1, 1],
            &[("c", None), ("d", Some(&[(BERLIN, 5)])), ("e", Some(&[(MUNICH, 2)]))],
        ),
        (
            BERLIN_ALONE,
            [5, 1, 0, 4, 0, 2],
            [10, 17],
            &[("b", Some(&[(BERLIN, 6)])), ("c", Some(&[])), ("d", Some(&[])), ("e", Some(&[]))],
        ),
    ];
    for (text, counts, [unsold, waiting], expected) in cases {
        let report = tried(&storage, &on_web(text));
        assert_eq!(orders(&report.total.recorded), [5, 3, 1, 1, 1, 5], "{text}");
        assert_eq!(orders(&report.total.simulated), counts, "{text}");
        assert_eq!((report.unsold.recorded, report.total.recorded.backordered_at_end), (0, 2), "{text}");
        assert_eq!((report.unsold.simulated, report.total.simulated.backordered_at_end), (unsold, waiting));
        let expected: Vec<_> =
            expected.iter().map(|(id, claims)| ((*id).to_owned(), claims.map(<[_]>::to_vec))).collect();
        assert_eq!(differing(&report), expected, "{text}");
        assert_eq!(report.differing, expected.len() as u64);
        assert_eq!((report.strayed, report.ends_alike()), (Strayed::default(), false));
        assert_eq!(report.channels.len(), 1);
        assert_eq!(report.channels[0].counts, report.total, "{text}");
    }
}

#[test]
fn both_worlds_are_measured_alike_and_what_is_not_known_is_none() {
    let storage = SimStorage::default();
    five_orders(&storage);
    let report = tried(&storage, &on_web(MUNICH_FIRST));
    let [before, then] = [report.total.recorded, report.total.simulated];
    // Two parcels from Berlin and three from Munich, and the other way round.
    assert_eq!((before.landed_cost(), then.landed_cost()), (Some(2_150), Some(2_250)));
    assert_eq!(report.currency.map(|currency| currency.as_str().to_owned()), Some("EUR".into()));
    // All of it goes to Munich: one parcel more comes from Berlin.
    assert_eq!((before.located, then.located), (5, 5));
    let (before, then) = (before.distance().unwrap(), then.distance().unwrap());
    assert!((400_000..600_000).contains(&(then - before)), "{before} {then}");
    // The first order already, whose rules ask how far it is.
    let nearest = tried(&storage, &on_web("[[strategies]]\nrank = [{ by = \"nearest\" }]\n"));
    assert_eq!(differing(&nearest)[0], ("a".to_owned(), Some(vec![(MUNICH, 4)])));
    let without_card = tried(&storage, &on_web(ONE_PARCEL)).total;
    assert_eq!((without_card.recorded.landed_cost(), without_card.simulated.landed_cost()), (None, None));
}

#[test]
fn only_the_orders_of_the_window_are_decided_anew() {
    let storage = SimStorage::default();
    let [_, b, c, d, e] = five_orders(&storage);
    for (from, to, count, expected) in [
        (None, Some(b), 2, &["a", "b"][..]),
        (Some(c), None, 3, &["c", "e"]),
        (Some(c), Some(d), 2, &["c"]),
        (Some(d), Some(d), 1, &[]),
        (Some(e), Some(Lsn(1_000)), 1, &[]),
    ] {
        let report = tried(&storage, &Question { from, to, ..on_web(MUNICH_FIRST) });
        assert_eq!(report.total.simulated.orders, count, "{from:?} {to:?}");
        let ids: Vec<String> = differing(&report).into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, expected, "{from:?} {to:?}");
    }
    let first = tried(&storage, &Question { differences: 1, ..on_web(MUNICH_FIRST) });
    assert_eq!((first.differing, first.differences.len()), (4, 1));
}

#[test]
fn shipments_and_cancellations_follow_the_units() {
    let storage = SimStorage::default();
    let shop = Shop::open(&storage, 10);
    let (a, _) = accepted(shop.order("a", None, 4));
    let (b, _) = accepted(shop.order("b", None, 8));
    let (c, _) = accepted(shop.order("c", None, 7));
    recorded(&shop.client.ship(a, BERLIN, vec![(0, 4)]));
    recorded(&shop.client.ship(b, MUNICH, vec![(0, 8)]));
    recorded(&shop.client.cancel(c, Some(vec![(0, 7)])));
    shop.end();
    // All from Munich: `a` has four there, `b` and `c` are as they were the other way round.
    let report = tried(&storage, &on_web(MUNICH_FIRST));
    assert_eq!(report.strayed, Strayed { shipped_elsewhere: 12, ..Strayed::default() });
    assert_eq!((report.unsold.recorded, report.unsold.simulated), (8, 8));
    // `b` has six of its eight; `c` waits, and is cancelled waiting.
    let report = tried(&storage, &on_web(BERLIN_ALONE));
    let strayed = Strayed { shipped_elsewhere: 6, unshipped: 2, ..Strayed::default() };
    assert_eq!(report.strayed, strayed);
    assert_eq!((report.unsold.simulated, report.total.simulated.backordered_at_end), (10, 2));
    // `c` is refused, so there is nothing to cancel.
    let report = tried(&storage, &on_web(ONE_PARCEL));
    assert_eq!(report.strayed, Strayed { uncancelled: 7, ..Strayed::default() });
    assert_eq!(report.unsold.simulated, 8);
}

#[test]
fn movements_happen_as_far_as_there_are_units() {
    let storage = SimStorage::default();
    let shop = Shop::open(&storage, 10);
    accepted(shop.order("a", None, 8));
    // Eight claimed in Berlin, ten free in Munich; with the rules it is the other way round.
    shop.damage(MUNICH, 6);
    shop.lose(BERLIN, 2);
    shop.lose(MUNICH, 4);
    shop.receive(BERLIN, 5);
    shop.end();
    let report = tried(&storage, &on_web(MUNICH_FIRST));
    // Of six to be moved only two are free; a loss takes claims where it must.
    assert_eq!(report.strayed, Strayed { unmoved: 4, ..Strayed::default() });
    let total = report.total;
    assert_eq!((total.recorded.short_at_end, total.simulated.short_at_end), (0, 0));
    // The four short ones are served from Berlin.
    assert_eq!((report.unsold.recorded, report.unsold.simulated), (5, 9));
}

#[test]
fn a_hold_whose_order_is_refused_ends_at_its_deadline() {
    const TTL_MS: u64 = 60_000;
    let storage = SimStorage::default();
    let shop = Shop::open(&storage, 5);
    let (lines, ids) = (shop.lines(2), vec![("1".to_owned(), 0)]);
    let ask = HoldAsk { channel: WEB, ttl_ms: TTL_MS, customer: None, lines, ids };
    let hold = HoldId(recorded(&shop.client.ask(Ask::PlaceHold(Box::new(ask)))).0);
    // Refused, as eight are left; with the rules it gets these and waits for three more.
    assert!(matches!(shop.order("w", None, 11), Answer::Refused { .. }));
    let Ask::PlaceOrder(mut confirms) = shop.ask("x", Some(Policy::Reject), 6) else { panic!("it is one") };
    confirms.hold = Some(Confirm { hold, or_reserve: false });
    accepted(shop.client.ask(Ask::PlaceOrder(confirms)));
    shop.pass(TTL_MS - 1);
    let before = shop.receive(BERLIN, 1);
    shop.pass(1);
    let after = shop.receive(BERLIN, 1);
    shop.end();
    let ends = |to: Lsn| {
        let report = tried(&storage, &Question { to: Some(to), ..on_web(WAIT) });
        assert_eq!(report.differing, 2, "{:?}", differing(&report));
        (report.total.simulated.backordered_at_end, report.unsold.simulated)
    };
    // Two are held still, and the one that came is for who waits; then these are, too.
    assert_eq!((ends(before), ends(after)), ((2, 2), (0, 1)));
}

#[test]
fn the_same_rules_change_nothing_whatever_happens() {
    for shards in SHARDS {
        let storage = SimStorage::default();
        let orders = shop::many_things_happen(&storage, shards);
        for text in [None, Some(shop::RULES)] {
            let question = text.map_or_else(Question::default, |text| Question {
                profile: on_web(text).profile,
                ..Question::default()
            });
            let report = tried(&storage, &Question { differences: 3, ..question });
            assert_eq!(
                (report.differing, report.strayed),
                (0, Strayed::default()),
                "{:?}",
                report.differences
            );
            assert_eq!(report.total.recorded, report.total.simulated);
            assert_eq!(report.unsold.recorded, report.unsold.simulated);
            assert!(report.ends_alike());
            assert_eq!(report.total.recorded.orders, orders);
            let Counts { filled, split, backordered, refused, .. } = report.total.recorded;
            let all = [filled, backordered, refused];
            assert!(split > 0 && all.into_iter().all(|count| count > 10), "{:?}", report.total.recorded);
        }
        let other = tried(&storage, &on_web(MUNICH_FIRST));
        assert!(other.differing > 10, "other rules make a difference: {:?}", other.total);
    }
}

#[test]
fn a_log_that_ends_in_a_torn_frame_is_lived_through_up_to_it() {
    let storage = SimStorage::default();
    let shop = Shop::open(&storage, 10);
    let (a, _) = accepted(shop.order("a", None, 4));
    accepted(shop.order("b", None, 8));
    let torn = storage.fork();
    shop.end();
    torn.damage("log/00000000000000000001.seg", |bytes| {
        let last = bytes.rchunks_mut(512).find(|sector| sector.iter().any(|byte| *byte != 0));
        last.unwrap().fill(0);
    });
    let report = tried(&torn, &on_web(MUNICH_FIRST));
    assert_eq!((report.torn_behind, report.to), (Some(a), a));
    assert_eq!(report.total.simulated.orders, 1);
}

#[test]
fn what_cannot_be_tried_is_said() {
    let storage = SimStorage::default();
    five_orders(&storage);
    let two = storage.fork();
    let shop = Shop::again(&two);
    shop.client.handle.create_merchant("bolt").unwrap();
    shop.end();
    let channels = ["shop".to_owned()];
    let profile = on_web(ONE_PARCEL).profile.unwrap();
    let unknown = Question {
        profile: Some(onhand_engine::simulate::NewProfile { channels: &channels, ..profile }),
        ..Question::default()
    };
    let all = Question {
        profile: Some(onhand_engine::simulate::NewProfile { channels: &[], ..profile }),
        ..Question::default()
    };
    let window = |from, to| Question { from: Some(Lsn(from)), to, ..on_web(ONE_PARCEL) };
    for (disk, question, said) in [
        (&SimStorage::default(), on_web(WAIT), "the disk holds no log"),
        (
            &storage,
            on_web("[[strategies]]\nname = \"x\"\nmax_splt = 1\n"),
            "new.toml: line 3, column 1, at /strategies/0",
        ),
        (&storage, on_web("[[strategies]]\ninclude = [\"paris\"]\n"), "new.toml: line 2, column "),
        (&storage, unknown, "there is no channel \"shop\"; there are: web"),
        (&storage, all, "no channel has a routing profile"),
        (&storage, window(9, Some(Lsn(8))), "ends at record 8, before it begins at record 9"),
        (&storage, window(999, None), "begins at record 999; the log ends at record "),
        (&two, on_web(ONE_PARCEL), "name one of them: acme, bolt"),
        (
            &two,
            Question { merchant: Some("core"), ..on_web(WAIT) },
            "no merchant \"core\"; there are: acme, bolt",
        ),
    ] {
        let error: SimulateError = simulate(disk, "the disk", &question).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
    let named = tried(&two, &Question { merchant: Some("acme"), ..on_web(ONE_PARCEL) });
    assert_eq!(named.total.recorded.orders, 5);
    let other = tried(&two, &Question { merchant: Some("bolt"), ..Question::default() });
    assert_eq!((other.total.recorded.orders, other.ends_alike()), (0, true));
    assert_eq!(stock_of(&two), [10, 10], "nothing was shipped");
}
