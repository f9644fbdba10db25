//! Who calls: found by the guard, carried in the request's extensions.

use std::sync::Arc;

use super::role::Role;

/// Who calls, and what they may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Principal {
    /// `user:elif`, `token:ci`, `admin-token`, `loopback`.
    pub(crate) who: Box<str>,
    /// What they may do.
    pub(crate) role: Role,
    /// The numbers that they see; `None` is all.
    pub(crate) numbers: Option<Arc<[Box<str>]>>,
    /// The user that they are, or whose token they use.
    pub(crate) user: Option<Box<str>>,
    /// The id of the token that they use.
    pub(crate) token: Option<Box<str>>,
    /// By which credential.
    pub(crate) via: Via,
}

/// A kind of credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    /// The admin token of the configuration.
    AdminToken,
    /// None: `parlance dev` asks callers from loopback for none.
    Loopback,
    /// An API token.
    Token,
    /// The cookie of a login.
    Session,
}

impl Principal {
    /// Everything, with every number, by the admin token.
    pub(crate) fn admin(who: &str) -> Self {
        Self { who: who.into(), role: Role::Admin, numbers: None, user: None, token: None, via: Via::AdminToken }
    }

    /// Everything, with every number, by calling from this machine.
    pub(crate) fn loopback() -> Self {
        Self { via: Via::Loopback, ..Self::admin("loopback") }
    }

    /// Whether what belongs to a number exists for them.
    pub(crate) fn sees(&self, number_id: &str) -> bool {
        self.numbers.as_deref().is_none_or(|numbers| numbers.iter().any(|number| **number == *number_id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_of_some_numbers_sees_no_other() {
        let all = Principal::admin("admin-token");
        let some = Principal { numbers: Some(["700".into()].into()), ..all.clone() };
        assert!(all.sees("700") && all.sees("800") && some.sees("700") && !some.sees("800"));
    }
}
