//! How far from the left everything lies, once the order is known.

use super::{GAP, Layers};

/// Rounds of moving; after these nothing moves visibly.
const ROUNDS: usize = 16;
/// How much more points of long edges pull than boxes do, which keeps the edges straight.
const STRAIGHT: f64 = 4.0;

/// The middle of each item.
pub(super) fn place(all: &Layers) -> Vec<f64> {
    let mut xs = vec![0.0; all.items.len()];
    for layer in &all.layers {
        let wanted: Vec<f64> = vec![0.0; layer.len()];
        settle(all, layer, &wanted, &mut xs);
    }
    for round in 0..ROUNDS {
        let both = round + 2 >= ROUNDS;
        let down = round % 2 == 0;
        for step in 0..all.layers.len() {
            let rank = if down { step } else { all.layers.len() - 1 - step };
            let layer = &all.layers[rank];
            let wanted: Vec<f64> = layer.iter().map(|item| wish(all, *item, &xs, down, both)).collect();
            settle(all, layer, &wanted, &mut xs);
        }
    }
    xs
}

/// The mean of the neighbours in one direction or in both; where it is if it has none.
#[allow(clippy::cast_precision_loss, reason = "an item has few neighbours")]
fn wish(all: &Layers, item: usize, xs: &[f64], down: bool, both: bool) -> f64 {
    let (above, below) = (&all.above[item], &all.below[item]);
    let near: Vec<f64> = match (both, down) {
        (true, _) => above.iter().chain(below).map(|other| xs[*other]).collect(),
        (false, true) => above.iter().map(|other| xs[*other]).collect(),
        (false, false) => below.iter().map(|other| xs[*other]).collect(),
    };
    if near.is_empty() { xs[item] } else { near.iter().sum::<f64>() / near.len() as f64 }
}

/// Moves a layer as near to what is wanted as the widths allow: without them, each where it wants to be; where two
/// would touch, both together where they want to be on the average.
fn settle(all: &Layers, layer: &[usize], wanted: &[f64], xs: &mut [f64]) {
    let mut offset = 0.0;
    let mut offsets = Vec::with_capacity(layer.len());
    for (at, item) in layer.iter().enumerate() {
        if let Some(before) = at.checked_sub(1) {
            offset += (all.items[layer[before]].width + all.items[*item].width) / 2.0 + GAP;
        }
        offsets.push(offset);
    }
    // Groups that lie side by side: their mean, their weight, how many they are.
    let mut groups: Vec<(f64, f64, usize)> = Vec::new();
    for (at, item) in layer.iter().enumerate() {
        let weight = if all.items[*item].width < GAP { STRAIGHT } else { 1.0 };
        let mut group = (wanted[at] - offsets[at], weight, 1);
        while let Some(before) = groups.pop_if(|before| before.0 > group.0) {
            let weight = before.1 + group.1;
            group = ((before.0 * before.1 + group.0 * group.1) / weight, weight, before.2 + group.2);
        }
        groups.push(group);
    }
    let mut at = 0;
    for (mean, _, count) in groups {
        for _ in 0..count {
            xs[layer[at]] = mean + offsets[at];
            at += 1;
        }
    }
}
