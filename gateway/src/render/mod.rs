//! Answers, made of the record alone: never of the present state, so that the same key gets the same answer.

mod catalogue;
pub(crate) mod explanation;
mod grant;
mod hold;
pub(crate) mod json;
mod kit;
mod order;
mod preview;
mod routing;
mod said;
mod stock;
mod terms;

use crate::http::problem::Problem;
use crate::metrics::{Outcome, count_order};
use crate::repeat::Settled;
use onhand_engine::ask::Answer;
use onhand_engine::directory::Directory;
use onhand_engine::domain::LocationNumber;
use onhand_engine::domain::event::KitLine;
use onhand_engine::domain::order::Policy;
use onhand_engine::record::admin::CommandRefusedV1;
use onhand_engine::record::{DecodeError, Header, Kind, decode};
use onhand_engine::snapshots::Lsn;
use onhand_engine::{Handle, record};
use serde::{Serialize, Serializer};

pub(crate) use catalogue::last_put;
pub(crate) use grant::{exposure_view, grant_view};
pub(crate) use hold::hold_view;
pub use order::{OrderView, closed_lines, conflict_problem, order_problem};
pub(crate) use preview::{preview_accepted, preview_refused};
pub(crate) use routing::profile_view;
pub use stock::StockView;

/// A body with its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// HTTP status.
    pub status: u16,
    /// JSON.
    pub body: Vec<u8>,
    /// Whether it repeats an earlier answer.
    pub is_repeat: bool,
}

impl Rendered {
    /// A body of a view.
    ///
    /// # Errors
    /// 500 if the view cannot be written: a defect.
    pub fn of(status: u16, view: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_vec(view).map_err(|_| Problem::internal())?;
        Ok(Self { status, body, is_repeat: false })
    }

    /// An order.
    #[must_use]
    pub fn order(status: u16, view: &OrderView<'_>) -> Self {
        let mut body = Vec::with_capacity(ORDER_BYTES);
        view.write(&mut body);
        Self { status, body, is_repeat: false }
    }
}

/// Room for an order of one line with everything it may say.
const ORDER_BYTES: usize = 512;

impl From<&Problem> for Rendered {
    fn from(problem: &Problem) -> Self {
        Self { status: problem.status, body: problem.to_json().to_string().into_bytes(), is_repeat: false }
    }
}

/// A quantity as shown: a number, or a decimal string for SKUs with decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Units {
    /// Smallest units.
    pub units: u64,
    /// Decimals of the SKU.
    pub decimals: u8,
}

impl Serialize for Units {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.decimals == 0 {
            serializer.serialize_u64(self.units)
        } else {
            serializer.serialize_str(&onhand_engine::domain::quantity::format(self.units, self.decimals))
        }
    }
}

/// Renders a settled answer. A refusal is an `Err` too when it is a problem: the caller renders both alike.
///
/// # Errors
/// The problem that the record says, or 500 if it cannot be read.
pub fn settled(handle: &Handle, directory: &Directory, settled: &Settled) -> Result<Rendered, Problem> {
    match settled {
        Settled::First(Answer::Accepted { lsn, asked, policy, kits, claims }) => {
            let mut body = Vec::with_capacity(ORDER_BYTES);
            count_order(accepted_into(directory, *lsn, asked, (*policy, kits, claims), &mut body)?);
            Ok(Rendered { status: 201, body, is_repeat: false })
        }
        Settled::First(Answer::Refused { lsn, asked, refused }) => {
            let (asked, _) = record::codec::decode_first(asked).map_err(broken)?;
            count_order(Outcome::Refused);
            Ok(Rendered::from(&order_problem(directory, *lsn, &asked, refused)))
        }
        Settled::First(Answer::Recorded { lsn, record }) => {
            let rendered = rendered(handle, directory, *lsn, record)?;
            // An order that came before, under another key.
            if rendered.is_repeat {
                count_order(Outcome::Repeated);
            }
            Ok(rendered)
        }
        Settled::First(_) => Err(Problem::internal()),
        Settled::Again { lsn, record } => {
            let kind = Header::decode(record).map_err(broken)?.0.kind;
            if matches!(kind, Kind::OrderAccepted | Kind::OrderRefused | Kind::RepeatAnswered) {
                count_order(Outcome::Repeated);
            }
            Ok(Rendered { is_repeat: true, ..rendered(handle, directory, *lsn, record)? })
        }
    }
}

/// What was decided of an order that was accepted: its policy, its lines that are kits, and what is claimed of which
/// demand at which location.
pub type Decided<'a> = (Policy, &'a [KitLine], &'a [(u16, LocationNumber, u32)]);

/// Appends the answer to an order that was accepted just now, under which policy and with which kits and claims, and says
/// how it is counted.
///
/// # Errors
/// 500 if what was asked cannot be read; `out` is then as before.
pub fn accepted_into(
    directory: &Directory,
    lsn: Lsn,
    asked: &[u8],
    decided: Decided<'_>,
    out: &mut Vec<u8>,
) -> Result<Outcome, Problem> {
    let (asked, _) = record::codec::decode_first(asked).map_err(broken)?;
    let view = OrderView::accepted(directory, lsn, &asked, decided);
    view.write(out);
    Ok(Outcome::of_accepted(view.status()))
}

/// Renders the answer that a record is.
fn rendered(handle: &Handle, directory: &Directory, lsn: Lsn, record: &[u8]) -> Result<Rendered, Problem> {
    let (header, body) = Header::decode(record).map_err(broken)?;
    match header.kind {
        Kind::OrderAccepted => order::accepted(directory, lsn, header.version, body),
        Kind::RepeatAnswered => order::repeated(handle, directory, body),
        Kind::OrderRefused => {
            let (asked, refused) = record::order::decode_refused(header.version, body).map_err(broken)?;
            Ok(Rendered::from(&order_problem(directory, lsn, &asked, &refused)))
        }
        Kind::OrderCancelled | Kind::OrderShipped => order::changed(handle, directory, lsn, &header, body),
        Kind::StockMoved => stock::moved(directory, lsn, body),
        Kind::RoutingProfilePut => routing::put(lsn, body),
        Kind::LocationPut | Kind::ChannelPut | Kind::SkuPut => catalogue::put(directory, lsn, &header, body),
        Kind::HoldPlaced | Kind::HoldExtended | Kind::HoldsEnded => {
            hold::held(directory, lsn, header.kind, body)
        }
        Kind::ExposurePut | Kind::GrantSet | Kind::GrantAcknowledged | Kind::FeedPassed => {
            grant::granted(directory, lsn, header.kind, body)
        }
        Kind::CommandRefused => {
            let refused: CommandRefusedV1<'_> = decode(body).map_err(broken)?;
            let mut problem = Problem::new(refused.status, refused.code, refused.detail);
            for (name, number) in refused.numbers {
                problem = problem.with(name, number);
            }
            Ok(Rendered::from(&problem.naming(directory).with("lsn", lsn.0)))
        }
        Kind::LogOpened
        | Kind::LogClosed
        | Kind::MerchantCreated
        | Kind::KeyCreated
        | Kind::KeyRevoked
        | Kind::BacklogFilled
        | Kind::GrantsFreed => Err(Problem::internal()),
    }
}

/// A time as RFC 3339 writes it.
pub(crate) fn instant_text(ms: u64) -> Result<String, Problem> {
    let instant = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    instant.map(|instant| instant.to_string()).ok_or_else(Problem::internal)
}

/// A record that this server wrote cannot be read: a defect, not the caller's fault.
pub(crate) fn broken(error: DecodeError) -> Problem {
    tracing::error!(%error, "a record cannot be rendered");
    Problem::internal()
}
