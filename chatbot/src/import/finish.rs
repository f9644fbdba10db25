//! The last step of every import: what was written is loaded, and what does not load is given up, by name.

use serde_json::{Value, json};

use super::draft::{END, targets};
use super::{ImportError, Imported};
use crate::bot::{Format, load};
use crate::caps;
use crate::diagnostic::Diagnostic;

/// How often parts are given up before the import is.
const MOST_ROUNDS: usize = 6;

/// Loads a file that an importer wrote. A node that the checker refuses becomes a jump to where it led, and a
/// policy, trigger or text is left out; each is told of.
pub(super) fn finish(mut file: Value, mut changes: Vec<String>) -> Result<Imported, ImportError> {
    let nodes = file["nodes"].as_object().map_or(0, serde_json::Map::len);
    if nodes > caps::MAX_NODES_PER_BOT {
        return Err(ImportError::TooLarge(format!(
            "it becomes {nodes} nodes, a bot may have {}",
            caps::MAX_NODES_PER_BOT
        )));
    }
    for _ in 0..MOST_ROUNDS {
        let text = file.to_string();
        if text.len() > caps::MAX_BOT_FILE_BYTES {
            let message = format!("it becomes {} bytes, a bot may have {}", text.len(), caps::MAX_BOT_FILE_BYTES);
            return Err(ImportError::TooLarge(message));
        }
        let loaded = load(&text, "import", Format::Json);
        if let Some(bot) = loaded.bot {
            return Ok(Imported { bot_json: file, bot, changes });
        }
        let errors: Vec<&Diagnostic> = loaded.diagnostics.iter().filter(|found| found.is_error()).collect();
        let given_up = errors.iter().filter(|error| give_up(&mut file, error, &mut changes)).count();
        if given_up == 0 {
            let first = errors.first().map(|found| format!("{}: {} ({})", found.code, found.message, found.pointer));
            return Err(ImportError::DoesNotLoad(first.unwrap_or_default()));
        }
    }
    Err(ImportError::DoesNotLoad("too much of it is refused".to_owned()))
}

/// Takes the part out that an error is about; `false` if there is nothing that could go.
fn give_up(file: &mut Value, error: &Diagnostic, changes: &mut Vec<String>) -> bool {
    let path: Vec<String> =
        error.pointer.split('/').skip(1).map(|key| key.replace("~1", "/").replace("~0", "~")).collect();
    match path.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["nodes", id, ..] => {
            let end_is_there = file["nodes"].get(END).is_some();
            let Some(node) = file["nodes"].get_mut(id) else { return false };
            if node["type"] == "goto" || node["type"] == "end" {
                return false;
            }
            let mut to = None;
            targets(node, &mut |target| to = to.take().or_else(|| Some(target.clone())));
            let to = to.filter(|to| to != id).unwrap_or_else(|| END.to_owned());
            *node = json!({ "type": "goto", "to": to });
            if to == END && !end_is_there {
                file["nodes"][END] = json!({ "type": "end", "reason": "done" });
            }
            changes.push(format!("{id}: it cannot be said in our format and is passed over: {}", error.message));
            true
        }
        [part @ ("policies" | "vars" | "flows"), key, ..] | [part @ "i18n", key] => {
            let removed = file[*part].as_object_mut().and_then(|entries| entries.remove(*key)).is_some();
            changes.push(format!("{part}.{key}: it is left out: {}", error.message));
            removed
        }
        ["i18n", language, key, ..] => {
            let texts = file["i18n"][*language].as_object_mut();
            let removed = texts.and_then(|texts| texts.remove(*key)).is_some();
            changes.push(format!("i18n.{language}.{key}: it is left out: {}", error.message));
            removed
        }
        ["triggers", index, ..] => {
            let Some(triggers) = file["triggers"].as_array_mut() else { return false };
            let index = index.parse().ok().filter(|index: &usize| triggers.len() > 1 && *index < triggers.len());
            let Some(index) = index else { return false };
            triggers.remove(index);
            changes.push(format!("trigger {}: it is left out: {}", index + 1, error.message));
            true
        }
        _ => false,
    }
}
