//! The command line: one file per subcommand.
//!
//! Results go to stdout, talk to stderr. Exit codes: 0 done, 1 the answer is no (an invariant does not hold,
//! a promise was broken), 2 usage or error, 3 a damaged data directory or backup that was refused, 4 the log failed while serving,
//! 5 what was asked for was refused: nothing was changed, and the message ends with what to type next.

mod admin;
mod backup;
mod config;
pub mod fuzzing;
mod log;
mod refusal;
mod repair;
mod serve;
mod simulate;
mod verify;

use crate::demo::{DemoOptions, demo};
use backup::Target;
use clap::{Args, Parser, Subcommand};
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Exit code of a refusal that a person should look at: the data directory or the backup is not what it was.
const DAMAGED: u8 = 3;

/// Exit code of a refusal that the next command mends, which the message says.
const REFUSED: u8 = 5;

/// An order engine that many sales channels can hit at once without a unit ever being sold twice.
#[derive(Parser)]
#[command(name = "onhand", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  onhand demo
  onhand serve --data ./data --listen 127.0.0.1:8080
  onhand merchant create acme --data ./data
  onhand key create --merchant acme --scopes orders:write,stock:write,read --data ./data
  onhand simulate ./data --profile new.toml
  onhand backup ./data ./backup
  onhand restore ./backup ./copy --to-time 2026-11-23T10:00:00Z";

#[derive(Subcommand)]
enum Command {
    /// Run the main job on bundled real orders: serve, crash, recover, audit.
    Demo(DemoArgs),
    /// Serve a data directory over HTTP.
    Serve(ServeArgs),
    /// Create merchants.
    Merchant {
        #[command(subcommand)]
        command: MerchantCommand,
    },
    /// Create and revoke keys.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Say that the server's clock is right after it jumped forward.
    Clock {
        #[command(subcommand)]
        command: ClockCommand,
    },
    /// Audit a data directory: exit code 0 only if every invariant holds.
    Verify {
        /// The data directory.
        dir: PathBuf,
    },
    /// Copy a data directory, also while it is served, into a directory that is not there yet.
    Backup {
        /// The data directory.
        dir: PathBuf,
        /// The backup; it holds the keys of personal data.
        dest: PathBuf,
    },
    /// Make a data directory of a backup, or of the first part of it, and audit it.
    Restore(RestoreArgs),
    /// Mend a data directory whose start is refused. Says what it will lose, and does it only with --yes.
    Repair {
        #[command(subcommand)]
        command: repair::RepairCommand,
    },
    /// Say what the orders of a data directory would have come to under another routing profile.
    Simulate(simulate::SimulateArgs),
    /// Print the records of a data directory as JSON, one a line.
    Log {
        /// The data directory.
        dir: PathBuf,
        /// The first record to print.
        #[arg(long, default_value_t = 1)]
        from: u64,
    },
}

#[derive(Args)]
struct DemoArgs {
    /// End after the table, with an exit code that says whether every promise held.
    #[arg(long)]
    exit: bool,
    /// Keep the data in this directory instead of a temporary one; it must not exist yet.
    #[arg(long)]
    data: Option<PathBuf>,
}

#[derive(Args)]
struct ServeArgs {
    /// A TOML file with settings; variables and flags go before it.
    #[arg(long, env = "ONHAND_CONFIG")]
    config: Option<PathBuf>,
    /// The data directory; created if it is not there.
    #[arg(long, env = "ONHAND_DATA")]
    data: Option<PathBuf>,
    /// The address to listen on; port 0 takes a free one. 127.0.0.1:8080 by default.
    #[arg(long, env = "ONHAND_LISTEN")]
    listen: Option<SocketAddr>,
    /// Shards; a merchant lives whole on one. Half the cores by default.
    #[arg(long, env = "ONHAND_SHARDS")]
    shards: Option<usize>,
    /// HTTP workers. All cores but one by default.
    #[arg(long, env = "ONHAND_WORKERS")]
    workers: Option<usize>,
    /// Bytes of one log segment. 64 MiB by default.
    #[arg(long, env = "ONHAND_SEGMENT_BYTES")]
    segment_bytes: Option<u64>,
    /// Sealed segments between two snapshots. 4 by default.
    #[arg(long, env = "ONHAND_SNAPSHOT_SEGMENTS")]
    snapshot_segments: Option<usize>,
    /// Requests of one merchant that may be on their way.
    #[arg(long, env = "ONHAND_MERCHANT_QUEUE_MAX")]
    merchant_queue_max: Option<usize>,
    /// Requests of all merchants that may be on their way.
    #[arg(long, env = "ONHAND_TOTAL_QUEUE_MAX")]
    total_queue_max: Option<usize>,
    /// Bytes that all bulk bodies may have under way. 512 MiB by default.
    #[arg(long, env = "ONHAND_BULK_BYTES_MAX")]
    bulk_bytes_max: Option<usize>,
    /// Free bytes of the disk below which orders and other intake are refused. 320 MiB by default.
    #[arg(long, env = "ONHAND_DISK_SOFT_BYTES")]
    disk_soft_bytes: Option<u64>,
    /// Free bytes of the disk below which all writes are. 64 MiB by default, and no more than the other.
    #[arg(long, env = "ONHAND_DISK_HARD_BYTES")]
    disk_hard_bytes: Option<u64>,
    /// End in order when stdin closes: whoever started this server ended, however it did.
    #[arg(long, hide = true)]
    end_with_stdin: bool,
}

#[derive(Args)]
struct RestoreArgs {
    /// The backup; every file is checked before anything is written.
    backup: PathBuf,
    /// The new data directory; not there yet, or empty.
    dest: PathBuf,
    /// The last record to restore. All of them by default.
    #[arg(long, conflicts_with = "to_time")]
    to_lsn: Option<u64>,
    /// Restore up to the first record that is later than this, as RFC 3339 has it: 2026-11-23T10:00:00Z.
    #[arg(long, value_parser = backup::parse_time)]
    to_time: Option<jiff::Timestamp>,
}

#[derive(Subcommand)]
enum MerchantCommand {
    /// Create a merchant.
    Create {
        /// Its name.
        name: String,
        /// The data directory.
        #[arg(long, env = "ONHAND_DATA")]
        data: PathBuf,
    },
}

#[derive(Subcommand)]
enum ClockCommand {
    /// Let windows and deadlines pass by the clock again.
    Confirm {
        /// The data directory of the running server.
        #[arg(long, env = "ONHAND_DATA")]
        data: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Create a key and print its secret, which is kept nowhere.
    Create {
        /// Whose.
        #[arg(long)]
        merchant: String,
        /// What it may do: orders:write, stock:write, read, admin; separated by commas.
        #[arg(long)]
        scopes: String,
        /// The data directory.
        #[arg(long, env = "ONHAND_DATA")]
        data: PathBuf,
    },
    /// Make a key useless.
    Revoke {
        /// Its number: the part of the secret between the underscores.
        key: u32,
        /// The data directory.
        #[arg(long, env = "ONHAND_DATA")]
        data: PathBuf,
    },
}

/// Runs the command line.
#[must_use]
pub fn run() -> ExitCode {
    // What a data directory holds is for its owner alone: keys, and what customers ordered.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let command = Cli::parse().command;
    let outcome = config::check_variables(std::env::vars_os()).and_then(|()| execute(command));
    outcome.unwrap_or_else(|error| {
        say_error(&format!("onhand: {error:#}"));
        ExitCode::from(exit_code(&error))
    })
}

fn execute(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(DemoArgs { exit, data }) => demo(&DemoOptions { exit, data }),
        Command::Serve(args) => serve::serve(&args),
        Command::Merchant { command: MerchantCommand::Create { name, data } } => {
            admin::create_merchant(&data, &name)
        }
        Command::Key { command: KeyCommand::Create { merchant, scopes, data } } => {
            admin::create_key(&data, &merchant, &scopes)
        }
        Command::Key { command: KeyCommand::Revoke { key, data } } => admin::revoke_key(&data, key),
        Command::Clock { command: ClockCommand::Confirm { data } } => admin::confirm_clock(&data),
        Command::Verify { dir } => verify::verify(&dir),
        Command::Backup { dir, dest } => backup::backup(&dir, &dest),
        Command::Restore(RestoreArgs { backup, dest, to_lsn, to_time }) => {
            let target = match (to_lsn, to_time) {
                (Some(lsn), _) => Target::Lsn(lsn),
                (None, Some(time)) => Target::Time(time),
                (None, None) => Target::End,
            };
            backup::restore(&backup, &dest, target)
        }
        Command::Repair { command } => repair::repair(&command),
        Command::Simulate(args) => simulate::simulate(&args),
        Command::Log { dir, from } => log::log(&dir, from),
    }
}

/// Writes a line to stdout.
///
/// # Errors
/// If stdout is closed.
pub(crate) fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Writes a line to stderr; where nobody listens there is nobody to tell.
pub(crate) fn say_error(line: &str) {
    drop(writeln!(std::io::stderr().lock(), "{line}"));
}

/// Ends the process from a thread that cannot return to `main`.
pub(crate) fn exit_with(error: &anyhow::Error) -> ! {
    say_error(&format!("onhand: {error:#}"));
    std::process::exit(i32::from(exit_code(error)))
}

/// A damaged data directory or backup, in words.
#[derive(Debug)]
struct Damaged(String);

/// Something that is not done, in words that end with what to type next.
#[derive(Debug)]
struct Refused(String);

impl std::fmt::Display for Damaged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Damaged {}

impl std::error::Error for Refused {}

fn exit_code(error: &anyhow::Error) -> u8 {
    if error.is::<Damaged>() {
        return DAMAGED;
    }
    if error.is::<Refused>() {
        return REFUSED;
    }
    2
}
