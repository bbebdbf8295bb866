//! What a run calls its things: every name starts with the run's own, so runs do not meet on one server.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::plain::Plain;

/// What may stand in a path segment as it is (RFC 3986, unreserved).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The names of one run.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    run: String,
    /// How orders, SKUs and locations begin in JSON, from the quote to where their number or code stands.
    order_start: Vec<u8>,
    sku_start: Vec<u8>,
    location_start: Vec<u8>,
    /// Names of SKUs, where they come from a recording; otherwise they are numbered.
    codes: Option<Vec<String>>,
}

impl Names {
    /// Names under a run's prefix.
    pub(crate) fn new(run: String, codes: Option<Vec<String>>) -> Self {
        let start = |mark: &str| format!("\"{run}-{mark}").into_bytes();
        Self {
            order_start: start(""),
            sku_start: start(if codes.is_some() { "" } else { "s" }),
            location_start: start("l"),
            run,
            codes,
        }
    }

    /// The run's own name.
    pub(crate) fn run(&self) -> &str {
        &self.run
    }

    /// The one channel.
    pub(crate) fn channel(&self) -> String {
        format!("{}-web", self.run)
    }

    /// A location, counted from 0.
    pub(crate) fn location(&self, number: u32) -> String {
        format!("{}-l{number}", self.run)
    }

    /// The number of a location of this run.
    pub(crate) fn location_number(&self, name: &str) -> Option<u32> {
        name.strip_prefix(self.run.as_str())?.strip_prefix("-l")?.parse().ok()
    }

    /// Appends the name of a SKU, counted from 0.
    #[inline]
    pub(crate) fn push_sku(&self, number: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.sku_start[1..]);
        match &self.codes {
            Some(codes) => {
                out.extend_from_slice(codes.get(number as usize).map_or("", String::as_str).as_bytes())
            }
            None => push_number(u64::from(number), out),
        }
    }

    /// The name of a SKU as text.
    pub(crate) fn sku(&self, number: u32) -> String {
        let mut out = Vec::new();
        self.push_sku(number, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Appends the external id of an order, which is its idempotency key too.
    #[inline]
    pub(crate) fn push_order(&self, number: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.order_start[1..]);
        push_number(number, out);
    }

    /// Reads a string that must be the external id of this order.
    #[inline(always)]
    pub(crate) fn read_order(&self, number: u64, plain: &mut Plain<'_>) -> Option<()> {
        plain.expect(&self.order_start)?;
        (plain.number()? == number).then_some(())?;
        plain.expect(b"\"")
    }

    /// Reads a string that must be the name of this SKU.
    #[inline(always)]
    pub(crate) fn read_sku(&self, number: u32, plain: &mut Plain<'_>) -> Option<()> {
        plain.expect(&self.sku_start)?;
        match &self.codes {
            Some(codes) => plain.expect(codes.get(number as usize)?.as_bytes())?,
            None => (plain.number()? == u64::from(number)).then_some(())?,
        }
        plain.expect(b"\"")
    }

    /// Reads a string that must be the name of a location of this run.
    #[inline(always)]
    pub(crate) fn read_location(&self, plain: &mut Plain<'_>) -> Option<u32> {
        plain.expect(&self.location_start)?;
        let number = plain.number()?.try_into().ok()?;
        plain.expect(b"\"")?;
        Some(number)
    }
}

/// A name as a segment of a path.
pub(crate) fn segment(name: &str) -> String {
    utf8_percent_encode(name, SEGMENT).to_string()
}

/// Appends a number in decimal; `write!` takes several times as long.
#[inline]
pub(crate) fn push_number(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_the_run_and_locations_are_found_again() {
        let names = Names::new("r1".into(), None);
        assert_eq!(
            (names.sku(42), names.channel(), names.location(3)),
            ("r1-s42".into(), "r1-web".into(), "r1-l3".into())
        );
        assert_eq!(names.location_number("r1-l3"), Some(3));
        assert_eq!(names.location_number("r2-l3"), None);
        assert_eq!(Names::new("r1".into(), Some(vec!["85123A".into()])).sku(0), "r1-85123A");
    }

    #[test]
    fn numbers_are_written_like_the_standard_library_writes_them() {
        for number in [0, 9, 10, 4711, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            push_number(number, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
        }
    }

    #[test]
    fn a_segment_hides_what_has_a_meaning_in_a_path() {
        assert_eq!(segment("a/b c_é-1.~"), "a%2Fb%20c_%C3%A9-1.~");
    }
}
