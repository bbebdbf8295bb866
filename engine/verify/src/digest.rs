//! The digest of `docs/FORMATS.md`, written a second time.

/// splitmix64's output for a state.
fn splitmix64(state: u64) -> u64 {
    let z = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// One fact's hash.
pub(crate) fn fact(words: &[u64]) -> u64 {
    let mut hash = 0;
    for word in words {
        hash = splitmix64(hash ^ word);
    }
    hash
}
