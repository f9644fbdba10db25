//! The engine as a whole, on the in-memory store (and some on redb), with a stand-in for Graph and for the bot.

#![cfg(test)]

mod broadcasts;
mod conversations;
mod deeds;
mod failures;
mod feed;
mod flow_standing;
mod forms;
mod handoff;
mod held;
mod http;
mod letters;
mod orders;
mod outlet;
mod outside;
mod pauses;
mod people;
mod rates;
mod redb;
mod replies;
mod seeds;
mod sending;
mod support;
mod takeover;
mod timers;
mod versions;
mod web;
mod window;
