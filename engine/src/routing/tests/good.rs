//! What is right is read as it is meant, from either format.

use super::super::profile::Reader;
use super::super::{Format, Titles, reread, titles, tree};
use super::{Shop, read_new};
use onhand_domain::money::Currency;
use onhand_domain::order::Policy;
use onhand_domain::routing::profile::{
    Condition, Fact, Filter, Objective, Op, PriorityList, Profile, Quantifier, Rank, Ranking, Rate, Set,
    Split, Symbol, Weight, check, currency_value, postal_key, postal_prefix,
};
use onhand_domain::{LocationNumber, SkuNumber};

const GOOD: &str = include_str!("good.toml");
const GOOD_JSON: &str = include_str!("good.json");
const EUR: Currency = Currency(*b"EUR");
const BERLIN: LocationNumber = LocationNumber(0);
const MUNICH: LocationNumber = LocationNumber(1);
const SHOP: LocationNumber = LocationNumber(2);

/// A profile, and the words that its symbols are.
fn good() -> (Profile, Shop) {
    let mut shop = Shop::default();
    let profile = super::super::read(GOOD, Format::Toml, 7, &mut shop).unwrap();
    (profile, shop)
}

/// The symbol that a word has been given.
fn symbol(shop: &Shop, word: &str) -> Symbol {
    let place = shop.words.iter().position(|known| known == word).unwrap();
    Symbol(u32::try_from(place).unwrap())
}

fn is(fact: Fact, op: Op) -> Condition {
    Condition::Compare(fact, op)
}

fn lines(quantifier: Quantifier, part: Condition) -> Condition {
    Condition::Lines(quantifier, Box::new(part))
}

#[test]
fn both_formats_say_the_same() {
    assert_eq!(read_new(GOOD_JSON, Format::Json).unwrap(), read_new(GOOD, Format::Toml).unwrap());
    assert_eq!(titles(GOOD_JSON, Format::Json), titles(GOOD, Format::Toml));
}

#[test]
fn conditions_are_what_they_say() {
    let (profile, shop) = good();
    let is_word = |fact, word: &str| is(fact, Op::Eq(i64::from(symbol(&shop, word).0)));
    let number = |word: &str| i64::from(symbol(&shop, word).0);
    let words = |words: &[&str]| Set::new(words.iter().map(|word| number(word)).collect());
    let tags = |words: &[&str]| Set::new(words.iter().map(|word| symbol(&shop, word)).collect());
    let (first, last) = postal_prefix("10").unwrap();
    let tea = Condition::All(vec![
        is(Fact::Sku, Op::Eq(i64::from(SkuNumber(1).0))),
        is(Fact::Quantity, Op::Gt(250)),
    ]);
    let expect = Condition::All(vec![
        is(Fact::Country, Op::In(words(&["DE", "AT"]))),
        Condition::Not(Box::new(is(Fact::PostalCode, Op::Between(first, last)))),
        Condition::Any(vec![
            is(Fact::Total(EUR), Op::Ge(9_990)),
            is(Fact::OrderTags, Op::HasAny(tags(&["gift", "fragile"]))),
            lines(Quantifier::All, tea),
            lines(Quantifier::Count(Op::Ge(2)), is(Fact::Free(MUNICH), Op::Lt(10))),
        ]),
    ]);
    assert_eq!(profile.strategies[0].when, Some(expect));
    let expect = Condition::All(vec![
        is(Fact::Channel, Op::Ne(1)),
        is(Fact::Region, Op::NotIn(words(&["BE", "BB"]))),
        is(Fact::PostalCode, Op::Between(postal_key("10").unwrap(), postal_prefix("12").unwrap().1)),
        is(Fact::Currency, Op::Eq(currency_value(EUR))),
        is(Fact::Priority, Op::Ge(-5)),
        is_word(Fact::CustomerTier, "gold"),
        is(Fact::IsB2b, Op::Eq(1)),
        is(Fact::ShipMethod, Op::In(words(&["express"]))),
        is(Fact::PaymentRisk, Op::Le(30)),
        is(Fact::Distance(BERLIN), Op::Le(20_000)),
        is_word(Fact::Kind(SHOP), "shop"),
        lines(Quantifier::Any, is(Fact::LineTags, Op::HasNone(tags(&["cold"])))),
        is(Fact::OrderTags, Op::HasAll(tags(&["gift"]))),
    ]);
    assert_eq!(profile.strategies[1].when, Some(expect));
}

#[test]
fn filters_and_ranks_are_what_they_say() {
    let (profile, shop) = good();
    let at = |locations: &[LocationNumber]| Set::new(locations.to_vec());
    let kinds = ["warehouse", "shop"].map(|word| symbol(&shop, word));
    let expect = vec![
        Filter::Include(at(&[BERLIN, MUNICH])),
        Filter::Exclude(at(&[SHOP])),
        Filter::KeepFree { units: 5, at: None },
        Filter::KeepFree { units: 2, at: Some(at(&[BERLIN])) },
        Filter::MaxDistance(300_000),
        Filter::Kinds(Set::new(kinds.to_vec())),
    ];
    assert_eq!(profile.strategies[0].filters, expect);
    let rank = |objective, band| Rank { objective, band };
    let expect = vec![
        rank(Objective::Priority(PriorityList::new(&[MUNICH, BERLIN])), None),
        rank(Objective::FewestShipments, None),
        rank(Objective::Nearest, Some(50_000)),
        rank(Objective::LandedCost(0), Some(50)),
        rank(Objective::MostStock, None),
    ];
    assert_eq!(profile.strategies[0].ranking, Ranking::InOrder(expect));
    let weight = |objective, weight| Weight { objective, weight };
    let expect = vec![weight(Objective::Nearest, 3), weight(Objective::FewestShipments, 10)];
    assert_eq!(profile.strategies[1].ranking, Ranking::Weighted(expect));
    let fewest = Ranking::InOrder(vec![rank(Objective::FewestShipments, None)]);
    assert_eq!(profile.fallbacks[0].ranking, fewest);
}

#[test]
fn limits_and_rates_are_what_they_say() {
    let (profile, shop) = good();
    assert_eq!(profile.version, 7);
    assert_eq!(profile.otherwise, Some(Policy::Backorder));
    assert_eq!(profile.defaults, Split { max_split: 3, line_split: false });
    let first = &profile.strategies[0];
    assert_eq!((first.max_split, first.line_split), (Some(2), Some(true)));
    let country = symbol(&shop, "DE");
    let rate = |location, postal: &str| {
        let (country, key) = (Some(country), postal_key(postal));
        profile.rate_cards[0].rate(location, country, key)
    };
    for (location, postal, expect) in [
        (BERLIN, "10115", Some(490)),
        (BERLIN, "20095", Some(550)),
        (BERLIN, "49999", Some(550)),
        (BERLIN, "50667", None),
        (MUNICH, "50667", Some(500)),
        (SHOP, "10115", None),
    ] {
        let expect = expect.map(|shipment| Rate { shipment, per_kilogram: 0 });
        assert_eq!(rate(location, postal), expect, "{location} {postal}");
    }
}

#[test]
fn what_is_not_written_has_a_default() {
    let profile = read_new("{\"strategies\":[{}]}", Format::Json).unwrap();
    assert_eq!(profile.otherwise, None);
    assert_eq!(profile.defaults, Split { max_split: u16::MAX, line_split: true });
    let only = &profile.strategies[0];
    assert_eq!(
        (&only.when, &only.filters[..], only.max_split, only.line_split),
        (&None, &[][..], None, None)
    );
    assert!(profile.fallbacks.is_empty() && profile.rate_cards.is_empty());
}

/// Each operator with a postal code: one that is only the beginning stands for all that begin so.
#[test]
fn a_postal_code_stands_for_all_that_begin_so() {
    let (first, last) = postal_prefix("12").unwrap();
    for (operator, op) in [
        ("eq = '12'", Op::Eq(first)),
        ("ne = '12'", Op::Ne(first)),
        ("lt = '12'", Op::Lt(first)),
        ("le = '12'", Op::Le(last)),
        ("gt = '12'", Op::Gt(last)),
        ("ge = '12'", Op::Ge(first)),
        ("between = ['12', '12']", Op::Between(first, last)),
        ("in = ['12']", Op::In(Set::new(vec![first]))),
        ("prefix = '1-2'", Op::Between(first, last)),
    ] {
        let text = format!("[[strategies]]\nwhen = {{ fact = 'postal_code', {operator} }}");
        let profile = read_new(&text, Format::Toml).unwrap();
        assert_eq!(profile.strategies[0].when, Some(is(Fact::PostalCode, op)), "{operator}");
    }
}

/// A decimal string would mean something else once its SKU has other decimals.
#[test]
fn quantities_are_in_smallest_units() {
    let read = |quantity: &str| {
        let parts = format!("{{ fact = 'sku', eq = 'TEA' }}, {{ fact = 'quantity', ge = {quantity} }}");
        let text = format!("[[strategies]]\nwhen = {{ lines = 'any', is = {{ all = [{parts}] }} }}");
        read_new(&text, Format::Toml).map(|profile| profile.strategies[0].when.clone())
    };
    let parts = vec![is(Fact::Sku, Op::Eq(1)), is(Fact::Quantity, Op::Ge(1_500))];
    assert_eq!(read("1500"), Ok(Some(lines(Quantifier::Any, Condition::All(parts)))));
    assert_eq!(read("'1.5'").unwrap_err().code, "wrong_type");
}

/// Everything that the language has, as if the engine supplied it.
#[test]
fn what_is_supplied_later_is_read_already() {
    let text = include_str!("later.toml");
    let tree = tree::parse(text, Format::Toml).unwrap();
    let mut shop = Shop::default();
    let profile = Reader::new(&mut shop, &[]).profile(tree.root(), 1).unwrap();
    assert_eq!(check(&profile, 5), Ok(()));
    let books = i64::from(symbol(&shop, "books").0);
    let line =
        Condition::All(vec![is(Fact::Category, Op::Ne(books)), is(Fact::DaysOfCover(BERLIN), Op::Ge(14))]);
    let expect = Condition::All(vec![
        is(Fact::Weight, Op::Le(30_000)),
        // `date -u -d 2026-12-01 +%s` is 20,788 times 86,400.
        is(Fact::PromiseDate, Op::Between(20_788, 20_811)),
        is(Fact::PromiseIn, Op::Lt(-1)),
        is(Fact::MinuteOfDay, Op::Ge(570)),
        is(Fact::Weekday, Op::In(Set::new(vec![1, 7]))),
        is(Fact::CapacityLeft(BERLIN), Op::Gt(3)),
        is(Fact::Backlog(BERLIN), Op::Le(7)),
        is(Fact::CutOffPassed(BERLIN), Op::Eq(0)),
        lines(Quantifier::Any, line),
    ]);
    let [first, second] = &profile.strategies[..] else { panic!("{profile:?}") };
    assert_eq!(first.when, Some(expect));
    let capabilities = ["cold", "hazmat"].map(|word| symbol(&shop, word));
    let filters = vec![
        Filter::Capabilities(Set::new(capabilities.to_vec())),
        Filter::BeforeCutOff,
        Filter::CapacityLeft(2),
    ];
    assert_eq!((&first.filters, &second.filters), (&filters, &vec![]));
    let ranks = vec![
        Rank { objective: Objective::DaysOfCover, band: Some(7) },
        Rank { objective: Objective::CapacityLeft, band: None },
    ];
    assert_eq!(first.ranking, Ranking::InOrder(ranks));
    let rate = profile.rate_cards[0].rate(BERLIN, None, None);
    assert_eq!(rate, Some(Rate { shipment: 490, per_kilogram: 120 }));
}

/// A later check may refuse what was put; a stored profile is read all the same.
#[test]
fn a_stored_profile_is_not_checked_again() {
    let idle = "[[strategies]]\n[[strategies]]\nname = \"idle\"\n";
    assert_eq!(read_new(idle, Format::Toml).unwrap_err().code, "unreachable_strategy");
    let profile = reread(idle, Format::Toml, 3, &mut Shop::default()).unwrap();
    assert_eq!((profile.version, profile.strategies.len()), (3, 2));
    assert_eq!(reread(GOOD, Format::Toml, 7, &mut Shop::default()).unwrap(), good().0);
}

#[test]
fn what_has_no_name_is_called_by_its_number() {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let told = titles(GOOD, Format::Toml);
    let expect = Titles {
        strategies: owned(&["south from munich", "strategy 2"]),
        fallbacks: owned(&["wherever"]),
        rate_cards: owned(&["dhl"]),
        ..told.clone()
    };
    assert_eq!(told, expect);
    assert_eq!(titles("{", Format::Json), Titles::default());
}
