//! Keys of personal data that are lost, older or another log's: a start misses them, a repair puts them back or gives
//! them up, and no number is given out twice.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use common::repairs::{bytes_of, crash_at_every_call, put};
use common::{Client, accepted, recorded, start_on};
use onhand_engine::ask::{Ask, OrderAsk, StockAsk};
use onhand_engine::customer::{
    CUSTOMER_COUNT_FILE, CUSTOMER_KEYS_FILE, CustomerError, CustomerKeys, KeyMerge, Sealed, put_customer_keys,
};
use onhand_engine::domain::{ChannelNumber, MerchantNumber, SkuNumber};
use onhand_engine::record::codec::decode_first;
use onhand_engine::record::encode_into;
use onhand_engine::record::order::{OrderAskedV1, SealedV1};
use onhand_engine::secrets::fill_random;
use onhand_engine::snapshots::storage::{Crash, SimStorage, Storage};
use onhand_engine::snapshots::{Disk, Lsn};
use onhand_engine::start_refusal::{Cause, StartRefusal};
use onhand_engine::{Engine, EngineConfig, StartError};
use std::sync::Arc;

const SLOT_BYTES: usize = 64;
const BATCH: u64 = 1_024;

/// What one order holds, and what stands in it.
struct Order {
    sealed: Sealed,
    name: String,
    lsn: Lsn,
}

/// A shop that was stopped: four orders with personal data, the second of them erased; two of them from the keys that
/// were made first, two from those that were made next.
struct Shop {
    storage: SimStorage,
    merchant: MerchantNumber,
    orders: Vec<Order>,
    /// The key file and the count as they were after the first two.
    older: [Vec<u8>; 2],
}

fn try_start(storage: &SimStorage) -> Result<Engine, StartError> {
    let config = EngineConfig { segment_bytes: 0, snapshot_segments: 1, ..common::config(2) };
    start_on(Disk::simulated(storage), &config, &Arc::default())
}

/// A sealed text. Keys are made as soon as they are wanted.
fn seal(keys: &CustomerKeys, merchant: MerchantNumber, text: &str) -> Sealed {
    loop {
        let sealed = keys.seal(merchant, text.as_bytes());
        keys.try_step().unwrap();
        if !matches!(sealed, Err(CustomerError::NotReady)) {
            return sealed.unwrap();
        }
    }
}

fn with_customer(ask: Ask, sealed: &Sealed) -> Ask {
    let Ask::PlaceOrder(order) = ask else { panic!("no order") };
    let (mut asked, _): (OrderAskedV1<'_>, _) = decode_first(&order.asked).unwrap();
    asked.customer = Some(SealedV1 { key: sealed.key, ciphertext: &sealed.ciphertext });
    let mut bytes = Vec::new();
    encode_into(&asked, &mut bytes).unwrap();
    Ask::PlaceOrder(OrderAsk { asked: bytes, ..order })
}

impl Shop {
    fn new() -> Self {
        let storage = SimStorage::default();
        let engine = try_start(&storage).unwrap();
        let client = Client::of(&engine, "acme");
        let (_, web, mug) = client.stocked(10);
        // The engine has a thread that makes keys when it gets to it; these are made when they are wanted.
        let keys = CustomerKeys::open(port(&storage), fill_random).unwrap();
        let place = |name: &str| Order::place(&client, web, mug, seal(&keys, client.merchant, name), name);
        let mut orders: Vec<Order> = ["Ada", "Ben"].into_iter().map(place).collect();
        keys.erase(orders[1].sealed.key).unwrap();
        let older = [CUSTOMER_KEYS_FILE, CUSTOMER_COUNT_FILE].map(|path| bytes_of(&storage, path));
        // Until keys of the next batch are given out.
        while seal(&keys, client.merchant, "nobody").key < BATCH {}
        orders.extend(["Cleo", "Dan"].map(place));
        assert!(orders.iter().map(|order| order.sealed.key / BATCH).eq([0, 0, 1, 1]));
        assert!(engine.stop().is_some());
        Self { storage, merchant: client.merchant, orders, older }
    }

    /// One whose last start read none of these orders, since snapshot and index have them.
    fn long() -> Self {
        let shop = Self::new();
        let engine = try_start(&shop.storage).unwrap();
        let client = Client::of(&engine, "acme");
        let (main, mug) = (client.directory.location("main").unwrap(), client.directory.sku("MUG").unwrap());
        for _ in 0..40 {
            let ask = common::stock_ask(mug.number, main, receive());
            let Ask::MoveStock(ask) = ask else { panic!("no movement") };
            recorded(&client.ask(Ask::MoveStock(StockAsk { reference: Some("r".repeat(100_000)), ..ask })));
        }
        engine.handle().tidy().unwrap();
        engine.handle().snapshot().unwrap();
        assert!(engine.stop().is_some());
        shop
    }

    /// What can be read of the four orders.
    fn names(&self, keys: &CustomerKeys) -> Vec<Option<String>> {
        let read = |order: &Order| {
            let (key, ciphertext) = (order.sealed.key, &order.sealed.ciphertext);
            let name = keys.unseal(self.merchant, key, ciphertext).unwrap();
            name.map(|name| String::from_utf8(name).unwrap())
        };
        self.orders.iter().map(read).collect()
    }

    /// Starts; the next key has a number that nobody had.
    #[track_caller]
    fn serve(&self, storage: &SimStorage, what: &str) -> Vec<Option<String>> {
        let engine = try_start(storage).unwrap_or_else(|error| panic!("{what}: {error}"));
        engine.stop();
        self.open(storage, what)
    }

    /// The key store alone.
    #[track_caller]
    fn open(&self, storage: &SimStorage, what: &str) -> Vec<Option<String>> {
        let keys = CustomerKeys::open(port(storage), fill_random).unwrap();
        let names = self.names(&keys);
        let next = seal(&keys, self.merchant, "next").key;
        assert!(next >= 2 * BATCH, "{what}: key {next} was given out before");
        names
    }
}

fn receive() -> onhand_engine::ask::Movement {
    let state = onhand_engine::domain::sku::StockState::Sellable;
    onhand_engine::ask::Movement::Receive { state, quantity: 1 }
}

impl Order {
    fn place(client: &Client, web: ChannelNumber, mug: SkuNumber, sealed: Sealed, name: &str) -> Self {
        let ask = with_customer(client.order_ask(web, name, None, &[(mug, 1)]), &sealed);
        let (lsn, _) = accepted(client.ask(ask));
        Self { sealed, name: name.to_owned(), lsn }
    }
}

/// A way to lose keys.
struct Loss {
    name: &'static str,
    /// What the key file is afterwards; `None`: gone.
    keys: fn(&Shop) -> Option<Vec<u8>>,
    /// How many keys the refusal finds; and which orders name keys that are gone, if the start reads them all.
    had: Option<u64>,
    lacking: [usize; 2],
    /// What can be read after a repair without a backup.
    left: [bool; 4],
}

const LOSSES: [Loss; 4] = [
    Loss { name: "gone", keys: |_| None, had: None, lacking: [0, 3], left: [false; 4] },
    Loss { name: "empty", keys: |_| Some(Vec::new()), had: Some(0), lacking: [0, 3], left: [false; 4] },
    Loss {
        name: "an older copy",
        keys: |shop| Some(shop.older[0].clone()),
        had: Some(BATCH),
        lacking: [2, 3],
        left: [true, false, false, false],
    },
    Loss {
        name: "cut amid a slot",
        keys: |shop| {
            let place = usize::try_from(BATCH).unwrap() * SLOT_BYTES + 30;
            Some(bytes_of(&shop.storage, CUSTOMER_KEYS_FILE)[..place].to_vec())
        },
        had: Some(BATCH),
        lacking: [2, 3],
        left: [true, false, false, false],
    },
];

impl Loss {
    fn happen(&self, shop: &Shop) -> SimStorage {
        let storage = shop.storage.fork();
        match (self.keys)(shop) {
            Some(bytes) => put(&storage, CUSTOMER_KEYS_FILE, &bytes),
            None => {
                storage.remove_file(CUSTOMER_KEYS_FILE).unwrap();
                storage.sync_dir(".").unwrap();
            }
        }
        storage
    }
}

fn without_count(storage: &SimStorage) -> SimStorage {
    let storage = storage.fork();
    storage.remove_file(CUSTOMER_COUNT_FILE).unwrap();
    storage
}

fn refusal_of(storage: &SimStorage, what: &str) -> (StartError, StartRefusal) {
    let files = storage.files();
    let error = try_start(storage).err().unwrap_or_else(|| panic!("{what}: it starts"));
    let refusal = error.refusal().unwrap_or_else(|| panic!("{what}: {error}"));
    assert_eq!(storage.files(), files, "{what}: the start changed something");
    assert_eq!((refusal.cause, &*refusal.file), (Cause::CustomerKeys, CUSTOMER_KEYS_FILE), "{what}");
    (error, refusal)
}

#[test]
fn a_start_misses_keys_that_are_gone() {
    for (shop, reads_all) in [(Shop::new(), true), (Shop::long(), false)] {
        shop.serve(&shop.storage.fork(), "whole");
        shop.serve(&without_count(&shop.storage), "without a count");
        for loss in &LOSSES {
            let storage = loss.happen(&shop);
            for (storage, reads_all) in [(without_count(&storage), true), (storage, reads_all)] {
                let (error, refusal) = refusal_of(&storage, loss.name);
                let named = shop.orders.iter().map(|order| order.sealed.key).max().unwrap() + 1;
                assert!(
                    matches!(&error, StartError::KeysLost { had, needed, .. } if *had == loss.had
                        && [named, 2 * BATCH].contains(needed)),
                    "{}: {error}",
                    loss.name
                );
                let [first, last] = loss.lacking.map(|order| shop.orders[order].lsn);
                let records = reads_all.then_some((first, Some(last)));
                assert_eq!(refusal.records, records, "{}: {error}", loss.name);
            }
        }
    }
}

#[test]
fn a_start_knows_the_keys_of_another_log_by_what_they_do_not_open() {
    let (shop, other) = (Shop::new(), Shop::new());
    let storage = shop.storage.fork();
    put(&storage, CUSTOMER_KEYS_FILE, &bytes_of(&other.storage, CUSTOMER_KEYS_FILE));
    let last = &shop.orders[3];
    let (error, refusal) = refusal_of(&storage, "another's");
    assert!(
        matches!(error, StartError::KeysOfAnother { key, record } if key == last.sealed.key && record == last.lsn)
    );
    assert_eq!(refusal.records, Some((last.lsn, Some(last.lsn))));
    // One damaged key is that order's alone, as it was.
    let storage = shop.storage.fork();
    let place = usize::try_from(last.sealed.key).unwrap() * SLOT_BYTES;
    storage.damage(CUSTOMER_KEYS_FILE, |bytes| bytes[place] ^= 1);
    let engine = try_start(&storage).unwrap();
    let unsealed =
        engine.handle().customers().unseal(shop.merchant, last.sealed.key, &last.sealed.ciphertext);
    assert!(matches!(unsealed, Err(CustomerError::Damaged(_))), "{unsealed:?}");
    engine.stop();
}

#[test]
fn what_nothing_in_the_directory_knows_is_not_noticed() {
    let shop = Shop::long();
    // Keys and count are both older copies, and the records that know better are behind snapshot and index.
    let storage = shop.storage.fork();
    for (path, bytes) in [CUSTOMER_KEYS_FILE, CUSTOMER_COUNT_FILE].iter().zip(&shop.older) {
        put(&storage, path, bytes);
    }
    try_start(&storage).unwrap().stop();
    // An older copy with as many keys: what was erased since is not.
    let shop = Shop::new();
    let storage = shop.storage.fork();
    let before = bytes_of(&storage, CUSTOMER_KEYS_FILE);
    let keys = CustomerKeys::open(port(&storage), fill_random).unwrap();
    keys.erase(shop.orders[0].sealed.key).unwrap();
    assert_eq!(shop.names(&keys)[0], None);
    put(&storage, CUSTOMER_KEYS_FILE, &before);
    assert_eq!(shop.serve(&storage, "as many")[0].as_deref(), Some("Ada"));
}

fn port(storage: &SimStorage) -> Arc<dyn Storage> {
    Arc::new(storage.clone())
}

/// The repair: with a backup, and where that is all there is to lose; or without.
fn mend(storage: &SimStorage, backup: Option<&SimStorage>) -> bool {
    let backup = backup.map(|backup| backup as &dyn Storage);
    let merge = KeyMerge::look(&port(storage), backup);
    merge.is_ok_and(|merge| put_customer_keys(storage, backup, &merge).is_ok())
}

fn expected(shop: &Shop, left: [bool; 4]) -> Vec<Option<String>> {
    shop.orders.iter().zip(left).map(|(order, is_left)| is_left.then(|| order.name.clone())).collect()
}

#[test]
fn a_repair_brings_back_what_a_backup_has_and_gives_no_number_out_again() {
    for shop in [Shop::new(), Shop::long()] {
        // In the backup nothing is erased yet but what was before, and its last keys are missing if it is older.
        let older = shop.storage.fork();
        put(&older, CUSTOMER_KEYS_FILE, &shop.older[0]);
        for loss in &LOSSES {
            let storage = loss.happen(&shop);
            for storage in [without_count(&storage), storage] {
                let merge = KeyMerge::look(&port(&storage), Some(&shop.storage)).unwrap();
                let facts = (merge.is_ours(), merge.is_backup_ours(), merge.is_whole(), merge.lost());
                assert_eq!(facts, (true, true, false, 0), "{}", loss.name);
                let mended = storage.fork();
                assert!(mend(&mended, Some(&shop.storage)));
                assert_eq!(shop.serve(&mended, loss.name), expected(&shop, [true, false, true, true]));

                let merge = KeyMerge::look(&port(&storage), Some(&older)).unwrap();
                assert_eq!(merge.lost(), 2, "{}: the older backup lacks two", loss.name);
                let mended = storage.fork();
                assert!(mend(&mended, Some(&older)));
                assert_eq!(shop.serve(&mended, loss.name), expected(&shop, [true, false, false, false]));

                let mended = storage.fork();
                assert!(mend(&mended, None));
                assert_eq!(shop.serve(&mended, loss.name), expected(&shop, loss.left), "{}", loss.name);
            }
        }
    }
}

#[test]
fn what_is_erased_here_stays_erased_and_what_is_damaged_here_comes_back() {
    let shop = Shop::new();
    let storage = shop.storage.fork();
    let at = |order: usize| usize::try_from(shop.orders[order].sealed.key).unwrap() * SLOT_BYTES;
    storage.damage(CUSTOMER_KEYS_FILE, |bytes| {
        bytes[at(0)..at(0) + SLOT_BYTES].fill(0);
        bytes[at(2) + 3] ^= 1;
    });
    let merge = KeyMerge::look(&port(&storage), Some(&shop.storage)).unwrap();
    assert_eq!((merge.is_whole(), merge.regained(), merge.lost()), (true, 1, 0));
    assert!(mend(&storage, Some(&shop.storage)));
    assert_eq!(shop.serve(&storage, "mended"), expected(&shop, [false, false, true, true]));
}

#[test]
fn what_a_newer_backup_says_is_erased_stays_erased() {
    let shop = Shop::new();
    let backup = shop.storage.fork();
    CustomerKeys::open(port(&backup), fill_random).unwrap().erase(shop.orders[0].sealed.key).unwrap();
    // An older copy was put back: it still has the key.
    let storage = shop.storage.fork();
    put(&storage, CUSTOMER_KEYS_FILE, &shop.older[0]);
    assert!(mend(&storage, Some(&backup)));
    assert_eq!(shop.serve(&storage, "mended"), expected(&shop, [false, false, true, true]));
}

/// A copy that was restored has the same keys up to the backup, and others behind it.
#[test]
fn the_keys_of_a_copy_that_went_another_way_are_used_as_far_as_they_are_the_same() {
    let (shop, other) = (Shop::new(), Shop::new());
    let storage = shop.storage.fork();
    let mut bytes = bytes_of(&shop.storage, CUSTOMER_KEYS_FILE);
    let same = usize::try_from(BATCH).unwrap() * SLOT_BYTES;
    bytes[same..].copy_from_slice(&bytes_of(&other.storage, CUSTOMER_KEYS_FILE)[same..]);
    put(&storage, CUSTOMER_KEYS_FILE, &bytes);
    assert!(matches!(try_start(&storage), Err(StartError::KeysOfAnother { .. })));
    let merge = KeyMerge::look(&port(&storage), Some(&shop.storage)).unwrap();
    assert_eq!((merge.is_ours(), merge.is_whole(), merge.regained(), merge.lost()), (true, false, 2, 0));
    let mended = storage.fork();
    assert!(mend(&mended, Some(&shop.storage)));
    assert_eq!(shop.serve(&mended, "fetched"), expected(&shop, [true, false, true, true]));
    assert_eq!(KeyMerge::look(&port(&storage), None).unwrap().lost(), 2);
    assert!(mend(&storage, None));
    assert_eq!(shop.serve(&storage, "given up"), expected(&shop, [true, false, false, false]));
}

/// A process was killed before it had synced new keys, the next one saw them, and then the power went.
#[test]
fn keys_that_were_never_given_out_are_not_missed() {
    let shop = Shop::new();
    let file = shop.storage.open(CUSTOMER_KEYS_FILE).unwrap();
    let (length, batch) = (file.len().unwrap(), usize::try_from(BATCH).unwrap() * SLOT_BYTES);
    let first = bytes_of(&shop.storage, CUSTOMER_KEYS_FILE)[..batch].to_vec();
    file.write_at(length, &first).unwrap();
    shop.storage.restart();
    shop.serve(&shop.storage.fork(), "before the power goes");
    drop(CustomerKeys::open(port(&shop.storage), fill_random).unwrap());
    shop.storage.crash(Crash::LoseAll);
    assert_eq!(shop.serve(&shop.storage, "after it"), expected(&shop, [true, false, true, true]));
}

#[test]
fn files_of_another_log_are_known_and_not_used() {
    let (shop, other) = (Shop::new(), Shop::new());
    let storage = shop.storage.fork();
    put(&storage, CUSTOMER_KEYS_FILE, &bytes_of(&other.storage, CUSTOMER_KEYS_FILE));
    let merge = KeyMerge::look(&port(&storage), Some(&other.storage)).unwrap();
    assert_eq!((merge.is_ours(), merge.is_backup_ours(), merge.is_whole()), (false, false, false));
    let merge = KeyMerge::look(&port(&storage), Some(&shop.storage)).unwrap();
    assert_eq!((merge.is_ours(), merge.is_backup_ours(), merge.lost()), (false, true, 0));
    let mended = storage.fork();
    assert!(mend(&mended, Some(&shop.storage)));
    assert_eq!(shop.serve(&mended, "fetched"), expected(&shop, [true, false, true, true]));
    assert!(mend(&storage, None));
    assert_eq!(shop.serve(&storage, "given up"), expected(&shop, [false; 4]));
}

#[test]
fn a_crash_at_any_call_of_a_repair_leaves_the_keys_as_they_were_or_mended() {
    let shop = Shop::new();
    let (gone, older) = (LOSSES[0].happen(&shop), LOSSES[2].happen(&shop));
    let cases = [
        (&gone, Some(&shop.storage), [true, false, true, true]),
        (&older, Some(&shop.storage), [true, false, true, true]),
        (&older, None, LOSSES[2].left),
    ];
    for (broken, backup, left) in cases {
        let kept = broken.exists(CUSTOMER_KEYS_FILE).unwrap();
        crash_at_every_call(broken, &|storage| mend(storage, backup), &|storage, what| {
            let away = format!("quarantine/repair-0/{CUSTOMER_KEYS_FILE}");
            assert_eq!(storage.exists(&away).unwrap(), kept, "{what}");
            assert!(KeyMerge::look(&port(storage), None).unwrap().is_whole(), "{what}");
            assert_eq!(shop.open(storage, what), expected(&shop, left), "{what}");
        });
    }
}
