//! The people of a segment: looked up once, page by page, when the broadcast is planned.

use std::collections::{BTreeMap, BTreeSet};

use actors::broadcast::{MAX_PEOPLE, NewPerson, variables_of};
use actors::contacts::{Chosen, Segment};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::super::super::Shared;
use super::super::super::principal::Principal;
use super::super::super::problem::Problem;
use super::super::invalid;
use super::shown;

/// Contacts read at once.
const PAGE: usize = 500;
/// Contacts looked at for one segment at the most, whether they belong to it or not.
const MAX_LOOKED_AT: usize = 500_000;

/// Who is meant: the contacts that have all of these tags and fields, and none of the other tags.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "tags": ["vip"], "not_tags": ["had-spring"], "fields": { "city": "York" } }))]
pub(in super::super::super) struct SegmentIn {
    /// They have each of these; up to 16. They are looked up by the first one.
    #[serde(default)]
    tags: Vec<Box<str>>,
    /// And none of these; up to 16.
    #[serde(default)]
    not_tags: BTreeSet<Box<str>>,
    /// And these fields with exactly these values; up to 16.
    #[serde(default)]
    #[schema(value_type = Object)]
    fields: BTreeMap<Box<str>, Value>,
}

/// How the people of a segment were chosen.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
#[schema(example = json!({ "matched": 1200, "opted_out": 31, "no_address": 2 }))]
pub(in super::super::super) struct SegmentView {
    /// How many contacts belong to it.
    matched: u32,
    /// How many of them were left out because they want no marketing.
    opted_out: u32,
    /// How many of them were left out because neither a number nor a user id of them is known.
    no_address: u32,
}

/// Everybody of a segment to whom this message may go, with the variables that it has places for.
pub(super) async fn resolve(
    shared: &Shared,
    principal: &Principal,
    asked: SegmentIn,
    message: &Value,
    template: Option<&Value>,
) -> Result<(Vec<NewPerson>, SegmentView), Problem> {
    let SegmentIn { tags, not_tags, fields } = asked;
    let segment = Segment { tags, not_tags, fields };
    segment.check().map_err(|error| invalid(format!("segment: {error}")))?;
    if !segment.names_somebody() {
        return Err(invalid("segment: name tags or fields that they have"));
    }
    let (names, for_marketing) = (variables_of(message), may_be_marketing(template));
    let (mut people, mut view, mut looked_at, mut cursor) = (Vec::new(), SegmentView::default(), 0, None::<Box<str>>);
    let sees = |number: &str| principal.sees(number);
    loop {
        let contacts = &shared.parts.services.contacts;
        let page = contacts.of_segment(&segment, cursor.as_deref(), PAGE, &sees).await?;
        for chosen in page.items {
            people.extend(view.take(chosen, &names, for_marketing));
        }
        looked_at += page.looked_at;
        cursor = page.next;
        if people.len() > MAX_PEOPLE {
            return Err(invalid(format!("segment: more than {MAX_PEOPLE} people, which is what a broadcast may have"))
                .hint("name more tags, or leave some out with not_tags"));
        }
        match (&cursor, people.is_empty()) {
            (None, true) => return Err(view.nobody()),
            (None, false) => return Ok((people, view)),
            (Some(_), _) if looked_at >= MAX_LOOKED_AT => {
                return Err(invalid(format!("segment: it is not found within {MAX_LOOKED_AT} contacts"))
                    .hint("name a tag first that fewer have: contacts are looked up by the first tag, without tags one after another"));
            }
            (Some(_), _) => {}
        }
    }
}

impl SegmentView {
    /// Counts somebody; who they are to the broadcast, unless they are left out.
    fn take(&mut self, chosen: Chosen, names: &BTreeSet<Box<str>>, for_marketing: bool) -> Option<NewPerson> {
        self.matched += 1;
        let Chosen { member, name, language, mut fields } = chosen;
        if member.opted_out && for_marketing {
            self.opted_out += 1;
            return None;
        }
        let Some(to) = member.wa_id.or(member.user_id) else {
            self.no_address += 1;
            return None;
        };
        // Only what the message names is kept with the broadcast. A field of the same name goes before what we know ourselves.
        let mut value_of = |wanted: &str| match (fields.remove(wanted), wanted) {
            (Some(value), _) => Some(shown(value)),
            (None, "name") => name.clone(),
            (None, "language") => language.clone(),
            (None, _) => None,
        };
        let variables = names.iter().filter_map(|name| Some((name.clone(), value_of(name)?)));
        Some(NewPerson { variables: variables.collect(), to: to.into() })
    }

    fn nobody(self) -> Problem {
        let Self { matched, opted_out, no_address } = self;
        let detail = format!(
            "segment: there is nobody to send to: {matched} contacts belong to it, {opted_out} of them want no marketing, \
             {no_address} have neither a number nor a user id"
        );
        invalid(detail).hint("`parlance contact list --tag TAG` shows who has a tag")
    }
}

/// As the conversations decide it when the message's turn comes: a template of an unknown category may be marketing.
fn may_be_marketing(template: Option<&Value>) -> bool {
    let category = template.and_then(|template| template["category"].as_str());
    category.is_none_or(|category| category.eq_ignore_ascii_case("MARKETING"))
}
