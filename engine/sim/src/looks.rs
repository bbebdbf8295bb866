//! What the oracle does with a disk that an engine has left: it judges the log, starts an engine on a copy, flips a bit of
//! another one.

use crate::oracle::{judge, judge_astray};
use crate::tally::Tally;
use crate::world::{MERCHANTS, World};
use onhand_engine::clock::Clock;
use onhand_engine::secrets::Fingerprints;
use onhand_engine::snapshots::Disk;
use onhand_engine::snapshots::storage::{SimStorage, Storage as _};
use onhand_engine::stepped::SteppedEngine;
use onhand_verify::{Ignore, audit_storage};
use std::sync::Arc;

impl World {
    /// The oracle looks at what there is; and a start, on a copy, must come to the same state as the audit.
    pub(crate) fn look(&mut self, digest: Option<u64>) {
        if self.is_astray() {
            return;
        }
        let report = judge(&self.disk.fork(), &self.clients);
        assert!(
            digest.is_none_or(|digest| digest == report.digest),
            "the state of a stop is not that of its log"
        );
        let copy = self.disk.fork();
        let config = self.config();
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let started =
            SteppedEngine::start(Disk::simulated(&copy), Fingerprints::with_key([7; 32]), clock, &config);
        let engine = started.unwrap_or_else(|error| panic!("a start on a disk that is well: {error}"));
        self.read_people(&engine);
        let stopped = engine.stop();
        assert_eq!(
            stopped,
            Some(judge(&copy, &self.clients).digest),
            "{} shards and the audit",
            config.shards
        );
        if self.dice.chance(2_000) {
            self.damage(&self.disk.fork(), report.digest);
        }
    }

    /// All personal data is what it is to be.
    pub(crate) fn read_people(&self, engine: &SteppedEngine) {
        let handle = engine.handle();
        for (clients, name) in self.clients.iter().zip(MERCHANTS) {
            if let Some(merchant) = handle.registry().merchant(name) {
                clients.people.read_all(merchant, &handle);
            }
        }
    }

    /// A bit of the log is flipped: a start refuses that, or it makes no difference.
    fn damage(&mut self, disk: &SimStorage, digest: u64) {
        let files: Vec<String> = disk.files().into_iter().filter(|file| file.starts_with("log/0")).collect();
        if files.is_empty() {
            return;
        }
        let file = &files[self.dice.place(files.len())];
        let bytes = disk.open(file).and_then(|file| file.len()).unwrap_or(0);
        // Most of a segment under way is zeros.
        let reach = if self.dice.chance(5_000) { bytes } else { bytes.min(60_000) };
        disk.flip_bit(file, self.dice.below(reach * 8));
        let (config, clock) = (self.config(), Arc::clone(&self.clock) as Arc<dyn Clock>);
        let fingerprints = Fingerprints::with_key([7; 32]);
        self.tally.flips += 1;
        match SteppedEngine::start(Disk::simulated(disk), fingerprints, clock, &config) {
            Err(_) => self.tally.refusals += 1,
            Ok(engine) => {
                drop(engine);
                // What a start need not read, the audit reads.
                if audit_storage(disk, "a damaged disk", &mut Ignore).is_err() {
                    self.tally.refusals += 1;
                    return;
                }
                let report = judge(disk, &self.clients);
                assert_eq!(report.digest, digest, "a flipped bit of {file} changed the state");
            }
        }
    }

    /// A write went to a wrong place: a start or the audit says so, or nothing came of it. The last write to the log
    /// may be missing, since nobody can tell; any other one has something behind it.
    pub(crate) fn recognise(mut self) -> Tally {
        self.tally.misdirected += 1;
        let (missed, has_more) = self.disk.astray().unwrap_or_default();
        let last_segment = self.disk.files().into_iter().rfind(|file| file.starts_with("log/0"));
        let may_lack_end = !has_more && missed.is_some() && missed == last_segment;
        let disk = self.disk.fork();
        let (config, clock) = (self.config(), Arc::clone(&self.clock) as Arc<dyn Clock>);
        let fingerprints = Fingerprints::with_key([7; 32]);
        let started = SteppedEngine::start(Disk::simulated(&disk), fingerprints, clock, &config);
        let judged = started.ok().and_then(|engine| {
            // What comes behind is the start's own, the closing record say: it may stand where the missing one was.
            let end = may_lack_end.then(|| engine.handle().durable());
            let digest = engine.stop()?;
            Some((digest, judge_astray(&disk, &self.clients, end)?))
        });
        match judged {
            Some((digest, report)) => assert_eq!(digest, report.digest, "a misdirected write and a start"),
            None => self.tally.recognised += 1,
        }
        self.tally
    }
}
