//! What channels can sell: many SKUs and channels in one read.

use super::stock::read;
use super::{Desk, read_body_within, respond};
use crate::body::{Check, parse};
use crate::http::problem::{FieldError, Problem, shown};
use crate::member::Name;
use crate::render::{Rendered, Units};
use actix_web::web;
use actix_web::{HttpRequest, HttpResponse};
use onhand_engine::ask::{ReadAnswer, ReadAsk};
use onhand_engine::directory::{Directory, SkuName};
use onhand_engine::domain::ChannelNumber;
use onhand_engine::registry::Scopes;
use onhand_engine::snapshots::Lsn;
use serde::{Deserialize, Serialize};

/// SKUs of one read.
pub(super) const SKUS_MAX: usize = 10_000;

/// SKUs times channels of one read: five channels for the most SKUs. The shard answers it in one turn, of some
/// three milliseconds, and meanwhile nobody else.
const CELLS_MAX: usize = 50_000;

/// The longest body: the most SKUs with the longest codes (64 bytes), each byte written as an escape of six, and
/// what stands between.
const BODY_BYTES_MAX: usize = 4 << 20;

/// SKUs that are written in one go; between two, the worker serves others.
const PIECE: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AvailabilityBody<'a> {
    #[serde(borrow)]
    skus: Vec<Name<'a>>,
    #[serde(borrow)]
    channels: Option<Vec<Name<'a>>>,
}

#[derive(Serialize)]
struct SkuAvailability<'a> {
    sku: String,
    channels: Vec<ChannelAvailability<'a>>,
}

#[derive(Serialize)]
struct ChannelAvailability<'a> {
    channel: &'a str,
    available: Units,
}

pub(super) async fn ask(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    respond(&request, answer(&request, payload).await)
}

async fn answer(request: &HttpRequest, payload: web::Payload) -> Result<Rendered, Problem> {
    let desk = Desk::open(request, Scopes::READ)?;
    let body = read_body_within(payload, BODY_BYTES_MAX).await?;
    let directory = &desk.caller.directory;
    let (names, channels) = parsed(directory, &body)?;
    let skus = names.iter().map(|name| name.number).collect();
    let (lsn, read) = read(&desk, ReadAsk::Availability { skus, channels: channels.clone() }).await?;
    let rows = match read {
        ReadAnswer::Availability(rows) => rows,
        ReadAnswer::TooMany { cells, max } => return Err(too_many_parts(cells, max)),
        _ => return Err(Problem::internal()),
    };
    let codes: Vec<String> =
        channels.iter().map(|channel| directory.with_channel_code(*channel, str::to_owned)).collect();
    Ok(Rendered {
        status: 200,
        body: written(directory, lsn, &names, &codes, &rows).await?,
        is_repeat: false,
    })
}

/// Kits count as all of their parts, which only the shard knows.
fn too_many_parts(cells: usize, max: usize) -> Problem {
    let detail = format!(
        "with the components of kits these are {cells} numbers, at most {max} are given at once; name fewer"
    );
    Problem::invalid(vec![FieldError { pointer: "/skus".into(), code: "too_many", detail }])
}

/// The answer, in pieces: one read must not keep a worker from all others.
async fn written(
    directory: &Directory,
    lsn: Lsn,
    names: &[SkuName],
    codes: &[String],
    rows: &[Vec<u64>],
) -> Result<Vec<u8>, Problem> {
    let mut body = format!(r#"{{"lsn":{lsn},"availability":["#).into_bytes();
    for (place, (name, units)) in names.iter().zip(rows).enumerate() {
        if place > 0 {
            body.push(b',');
            if place.is_multiple_of(PIECE) {
                tokio::task::yield_now().await;
            }
        }
        let channels = codes.iter().zip(units).map(|(channel, units)| ChannelAvailability {
            channel,
            available: Units { units: *units, decimals: name.decimals },
        });
        let sku = directory.with_sku_code(name.number, str::to_owned);
        let row = SkuAvailability { sku, channels: channels.collect() };
        serde_json::to_writer(&mut body, &row).map_err(|_| Problem::internal())?;
    }
    body.extend_from_slice(b"]}");
    Ok(body)
}

fn parsed(directory: &Directory, body: &[u8]) -> Result<(Vec<SkuName>, Vec<ChannelNumber>), Problem> {
    let body: AvailabilityBody<'_> = parse(body)?;
    let mut check = Check::default();
    if body.skus.len() > SKUS_MAX {
        check.wrong("/skus", "too_many", format!("{} skus, at most {SKUS_MAX} are allowed", body.skus.len()));
    }
    let mut names = Vec::with_capacity(body.skus.len().min(SKUS_MAX));
    for (place, sku) in body.skus.iter().enumerate() {
        match directory.sku(sku) {
            Some(name) => names.push(name),
            None => {
                let detail = format!("there is no sku {}", shown(sku));
                check.wrong(format!("/skus/{place}"), "unknown_sku", detail);
            }
        }
    }
    let channels = match &body.channels {
        None => all_channels(directory),
        Some(codes) => named_channels(&mut check, directory, codes),
    };
    let cells = names.len() * channels.len();
    if cells > CELLS_MAX {
        let detail = format!(
            "{} skus for {} channels are {cells} numbers, at most {CELLS_MAX} are given at once; \
                     name fewer",
            names.len(),
            channels.len()
        );
        check.wrong("/skus", "too_many", detail);
    }
    check.finish()?;
    Ok((names, channels))
}

fn all_channels(directory: &Directory) -> Vec<ChannelNumber> {
    (0..directory.channel_count())
        .filter_map(|number| u16::try_from(number).ok())
        .map(ChannelNumber)
        .collect()
}

fn named_channels(check: &mut Check, directory: &Directory, codes: &[Name<'_>]) -> Vec<ChannelNumber> {
    let mut channels = Vec::with_capacity(codes.len().min(directory.channel_count()));
    for (place, code) in codes.iter().enumerate() {
        match directory.channel(code) {
            Some(number) => channels.push(number),
            None => {
                let detail = format!("there is no channel {}", shown(code));
                check.wrong(format!("/channels/{place}"), "unknown_channel", detail);
            }
        }
    }
    channels
}
