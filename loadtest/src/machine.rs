//! What the figures were measured on: without it a figure is a rumour.

use std::fs;

use serde::Serialize;

/// The machine the harness runs on; the server's, if it is the same.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    /// The processor's name.
    pub(crate) cpu: String,
    /// Cores this process may use.
    pub(crate) cores: usize,
    /// Memory in MiB.
    pub(crate) memory_mib: u64,
    /// The operating system and its kernel's release.
    pub(crate) kernel: String,
}

/// Reads what the system says about itself; what it does not say is "unknown" or 0.
pub(crate) fn machine() -> Machine {
    let field = |file: &str, name: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        text.lines().find_map(|line| value(line, name).map(str::to_owned))
    };
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_else(|_| "unknown".to_owned());
    let memory_kib = field("/proc/meminfo", "MemTotal")
        .and_then(|text| text.split_whitespace().next().and_then(|digits| digits.parse::<u64>().ok()));
    Machine {
        cpu: field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned()),
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        memory_mib: memory_kib.unwrap_or_default() / 1024,
        kernel: format!("{} {} {}", std::env::consts::OS, release.trim(), std::env::consts::ARCH),
    }
}

/// The value of a line `name : value`, if it is of that name.
fn value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (found, value) = line.split_once(':')?;
    (found.trim() == name).then(|| value.trim())
}

/// The command line, with the key hidden and words with blanks quoted.
pub(crate) fn command_line(words: impl Iterator<Item = String>) -> String {
    let mut hide = false;
    let shown = words.map(|word| {
        let hidden = std::mem::take(&mut hide);
        hide = word == "--key";
        if hidden {
            "***".to_owned()
        } else if word.starts_with("--key=") {
            "--key=***".to_owned()
        } else if word.is_empty() || word.contains(|letter: char| letter.is_whitespace() || letter == '\'') {
            format!("'{}'", word.replace('\'', r"'\''"))
        } else {
            word
        }
    });
    shown.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_not_shown() {
        let words = ["x", "--key", "secret", "hot", "--key=secret", "--note", "a b", "it's"];
        assert_eq!(
            command_line(words.map(str::to_owned).into_iter()),
            r"x --key *** hot --key=*** --note 'a b' 'it'\''s'"
        );
    }

    #[test]
    fn fields_are_read_by_their_whole_name() {
        assert_eq!(value("model name\t: A: B", "model name"), Some("A: B"));
        assert_eq!(value("model\t\t: 17", "model name"), None);
        assert_eq!(value("no colon", "no colon"), None);
    }
}
