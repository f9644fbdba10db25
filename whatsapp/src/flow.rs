//! WhatsApp Flows: the JSON that describes their screens.

pub mod json;
