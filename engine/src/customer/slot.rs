//! One key of `customer.keys`: its bytes, and what it seals.

use super::CustomerError;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use onhand_domain::MerchantNumber;
use onhand_snapshots::storage::StorageFile;
use std::io;
use zeroize::Zeroizing;

pub(super) const SLOT_BYTES: usize = 64;
pub(super) const KEY_BYTES: usize = 32;

/// The bytes of a slot. They are a secret: they leave memory with their holder.
pub(super) type Bytes = Zeroizing<[u8; SLOT_BYTES]>;

/// What a slot holds.
pub(super) enum Slot {
    /// Zeros: the key was erased, or was nobody's.
    Erased,
    /// A key with its check.
    Whole(Zeroizing<[u8; KEY_BYTES]>),
    /// Something else.
    Damaged,
}

/// The bytes of a key.
pub(super) fn bytes_of(number: u64, key: &[u8; KEY_BYTES]) -> [u8; SLOT_BYTES] {
    let mut slot = [0; SLOT_BYTES];
    slot[..KEY_BYTES].copy_from_slice(key);
    slot[KEY_BYTES..KEY_BYTES + 16].copy_from_slice(&check_of(number, key));
    slot
}

fn check_of(number: u64, key: &[u8; KEY_BYTES]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&number.to_le_bytes()).update(key);
    let mut check = [0; 16];
    check.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    check
}

/// What the slot of this number says.
pub(super) fn parse(number: u64, slot: &[u8; SLOT_BYTES]) -> Slot {
    if slot.iter().all(|byte| *byte == 0) {
        return Slot::Erased;
    }
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    key.copy_from_slice(&slot[..KEY_BYTES]);
    let is_whole = slot[KEY_BYTES..KEY_BYTES + 16] == check_of(number, &key);
    if is_whole { Slot::Whole(key) } else { Slot::Damaged }
}

/// The bytes of a slot that the file has.
pub(super) fn read(file: &dyn StorageFile, number: u64) -> io::Result<Bytes> {
    let mut slot = Zeroizing::new([0; SLOT_BYTES]);
    file.read_at(number * SLOT_BYTES as u64, &mut *slot)?;
    Ok(slot)
}

/// Seals a text for a merchant.
pub(super) fn seal(
    key: &[u8; KEY_BYTES],
    merchant: MerchantNumber,
    number: u64,
    text: &[u8],
) -> Result<Vec<u8>, CustomerError> {
    let payload = Payload { msg: text, aad: &bound_to(merchant, number) };
    let sealed = XChaCha20Poly1305::new(key.into()).encrypt(&XNonce::default(), payload);
    sealed.map_err(|_| CustomerError::Damaged(number))
}

/// Opens what was sealed; [`CustomerError::Damaged`] if it was not sealed so.
pub(super) fn unseal(
    key: &[u8; KEY_BYTES],
    merchant: MerchantNumber,
    number: u64,
    ciphertext: &[u8],
) -> Result<Vec<u8>, CustomerError> {
    let payload = Payload { msg: ciphertext, aad: &bound_to(merchant, number) };
    let opened = XChaCha20Poly1305::new(key.into()).decrypt(&XNonce::default(), payload);
    opened.map_err(|_| CustomerError::Damaged(number))
}

/// What a sealed text belongs to: it does not open elsewhere.
fn bound_to(merchant: MerchantNumber, number: u64) -> [u8; 12] {
    let mut bound = [0; 12];
    bound[..4].copy_from_slice(&merchant.0.to_le_bytes());
    bound[4..].copy_from_slice(&number.to_le_bytes());
    bound
}
