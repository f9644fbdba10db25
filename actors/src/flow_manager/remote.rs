//! The way to Meta's Flows, as a seam for tests.

use std::pin::Pin;

use whatsapp::graph::{
    CallError, Client, CreatedFlow, FlowAsset, FlowChange, FlowDetails, FlowMetric, FlowPreview, MetricQuery,
    Migration, NewFlow, PreviewLink, RemoteFlow, ValidationError,
};

use crate::numbers::Account;

/// An answer of Meta that is on its way.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, CallError>> + Send + 'a>>;

/// Meta's Flows API. One call each, no retry.
pub trait FlowsAtMeta: Send + Sync + 'static {
    /// All Flows of an account.
    fn list<'a>(&'a self, account: &'a Account) -> Answer<'a, Vec<RemoteFlow>>;
    /// One of them.
    fn details<'a>(&'a self, account: &'a Account, id: &'a str, health: bool) -> Answer<'a, RemoteFlow>;
    /// Its JSON.
    fn json<'a>(&'a self, account: &'a Account, id: &'a str) -> Answer<'a, Option<String>>;
    /// Its files.
    fn assets<'a>(&'a self, account: &'a Account, id: &'a str) -> Answer<'a, Vec<FlowAsset>>;
    /// Creates a draft.
    fn create<'a>(&'a self, account: &'a Account, flow: &'a NewFlow) -> Answer<'a, CreatedFlow>;
    /// Changes what is beside the JSON.
    fn update<'a>(&'a self, account: &'a Account, id: &'a str, change: &'a FlowChange) -> Answer<'a, ()>;
    /// Replaces the JSON.
    fn upload<'a>(&'a self, account: &'a Account, id: &'a str, json: &'a str) -> Answer<'a, Vec<ValidationError>>;
    /// Publishes a draft.
    fn publish<'a>(&'a self, account: &'a Account, id: &'a str) -> Answer<'a, ()>;
    /// Takes it out of use for good.
    fn deprecate<'a>(&'a self, account: &'a Account, id: &'a str) -> Answer<'a, ()>;
    /// Deletes a draft.
    fn delete<'a>(&'a self, account: &'a Account, id: &'a str) -> Answer<'a, ()>;
    /// The link to look at it.
    fn preview<'a>(&'a self, account: &'a Account, id: &'a str, link: PreviewLink) -> Answer<'a, FlowPreview>;
    /// What Meta measured.
    fn metric<'a>(&'a self, account: &'a Account, id: &'a str, query: &'a MetricQuery) -> Answer<'a, FlowMetric>;
    /// Copies Flows of another account into this one.
    fn migrate<'a>(&'a self, to: &'a Account, from: &'a str, names: &'a [String]) -> Answer<'a, Migration>;
}

impl FlowsAtMeta for Client {
    fn list<'a>(&'a self, account: &'a Account) -> Answer<'a, Vec<RemoteFlow>> {
        Box::pin(async move { self.flows(&account.id, &account.number.token.get()).await })
    }

    fn details<'a>(&'a self, account: &'a Account, id: &'a str, health: bool) -> Answer<'a, RemoteFlow> {
        let details = FlowDetails { health, health_of_number: None };
        Box::pin(async move { self.flow(id, &account.number.token.get(), details).await })
    }

    fn json<'a>(&'a self, account: &'a Account, id: &'a str) -> Answer<'a, Option<String>> {
        Box::pin(async move { self.flow_json(id, &account.number.token.get()).await })
    }

    fn assets<'a>(&'a self, account: &'a Account, id: &'a str) -> Answer<'a, Vec<FlowAsset>> {
        Box::pin(async move { self.flow_assets(id, &account.number.token.get()).await })
    }

    fn create<'a>(&'a self, account: &'a Account, flow: &'a NewFlow) -> Answer<'a, CreatedFlow> {
        Box::pin(async move { self.create_flow(&account.id, &account.number.token.get(), flow).await })
    }

    fn update<'a>(&'a self, account: &'a Account, id: &'a str, change: &'a FlowChange) -> Answer<'a, ()> {
        Box::pin(async move { self.update_flow(id, &account.number.token.get(), change).await })
    }

    fn upload<'a>(&'a self, account: &'a Account, id: &'a str, json: &'a str) -> Answer<'a, Vec<ValidationError>> {
        Box::pin(async move { self.upload_flow_json(id, &account.number.token.get(), json).await })
    }

    fn publish<'a>(&'a self, account: &'a Account, id: &'a str) -> Answer<'a, ()> {
        Box::pin(async move { self.publish_flow(id, &account.number.token.get()).await })
    }

    fn deprecate<'a>(&'a self, account: &'a Account, id: &'a str) -> Answer<'a, ()> {
        Box::pin(async move { self.deprecate_flow(id, &account.number.token.get()).await })
    }

    fn delete<'a>(&'a self, account: &'a Account, id: &'a str) -> Answer<'a, ()> {
        Box::pin(async move { self.delete_flow(id, &account.number.token.get()).await })
    }

    fn preview<'a>(&'a self, account: &'a Account, id: &'a str, link: PreviewLink) -> Answer<'a, FlowPreview> {
        Box::pin(async move { self.flow_preview(id, &account.number.token.get(), link).await })
    }

    fn metric<'a>(&'a self, account: &'a Account, id: &'a str, query: &'a MetricQuery) -> Answer<'a, FlowMetric> {
        Box::pin(async move { self.flow_metric(id, &account.number.token.get(), query).await })
    }

    fn migrate<'a>(&'a self, to: &'a Account, from: &'a str, names: &'a [String]) -> Answer<'a, Migration> {
        Box::pin(async move { self.migrate_flows(&to.id, &to.number.token.get(), from, names).await })
    }
}
