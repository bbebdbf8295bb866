//! A real shop's orders, read from CSV and replayed faster than they came.
//!
//! Columns: `InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID,Country` (the Online Retail data).
//! An invoice is an order. What is no sale of goods is left out and counted: cancellations and write-offs
//! (quantities below 1), invoices that do not start with a digit, and codes that are charges and not goods.
//! An invoice that comes a second time with the same lines (two files that overlap) is a duplicate delivery.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use jiff::civil::DateTime;
use serde::Deserialize;
use thiserror::Error;

use crate::schedule::SECOND_NS;
use crate::workload::{Ask, Kind, Line, Order};

/// Lines an order may have at the gateway; the longest invoice of the data has 1,114.
const LINES_MAX: usize = 1_200;

/// Units a line may ask for at the gateway.
const QUANTITY_MAX: i64 = 1_000_000_000;

/// A stock code of goods starts with so many digits; charges (POST, DOT, M, BANK CHARGES, ...) do not.
const GOODS_DIGITS: usize = 5;

/// Decimal places of a unit price at the gateway.
const PRICE_PLACES: usize = 6;

/// The recording's times have no seconds; the invoices of one minute are spread over it.
const RECORDED_STEP_SECONDS: i64 = 60;

/// Why a recording cannot be used.
#[derive(Debug, Error)]
pub(crate) enum ReplayError {
    /// The file does not open.
    #[error("{path}: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is not the CSV described above.
    #[error("{path}: {source}")]
    Csv {
        /// The file.
        path: PathBuf,
        /// Where and what.
        source: csv::Error,
    },
    /// A time is not like 2010-12-01T08:26.
    #[error("{path}: line {line}: {text:?} is not a time like 2010-12-01T08:26")]
    Time {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What stands there.
        text: String,
    },
    /// Nothing is left to replay.
    #[error("no sale of goods in {0} lines")]
    Empty(u64),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    invoice_no: String,
    stock_code: String,
    quantity: i64,
    invoice_date: String,
    unit_price: String,
    country: String,
}

/// What was read and what was left out, in lines.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Lines read.
    pub(crate) lines: u64,
    /// Lines left out because they take nothing from stock: cancellations, write-offs, adjustments.
    pub(crate) no_sale: u64,
    /// Lines left out because their code is a charge.
    pub(crate) no_goods: u64,
    /// Lines left out because an order has more of them, or more units, than the gateway takes.
    pub(crate) too_large: u64,
    /// Requests that repeat an order.
    pub(crate) repeats: u64,
}

#[derive(Debug)]
struct Recorded {
    lines: Range<usize>,
    placed_at: String,
    country: &'static str,
}

/// The orders of a recording, in the order of their times.
#[derive(Debug)]
pub(crate) struct Recording {
    orders: Vec<Recorded>,
    lines: Vec<Line>,
    /// Codes of the SKUs, by number.
    pub(crate) codes: Vec<String>,
    requests: Vec<Ask>,
    /// Seconds since the first request's minute, one entry per request, ascending.
    seconds: Vec<i64>,
    /// What was read.
    pub(crate) tally: Tally,
}

impl Recording {
    /// Reads files one after the other; a name that ends in `.gz` is decompressed.
    pub(crate) fn read(paths: &[PathBuf]) -> Result<Self, ReplayError> {
        let mut reader = Reader::default();
        for path in paths {
            let open = |source| ReplayError::Open { path: path.clone(), source };
            let file = File::open(path).map_err(open)?;
            let gzip = path.extension().is_some_and(|extension| extension == "gz");
            if gzip {
                reader.read(path, MultiGzDecoder::new(file))?;
            } else {
                reader.read(path, file)?;
            }
        }
        reader.finish()
    }

    /// Orders in the recording.
    pub(crate) fn orders(&self) -> u64 {
        self.orders.len() as u64
    }

    /// Requests in the recording.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.len() as u64
    }

    /// Whether a request repeats an earlier one.
    pub(crate) fn repeats(&self) -> bool {
        self.tally.repeats > 0
    }

    /// What a request asks for. Beyond the end, the last one.
    pub(crate) fn ask(&self, ticket: u64) -> Ask {
        let last = self.requests.len() - 1;
        self.requests[usize::try_from(ticket).unwrap_or(last).min(last)]
    }

    /// Writes what an order says.
    pub(crate) fn order(&self, number: u64, out: &mut Order) {
        let recorded = usize::try_from(number).ok().and_then(|number| self.orders.get(number));
        if let Some(recorded) = recorded {
            out.lines.extend_from_slice(&self.lines[recorded.lines.clone()]);
            out.placed_at.push_str(&recorded.placed_at);
            out.country = recorded.country;
        }
    }

    /// Units that all orders together ask of each SKU.
    pub(crate) fn demand(&self) -> Vec<u64> {
        let mut demand = vec![0; self.codes.len()];
        for line in &self.lines {
            demand[line.sku as usize] += u64::from(line.quantity);
        }
        demand
    }

    /// The times of the requests in nanoseconds since the first, so many times faster than recorded.
    pub(crate) fn times_ns(&self, speedup: f64) -> Vec<u64> {
        let mut times = Vec::with_capacity(self.seconds.len());
        for minute in self.seconds.chunk_by(|left, right| left == right) {
            let step = RECORDED_STEP_SECONDS as f64 / minute.len() as f64;
            for (at, place) in minute.iter().zip(0_u32..) {
                let ns = (*at as f64 + step * f64::from(place)) * SECOND_NS as f64 / speedup;
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "`as` saturates"
                )]
                times.push(ns as u64);
            }
        }
        times
    }
}

/// An invoice on its way in.
#[derive(Debug)]
struct Invoice {
    number: String,
    second: i64,
    placed_at: String,
    country: &'static str,
    lines: Vec<Line>,
}

#[derive(Default)]
struct Reader {
    tally: Tally,
    codes: HashMap<String, u32>,
    invoices: Vec<Invoice>,
}

impl Reader {
    fn read(&mut self, path: &Path, source: impl Read) -> Result<(), ReplayError> {
        let broken = |source| ReplayError::Csv { path: path.to_path_buf(), source };
        // A file's own lines of an invoice make one order; the next file's make another.
        let first_of_file = self.invoices.len();
        let mut open: HashMap<String, usize> = HashMap::new();
        let mut rows = csv::Reader::from_reader(source);
        for row in rows.deserialize::<Row>() {
            let row = row.map_err(broken)?;
            self.tally.lines += 1;
            if row.quantity <= 0 || !row.invoice_no.starts_with(|first: char| first.is_ascii_digit()) {
                self.tally.no_sale += 1;
                continue;
            }
            if !is_goods(&row.stock_code) {
                self.tally.no_goods += 1;
                continue;
            }
            let index = match open.get(&row.invoice_no) {
                Some(&index) => index,
                None => {
                    let time = row.invoice_date.parse::<DateTime>().map_err(|_| ReplayError::Time {
                        path: path.to_path_buf(),
                        line: self.tally.lines + 1,
                        text: row.invoice_date.clone(),
                    })?;
                    open.insert(row.invoice_no.clone(), self.invoices.len());
                    self.invoices.push(Invoice {
                        number: row.invoice_no.clone(),
                        second: time.duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0)).as_secs(),
                        placed_at: time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
                        country: country_code(&row.country),
                        lines: Vec::new(),
                    });
                    self.invoices.len() - 1
                }
            };
            debug_assert!(index >= first_of_file);
            self.push(index, &row);
        }
        Ok(())
    }

    fn push(&mut self, index: usize, row: &Row) {
        let invoice = &mut self.invoices[index];
        if invoice.lines.len() >= LINES_MAX || row.quantity > QUANTITY_MAX {
            self.tally.too_large += 1;
            return;
        }
        let next = u32::try_from(self.codes.len()).unwrap_or(u32::MAX);
        let sku = match self.codes.get(&row.stock_code) {
            Some(&sku) => sku,
            None => *self.codes.entry(row.stock_code.clone()).or_insert(next),
        };
        let quantity = u32::try_from(row.quantity).unwrap_or_default();
        invoice.lines.push(Line { sku, quantity, price_micros: price_micros(&row.unit_price) });
    }

    fn finish(mut self) -> Result<Recording, ReplayError> {
        self.invoices.retain(|invoice| !invoice.lines.is_empty());
        // Stable: invoices of one minute keep the order of the file.
        self.invoices.sort_by_key(|invoice| invoice.second);
        let start = self.invoices.first().ok_or(ReplayError::Empty(self.tally.lines))?.second;
        let mut codes = vec![String::new(); self.codes.len()];
        for (code, sku) in self.codes {
            codes[sku as usize] = code;
        }
        let mut recording = Recording {
            orders: Vec::new(),
            lines: Vec::new(),
            codes,
            requests: Vec::new(),
            seconds: Vec::new(),
            tally: self.tally,
        };
        let mut known: HashMap<String, u64> = HashMap::new();
        for invoice in self.invoices {
            recording.seconds.push(invoice.second - start);
            let repeated = known.get(&invoice.number).copied().filter(|&order| {
                let place = usize::try_from(order).unwrap_or(usize::MAX);
                let first = &recording.orders[place];
                recording.lines[first.lines.clone()] == invoice.lines && first.placed_at == invoice.placed_at
            });
            if let Some(order) = repeated {
                recording.tally.repeats += 1;
                recording.requests.push(Ask { order, kind: Kind::Duplicate });
                continue;
            }
            let order = recording.orders.len() as u64;
            let begin = recording.lines.len();
            recording.lines.extend_from_slice(&invoice.lines);
            recording.orders.push(Recorded {
                lines: begin..recording.lines.len(),
                placed_at: invoice.placed_at,
                country: invoice.country,
            });
            recording.requests.push(Ask { order, kind: Kind::First });
            known.insert(invoice.number, order);
        }
        Ok(recording)
    }
}

/// Five digits, and behind them nothing that JSON or a path would have to escape.
fn is_goods(code: &str) -> bool {
    code.len() >= GOODS_DIGITS
        && code.bytes().take(GOODS_DIGITS).all(|byte| byte.is_ascii_digit())
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// A decimal text in millionths; what is none, or negative, is 0: prices do not matter to stock.
fn price_micros(text: &str) -> u64 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if part.len() > PRICE_PLACES || !digits(whole) || !digits(part) {
        return 0;
    }
    format!("{whole}{part:0<PRICE_PLACES$}").parse().unwrap_or_default()
}

/// The ISO 3166 code of a country as the recording names it; empty if it names none.
fn country_code(name: &str) -> &'static str {
    const CODES: [(&str, &str); 40] = [
        ("Australia", "AU"),
        ("Austria", "AT"),
        ("Bahrain", "BH"),
        ("Belgium", "BE"),
        ("Bermuda", "BM"),
        ("Brazil", "BR"),
        ("Canada", "CA"),
        ("Channel Islands", "JE"),
        ("Cyprus", "CY"),
        ("Czech Republic", "CZ"),
        ("Denmark", "DK"),
        ("EIRE", "IE"),
        ("Finland", "FI"),
        ("France", "FR"),
        ("Germany", "DE"),
        ("Greece", "GR"),
        ("Hong Kong", "HK"),
        ("Iceland", "IS"),
        ("Israel", "IL"),
        ("Italy", "IT"),
        ("Japan", "JP"),
        ("Korea", "KR"),
        ("Lebanon", "LB"),
        ("Lithuania", "LT"),
        ("Malta", "MT"),
        ("Netherlands", "NL"),
        ("Nigeria", "NG"),
        ("Norway", "NO"),
        ("Poland", "PL"),
        ("Portugal", "PT"),
        ("RSA", "ZA"),
        ("Saudi Arabia", "SA"),
        ("Singapore", "SG"),
        ("Spain", "ES"),
        ("Sweden", "SE"),
        ("Switzerland", "CH"),
        ("Thailand", "TH"),
        ("USA", "US"),
        ("United Arab Emirates", "AE"),
        ("United Kingdom", "GB"),
    ];
    CODES.binary_search_by_key(&name, |entry| entry.0).map_or("", |place| CODES[place].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

    fn read(files: &[&str]) -> Result<Recording, ReplayError> {
        let mut reader = Reader::default();
        for file in files {
            reader.read(Path::new("test.csv"), format!("{HEADER}{file}").as_bytes())?;
        }
        reader.finish()
    }

    #[test]
    fn sales_of_goods_are_kept_and_the_rest_is_counted() {
        let recording = read(&["536365,85123A,6,2010-12-01T08:26,2.55,17850,United Kingdom\n\
             536365,71053,6,2010-12-01T08:26,3.395,17850,United Kingdom\n\
             536365,POST,1,2010-12-01T08:26,18,17850,United Kingdom\n\
             C536379,85123A,-1,2010-12-01T08:27,2.55,14527,United Kingdom\n\
             536366,85123A,2,2010-12-01T08:26,2.55,,Nowhere\n\
             536367,71053,1,2010-12-01T08:28,0,,EIRE\n"])
        .unwrap();
        let tally = Tally { lines: 6, no_sale: 1, no_goods: 1, too_large: 0, repeats: 0 };
        assert_eq!(recording.tally, tally);
        assert_eq!(recording.codes, ["85123A", "71053"]);
        assert_eq!(recording.demand(), [8, 7]);
        let mut order = Order::default();
        recording.order(0, &mut order);
        assert_eq!(
            (order.lines.len(), order.country, order.placed_at.as_str()),
            (2, "GB", "2010-12-01T08:26:00Z")
        );
        assert_eq!(order.lines[1], Line { sku: 1, quantity: 6, price_micros: 3_395_000 });
    }

    #[test]
    fn times_run_faster_and_spread_over_their_minute() {
        let recording = read(&["1,85123A,1,2010-12-01T08:26,1,,\n\
             2,85123A,1,2010-12-01T08:26,1,,\n\
             3,85123A,1,2010-12-01T08:28,1,,\n"])
        .unwrap();
        assert_eq!(recording.times_ns(60.0), [0, SECOND_NS / 2, 2 * SECOND_NS]);
    }

    #[test]
    fn an_invoice_of_two_files_is_a_duplicate_delivery() {
        let first = "7,85123A,1,2010-12-01T08:26,1,,\n";
        let recording = read(&[first, "7,85123A,1,2010-12-01T08:26,1,,\n8,85123A,1,2010-12-01T08:26,1,,\n"]);
        let recording = recording.unwrap();
        let asks: Vec<_> = (0..recording.requests()).map(|ticket| recording.ask(ticket)).collect();
        let ask = |order, kind| Ask { order, kind };
        assert_eq!(asks, [ask(0, Kind::First), ask(0, Kind::Duplicate), ask(1, Kind::First)]);
        assert_eq!(recording.demand(), [2]);
        let other = read(&[first, "7,85123A,2,2010-12-01T08:26,1,,\n"]).unwrap();
        assert!(!other.repeats(), "the same number with other lines is another order");
    }

    #[test]
    fn what_is_no_recording_is_refused_with_its_place() {
        assert!(matches!(read(&[""]), Err(ReplayError::Empty(0))));
        let error = read(&["1,85123A,1,yesterday,1,,\n"]).unwrap_err();
        assert_eq!(error.to_string(), r#"test.csv: line 2: "yesterday" is not a time like 2010-12-01T08:26"#);
        assert!(matches!(read(&["1,85123A,many,2010-12-01T08:26,1,,\n"]), Err(ReplayError::Csv { .. })));
    }

    #[test]
    fn the_table_of_countries_is_sorted() {
        for (name, code) in
            [("Australia", "AU"), ("United Kingdom", "GB"), ("EIRE", "IE"), ("Unspecified", "")]
        {
            assert_eq!(country_code(name), code);
        }
    }

    #[test]
    fn odd_prices_are_nothing() {
        for (text, micros) in [("2.55", 2_550_000), ("-11062.06", 0), ("", 0), (".5", 500_000), ("1e3", 0)] {
            assert_eq!(price_micros(text), micros);
        }
    }
}
