//! A value of any shape with templates inside, as `emit` has it: texts may hold `{{ … }}`, and one that is exactly
//! one `{{ expression }}` becomes the value with its type. Keys stand as they are.

use serde_json::{Map, Value};

use crate::bot::read::{At, Reader};
use crate::expr::Template;
use crate::expr::scope::json_bytes;
use crate::tree::Kind;
use crate::turn::{Fault, Walk};

pub(crate) enum Data {
    Fixed(Value),
    Template(Template),
    List(Vec<Data>),
    Map(Vec<(String, Data)>),
}

/// Reads a value; what cannot be used is reported and left out.
pub(crate) fn read(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Data> {
    Some(match &at.node.kind {
        Kind::Text(_) => Data::Template(reader.template(at)?),
        Kind::List(_) => Data::List(reader.list(at).iter().filter_map(|item| read(reader, item)).collect()),
        Kind::Map(_) => {
            let entries = reader.entries(at).into_iter();
            Data::Map(entries.filter_map(|(entry, at)| Some((entry.key.clone(), read(reader, &at)?))).collect())
        }
        Kind::Null | Kind::Bool(_) | Kind::Number(_) => Data::Fixed(at.node.to_json()),
    })
}

impl Data {
    /// The value in this turn, if it has at most `max_bytes` as JSON.
    pub(crate) fn fill(&self, walk: &Walk<'_>, max_bytes: usize) -> Result<Value, Fault> {
        let mut left = max_bytes;
        let value = self.within(walk, &mut left).map_err(|fault| {
            fault.unwrap_or_else(|| Fault::failed(format!("the data would be larger than {max_bytes} bytes")))
        })?;
        Fault::if_deep("the data", &value)?;
        Ok(value)
    }

    /// `Err(None)`: there is not so much room. Nothing large is built before that shows.
    fn within(&self, walk: &Walk<'_>, left: &mut usize) -> Result<Value, Option<Fault>> {
        match self {
            Data::Fixed(value) => {
                take(left, json_bytes(value))?;
                Ok(value.clone())
            }
            Data::Template(template) => {
                let value = walk.json(template)?;
                take(left, json_bytes(&value))?;
                Ok(value)
            }
            Data::List(items) => {
                take(left, 2 + items.len())?;
                items.iter().map(|item| item.within(walk, left)).collect::<Result<Vec<_>, _>>().map(Value::Array)
            }
            Data::Map(entries) => {
                let mut map = Map::new();
                take(left, 2)?;
                for (key, value) in entries {
                    take(left, key.len() + 4)?;
                    map.insert(key.clone(), value.within(walk, left)?);
                }
                Ok(Value::Object(map))
            }
        }
    }
}

fn take(left: &mut usize, bytes: usize) -> Result<(), Option<Fault>> {
    *left = left.checked_sub(bytes).ok_or(None)?;
    Ok(())
}
