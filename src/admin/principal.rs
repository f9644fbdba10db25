//! Who calls: found by the guard, carried in the request's extensions.

use std::sync::Arc;

use super::role::Role;

/// Who calls, and what they may.
#[derive(Clone, Debug)]
pub(super) struct Principal {
    /// `user:elif`, `token:ci`, `admin-token`, `loopback`.
    pub who: Box<str>,
    /// What they may do.
    pub role: Role,
    /// The numbers that they see; `None` is all.
    pub numbers: Option<Arc<[Box<str>]>>,
}

impl Principal {
    /// Everything, with every number.
    pub(super) fn admin(who: &str) -> Self {
        Self { who: who.into(), role: Role::Admin, numbers: None }
    }

    /// Whether what belongs to a number exists for them.
    pub(super) fn sees(&self, number_id: &str) -> bool {
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
