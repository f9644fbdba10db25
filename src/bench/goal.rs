//! What is to be reached: a figure of the product beside what it is held against, a floor, and what is aimed at.

use std::fmt::Write;

use serde::Serialize;

/// Which figures are good ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Good {
    High,
    Low,
}

/// How far a figure has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reached {
    Aim,
    Floor,
    No,
}

/// One line of the last table.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Goal {
    pub metric: String,
    /// What `skeleton` and `parlance` are counted in.
    pub unit: &'static str,
    /// What the product is held against: the skeleton, bare actors, itself in smaller.
    pub skeleton: Option<f64>,
    pub parlance: f64,
    /// What floor and aim are about: a ratio, or the figure itself.
    pub figure: f64,
    pub floor: f64,
    pub aim: Option<f64>,
    pub good: Good,
}

impl Goal {
    pub(super) fn reached(&self) -> Reached {
        let passes = |bound: f64| match self.good {
            Good::High => self.figure >= bound,
            Good::Low => self.figure <= bound,
        };
        match self.aim {
            Some(aim) if passes(aim) => Reached::Aim,
            _ if passes(self.floor) => Reached::Floor,
            _ => Reached::No,
        }
    }

    fn row(&self) -> String {
        let sign = if self.good == Good::High { "≥" } else { "≤" };
        let bound = |bound: f64| format!("{sign} {}", short(bound));
        let held = self.skeleton.map_or_else(|| "–".into(), short);
        let reached = match self.reached() {
            Reached::Aim if self.aim.is_some() => "yes, the aim too",
            Reached::Aim | Reached::Floor => "yes",
            Reached::No => "NO",
        };
        let (figure, floor, aim) = (short(self.figure), bound(self.floor), self.aim.map_or_else(String::new, bound));
        format!(
            "  {:<52}{held:>10}{:>10}{figure:>9}{floor:>9}{aim:>9}  {reached}\n",
            format!("{}, {}", self.metric, self.unit),
            short(self.parlance)
        )
    }

    /// The line as JSON, with whether it is reached.
    pub(super) fn value(&self) -> serde_json::Value {
        let mut value = serde_json::to_value(self).expect("plain figures always encode");
        value["reached"] = serde_json::to_value(self.reached()).expect("plain figures always encode");
        value
    }
}

/// Figures and their goals as JSON.
pub(super) fn json(figures: &impl Serialize, goals: &[Goal]) -> String {
    let mut value = serde_json::to_value(figures).expect("plain figures always encode");
    value["goals"] = goals.iter().map(Goal::value).collect();
    serde_json::to_string_pretty(&value).expect("plain figures always encode")
}

/// The table of them.
pub(super) fn table(goals: &[Goal]) -> String {
    let mut text = String::new();
    writeln!(
        text,
        "  {:<52}{:>10}{:>10}{:>9}{:>9}{:>9}  reached",
        "", "skeleton", "Parlance", "figure", "floor", "aim"
    )
    .expect("a String takes all");
    goals.iter().for_each(|goal| text.push_str(&goal.row()));
    text
}

/// As many digits as say something.
fn short(figure: f64) -> String {
    match figure.abs() {
        0.0..10.0 => format!("{figure:.2}"),
        10.0..100.0 => format!("{figure:.1}"),
        _ => format!("{figure:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goal(figure: f64, good: Good) -> Goal {
        Goal {
            metric: "replies".into(),
            unit: "a second",
            skeleton: Some(8_000.0),
            parlance: 4_000.0,
            figure,
            floor: 0.5,
            aim: Some(if good == Good::High { 0.6 } else { 0.4 }),
            good,
        }
    }

    #[test]
    fn figures_reach_floor_and_aim_from_their_side() {
        let reached = |figure, good| goal(figure, good).reached();
        assert_eq!([0.49, 0.5, 0.6].map(|at| reached(at, Good::High)), [Reached::No, Reached::Floor, Reached::Aim]);
        assert_eq!([0.51, 0.5, 0.4].map(|at| reached(at, Good::Low)), [Reached::No, Reached::Floor, Reached::Aim]);
    }

    #[test]
    fn table_says_what_is_not_reached() {
        let text = table(&[goal(0.3, Good::High), goal(0.5, Good::High)]);
        let rows: Vec<_> = text.lines().collect();
        assert!(rows[1].contains("replies, a second") && rows[1].ends_with("NO"), "{text}");
        assert!(rows[2].contains("8000") && rows[2].contains("≥ 0.50") && rows[2].ends_with("yes"), "{text}");
        assert_eq!(goal(0.3, Good::High).value()["reached"], "no");
    }
}
