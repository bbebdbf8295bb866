//! The server's log, as `onhand log DIR` prints it, as far as the check has a use for it.

use std::collections::HashMap;

use serde_json::Value;

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Record {
    /// Units came in; `after` is sellable and committed.
    Received { name: String, sku: usize, quantity: u64, after: (u64, u64) },
    /// An order was accepted; claims are lines and quantities.
    Accepted { name: String, lines: Vec<(usize, u64)>, backorder: bool, claims: Vec<(usize, u64)> },
    /// An order was refused; shortfalls are line, what it asked and what there was.
    Refused { name: String, lines: Vec<(usize, u64)>, shortfalls: Vec<(usize, u64, u64)> },
    /// Lines and quantities were cancelled.
    Cancelled { name: String, order: u64, lines: Vec<(usize, u64)> },
    /// Lines and quantities left the building.
    Shipped { name: String, order: u64, lines: Vec<(usize, u64)> },
    /// Those who waited got units: order, line, quantity.
    Filled { sku: usize, fills: Vec<(u64, usize, u64)> },
    /// A command was refused.
    CommandRefused { code: String },
    /// Nothing that moves stock.
    Other,
}

impl Record {
    /// What it is found by, if a client asked for it under a name that the record keeps.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Received { name, .. }
            | Self::Accepted { name, .. }
            | Self::Refused { name, .. }
            | Self::Cancelled { name, .. }
            | Self::Shipped { name, .. } => Some(name),
            Self::Filled { .. } | Self::CommandRefused { .. } | Self::Other => None,
        }
    }
}

/// Reads a log; the record with LSN `n` comes at place `n - 1`. The error says what cannot be read.
pub(crate) fn read_log(text: &str) -> Result<Vec<Record>, String> {
    let mut reader = Reader::default();
    let mut records = Vec::new();
    for line in text.lines() {
        let value: Value = serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
        if value["lsn"].as_u64() != Some(records.len() as u64 + 1) {
            return Err(format!("the log has this line at place {}: {line}", records.len() + 1));
        }
        records.push(reader.record(&value).ok_or_else(|| format!("the check cannot read {line}"))?);
    }
    Ok(records)
}

/// SKUs have numbers in the log and codes outside.
#[derive(Default)]
struct Reader {
    skus: HashMap<u64, usize>,
}

impl Reader {
    fn record(&mut self, value: &Value) -> Option<Record> {
        let body = &value["body"];
        Some(match value["kind"].as_str()? {
            "sku_put" => {
                let number = body["code"].as_str()?.strip_prefix('S')?.parse().ok()?;
                self.skus.insert(body["sku"].as_u64()?, number);
                Record::Other
            }
            "stock_moved" => Record::Received {
                name: text(&body["reference"])?,
                sku: self.sku(&body["sku"])?,
                quantity: body["quantity"].as_u64()?,
                after: (body["after"]["sellable"].as_u64()?, body["after"]["committed"].as_u64()?),
            },
            "order_accepted" => Record::Accepted {
                name: text(&body["asked"]["external_id"])?,
                lines: self.lines(&body["asked"])?,
                backorder: body["accepted"]["policy"] == "Backorder",
                claims: each(&body["accepted"]["claims"], |claim| {
                    Some((number(&claim["demand"])?, claim["quantity"].as_u64()?))
                })?,
            },
            "order_refused" => Record::Refused {
                name: text(&body["asked"]["external_id"])?,
                lines: self.lines(&body["asked"])?,
                shortfalls: each(&body["refused"]["shortfalls"], |row| {
                    Some((number(&row["line"])?, row["requested"].as_u64()?, row["available"].as_u64()?))
                })?,
            },
            "order_cancelled" => Record::Cancelled {
                name: text(&body["reason"])?,
                order: body["order"].as_u64()?,
                lines: pairs(&body["lines"])?,
            },
            "order_shipped" => Record::Shipped {
                name: text(&body["tracking_number"])?,
                order: body["order"].as_u64()?,
                lines: pairs(&body["lines"])?,
            },
            "backlog_filled" => Record::Filled {
                sku: self.sku(&body["sku"])?,
                fills: each(&body["fills"], |fill| {
                    let waiting = &fill["waiting"];
                    let (order, line) = (waiting["order"].as_u64()?, number(&waiting["demand"])?);
                    Some((order, line, fill["quantity"].as_u64()?))
                })?,
            },
            "command_refused" => Record::CommandRefused { code: text(&body["code"])? },
            _ => Record::Other,
        })
    }

    fn sku(&self, value: &Value) -> Option<usize> {
        self.skus.get(&value.as_u64()?).copied()
    }

    fn lines(&self, asked: &Value) -> Option<Vec<(usize, u64)>> {
        each(&asked["lines"], |line| Some((self.sku(&line["sku"])?, line["quantity"].as_u64()?)))
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn number(value: &Value) -> Option<usize> {
    usize::try_from(value.as_u64()?).ok()
}

fn each<T>(values: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    values.as_array()?.iter().map(read).collect()
}

fn pairs(values: &Value) -> Option<Vec<(usize, u64)>> {
    each(values, |pair| Some((number(&pair[0])?, pair[1].as_u64()?)))
}
