//! A Flow as the API shows it: as Meta has it, beside what a bot wants.

use std::collections::BTreeMap;
use std::sync::Arc;

use actors::flow_manager::{self, Alignment, Flow, Place, Wanted, WantedFlow};
use serde_json::{Value, json};
use whatsapp::graph::{ValidationError, ValidationPointer};

use crate::admin::Shared;
use crate::admin::time::at;

/// One row.
pub(super) struct View {
    pub account: Box<str>,
    pub name: String,
    flow: Option<Arc<Flow>>,
    place: Option<Arc<Place>>,
    wanted: Vec<WantedFlow>,
    replaced_by: Option<String>,
}

impl View {
    /// All Flows that Meta has or had, and those that only a bot has, in order.
    pub(super) async fn all(shared: &Shared) -> Vec<Self> {
        let flows = &shared.parts.services.flows;
        let wanted = flows.wanted().await;
        let mut views = BTreeMap::new();
        for flow in flows.all() {
            let view = Self::of(shared, flow, &wanted);
            views.insert(view.key(), view);
        }
        for account in flows.accounts() {
            for only in wanted.flows.iter().filter(|wanted| wanted.json.is_some() && !wanted.not_in.contains(&account))
            {
                let known = views.values().any(|view: &Self| *view.account == *account && view.is_of(only));
                if !known {
                    let view = Self::only_here(shared, &account, only);
                    views.entry(view.key()).or_insert(view);
                }
            }
        }
        views.into_values().collect()
    }

    /// One of Meta's.
    pub(super) fn of(shared: &Shared, flow: Arc<Flow>, wanted: &Wanted) -> Self {
        let flows = &shared.parts.services.flows;
        let places = flows.places();
        let stands =
            |place: &&Arc<Place>| place.account == flow.account && place.id.as_deref() == Some(&*flow.remote.id);
        let place = places.iter().find(stands).cloned();
        let name = place.as_ref().map_or(&*flow.remote.name, |place| &*place.name);
        let means = |one: &&WantedFlow| match one.id.as_deref() {
            Some(id) => id == flow.remote.id,
            None => *one.name == *name,
        };
        let replaced = flows.replaced_by(&flow.account, &flow.remote.id);
        let replaced_by = replaced.map(|other| other.remote.name.clone());
        let is_meant = flow.is_there() && replaced_by.is_none();
        let here = wanted.flows.iter().filter(|one| is_meant && !one.not_in.contains(&flow.account));
        let wanted = here.filter(means).cloned().collect();
        Self {
            account: flow.account.clone(),
            name: flow.remote.name.clone(),
            place,
            wanted,
            replaced_by,
            flow: Some(flow),
        }
    }

    fn only_here(shared: &Shared, account: &str, wanted: &WantedFlow) -> Self {
        let places = shared.parts.services.flows.places();
        let place = places.into_iter().find(|place| *place.account == *account && place.name == wanted.name);
        Self {
            account: account.into(),
            name: wanted.name.to_string(),
            flow: None,
            place,
            wanted: vec![wanted.clone()],
            replaced_by: None,
        }
    }

    fn is_of(&self, wanted: &WantedFlow) -> bool {
        self.wanted.iter().any(|own| own.bot == wanted.bot && own.local == wanted.local)
    }

    pub(super) fn key(&self) -> String {
        let id = self.flow.as_ref().map(|flow| flow.remote.id.as_str()).unwrap_or_default();
        format!("{}/{}/{id}", self.account, self.name)
    }

    pub(super) fn status(&self) -> &str {
        match &self.flow {
            None => "LOCAL",
            Some(flow) if !flow.is_there() => "REMOVED",
            Some(flow) => flow.remote.status.as_str(),
        }
    }

    pub(super) fn is_current(&self) -> bool {
        self.flow.as_ref().is_none_or(|flow| flow.is_there() && flow.archived_ms.is_none())
    }

    fn alignment(&self) -> Alignment {
        let file = self.wanted.iter().find_map(WantedFlow::digest);
        let given = self.place.as_ref().and_then(|place| place.pushed.as_ref()).map(|pushed| &*pushed.json);
        let meta = self.flow.as_ref().and_then(|flow| flow.json.as_deref());
        match (&self.flow, file.as_deref()) {
            (None, Some(_)) => Alignment::LocalNewer,
            (_, file) => Alignment::of(file, given, meta),
        }
    }

    pub(super) fn json(&self) -> Value {
        let flow = self.flow.as_ref();
        let remote = flow.map(|flow| &flow.remote);
        let place = self.place.as_ref();
        let used: Vec<_> = self.wanted.iter().map(|one| json!({ "bot": one.bot, "flow": one.local })).collect();
        let findings = place.map(|place| flow_manager::findings_of(place)).unwrap_or_default();
        json!({
            "id": remote.map(|remote| &remote.id),
            "account": self.account,
            "name": self.name,
            "status": self.status(),
            "status_at": flow.map(|flow| at(flow.status_ms)),
            "categories": remote.map(|remote| &remote.categories),
            "json_version": remote.and_then(|remote| remote.json_version.as_ref()),
            "data_api_version": remote.and_then(|remote| remote.data_api_version.as_ref()),
            "endpoint_uri": remote.and_then(|remote| remote.endpoint_uri.as_ref()),
            "sync": self.alignment(),
            "used_by": used,
            "made_here": place.is_some_and(|place| place.made_here),
            "applied_at": place.and_then(|place| place.pushed.as_ref()).map(|pushed| at(pushed.at_ms)),
            "replaced_by": self.replaced_by,
            "validation_errors": remote.map(|remote| located(&remote.validation_errors)),
            "findings": findings,
            "problem": place.and_then(|place| place.problem.as_ref()),
            "under_way": place.and_then(|place| place.begun.as_ref()).map(|begun| begun.step),
            "archived_at": flow.and_then(|flow| flow.archived_ms).map(at),
            "removed_at": flow.and_then(|flow| flow.removed_ms).map(at),
        })
    }

    /// With what only one Flow at a time is asked for.
    pub(super) fn detailed(&self) -> Value {
        let mut shown = self.json();
        if let Some(flow) = &self.flow {
            let alerts = flow.alerts.iter().map(|alert| {
                json!({ "kind": alert.kind, "at": at(alert.at_ms), "active": alert.active, "measured": alert.measured,
                    "threshold": alert.threshold, "message": alert.message })
            });
            shown["alerts"] = alerts.collect();
            shown["health_status"] = flow.remote.health_status.clone();
            shown["application"] = flow.remote.application.clone();
            shown["whatsapp_business_account"] = flow.remote.whatsapp_business_account.clone();
        }
        shown
    }
}

/// Meta's findings with the first place of each.
fn located(findings: &[ValidationError]) -> Vec<Value> {
    let path = |finding: &ValidationError| finding.pointers.first().map(|place: &ValidationPointer| place.path.clone());
    let shown = findings.iter().map(|finding| {
        json!({ "error": finding.error, "type": finding.error_type, "message": finding.message,
            "line": finding.line_start, "column": finding.column_start, "path": path(finding) })
    });
    shown.collect()
}
