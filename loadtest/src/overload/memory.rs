//! What a process has in memory, as the kernel counts it.

use crate::error::LoadError;

/// See the module; bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// Now.
    pub(crate) resident: u64,
    /// At the most since it began.
    pub(crate) peak: u64,
}

impl Memory {
    /// The memory of a process.
    pub(crate) fn of(pid: u32) -> Result<Self, LoadError> {
        let path = format!("/proc/{pid}/status");
        let text =
            std::fs::read_to_string(&path).map_err(LoadError::system("reading the server's memory"))?;
        let missing = |name: &str| LoadError::Usage(format!("{path} has no {name}"));
        let read = |name: &str| bytes_of(&text, name).ok_or_else(|| missing(name));
        Ok(Self { resident: read("VmRSS:")?, peak: read("VmHWM:")? })
    }
}

/// The kernel says kilobytes.
fn bytes_of(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_read() {
        let text = "Name:\tonhand\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\nThreads:\t9\n";
        assert_eq!(bytes_of(text, "VmRSS:"), Some(1 << 20));
        assert_eq!(bytes_of(text, "VmHWM:"), Some(2 << 20));
        assert_eq!(bytes_of(text, "VmSwap:"), None);
        assert_eq!(bytes_of("VmRSS: much\n", "VmRSS:"), None);
    }
}
