//! What a rule of trouble applies to.

use serde::{Deserialize, Serialize};

/// What a rule applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operation {
    /// Every call under `/{version}/…`.
    #[serde(rename = "graph")]
    Graph,
    /// A message that the business sends.
    #[serde(rename = "messages.send")]
    Send,
    /// A read receipt or a typing indicator.
    #[serde(rename = "messages.read")]
    Read,
    /// Everything about media.
    #[serde(rename = "media")]
    Media,
    /// An upload.
    #[serde(rename = "media.upload")]
    MediaUpload,
    /// Asking for a media object, or for any node by its id.
    #[serde(rename = "media.get")]
    MediaGet,
    /// Fetching the bytes behind a media link.
    #[serde(rename = "media.download")]
    MediaDownload,
    /// Deleting media.
    #[serde(rename = "media.delete")]
    MediaDelete,
    /// Listing, creating, editing and deleting templates.
    #[serde(rename = "templates")]
    Templates,
    /// Blocking, unblocking and listing who is blocked.
    #[serde(rename = "block_users")]
    Block,
    /// Listing the numbers of an account.
    #[serde(rename = "numbers")]
    Numbers,
    /// Everything of the Flows API but the key.
    #[serde(rename = "flows")]
    Flows,
    /// Uploading and reading the public key of a number.
    #[serde(rename = "flows.key")]
    FlowKey,
    /// A request of a phone to the endpoint of a Flow, Meta's health check included.
    #[serde(rename = "flow.request")]
    FlowRequest,
    /// Fetching the file behind a link that a message names; such a message fails later.
    #[serde(rename = "media.fetch")]
    MediaFetch,
    /// Every webhook.
    #[serde(rename = "webhook")]
    Webhook,
    /// Webhooks that carry a message of a phone.
    #[serde(rename = "webhook.message")]
    WebhookMessage,
    /// Webhooks that carry a status.
    #[serde(rename = "webhook.status")]
    WebhookStatus,
    /// Webhooks of the other fields: templates, echoes, preferences, changed ids.
    #[serde(rename = "webhook.notice")]
    WebhookNotice,
}

impl Operation {
    pub(super) fn covers(self, what: Self) -> bool {
        self == what
            || (self == Self::Graph && !what.is_webhook() && !matches!(what, Self::MediaFetch | Self::FlowRequest))
            || (self == Self::Webhook && what.is_webhook())
            || (self == Self::Media && what.is_media())
    }

    pub(super) fn is_webhook(self) -> bool {
        matches!(self, Self::Webhook | Self::WebhookMessage | Self::WebhookStatus | Self::WebhookNotice)
    }

    fn is_media(self) -> bool {
        matches!(self, Self::MediaUpload | Self::MediaGet | Self::MediaDownload | Self::MediaDelete)
    }
}
