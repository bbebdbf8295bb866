//! The first reading: which merchants there are, and what the one that counts calls its things.

use super::NewProfile;
use super::error::SimulateError;
use super::policies::{NewPolicies, NewPolicyText};
use super::world::NewRules;
use crate::directory::Directory;
use crate::routing::currencies;
use crate::translate::{Told, decode_event};
use onhand_domain::routing::profile::Profile;
use onhand_domain::{ChannelNumber, Event, MerchantNumber};
use onhand_record::admin::MerchantCreatedV1;
use onhand_record::{DecodeError, Header, Kind, decode, newer};
use onhand_snapshots::Lsn;
use onhand_snapshots::log::{Stop, scan};
use onhand_snapshots::storage::Storage;
use std::sync::Arc;

/// The version that explanations give rules that were never put.
const FIRST_VERSION: u32 = 1;

/// Records whose orders are counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) from: Lsn,
    pub(super) to: Lsn,
}

/// What the first reading found.
pub(super) struct Survey {
    pub(super) merchant: String,
    /// All names that the log ever gives.
    pub(super) directory: Arc<Directory>,
    pub(super) torn_behind: Option<Lsn>,
    last: Lsn,
    /// Whether a channel ever had a routing profile.
    has_profiles: bool,
}

/// The survey, while it is under way.
struct Surveyor<'q> {
    asked: Option<&'q str>,
    names: Vec<String>,
    found: Option<(String, Arc<Directory>)>,
    has_profiles: bool,
}

impl Survey {
    /// Reads the log once; of several merchants the one of this name counts.
    pub(super) fn of(
        storage: &dyn Storage,
        name: &str,
        merchant: Option<&str>,
    ) -> Result<Self, SimulateError> {
        let mut surveyor = Surveyor { asked: merchant, names: Vec::new(), found: None, has_profiles: false };
        let scanned = scan(storage, Lsn(1), &mut |lsn, record| match newer(record) {
            Some(what) => Err(Stop::Newer(what)),
            None => Ok(surveyor.record(lsn, record).map_err(|error| error.to_string())?),
        })?;
        if scanned.last == Lsn::ZERO {
            return Err(SimulateError::NoLog(name.to_owned()));
        }
        let Surveyor { names: known, found, has_profiles, .. } = surveyor;
        let (merchant, directory) = match (found, merchant) {
            (Some(_), None) if known.len() > 1 => return Err(SimulateError::WhichMerchant { known }),
            (Some(found), _) => found,
            (None, Some(name)) => {
                return Err(SimulateError::UnknownMerchant { name: name.to_owned(), known });
            }
            (None, None) => return Err(SimulateError::NoMerchant),
        };
        let torn_behind = scanned.torn.map(|torn| torn.last_good);
        Ok(Self { merchant, directory, torn_behind, last: scanned.last, has_profiles })
    }

    /// The records that are counted. What a server appends meanwhile is not among them.
    pub(super) fn window(&self, from: Option<Lsn>, to: Option<Lsn>) -> Result<Window, SimulateError> {
        let from = from.unwrap_or(Lsn(1)).max(Lsn(1));
        match to {
            Some(to) if to < from => Err(SimulateError::WrongWayRound { from, to }),
            _ if from > self.last => Err(SimulateError::BehindTheEnd { from, last: self.last }),
            to => Ok(Window { from, to: to.map_or(self.last, |to| to.min(self.last)) }),
        }
    }

    /// The rules to try, read as those are that a merchant puts.
    pub(super) fn rules(&self, new: &NewProfile<'_>) -> Result<NewRules, SimulateError> {
        let NewProfile { name, text, format, channels } = *new;
        let channels = self.channels(channels)?;
        let read = self.directory.read_profile(text, format);
        let profile = read.map_err(|error| SimulateError::Profile { name: name.to_owned(), error })?;
        let profile = Arc::new(Profile { version: FIRST_VERSION, ..profile });
        let currency = currencies(text, format).first().copied().flatten();
        Ok(NewRules::new((name, text, format), profile, channels, currency))
    }

    /// The policies to try.
    pub(super) fn policies(&self, new: &NewPolicyText<'_>) -> Result<NewPolicies, SimulateError> {
        let NewPolicyText { name, text, read } = *new;
        read(&self.directory, text).map_err(|what| SimulateError::Policies { name: name.to_owned(), what })
    }

    /// The channels that get the rules; `None` is each that has a profile.
    fn channels(&self, codes: &[String]) -> Result<Option<Vec<ChannelNumber>>, SimulateError> {
        let count = u16::try_from(self.directory.channel_count()).unwrap_or(u16::MAX);
        let codes_of = |number| self.directory.channel_code(ChannelNumber(number)).map(String::from);
        let known = || (0..count).filter_map(codes_of).collect();
        if codes.is_empty() {
            let is_none = !self.has_profiles;
            return if is_none { Err(SimulateError::NothingToReplace { known: known() }) } else { Ok(None) };
        }
        let number = |code: &String| {
            let found = self.directory.channel(code);
            found.ok_or_else(|| SimulateError::UnknownChannel { code: code.clone(), known: known() })
        };
        codes.iter().map(number).collect::<Result<_, _>>().map(Some)
    }
}

impl Surveyor<'_> {
    fn record(&mut self, lsn: Lsn, record: &[u8]) -> Result<(), DecodeError> {
        let (header, body) = Header::decode(record)?;
        match header.kind {
            Kind::MerchantCreated => {
                let MerchantCreatedV1 { name } = decode(body)?;
                let counts = self.asked.map_or(self.found.is_none(), |asked| asked == name);
                if counts {
                    let directory = Directory::new(MerchantNumber(header.merchant));
                    self.found = Some((name.to_owned(), Arc::new(directory)));
                }
                self.names.push(name.to_owned());
                Ok(())
            }
            Kind::LocationPut | Kind::ChannelPut | Kind::SkuPut => self.name(lsn, &header, body),
            _ => Ok(()),
        }
    }

    fn name(&mut self, lsn: Lsn, header: &Header, body: &[u8]) -> Result<(), DecodeError> {
        let found = self.found.as_ref().filter(|(_, found)| found.merchant.0 == header.merchant);
        let Some((_, directory)) = found else { return Ok(()) };
        if let Some(Told::Happened(event, named)) = decode_event(header, body)? {
            directory.hear(lsn, &event, &named);
            self.has_profiles |= matches!(event, Event::ChannelPut(put) if put.profile.is_some());
        }
        Ok(())
    }
}
