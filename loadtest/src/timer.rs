//! A sleep that ends when it should.
//!
//! Tokio's timer counts in milliseconds, which would show in every latency that counts from a planned time. On
//! Linux a timer descriptor, waited for like a socket, ends within tens of microseconds and costs no thread.

#[cfg(target_os = "linux")]
mod precise {
    use std::io;
    use std::os::fd::OwnedFd;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::unix::AsyncFd;

    use crate::schedule::SECOND_NS;

    /// A timer descriptor.
    #[derive(Debug)]
    pub(crate) struct Timer(AsyncFd<OwnedFd>);

    impl Timer {
        /// Makes the descriptor. Needs a running runtime.
        #[expect(
            deprecated,
            reason = "its successor is unsafe, for types whose descriptor may change under it; an `OwnedFd`'s cannot"
        )]
        pub(crate) fn new() -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            Ok(Self(AsyncFd::new(timerfd_create(TimerfdClockId::Monotonic, flags)?)?))
        }

        /// Waits for so many nanoseconds.
        pub(crate) async fn sleep(&self, ns: u64) -> io::Result<()> {
            // A value of zero would switch the timer off.
            let ns = ns.max(1);
            let value = Timespec {
                tv_sec: i64::try_from(ns / SECOND_NS).unwrap_or(i64::MAX),
                tv_nsec: i64::try_from(ns % SECOND_NS).unwrap_or_default(),
            };
            let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
            timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &once)?;
            loop {
                let mut ready = self.0.readable().await?;
                let mut expirations = [0_u8; 8];
                if let Ok(read) =
                    ready.try_io(|timer| Ok(rustix::io::read(timer.get_ref(), &mut expirations)?))
                {
                    return read.map(|_| ());
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod precise {
    use std::io;
    use std::time::Duration;

    /// Tokio's own timer: elsewhere, a lateness of up to a millisecond is shown in the report.
    #[derive(Debug)]
    pub(crate) struct Timer;

    impl Timer {
        /// Nothing to make.
        pub(crate) fn new() -> io::Result<Self> {
            Ok(Self)
        }

        /// Waits for so many nanoseconds, and up to a millisecond more.
        pub(crate) async fn sleep(&self, ns: u64) -> io::Result<()> {
            tokio::time::sleep(Duration::from_nanos(ns)).await;
            Ok(())
        }
    }
}

pub(crate) use precise::Timer;
