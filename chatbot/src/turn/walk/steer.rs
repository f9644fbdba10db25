//! Staff lead the run: to its start, to a node, to its end, or they correct its variables.

use serde_json::Value;

use super::Walk;
use crate::bot::read::is_variable_name;
use crate::input::Steer;
use crate::trace::Why;
use crate::turn::{Fault, TurnError, start};

/// Why a run ends that staff have ended.
pub(crate) const BY_STAFF: &str = "ended_by_staff";
/// What began a run that staff have begun, and the port by which one left that they have led elsewhere.
const STAFF: &str = "staff";

impl Walk<'_> {
    /// Does what staff want. What the bot does not have changes nothing.
    pub(in crate::turn) fn steer(&mut self, how: &Steer) -> Result<(), TurnError> {
        self.burst = None;
        match how {
            Steer::End => {
                self.end_run(BY_STAFF, None);
                Ok(())
            }
            Steer::Restart => match start::default_node(self) {
                Some(to) => self.begin_at(to),
                None => Ok(()),
            },
            Steer::Node(id) => match self.bot().node(id) {
                Some(to) if self.has_run() => self.lead_to(to),
                Some(to) => self.begin_at(to),
                None => Ok(()),
            },
            Steer::Set(values) => {
                let set = values.iter().try_for_each(|(name, value)| self.correct(name, value));
                set.map_err(|fault| self.trigger_error(fault))
            }
        }
    }

    fn begin_at(&mut self, to: usize) -> Result<(), TurnError> {
        if self.has_run() {
            self.end_run("restarted", None);
        }
        self.begin_run(STAFF.to_owned(), None);
        self.walk_from(to)
    }

    /// Calls and loops that were open are left: nothing comes back to them.
    fn lead_to(&mut self, to: usize) -> Result<(), TurnError> {
        let from = self.run.as_ref().and_then(|run| run.wait.as_ref()).map(|wait| wait.node.clone());
        self.take_back("moved");
        while self.run.as_ref().is_some_and(|run| !run.frames.is_empty()) {
            self.pop_frame();
        }
        if let Some(run) = &mut self.run {
            run.wait = None;
        }
        self.took(from.unwrap_or_default(), STAFF.to_owned(), Some(to), Some(Why::said(STAFF, "to")));
        self.walk_from(to)
    }

    fn correct(&mut self, name: &str, value: &Value) -> Result<(), Fault> {
        if !is_variable_name(name) {
            return Err(Fault::failed(format!("`{}` is not a name for a variable", crate::expr::clip(name))));
        }
        self.assign(name, value.clone())?;
        if value.is_null() {
            let home = self.home(name);
            self.scope.put_back(home, name, Value::Null);
        }
        Ok(())
    }
}
