//! A body cut into lines: the same lines, whatever pieces it comes in, since their numbers are parts of keys.

use super::BODY_BYTES_MAX;
use actix_web::web::{Buf, BytesMut};
use std::ops::Range;

/// See the module. Lines that are blank are left out, unless they are too long: those are told before their end has
/// come, when nobody knows yet whether they stay blank.
#[derive(Default)]
pub(super) struct Lines {
    rest: BytesMut,
    /// How much of `rest` was handed out.
    taken: usize,
    /// Whether what comes continues a line that was handed out already, being too long.
    is_beyond: bool,
}

impl Lines {
    /// Adds a piece.
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.rest.advance(std::mem::take(&mut self.taken));
        self.rest.extend_from_slice(piece);
    }

    /// The next line that is whole, or as much as came of one that is too long.
    pub(super) fn next(&mut self) -> Option<&[u8]> {
        let range = self.cut()?;
        Some(&self.rest[range])
    }

    /// The last line, which nothing ends, when [`Lines::next`] has no more and nothing will come.
    pub(super) fn last(&self) -> Option<&[u8]> {
        let line = bare(&self.rest[self.taken..]);
        (!self.is_beyond && counts(line)).then_some(line)
    }

    fn cut(&mut self) -> Option<Range<usize>> {
        while let Some(length) = memchr::memchr(b'\n', &self.rest[self.taken..]) {
            let start = self.taken;
            self.taken += length + 1;
            let line = bare(&self.rest[start..start + length]);
            if !std::mem::take(&mut self.is_beyond) && counts(line) {
                return Some(start..start + line.len());
            }
        }
        let range = self.taken..self.rest.len();
        let is_too_long = bare(&self.rest[range.clone()]).len() > BODY_BYTES_MAX;
        if self.is_beyond || is_too_long {
            self.taken = range.end;
        }
        (is_too_long && !std::mem::replace(&mut self.is_beyond, true)).then_some(range)
    }
}

/// A line without the carriage return that may stand before its end.
fn bare(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn counts(line: &[u8]) -> bool {
    line.len() > BODY_BYTES_MAX || !line.iter().all(u8::is_ascii_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The length of each line, as far as it is no longer than a line may be.
    fn lengths(body: &[u8], pieces: usize) -> Vec<usize> {
        let (mut lines, mut lengths) = (Lines::default(), Vec::new());
        let mut note = |line: &[u8]| lengths.push(line.len().min(BODY_BYTES_MAX + 1));
        for piece in body.chunks(pieces) {
            lines.push(piece);
            while let Some(line) = lines.next() {
                note(line);
            }
        }
        lines.last().map(&mut note);
        lengths
    }

    #[test]
    fn a_body_has_the_same_lines_whatever_pieces_it_comes_in() {
        let (blank, word) = (|count| " ".repeat(count), |count| "x".repeat(count));
        let body = [
            "one\r\n\n  \r\n".to_owned(),
            // Blank for longer than a line may be, to the end or only at first.
            blank(BODY_BYTES_MAX + 9) + "\n",
            blank(BODY_BYTES_MAX) + "\n",
            blank(BODY_BYTES_MAX + 1) + "two\r\n",
            word(BODY_BYTES_MAX) + "\r\n",
            word(BODY_BYTES_MAX + 1) + "\r\n",
            word(3 * BODY_BYTES_MAX) + "\n",
            "last".to_owned(),
        ];
        let body = body.concat();
        let too_long = BODY_BYTES_MAX + 1;
        let wanted = [3, too_long, too_long, BODY_BYTES_MAX, too_long, too_long, 4];
        let sizes =
            [body.len(), 1 << 20, BODY_BYTES_MAX, BODY_BYTES_MAX + 1, BODY_BYTES_MAX + 2, 65_536, 4_093];
        for pieces in sizes {
            assert_eq!(lengths(body.as_bytes(), pieces), wanted, "in pieces of {pieces}");
        }
        assert_eq!(lengths((blank(BODY_BYTES_MAX + 2)).as_bytes(), 1_000), [too_long]);
        assert_eq!(lengths((blank(BODY_BYTES_MAX) + "\r").as_bytes(), 1_000), [0; 0]);
    }
}
