//! A contender: its server, how it is connected to, and what it says its stock is in the end.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::audit::read_back;
use crate::error::LoadError;
use crate::faults::server::{Server, Start, Under, expect, open_merchant};
use crate::race::cli::{Cli, Kind};
use crate::race::client::{Client, Http};
use crate::race::course::Course;
use crate::race::postgres::Postgres;
use crate::race::process::{Process, Usage, free_address};
use crate::race::redis::Redis;
use crate::runtime::runtime;
use crate::setup::set_up;

/// See the module.
pub(crate) enum Contender {
    /// The server itself; asked for one order or for many at a time.
    Onhand {
        server: Server,
        data: PathBuf,
        key: String,
        is_bulk: bool,
    },
    /// It keeps nothing.
    Echo {
        process: Process,
        address: SocketAddr,
    },
    Postgres(Postgres),
    Redis(Redis),
}

/// Where a contender's stock is not what it answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Differs {
    /// SKUs whose stock is another one.
    pub(crate) skus: usize,
    /// Units that were sold and not there.
    pub(crate) oversold: u64,
}

impl Differs {
    /// Compares what there was, what was sold and what is left.
    pub(crate) fn between(stock: &[u64], sold: &[u64], left: &[i64]) -> Self {
        let rows = stock.iter().zip(sold).zip(left);
        let wrong = rows.filter(|((stock, sold), left)| {
            stock.checked_sub(**sold).and_then(|left| i64::try_from(left).ok()) != Some(**left)
        });
        let oversold = stock.iter().zip(sold).map(|(stock, sold)| sold.saturating_sub(*stock)).sum();
        Self { skus: wrong.count() + stock.len().abs_diff(left.len()), oversold }
    }
}

impl Contender {
    /// Starts a contender on an empty directory.
    pub(crate) fn start(cli: &Cli, kind: Kind, place: &Path, answer_bytes: usize) -> Result<Self, LoadError> {
        std::fs::create_dir_all(place).map_err(LoadError::system("creating a contender's directory"))?;
        match kind {
            Kind::Onhand | Kind::OnhandBulk => onhand(cli, kind, place),
            Kind::Echo => echo(cli, place, answer_bytes),
            Kind::Postgres => Postgres::start(cli, place).map(Self::Postgres),
            Kind::RedisAlways => Redis::start(cli, place, "always").map(Self::Redis),
            Kind::RedisEverysec => Redis::start(cli, place, "everysec").map(Self::Redis),
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        match self {
            Self::Onhand { server, .. } => server.address,
            Self::Echo { address, .. } => *address,
            Self::Postgres(postgres) => postgres.address,
            Self::Redis(redis) => redis.address,
        }
    }

    /// What requests carry.
    pub(crate) fn key(&self) -> &str {
        match self {
            Self::Onhand { key, .. } => key,
            // As long as a real one.
            Self::Echo { .. } => "onhand_0_00000000000000000000000000000000",
            Self::Postgres(_) | Self::Redis(_) => "none",
        }
    }

    /// Puts what is in stock in.
    pub(crate) fn set_up(&self, course: &Course) -> Result<(), LoadError> {
        let runtime = runtime()?;
        match self {
            Self::Onhand { .. } => runtime.block_on(set_up(&course.plan, |_, _, _| ())),
            Self::Echo { .. } => runtime.block_on(async { Http::connect(course).await.map(drop) }),
            Self::Postgres(postgres) => runtime.block_on(postgres.set_up(course)),
            Self::Redis(redis) => runtime.block_on(redis.set_up(course)),
        }
    }

    /// Connects once.
    pub(crate) async fn connect(&self, course: &Course) -> Result<Client, LoadError> {
        match self {
            Self::Onhand { is_bulk: true, .. } => Http::connect(course).await.map(Client::Bulk),
            Self::Onhand { .. } | Self::Echo { .. } => Http::connect(course).await.map(Client::Single),
            Self::Postgres(postgres) => postgres.connect().await.map(Client::Postgres),
            Self::Redis(redis) => redis.connect().await.map(Client::Redis),
        }
    }

    /// Orders it is asked for at a time.
    pub(crate) fn batch(&self, cli: &Cli) -> usize {
        match self {
            Self::Onhand { is_bulk: true, .. } => usize::try_from(cli.batch).unwrap_or(usize::MAX),
            Self::Onhand { .. } | Self::Echo { .. } | Self::Postgres(_) | Self::Redis(_) => 1,
        }
    }

    /// What it has used so far.
    pub(crate) fn usage(&self) -> Result<Usage, LoadError> {
        Usage::of(match self {
            Self::Onhand { server, .. } => server.pid(),
            Self::Echo { process, .. } => process.pid(),
            Self::Postgres(postgres) => postgres.pid(),
            Self::Redis(redis) => redis.pid(),
        })
    }

    /// How its stock differs from what it answered; `None` if it keeps none.
    pub(crate) fn differs(&self, course: &Course) -> Result<Option<Differs>, LoadError> {
        let runtime = runtime()?;
        let left = match self {
            Self::Onhand { .. } => onhand_left(course)?,
            Self::Echo { .. } => return Ok(None),
            Self::Postgres(postgres) => runtime.block_on(postgres.left())?,
            Self::Redis(redis) => runtime.block_on(redis.left(course))?,
        };
        Ok(Some(Differs::between(&course.plan.stock, &course.sold.borrow(), &left)))
    }

    /// Ends it; what Onhand leaves is audited.
    pub(crate) fn stop(self, cli: &Cli) -> Result<(), LoadError> {
        if let Self::Onhand { mut server, data, .. } = self {
            server.kill()?;
            expect(&cli.server, &["verify", &data.to_string_lossy()])?;
        }
        Ok(())
    }
}

fn onhand(cli: &Cli, kind: Kind, place: &Path) -> Result<Contender, LoadError> {
    let data = place.join("data");
    // As it is served by default; the harness's other servers have the smallest segments.
    let variables = [("ONHAND_SEGMENT_BYTES", "67108864"), ("ONHAND_SNAPSHOT_SEGMENTS", "4")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let under = Under { variables, ..Under::default() };
    let server = match Server::start(&cli.server, &data, &under, &place.join("log"))? {
        Start::Ready(server) => server,
        Start::Ended(status) => return Err(LoadError::Usage(format!("onhand did not start: {status}"))),
    };
    let key = open_merchant(&cli.server, &data, "race", "orders:write,stock:write,read,admin")?;
    Ok(Contender::Onhand { server, data, key, is_bulk: kind == Kind::OnhandBulk })
}

fn onhand_left(course: &Course) -> Result<Vec<i64>, LoadError> {
    let read = read_back(&course.plan, &[], &mut |_, _| ())?;
    let left = read.skus.into_iter().map(|sku| {
        let shelves = sku.map_err(LoadError::Usage)?.shelves;
        Ok(shelves.iter().map(|shelf| shelf.sellable - shelf.committed).sum())
    });
    left.collect()
}

fn echo(cli: &Cli, place: &Path, answer_bytes: usize) -> Result<Contender, LoadError> {
    let binary = cli.echo.as_ref();
    let binary =
        binary.ok_or_else(|| LoadError::Usage("the echo needs its binary: --echo FILE".to_owned()))?;
    let address = free_address()?;
    let mut command = Command::new(binary);
    command.args([address.to_string(), answer_bytes.to_string()]);
    let process = Process::start(&mut command, &place.join("log"))?;
    crate::race::process::wait_for(address)?;
    Ok(Contender::Echo { process, address })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stock_that_is_not_what_was_answered_is_found() {
        let differs = |sold: [u64; 2], left: &[i64]| {
            let Differs { skus, oversold } = Differs::between(&[10, 5], &sold, left);
            (skus, oversold)
        };
        assert_eq!(differs([4, 5], &[6, 0]), (0, 0));
        assert_eq!(differs([4, 5], &[5, 0]), (1, 0), "a unit is gone that nobody was sold");
        assert_eq!(differs([4, 7], &[6, -2]), (1, 2), "two were sold that were not there");
        assert_eq!(differs([4, 7], &[6, 0]), (1, 2));
        assert_eq!(differs([4, 5], &[6]), (1, 0), "a SKU is missing");
    }
}
