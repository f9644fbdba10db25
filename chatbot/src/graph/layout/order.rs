//! The order within layers.

use super::Layers;

/// Rounds of sorting; few more crossings go after these.
const ROUNDS: usize = 12;

/// Sorts each layer by the mean place of its neighbours, down and up, and keeps the order with the fewest crossings.
pub(super) fn order(all: &mut Layers) {
    let mut places = places(all);
    let mut best = (crossings(all, &places), all.layers.clone());
    for _ in 0..ROUNDS {
        for rank in 1..all.layers.len() {
            sort(&mut all.layers[rank], &all.above, &mut places);
        }
        for rank in (0..all.layers.len().saturating_sub(1)).rev() {
            sort(&mut all.layers[rank], &all.below, &mut places);
        }
        let now = crossings(all, &places);
        if now < best.0 {
            best = (now, all.layers.clone());
        }
        if best.0 == 0 {
            break;
        }
    }
    all.layers = best.1;
}

/// The place of each item in its layer.
fn places(all: &Layers) -> Vec<usize> {
    let mut places = vec![0; all.items.len()];
    for layer in &all.layers {
        layer.iter().enumerate().for_each(|(at, item)| places[*item] = at);
    }
    places
}

#[allow(clippy::cast_precision_loss, reason = "layers are far shorter than 2^52")]
fn sort(layer: &mut [usize], neighbours: &[Vec<usize>], places: &mut [usize]) {
    let mean = |item: &usize| {
        let near = &neighbours[*item];
        match near.len() {
            0 => places[*item] as f64,
            count => near.iter().map(|other| places[*other]).sum::<usize>() as f64 / count as f64,
        }
    };
    let mut keyed: Vec<(f64, usize)> = layer.iter().map(|item| (mean(item), *item)).collect();
    keyed.sort_by(|one, other| one.0.total_cmp(&other.0));
    for (at, (_, item)) in keyed.into_iter().enumerate() {
        layer[at] = item;
        places[item] = at;
    }
}

/// How many pairs of edges between neighbouring layers cross.
fn crossings(all: &Layers, places: &[usize]) -> usize {
    let mut count = 0;
    for layer in &all.layers {
        let mut ends: Vec<usize> = Vec::new();
        for item in layer {
            let mut below: Vec<usize> = all.below[*item].iter().map(|to| places[*to]).collect();
            below.sort_unstable();
            for end in below.iter().rev() {
                count += ends.len() - ends.partition_point(|other| other <= end);
            }
            for end in below {
                ends.insert(ends.partition_point(|other| *other <= end), end);
            }
        }
    }
    count
}
