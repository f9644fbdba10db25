//! Writes a test as YAML, a line per step.

use serde_json::{Map, Value, json};

use crate::bot::Format;
use crate::expr::scope::rfc3339;
use crate::snapshot::Snapshot;
use crate::testing::bless::{plain, written};
use crate::testing::setting::Setting;

/// A step.
pub(super) fn step(key: &str, value: &Value) -> String {
    format!("- {key}: {}", written(value, Format::Yaml))
}

/// What is expected: one bubble, or a list.
pub(super) fn expected(bubbles: &[Value]) -> String {
    match bubbles {
        [] => "- expect: nothing".to_owned(),
        [one] => step("expect", one),
        several => {
            let lines: String = several.iter().map(|one| format!("\n  - {}", written(one, Format::Yaml))).collect();
            format!("- expect:{lines}")
        }
    }
}

/// A duration as tests write it.
pub(super) fn duration(ms: u64) -> String {
    let mut rest = ms;
    let mut out = String::new();
    for (unit, each) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        if rest >= each {
            out.push_str(&format!("{}{unit}", rest / each));
            rest %= each;
        }
    }
    out
}

/// A list of one test.
pub(super) fn test(name: &str, setting: &Setting, steps: &[String]) -> String {
    let mut out = format!("- name: {}\n  at: {}\n", plain(name), plain(&rfc3339(setting.at_ms)));
    let usual = Setting::default();
    let mut person = Map::new();
    for (key, value, default) in [
        ("name", &setting.contact.name, &usual.contact.name),
        ("wa_id", &setting.contact.wa_id, &usual.contact.wa_id),
        ("user_id", &setting.contact.user_id, &usual.contact.user_id),
    ] {
        if value != default {
            person.insert(key.to_owned(), json!(value));
        }
    }
    let Snapshot { contact, person: noted, last, .. } = &setting.state;
    if last.is_some() {
        person.insert("known".to_owned(), true.into());
    }
    if !noted.fields.is_empty() {
        person.insert("fields".to_owned(), json!(noted.fields));
    }
    if !noted.labels.is_empty() {
        person.insert("labels".to_owned(), json!(noted.labels));
    }
    if !person.is_empty() {
        out.push_str(&format!("  person: {}\n", written(&person.into(), Format::Yaml)));
    }
    if !contact.is_empty() {
        out.push_str(&format!("  given: {}\n", written(&json!(contact), Format::Yaml)));
    }
    out.push_str("  steps:\n");
    for step in steps {
        for line in step.lines() {
            out.push_str(&format!("    {line}\n"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_are_read_again() {
        for (ms, text) in [(1, "1ms"), (60_000, "1m"), (5_400_250, "1h30m250ms"), (90_061_000, "1d1h1m1s")] {
            assert_eq!(duration(ms), text);
            assert_eq!(crate::duration::parse_ms(text), Some(ms));
        }
    }
}
