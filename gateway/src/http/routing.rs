//! Routing profiles: texts in versions that never change, and the channels that use them.

use super::catalogue::path_segment;
use super::stock::{page_size, query};
use super::{Desk, off_worker, read_body, respond};
use crate::http::problem::{FieldError, Problem};
use crate::ids;
use crate::render::{Rendered, broken, instant_text, profile_view};
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, web};
use onhand_engine::ask::{Ask, ProfileAsk};
use onhand_engine::directory::Directory;
use onhand_engine::domain::merchant::PROFILES_MAX;
use onhand_engine::domain::{ChannelNumber, ProfileNumber, Rejection};
use onhand_engine::record::Header;
use onhand_engine::record::rules::decode_channel;
use onhand_engine::registry::Scopes;
use onhand_engine::routing::{Format, TextError};
use onhand_engine::snapshots::Lsn;
use onhand_engine::snapshots::log::ReadError;
use onhand_engine::{Class, Handle};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Which segments of a path hold the name and the version: `/v1/routing/profiles/{name}/versions/{version}`.
const NAME_SEGMENT: usize = 4;
const VERSION_SEGMENT: usize = 6;

pub(super) async fn put(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    respond(&request, put_one(&request, payload).await)
}

async fn put_one(request: &HttpRequest, payload: web::Payload) -> Result<Rendered, Problem> {
    let desk = Desk::open(request, Scopes::STOCK_WRITE)?;
    let format = format_of(request)?;
    let body = read_body(payload).await?;
    desk.may_submit(Class::Order).await?;
    let wrong = |error| Problem::new(422, "invalid_code", format!("the profile name in the path {error}"));
    let code = ids::code(&path_segment(request, NAME_SEGMENT)?).map_err(wrong)?.into_owned();
    let directory = Arc::clone(&desk.caller.directory);
    let ask = off_worker(move || profile_ask(&directory, code, format, &body)).await?;
    desk.one(ask).await
}

/// How the body says it is written; parameters of the type are left aside.
fn format_of(request: &HttpRequest) -> Result<Format, Problem> {
    let Some(value) = request.headers().get(CONTENT_TYPE) else { return Ok(Format::Json) };
    let media = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    match media.to_ascii_lowercase().as_str() {
        "application/json" => Ok(Format::Json),
        "application/toml" => Ok(Format::Toml),
        _ => {
            let detail = "a routing profile is application/json or application/toml; Content-Type says which";
            Err(Problem::new(415, "unsupported_media_type", detail))
        }
    }
}

fn profile_ask(directory: &Directory, code: String, format: Format, body: &[u8]) -> Result<Ask, Problem> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let good = std::str::from_utf8(&body[..error.valid_up_to()]).unwrap_or_default();
        not_read(&no_text(good))
    })?;
    // A name that can't be given brings no words either.
    if directory.profile(&code).is_none() && directory.profile_count() >= usize::from(PROFILES_MAX) {
        let max = PROFILES_MAX.into();
        return Err(Problem::refused(&Rejection::TooMany { what: "routing profiles", max }, directory));
    }
    // Codes are kept in this form, so those in the text must be too.
    let text = ids::composed(text);
    let rules = directory.read_profile(&text, format).map_err(|error| not_read(&error))?;
    Ok(Ask::PutProfile(Box::new(ProfileAsk { code, format, text: text.into_owned(), rules })))
}

/// A body that is no UTF-8 behind what is good of it.
fn no_text(good: &str) -> TextError {
    let from_one = |number: usize| u32::try_from(number + 1).unwrap_or(u32::MAX);
    let (before, last) = good.rsplit_once('\n').map_or(("", good), |(_, last)| (good, last));
    TextError {
        line: from_one(before.matches('\n').count()),
        column: from_one(last.chars().count()),
        pointer: String::new(),
        code: "malformed_profile",
        detail: "the text is no UTF-8".to_owned(),
    }
}

/// What is wrong with a text, and where.
fn not_read(error: &TextError) -> Problem {
    let TextError { line, column, ref pointer, code, ref detail } = *error;
    let errors = vec![FieldError { pointer: pointer.clone(), code, detail: detail.clone() }];
    let problem = Problem { errors, ..Problem::new(422, code, error.to_string()) };
    problem.with("text_line", line).with("text_column", column)
}

/// A profile as a request may see it: a version that is not durable is not there yet.
struct Seen {
    number: ProfileNumber,
    name: Box<str>,
    /// The records of its versions, that of version 1 first; at least one.
    versions: Vec<Lsn>,
}

fn missing() -> Problem {
    Problem::not_found("routing_profile")
}

impl Seen {
    fn of(directory: &Directory, durable: Lsn, number: ProfileNumber) -> Option<Self> {
        let mut versions = directory.profile_versions(number);
        versions.retain(|put| *put <= durable);
        let name = Box::from(&*directory.profile_code(number)?);
        (!versions.is_empty()).then_some(Self { number, name, versions })
    }

    /// The profile that a path names.
    fn in_path(request: &HttpRequest, desk: &Desk) -> Result<Self, Problem> {
        let directory = &desk.caller.directory;
        let number = directory.profile(&ids::composed(&path_segment(request, NAME_SEGMENT)?));
        let seen = number.and_then(|number| Self::of(directory, desk.intake.handle().durable(), number));
        seen.ok_or_else(missing)
    }
}

/// A version and its record.
#[derive(Serialize)]
struct Row {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Box<str>>,
    version: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    lsn: u64,
}

pub(super) async fn list(request: HttpRequest) -> HttpResponse {
    respond(&request, list_all(&request))
}

/// There are few profiles, so this is no list in pages.
fn list_all(request: &HttpRequest) -> Result<Rendered, Problem> {
    #[derive(Serialize)]
    struct List {
        data: Vec<Row>,
        lsn: u64,
    }
    let desk = Desk::open(request, Scopes::READ)?;
    let (directory, durable) = (&desk.caller.directory, desk.intake.handle().durable());
    let count = directory.profile_codes().len();
    let numbers = (0..u16::try_from(count).unwrap_or(u16::MAX)).map(ProfileNumber);
    let seen = numbers.filter_map(|number| Seen::of(directory, durable, number));
    let data = seen.map(|Seen { name, versions, .. }| Row {
        name: Some(name),
        version: versions.len(),
        at: None,
        lsn: versions.last().map_or(0, |put| put.0),
    });
    Rendered::of(200, &List { data: data.collect(), lsn: durable.0 })
}

pub(super) async fn get(request: HttpRequest) -> HttpResponse {
    respond(&request, get_newest(&request).await)
}

async fn get_newest(request: &HttpRequest) -> Result<Rendered, Problem> {
    let desk = Desk::open(request, Scopes::READ)?;
    let Seen { number, versions, .. } = Seen::in_path(request, &desk)?;
    let put = *versions.last().ok_or_else(missing)?;
    let (handle, directory) = (desk.intake.handle().clone(), Arc::clone(&desk.caller.directory));
    off_worker(move || {
        let channels = channels_with(&handle, &directory, number)?;
        shown(&handle, put, Some(channels))
    })
    .await
}

fn shown(handle: &Handle, put: Lsn, channels: Option<Vec<String>>) -> Result<Rendered, Problem> {
    let record = handle.read(put).map_err(|error| Problem::unread(&error, "routing_profile"))?;
    profile_view(put, &record, channels)
}

/// The channels that use a profile, as their last records say.
fn channels_with(
    handle: &Handle,
    directory: &Directory,
    profile: ProfileNumber,
) -> Result<Vec<String>, Problem> {
    let mut found = Vec::new();
    let numbers = (0..u16::try_from(directory.channel_count()).unwrap_or(u16::MAX)).map(ChannelNumber);
    for put in numbers.filter_map(|channel| directory.channel_put(channel)) {
        let record = match handle.read(put) {
            Ok(record) => record,
            // It is not durable yet.
            Err(ReadError::NotThere(_)) => continue,
            Err(error) => return Err(Problem::unread_record(&error)),
        };
        let (header, body) = Header::decode(&record).map_err(broken)?;
        let (channel, _, routing) = decode_channel(header.version, body).map_err(broken)?;
        if routing.profile == Some(profile.0) {
            found.push(channel.code.to_owned());
        }
    }
    Ok(found)
}

pub(super) async fn version(request: HttpRequest) -> HttpResponse {
    respond(&request, get_version(&request).await)
}

async fn get_version(request: &HttpRequest) -> Result<Rendered, Problem> {
    let desk = Desk::open(request, Scopes::READ)?;
    let Seen { versions, .. } = Seen::in_path(request, &desk)?;
    let text = path_segment(request, VERSION_SEGMENT)?;
    // The parser behind takes a sign too, and zeros before the number.
    let number = text.parse::<usize>().ok().filter(|number| number.to_string() == *text);
    let place = number.and_then(|number| number.checked_sub(1));
    let put = *place.and_then(|place| versions.get(place)).ok_or_else(missing)?;
    let handle = desk.intake.handle().clone();
    off_worker(move || shown(&handle, put, None)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VersionsQuery {
    limit: Option<String>,
    cursor: Option<String>,
}

pub(super) async fn versions(request: HttpRequest) -> HttpResponse {
    respond(&request, versions_page(&request).await)
}

/// The versions of a profile, the newest first.
async fn versions_page(request: &HttpRequest) -> Result<Rendered, Problem> {
    #[derive(Serialize)]
    struct Page {
        name: Box<str>,
        data: Vec<Row>,
        next_cursor: Option<String>,
        lsn: u64,
    }
    let desk = Desk::open(request, Scopes::READ)?;
    let VersionsQuery { limit, cursor } = query(request)?;
    let limit = page_size(limit.as_deref())?;
    let Seen { name, versions, .. } = Seen::in_path(request, &desk)?;
    let newest = cursor.map_or(Some(versions.len()), |cursor| {
        let version = ids::parse_cursor(&cursor).and_then(|version| usize::try_from(version).ok());
        version.filter(|version| (1..=versions.len()).contains(version))
    });
    let newest = newest.ok_or_else(|| Problem::new(400, "invalid_query", "the cursor is not one of ours"))?;
    let oldest = newest.saturating_sub(limit) + 1;
    let (handle, lsn) = (desk.intake.handle().clone(), versions.last().map_or(0, |put| put.0));
    let data = off_worker(move || {
        (oldest..=newest).rev().map(|version| row(&handle, version, versions[version - 1])).collect()
    });
    let next_cursor = (oldest > 1).then(|| ids::cursor_text(oldest as u64 - 1));
    Rendered::of(200, &Page { name, data: data.await?, next_cursor, lsn })
}

fn row(handle: &Handle, version: usize, put: Lsn) -> Result<Row, Problem> {
    let record = handle.read(put).map_err(|error| Problem::unread_record(&error))?;
    let (header, _) = Header::decode(&record).map_err(broken)?;
    Ok(Row { name: None, version, at: Some(instant_text(header.at)?), lsn: put.0 })
}
