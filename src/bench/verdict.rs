//! What a run was to keep to, and whether it did.

use serde::Serialize;

/// Everything that was looked at.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Verdict(Vec<Floor>);

#[derive(Clone, Debug, Serialize)]
struct Floor {
    what: String,
    seen: String,
    floor: String,
    reached: bool,
    /// Whether the command fails without it.
    must: bool,
}

impl Verdict {
    pub(super) fn add(&mut self, what: &str, seen: String, floor: &str, reached: bool) {
        self.push(what, seen, floor, reached, true);
    }

    /// A time, which says as much of the machine: a miss is shown and fails nothing.
    pub(super) fn time(&mut self, what: &str, seen: String, floor: &str, reached: bool) {
        self.push(what, seen, floor, reached, false);
    }

    fn push(&mut self, what: &str, seen: String, floor: &str, reached: bool, must: bool) {
        self.0.push(Floor { what: what.to_owned(), seen, floor: floor.to_owned(), reached, must });
    }

    /// A count that must be nothing.
    pub(super) fn none(&mut self, what: &str, count: u64) {
        self.add(what, count.to_string(), "0", count == 0);
    }

    pub(super) fn table(&self) -> String {
        let mut text = format!("  {:<44}{:>34}{:>24}\n", "", "seen", "floor");
        for Floor { what, seen, floor, reached, .. } in &self.0 {
            let reached = if *reached { "reached" } else { "NOT REACHED" };
            text.push_str(&format!("  {what:<44}{seen:>34}{floor:>24}  {reached}\n"));
        }
        text
    }

    /// Errors: something that is no time was not reached.
    pub(super) fn refuse(&self) -> anyhow::Result<()> {
        let missed: Vec<_> =
            self.0.iter().filter(|floor| floor.must && !floor.reached).map(|floor| floor.what.as_str()).collect();
        anyhow::ensure!(missed.is_empty(), "not reached: {}", missed.join("; "));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_miss_refuses_the_run_and_is_named() {
        let mut verdict = Verdict::default();
        verdict.none("lost", 0);
        verdict.time("p99", "9".into(), "1", false);
        assert!(verdict.refuse().is_ok() && verdict.table().contains("NOT REACHED"));
        verdict.none("doubled", 1);
        assert_eq!(verdict.refuse().unwrap_err().to_string(), "not reached: doubled");
    }
}
