//! Cancellations that nobody asked for: behind the kits they have the date that had come.

use super::{Book, header};
use onhand_record::agreed::LapsedV1;
use onhand_record::header::VERSION_LAPSED;
use onhand_record::kit::{KitPictureV1, decode_cancelled_all, encode_lapsed};
use onhand_record::order::OrderCancelledV1;
use onhand_record::{Header, Kind, encode_into};

/// The pages of such records, with and without kits.
pub fn pages(mut book: Book, cancelled: &OrderCancelledV1<'_>, kits: &[KitPictureV1]) -> Book {
    let (version, lapsed) = (VERSION_LAPSED, LapsedV1 { cancel_after: 1_795_478_400_123 });
    for (case, kits) in [("lapsed", &[][..]), ("has kits and lapsed", kits)] {
        let mut bytes = Vec::new();
        Header { version, ..header(Kind::OrderCancelled) }.encode_into(&mut bytes);
        encode_into(cancelled, &mut bytes).unwrap();
        encode_lapsed(kits, lapsed, &mut bytes).unwrap();
        let stored = book.page(case, &bytes);
        let (_, body) = Header::decode(&stored).unwrap();
        let read = decode_cancelled_all(version, body).unwrap();
        assert_eq!(read, (cancelled.clone(), kits.to_vec(), Some(lapsed)), "{case}");
    }
    book
}
