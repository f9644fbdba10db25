//! What a principal may do: five roles, and a table of what each covers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A role: what a principal has, and what a route needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Reads; what is personal is masked.
    Viewer,
    /// Conversations, contacts, quick replies, sending.
    Responder,
    /// Drafts of bots and Flows, and their tests.
    Author,
    /// All of these, and publishing, the outbox, dead letters, webhooks, numbers, broadcasts.
    Operator,
    /// Everything: users, tokens, the audit trail, secrets, configuration, erasing people.
    Admin,
}

impl Role {
    /// All of them, the smallest first.
    pub(crate) const ALL: [Self; 5] = [Self::Viewer, Self::Responder, Self::Author, Self::Operator, Self::Admin];

    /// Whether who has this role may do what needs that one. It is no ladder: an author does not answer people.
    pub(crate) fn may(self, needed: Self) -> bool {
        use Role::{Admin, Author, Operator, Responder, Viewer};
        let covered: &[Self] = match self {
            Viewer => &[Viewer],
            Responder => &[Viewer, Responder],
            Author => &[Viewer, Author],
            Operator => &[Viewer, Responder, Author, Operator],
            Admin => &Self::ALL,
        };
        covered.contains(&needed)
    }

    /// As it is written in requests and answers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Responder => "responder",
            Self::Author => "author",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_cover_what_the_table_says() {
        let of = |role: Role| Role::ALL.iter().filter(|needed| role.may(**needed)).map(|role| role.name()).collect();
        let table: Vec<Vec<&str>> = Role::ALL.into_iter().map(of).collect();
        let expected: [&[&str]; 5] = [
            &["viewer"],
            &["viewer", "responder"],
            &["viewer", "author"],
            &["viewer", "responder", "author", "operator"],
            &["viewer", "responder", "author", "operator", "admin"],
        ];
        assert_eq!(table, expected);
    }

    #[test]
    fn names_are_what_is_read_and_written() {
        for role in Role::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.name());
        }
    }
}
