//! What Linux tells of a process and of the machine, from `/proc`. Elsewhere there is nothing to tell.

use std::fs;
use std::path::Path;

use rustix::process::{Resource, Rlimit};

/// The unit of processor time in `/proc`: fixed by the kernel's interface to programs.
const TICK_US: u64 = 10_000;
/// `f_type` of filesystems that live in memory.
const TMPFS: i64 = 0x0102_1994;
const RAMFS: i64 = 0x8584_58F6;

/// What a process has used since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub cpu_us: u64,
    /// Bytes that it caused to be written to a disk.
    pub written: u64,
}

/// Memory of a process, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Memory {
    pub now: u64,
    pub most: u64,
}

/// Processor time of the whole machine, in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ticks {
    total: u64,
    idle: u64,
    steal: u64,
}

pub(super) fn usage(pid: u32) -> Option<Usage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let io = fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    Some(Usage { cpu_us: cpu_us(&stat)?, written: line(&io, "write_bytes:")? })
}

pub(super) fn memory(pid: u32) -> Option<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    Some(Memory { now: line(&status, "VmRSS:")? * 1_024, most: line(&status, "VmHWM:")? * 1_024 })
}

/// Lets this process, and those that it starts from now on, have as many descriptors as the system allows it; how many
/// those are.
pub(super) fn allow_descriptors() -> u64 {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let raised = rustix::process::setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    let allowed = if raised.is_ok() { limit.maximum } else { limit.current };
    allowed.unwrap_or(u64::MAX)
}

/// How many descriptors a process has open.
pub(super) fn descriptors(pid: u32) -> Option<u64> {
    Some(fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as u64)
}

/// Bytes of all files here and below.
pub(super) fn bytes_below(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return fs::metadata(path).map_or(0, |file| file.len()) };
    entries.flatten().map(|entry| bytes_below(&entry.path())).sum()
}

pub(super) fn ticks() -> Option<Ticks> {
    read_ticks(&fs::read_to_string("/proc/stat").ok()?)
}

impl Ticks {
    /// The share of processor time since `before` that the host gave to others, in percent.
    pub(super) fn steal_percent(self, before: Self) -> f64 {
        let total = self.total.saturating_sub(before.total).max(1);
        self.steal.saturating_sub(before.steal) as f64 * 100.0 / total as f64
    }

    /// The share that neither was idle or stolen nor is in `ours_us`, in percent: other programs.
    pub(super) fn others_percent(self, before: Self, ours_us: u64) -> f64 {
        let since = |figure: fn(&Self) -> u64| figure(&self).saturating_sub(figure(&before));
        let ours = ours_us / TICK_US;
        let others = since(|ticks| ticks.total).saturating_sub(since(|ticks| ticks.idle + ticks.steal) + ours);
        others as f64 * 100.0 / since(|ticks| ticks.total).max(1) as f64
    }
}

/// Whether files here live in memory, where a sync costs nothing.
pub(super) fn is_in_memory(dir: &Path) -> bool {
    let Ok(dir) = fs::File::open(dir) else { return false };
    rustix::fs::fstatfs(dir).is_ok_and(|stat| [TMPFS, RAMFS].contains(&stat.f_type))
}

fn cpu_us(stat: &str) -> Option<u64> {
    // The name before may hold anything; fields 14 and 15 are counted from behind its bracket.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) * TICK_US)
}

fn read_ticks(stat: &str) -> Option<Ticks> {
    let fields: Vec<u64> =
        stat.lines().next()?.split_ascii_whitespace().skip(1).map_while(|f| f.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal; guest time after them is in user already.
    let [.., idle, iowait, _, _, steal] = fields.get(..8)? else { return None };
    Some(Ticks { total: fields.iter().take(8).sum(), idle: idle + iowait, steal: *steal })
}

fn line(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 9 0 1 2 3";
        assert_eq!(cpu_us(stat), Some(3_000_000));
        assert_eq!(cpu_us("7 (cut"), None);
    }

    #[test]
    fn steal_is_a_share_of_all_processor_time() {
        let before = read_ticks("cpu  10 0 10 80 0 0 0 0 0 0\ncpu0 1").unwrap();
        let after = read_ticks("cpu  20 0 20 140 0 0 0 20 5 0\n").unwrap();
        assert!((after.steal_percent(before) - 20.0).abs() < 1e-9);
        assert_eq!(after.steal_percent(after), 0.0);
        assert_eq!(read_ticks("cpu 1 2 3"), None);
        // Of 100 ticks 60 were idle, 20 stolen, and 15 ours.
        assert!((after.others_percent(before, 15 * TICK_US) - 5.0).abs() < 1e-9);
    }

    #[test]
    fn figures_stand_behind_their_names() {
        assert_eq!(line("VmHWM:\t  120 kB\nVmRSS:\t  100 kB\n", "VmRSS:"), Some(100));
        assert_eq!(line("rchar: 1\n", "write_bytes:"), None);
    }
}
