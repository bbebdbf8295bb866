//! Routing profiles from their text to the claim: put, followed by each order, planned the same before and when it comes,
//! and there again after a start from the log or from a snapshot.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use common::{Client, SHARDS, channel_ask, location_ask, recorded, recovered, sku_ask, start, with_each};
use onhand_engine::ask::{
    Answer, Ask, ChannelAsk, LocationAsk, OrderAsk, OrderRead, OrderSaid, ProfileAsk, ReadAnswer, ReadAsk,
    SkuAsk,
};
use onhand_engine::domain::event::{OrderAccepted, Routed};
use onhand_engine::domain::order::Policy;
use onhand_engine::domain::routing::profile::{By, Decision};
use onhand_engine::domain::{
    ChannelNumber, Event, LocationNumber, OrderId, ProfileNumber, Rejection, SkuNumber,
};
use onhand_engine::record::order::{OrderAskedV1, ShipToV1, decode_asked};
use onhand_engine::record::{Header, encode_into};
use onhand_engine::routing::Format;
use onhand_engine::snapshots::Lsn;
use onhand_engine::snapshots::storage::SimStorage;
use onhand_engine::translate::decode_event;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Gifts from the shop, cold goods not from there, all else from the nearest that has it.
const EUROPE: &str = r#"
otherwise = "backorder"

[[strategies]]
name = "gifts"
when = { fact = "order_tags", has_any = ["gift"] }
kinds = ["shop"]

[[strategies]]
name = "cold goods"
when = { lines = "any", is = { fact = "line_tags", has_any = ["cold"] } }
exclude = ["shop"]
rank = [{ by = "nearest" }]

[[strategies]]
rank = [{ by = "nearest" }, { by = "fewest_shipments" }]
"#;

struct Shop {
    client: Client,
    web: ChannelNumber,
    mug: SkuNumber,
    ice: SkuNumber,
}

const BERLIN: LocationNumber = LocationNumber(0);
const MUNICH: LocationNumber = LocationNumber(1);
const SHOP: LocationNumber = LocationNumber(2);

fn place(client: &Client, code: &str, kind: &str, postal_code: &str) -> LocationNumber {
    let Ask::PutLocation(ask) = location_ask(code) else { panic!("it is one") };
    let (kind, postal_code) = (kind.to_owned(), Some(postal_code.to_owned()));
    recorded(&client.ask(Ask::PutLocation(Box::new(LocationAsk { kind, postal_code, ..*ask }))));
    client.directory.location(code).unwrap()
}

fn put(client: &Client, text: &str) -> Lsn {
    let (code, format) = ("europe".to_owned(), Format::Toml);
    let rules = client.directory.read_profile(text, format).unwrap();
    recorded(&client.ask(Ask::PutProfile(Box::new(ProfileAsk { code, format, text: text.into(), rules }))))
}

fn route(client: &Client, locations: &[LocationNumber], profile: Option<ProfileNumber>) {
    let Ask::PutChannel(ask) = channel_ask("web", locations, Policy::Reject) else { panic!("it is one") };
    recorded(&client.ask(Ask::PutChannel(Box::new(ChannelAsk { profile, ..*ask }))));
}

impl Shop {
    /// Berlin, Munich and a shop in Hamburg, each with ten mugs and ten tubs of ice.
    fn open(client: Client) -> Self {
        let all = [
            place(&client, "berlin", "warehouse", "10115"),
            place(&client, "munich", "warehouse", "80331"),
            place(&client, "shop", "shop", "20095"),
        ];
        assert_eq!(all, [BERLIN, MUNICH, SHOP]);
        put(&client, EUROPE);
        route(&client, &all, client.directory.profile("europe"));
        let mug = client.sku("MUG");
        let Ask::PutSku(ask) = sku_ask("ICE", 0) else { panic!("it is one") };
        recorded(
            &client.ask(Ask::PutSku(Box::new(SkuAsk { tags: vec!["cold".into(), "sweet".into()], ..*ask }))),
        );
        let shop = Self::again(client);
        for location in all {
            shop.client.receive(mug, location, 10);
            shop.client.receive(shop.ice, location, 10);
        }
        shop
    }

    /// The same after a start.
    fn again(client: Client) -> Self {
        let directory = Arc::clone(&client.directory);
        let sku = |code| directory.sku(code).unwrap().number;
        let (web, mug, ice) = (directory.channel("web").unwrap(), sku("MUG"), sku("ICE"));
        Self { client, web, mug, ice }
    }

    fn ask(
        &self,
        external_id: &str,
        to: Option<&str>,
        tags: &[&str],
        lines: &[(SkuNumber, u32)],
    ) -> OrderAsk {
        let Ask::PlaceOrder(ask) = self.client.order_ask(self.web, external_id, None, lines) else {
            panic!("it is one")
        };
        let asked = decode_asked(&ask.asked).unwrap();
        let ship_to = to.map(|code| ShipToV1 { country: "DE", region: None, postal_code: Some(code) });
        let mut bytes = Vec::new();
        encode_into(&OrderAskedV1 { ship_to, ..asked }, &mut bytes).unwrap();
        let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        let said = (!tags.is_empty()).then(|| Box::new(OrderSaid { tags, ..OrderSaid::default() }));
        OrderAsk { asked: bytes, said, ..ask }
    }

    /// What a preview says, and then the order itself, which must say the same.
    fn order(&self, ask: OrderAsk) -> (Lsn, OrderAccepted) {
        let planned = match self.client.ask(Ask::Read(ReadAsk::Plan(Box::new(ask.clone())))) {
            Answer::Read { read: ReadAnswer::Plan(planned), .. } => planned.unwrap(),
            other => panic!("{other:?}"),
        };
        let Answer::Accepted { lsn, .. } = self.client.ask(Ask::PlaceOrder(ask)) else {
            panic!("it is taken")
        };
        let Event::OrderAccepted(accepted) = self.event(lsn) else { panic!("it is one") };
        assert_eq!(planned, Event::OrderAccepted(accepted.clone()));
        (lsn, accepted)
    }

    fn event(&self, lsn: Lsn) -> Event {
        let record = self.client.handle.read(lsn).unwrap();
        let (header, body) = Header::decode(&record).unwrap();
        decode_event(&header, body).unwrap().unwrap().event().unwrap().clone()
    }

    /// Where an order was sent, and by what.
    fn sent(&self, ask: OrderAsk) -> (Vec<u16>, Decision, u32) {
        let (_, accepted) = self.order(ask);
        let Routed { explanation, .. } = *accepted.routed.unwrap();
        let locations: BTreeSet<u16> = accepted.claims.iter().map(|(_, location, _)| location.0).collect();
        (locations.into_iter().collect(), explanation.decision, explanation.version)
    }

    /// The stories of orders that each rule is for; `run` tells one time from another.
    fn tell(&self, run: &str) {
        let (mug, ice) = (&[(self.mug, 1)][..], &[(self.mug, 1), (self.ice, 1)][..]);
        for (number, to, tags, lines, expected) in [
            (1, Some("81667"), &[][..], mug, (vec![MUNICH.0], Decision::Strategy(2))),
            (2, Some("22765"), &[], mug, (vec![SHOP.0], Decision::Strategy(2))),
            (3, Some("22765"), &[], ice, (vec![BERLIN.0], Decision::Strategy(1))),
            (4, Some("81667"), &["gift", "late"], mug, (vec![SHOP.0], Decision::Strategy(0))),
            (5, Some("81667"), &["late"], mug, (vec![MUNICH.0], Decision::Strategy(2))),
            (6, None, &[], mug, (vec![BERLIN.0], Decision::Strategy(2))),
        ] {
            let (locations, decision, version) =
                self.sent(self.ask(&format!("{run}-{number}"), to, tags, lines));
            assert_eq!((locations, decision), expected, "{run}-{number}");
            assert_eq!(version, 1);
        }
    }
}

#[test]
fn each_order_goes_where_the_rules_say_also_after_a_start() {
    with_each(|shards| {
        let storage = SimStorage::default();
        let engine = start(&storage, shards);
        Shop::open(Client::of(&engine, "acme")).tell("first");
        engine.stop();
        let engine = start(&storage, shards);
        Shop::again(Client::of(&engine, "acme")).tell("by the log");
        engine.handle().snapshot().unwrap();
        engine.stop();
        recovered(&storage, |engine| Shop::again(Client::of(engine, "acme")).tell("by the snapshot"))
    });
}

#[test]
fn who_waits_gets_stock_where_the_rules_let_it_also_after_a_start() {
    with_each(|shards| {
        let storage = SimStorage::default();
        let engine = start(&storage, shards);
        let shop = Shop::open(Client::of(&engine, "acme"));
        put(&shop.client, "otherwise = \"backorder\"\n[[strategies]]\ninclude = [\"munich\"]\n");
        let (lsn, accepted) = shop.order(shop.ask("large", Some("10115"), &[], &[(shop.mug, 15)]));
        assert_eq!(accepted.claims.as_slice(), [(0, MUNICH, 10)]);
        let routed = accepted.routed.unwrap();
        assert_eq!(routed.explanation.decision, Decision::Backorder(By::Strategy(0)));
        assert_eq!(routed.within, Some(vec![MUNICH]));
        engine.stop();
        let waits = |shop: &Shop, location| {
            shop.client.receive(shop.mug, location, 2);
            let (orders, _) = shop.client.orders(&[OrderId(lsn.0)]);
            let [OrderRead::Open(order)] = &orders[..] else { panic!("{orders:?}") };
            order.demands[0].backordered
        };
        let engine = start(&storage, shards);
        let shop = Shop::again(Client::of(&engine, "acme"));
        assert_eq!((waits(&shop, BERLIN), waits(&shop, MUNICH)), (5, 3));
        engine.handle().snapshot().unwrap();
        engine.stop();
        recovered(&storage, |engine| {
            let shop = Shop::again(Client::of(engine, "acme"));
            assert_eq!((waits(&shop, SHOP), waits(&shop, MUNICH)), (3, 1));
        })
    });
}

#[test]
fn a_next_version_is_for_the_next_order_and_none_is_as_before() {
    for shards in SHARDS {
        let engine = start(&SimStorage::default(), shards);
        let shop = Shop::open(Client::of(&engine, "acme"));
        let first = shop.client.directory.profile_versions(ProfileNumber(0));
        put(&shop.client, "[[strategies]]\nrank = [{ by = \"priority\", list = [\"shop\"] }]\n");
        let versions = shop.client.directory.profile_versions(ProfileNumber(0));
        assert_eq!((first.len(), versions.len(), versions[0]), (1, 2, first[0]));
        let sent = shop.sent(shop.ask("1", Some("81667"), &[], &[(shop.mug, 1)]));
        assert_eq!(sent, (vec![SHOP.0], Decision::Strategy(0), 2));
        route(&shop.client, &[BERLIN, MUNICH, SHOP], None);
        let (_, accepted) = shop.order(shop.ask("2", Some("81667"), &[], &[(shop.mug, 1)]));
        assert_eq!((accepted.claims.as_slice(), accepted.routed), (&[(0, BERLIN, 1)][..], None));
        engine.stop();
    }
}

#[test]
fn a_refusal_says_which_rules_it_rests_on() {
    let engine = start(&SimStorage::default(), 1);
    let shop = Shop::open(Client::of(&engine, "acme"));
    put(&shop.client, "otherwise = \"reject\"\n[[strategies]]\ninclude = [\"munich\"]\n");
    let ask = shop.ask("1", None, &[], &[(shop.mug, 12)]);
    let planned = shop.client.ask(Ask::Read(ReadAsk::Plan(Box::new(ask.clone()))));
    let Answer::Read { read: ReadAnswer::Plan(planned), .. } = planned else { panic!("{planned:?}") };
    let Err(Rejection::InsufficientStock { shortfalls, routed }) = *planned else { panic!("it is refused") };
    assert_eq!((shortfalls[0].available, routed.unwrap().explanation.version), (10, 2));
    let answer = shop.client.ask_with(Ask::PlaceOrder(ask), Some("key"));
    let Answer::Refused { lsn, refused, .. } = answer else { panic!("{answer:?}") };
    assert_eq!(refused.shortfalls[0].available, 10);
    let record = shop.client.handle.read(lsn).unwrap();
    let (header, body) = Header::decode(&record).unwrap();
    let (_, _, details) = onhand_engine::record::order::decode_refused_whole(header.version, body).unwrap();
    assert_eq!(details.routed.map(|routed| routed.profile), Some(0));
    engine.stop();
}
