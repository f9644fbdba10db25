//! Meta's Flows in memory. It can be down, lose an answer, or hang for ever before or after it did what it was asked.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use whatsapp::graph::{
    CallError, CreatedFlow, FlowAsset, FlowCategory, FlowChange, FlowMetric, FlowPreview, FlowStatus, GraphError,
    MetricQuery, MigratedFlow, Migration, NewFlow, PreviewLink, RemoteFlow, ValidationError,
};

use crate::flow_manager::{Answer, FlowsAtMeta};
use crate::numbers::Account;

/// Meta's sample in a new Flow.
const HELLO: &str = r#"{"version":"7.3","screens":[{"id":"HELLO_WORLD"}]}"#;

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mishap {
    /// The process ends before Meta hears of it.
    KilledBefore,
    /// The process ends when Meta has done it.
    KilledAfter,
    /// Meta does it, and the answer is lost.
    AnswerLost,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct AtMeta {
    pub id: String,
    pub name: String,
    pub status: FlowStatus,
    pub json: String,
    pub categories: Vec<FlowCategory>,
    pub endpoint: Option<String>,
}

#[derive(Default)]
pub(super) struct Rules {
    pub flows: Vec<AtMeta>,
    pub calls: Vec<String>,
    pub down: bool,
    /// Every call is refused with this code.
    pub refusing: Option<u32>,
    /// No JSON can be downloaded.
    pub unreadable: bool,
    /// Nothing is published.
    pub unpublishable: bool,
    /// The account whose list cannot be read.
    pub unlisted: Option<&'static str>,
    /// Published Flows stay as they are (139001); else an edit makes a draft of them.
    pub strict: bool,
    /// Found in every JSON that holds this text.
    pub disliked: Option<&'static str>,
    pub mishap: Option<(usize, Mishap)>,
    last_id: u64,
}

pub(super) struct Meta {
    pub rules: Mutex<Rules>,
    /// Rung when a call hangs.
    pub hung: Notify,
}

impl Meta {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { rules: Mutex::default(), hung: Notify::new() })
    }

    pub(super) fn flow(&self, name: &str) -> Option<AtMeta> {
        self.rules.lock().flows.iter().find(|flow| flow.name == name).cloned()
    }

    /// Somebody makes or changes one in Meta's manager.
    pub(super) fn put(&self, name: &str, status: FlowStatus, json: &str) -> String {
        let mut rules = self.rules.lock();
        rules.last_id += 1;
        let id = format!("8{:05}", rules.last_id);
        rules.flows.retain(|flow| flow.name != name);
        rules.flows.push(AtMeta {
            id: id.clone(),
            name: name.to_owned(),
            status,
            json: json.to_owned(),
            categories: vec![FlowCategory::AppointmentBooking],
            endpoint: Some("https://flows.example.org/flow-endpoint".into()),
        });
        id
    }

    pub(super) fn change(&self, name: &str, change: impl FnOnce(&mut AtMeta)) {
        change(self.rules.lock().flows.iter_mut().find(|flow| flow.name == name).unwrap());
    }

    /// The calls since this was asked last, without those that only read.
    pub(super) fn writes(&self) -> Vec<String> {
        let calls = std::mem::take(&mut self.rules.lock().calls);
        let reads = ["list", "details", "json", "assets", "preview", "metric"];
        calls.into_iter().filter(|call| !reads.contains(&call.split(' ').next().unwrap())).collect()
    }

    fn meet<'a, T: Send + 'a>(
        &'a self,
        call: String,
        act: impl FnOnce(&mut Rules) -> Result<T, CallError> + Send + 'a,
    ) -> Answer<'a, T> {
        Box::pin(async move {
            let mishap = {
                let mut rules = self.rules.lock();
                rules.calls.push(call);
                if rules.down {
                    return Err(CallError::NotSent("connection refused".into()));
                }
                if let Some(code) = rules.refusing {
                    return Err(refused(code));
                }
                if let Some((left, _)) = &mut rules.mishap {
                    *left = left.saturating_sub(1);
                }
                rules.mishap.take_if(|(left, _)| *left == 0).map(|(_, mishap)| mishap)
            };
            if mishap == Some(Mishap::KilledBefore) {
                self.hang().await;
            }
            let answer = act(&mut self.rules.lock());
            match mishap {
                Some(Mishap::KilledAfter) => self.hang().await,
                Some(Mishap::AnswerLost) => return Err(CallError::Unanswered("connection reset".into())),
                _ => {}
            }
            answer
        })
    }

    async fn hang(&self) {
        self.hung.notify_one();
        std::future::pending::<()>().await;
    }
}

impl Rules {
    fn by_id(&mut self, id: &str) -> Result<&mut AtMeta, CallError> {
        self.flows.iter_mut().find(|flow| flow.id == id).ok_or_else(|| refused(100))
    }

    fn findings(&self, json: &str) -> Vec<ValidationError> {
        let found = self.disliked.filter(|word| json.contains(word));
        let finding = |word: &str| ValidationError {
            error: "INVALID_PROPERTY_VALUE".into(),
            error_type: "FLOW_JSON_ERROR".into(),
            message: format!("{word} is not allowed"),
            line_start: 3,
            column_start: 7,
            ..ValidationError::default()
        };
        found.map(finding).into_iter().collect()
    }

    /// What an edit finds: a published Flow stays, or becomes a draft.
    fn edited(&mut self, id: &str) -> Result<&mut AtMeta, CallError> {
        let strict = self.strict;
        let flow = self.by_id(id)?;
        match flow.status {
            FlowStatus::Draft => {}
            FlowStatus::Published if !strict => flow.status = FlowStatus::Draft,
            _ => return Err(refused(139_001)),
        }
        Ok(flow)
    }
}

pub(super) fn refused(code: u32) -> CallError {
    CallError::Graph(Box::new(GraphError { code, message: format!("refused with {code}"), ..GraphError::default() }))
}

fn remote(rules: &Rules, flow: &AtMeta) -> RemoteFlow {
    RemoteFlow {
        id: flow.id.clone(),
        name: flow.name.clone(),
        status: flow.status.clone(),
        categories: flow.categories.clone(),
        validation_errors: rules.findings(&flow.json),
        json_version: Some("7.3".into()),
        data_api_version: None,
        endpoint_uri: flow.endpoint.clone(),
        health_status: serde_json::Value::Null,
        application: serde_json::Value::Null,
        whatsapp_business_account: serde_json::Value::Null,
    }
}

impl FlowsAtMeta for Meta {
    fn list<'a>(&'a self, account: &'a Account) -> Answer<'a, Vec<RemoteFlow>> {
        self.meet("list".into(), |rules| {
            if rules.unlisted == Some(&*account.id) {
                return Err(CallError::NotSent("connection refused".into()));
            }
            Ok(rules.flows.iter().map(|flow| remote(rules, flow)).collect())
        })
    }

    fn details<'a>(&'a self, _: &'a Account, id: &'a str, _: bool) -> Answer<'a, RemoteFlow> {
        self.meet(format!("details {id}"), move |rules| {
            let flow = rules.by_id(id)?.clone();
            Ok(remote(rules, &flow))
        })
    }

    fn json<'a>(&'a self, _: &'a Account, id: &'a str) -> Answer<'a, Option<String>> {
        self.meet(format!("json {id}"), move |rules| {
            if rules.unreadable {
                return Err(CallError::Unanswered("connection reset".into()));
            }
            Ok(Some(rules.by_id(id)?.json.clone()))
        })
    }

    fn assets<'a>(&'a self, _: &'a Account, id: &'a str) -> Answer<'a, Vec<FlowAsset>> {
        self.meet(format!("assets {id}"), move |rules| rules.by_id(id).map(|_| Vec::new()))
    }

    fn create<'a>(&'a self, _: &'a Account, flow: &'a NewFlow) -> Answer<'a, CreatedFlow> {
        self.meet(format!("create {}", flow.name), move |rules| {
            if rules.flows.iter().any(|other| other.name == flow.name) {
                return Err(refused(100));
            }
            let json = match &flow.clone_of {
                Some(of) => rules.by_id(of)?.json.clone(),
                None => HELLO.to_owned(),
            };
            rules.last_id += 1;
            let id = format!("8{:05}", rules.last_id);
            rules.flows.push(AtMeta {
                id: id.clone(),
                name: flow.name.clone(),
                status: FlowStatus::Draft,
                json,
                categories: flow.categories.clone(),
                endpoint: flow.endpoint_uri.clone(),
            });
            Ok(CreatedFlow { id, validation_errors: Vec::new() })
        })
    }

    fn update<'a>(&'a self, _: &'a Account, id: &'a str, change: &'a FlowChange) -> Answer<'a, ()> {
        self.meet(format!("update {id}"), move |rules| {
            let flow = rules.edited(id)?;
            flow.categories = change.categories.clone().unwrap_or_else(|| flow.categories.clone());
            flow.endpoint = change.endpoint_uri.clone().or_else(|| flow.endpoint.clone());
            Ok(())
        })
    }

    fn upload<'a>(&'a self, _: &'a Account, id: &'a str, json: &'a str) -> Answer<'a, Vec<ValidationError>> {
        self.meet(format!("upload {id}"), move |rules| {
            rules.edited(id)?.json = json.to_owned();
            Ok(rules.findings(json))
        })
    }

    fn publish<'a>(&'a self, _: &'a Account, id: &'a str) -> Answer<'a, ()> {
        self.meet(format!("publish {id}"), move |rules| {
            let json = rules.by_id(id)?.json.clone();
            let publishable = rules.findings(&json).is_empty() && !rules.unpublishable;
            let flow = rules.by_id(id)?;
            if flow.status != FlowStatus::Draft || !publishable {
                return Err(refused(139_002));
            }
            flow.status = FlowStatus::Published;
            Ok(())
        })
    }

    fn deprecate<'a>(&'a self, _: &'a Account, id: &'a str) -> Answer<'a, ()> {
        self.meet(format!("deprecate {id}"), move |rules| {
            let flow = rules.by_id(id)?;
            if matches!(flow.status, FlowStatus::Draft | FlowStatus::Deprecated) {
                return Err(refused(139_003));
            }
            flow.status = FlowStatus::Deprecated;
            Ok(())
        })
    }

    fn delete<'a>(&'a self, _: &'a Account, id: &'a str) -> Answer<'a, ()> {
        self.meet(format!("delete {id}"), move |rules| {
            if rules.by_id(id)?.status != FlowStatus::Draft {
                return Err(refused(139_004));
            }
            rules.flows.retain(|flow| flow.id != id);
            Ok(())
        })
    }

    fn preview<'a>(&'a self, _: &'a Account, id: &'a str, link: PreviewLink) -> Answer<'a, FlowPreview> {
        let url = format!("https://business.facebook.com/{id}/{link:?}");
        self.meet(format!("preview {id}"), move |_| Ok(FlowPreview { url, expires_ms: Some(7) }))
    }

    fn metric<'a>(&'a self, _: &'a Account, id: &'a str, _: &'a MetricQuery) -> Answer<'a, FlowMetric> {
        self.meet(format!("metric {id}"), |_| Err(refused(139_006)))
    }

    fn migrate<'a>(&'a self, _: &'a Account, _: &'a str, names: &'a [String]) -> Answer<'a, Migration> {
        let moved = |name: &String| MigratedFlow { source_name: name.clone(), source_id: None, migrated_id: None };
        let migrated = names.iter().map(moved).collect();
        self.meet("migrate".into(), move |_| Ok(Migration { migrated, failed: Vec::new() }))
    }
}
