//! What a person may write or copy: the settings' file, the manifest of a backup, the keys of personal data.

use crate::log::disk_with;
use onhand_engine::customer::{CUSTOMER_KEYS_FILE, CustomerKeys};
use onhand_engine::domain::MerchantNumber;
use onhand_engine::snapshots::storage::SimStorage;
use onhand_gateway::cli::fuzzing::{read_manifest, read_settings};
use std::sync::Arc;

/// The first byte says which text: an even one settings, an odd one a manifest.
pub(crate) fn text(input: &[u8]) {
    let Some((which, text)) = input.split_first() else { return };
    let read = match (which % 2, std::str::from_utf8(text)) {
        (0, Ok(text)) => read_settings(text),
        (0, Err(_)) => return,
        _ => read_manifest(text),
    };
    assert!(read.err().is_none_or(|error| !error.is_empty()), "a refusal says why");
}

/// The first byte is the number of a key, the next 192 are `customer.keys` if there are so many, the rest was sealed.
pub(crate) fn customer(input: &[u8]) {
    let Some((number, rest)) = input.split_first() else { return };
    let (file, ciphertext) = rest.split_at(rest.len().min(192));
    let storage = disk_with(CUSTOMER_KEYS_FILE, file.to_vec());
    let opened = CustomerKeys::open(Arc::new(storage), |_| Ok(()));
    let Ok(keys) = opened else { unreachable!("a file of any bytes is opened") };
    let number = u64::from(*number);
    if let Ok(Some(text)) = keys.unseal(MerchantNumber(1), number, ciphertext) {
        assert_eq!(text.len() + 16, ciphertext.len(), "what opens is what was sealed, without its tag");
    }
    // Far beyond the end there is no key, and nothing overflows on the way there.
    for far in [1 << 32, u64::MAX / 64, u64::MAX] {
        assert!(matches!(keys.unseal(MerchantNumber(1), far, ciphertext), Ok(None)), "there is no key {far}");
    }
    if keys.erase(number).is_ok() {
        assert!(
            !matches!(keys.unseal(MerchantNumber(1), number, ciphertext), Ok(Some(_))),
            "an erased key opens nothing"
        );
    }
}

/// Three keys, and a text that the last of them sealed.
pub(crate) fn sealed_seed() -> Vec<u8> {
    let storage = SimStorage::default();
    let keys = CustomerKeys::open(Arc::new(storage.clone()), |bytes| {
        bytes.fill(0x5A);
        Ok(())
    });
    let Ok(keys) = keys else { unreachable!("an empty disk has a key store") };
    assert!(keys.seal(MerchantNumber(1), b"{}").is_err(), "no key is ready before it is asked for");
    assert!(keys.try_step().is_ok_and(|made| made), "keys are made");
    let mut sealed = keys.seal(MerchantNumber(1), br#"{"name":"Ada"}"#);
    while sealed.as_ref().is_ok_and(|sealed| sealed.key > 2) {
        sealed = keys.seal(MerchantNumber(1), br#"{"name":"Ada"}"#);
    }
    let Ok(sealed) = sealed else { unreachable!("a key is ready") };
    let mut file = Vec::new();
    storage.damage(CUSTOMER_KEYS_FILE, |bytes| file.clone_from(bytes));
    file.truncate(192);
    [&[u8::try_from(sealed.key).unwrap_or(0)], &file[..], &sealed.ciphertext].concat()
}
