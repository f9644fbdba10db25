//! Creates, edits and deletes templates at Meta. The catalogue follows at once.

use serde_json::Value;
use whatsapp::graph::{CallError, CreatedTemplate};

use super::Templates;

/// Why a template was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// There is no such account here.
    #[error("there is no business account {0} here")]
    Account(Box<str>),
    /// Meta.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl Templates {
    /// Creates a template in an account (the first one if none is named).
    pub async fn create(&self, account: Option<&str>, definition: &Value) -> Result<CreatedTemplate, ManageError> {
        let account = self.account(account).ok_or_else(|| unknown(account))?;
        let token = account.number.token.get();
        let created = self.parts.client.create_template(&account.id, &token, definition).await?;
        self.asked.notify_one();
        Ok(created)
    }

    /// Replaces category or components of a template.
    pub async fn edit(&self, account: &str, id: &str, change: &Value) -> Result<(), ManageError> {
        let account = self.account(Some(account)).ok_or_else(|| unknown(Some(account)))?;
        self.parts.client.edit_template(id, &account.number.token.get(), change).await?;
        self.asked.notify_one();
        Ok(())
    }

    /// Deletes a template in all its languages, or in the one with this id.
    pub async fn delete(&self, account: Option<&str>, name: &str, id: Option<&str>) -> Result<(), ManageError> {
        let account = self.account(account).ok_or_else(|| unknown(account))?;
        let token = account.number.token.get();
        match id {
            Some(id) => self.parts.client.delete_template(&account.id, &token, name, id).await?,
            None => self.parts.client.delete_templates_named(&account.id, &token, name).await?,
        }
        self.asked.notify_one();
        Ok(())
    }
}

fn unknown(account: Option<&str>) -> ManageError {
    ManageError::Account(account.unwrap_or_default().into())
}
