//! Where boxes and edges lie: in layers, as Sugiyama taught.
//!
//! 1. Edges that lead back are turned, and each box gets the layer below all that lead to it (`ranks`).
//! 2. Between two layers of boxes lies one of labels. An edge over several layers gets a point in each of them, so that
//!    it takes room like a box and passes none.
//! 3. Layers are sorted by the mean place of their neighbours, and the order with the fewest crossings is kept (`order`).
//! 4. Each thing moves as near to its neighbours as its place in the order allows (`place`).

mod order;
mod place;
mod ranks;

/// Layers that an edge may pass and get a point in each; one that is longer goes straight.
const LONGEST_ROUTE: usize = 60;
/// Room between two things of a layer, and between two layers.
const GAP: f64 = 18.0;
const LAYER_GAP: f64 = 12.0;
const LABEL_HEIGHT: f64 = 18.0;
/// Room around everything.
const MARGIN: f64 = 24.0;
/// Between two ends of edges at one box.
const END_GAP: f64 = 16.0;
/// What a loop at a box takes beside it.
pub(super) const LOOP: f64 = 34.0;

/// A place in the picture.
pub(super) type Point = (f64, f64);

/// Width and height of a box.
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub(super) width: f64,
    pub(super) height: f64,
}

/// An edge, and the width of its label, which is 0 without one.
#[derive(Clone, Copy)]
pub(super) struct Link {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) label: f64,
}

pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) height: f64,
    /// The middle of each box.
    pub(super) boxes: Vec<Point>,
    /// The way of each edge.
    pub(super) routes: Vec<Route>,
}

/// From the one box to the other.
pub(super) struct Route {
    pub(super) points: Vec<Point>,
    pub(super) label: Point,
    label_half: f64,
    /// It leads back up.
    pub(super) back: bool,
}

/// A box, a label or a point of an edge.
struct Item {
    width: f64,
    rank: usize,
}

/// Everything between the steps.
struct Layers {
    items: Vec<Item>,
    /// The items of each layer, in order.
    layers: Vec<Vec<usize>>,
    above: Vec<Vec<usize>>,
    below: Vec<Vec<usize>>,
    /// The items of each edge from top to bottom; empty for a loop.
    chains: Vec<Vec<usize>>,
}

pub(super) fn layout(sizes: &[Size], links: &[Link]) -> Layout {
    let (ranks, back) = ranks::ranks(sizes.len(), links);
    let mut all = layers(sizes, links, &ranks, &back);
    order::order(&mut all);
    let xs = place::place(&all);
    let heights = heights(sizes, &all);
    let boxes: Vec<Point> = (0..sizes.len()).map(|index| (xs[index], heights[all.items[index].rank].0)).collect();
    let routes = routes(sizes, links, &back, &all, &xs, &heights);
    finished(sizes, boxes, routes)
}

fn layers(sizes: &[Size], links: &[Link], ranks: &[usize], back: &[bool]) -> Layers {
    let mut items: Vec<Item> =
        sizes.iter().zip(ranks).map(|(size, rank)| Item { width: size.width, rank: rank * 2 }).collect();
    for link in links.iter().filter(|link| link.from == link.to) {
        items[link.from].width += 2.0 * (LOOP + link.label);
    }
    let mut chains = Vec::with_capacity(links.len());
    for (link, back) in links.iter().zip(back) {
        let (top, bottom) = if *back { (link.to, link.from) } else { (link.from, link.to) };
        if top == bottom {
            chains.push(Vec::new());
            continue;
        }
        let (first, last) = (items[top].rank + 1, items[bottom].rank);
        let mut chain = vec![top];
        // The label lies beside the box that the edge leaves.
        let labelled = if *back { last - 1 } else { first };
        if last - first <= 2 * LONGEST_ROUTE {
            for rank in first..last {
                let width = if rank == labelled { link.label.max(4.0) } else { 4.0 };
                items.push(Item { width, rank });
                chain.push(items.len() - 1);
            }
        }
        chain.push(bottom);
        chains.push(chain);
    }
    let deepest = items.iter().map(|item| item.rank).max().unwrap_or_default();
    let mut layers = vec![Vec::new(); deepest + 1];
    items.iter().enumerate().for_each(|(index, item)| layers[item.rank].push(index));
    let (mut above, mut below) = (vec![Vec::new(); items.len()], vec![Vec::new(); items.len()]);
    for pair in chains.iter().flat_map(|chain| chain.windows(2)) {
        below[pair[0]].push(pair[1]);
        above[pair[1]].push(pair[0]);
    }
    Layers { items, layers, above, below, chains }
}

/// The middle of each layer, and its height.
fn heights(sizes: &[Size], all: &Layers) -> Vec<(f64, f64)> {
    let mut at = MARGIN;
    let mut heights = Vec::with_capacity(all.layers.len());
    for (rank, layer) in all.layers.iter().enumerate() {
        let tallest = layer.iter().filter_map(|item| sizes.get(*item)).map(|size| size.height).fold(0.0, f64::max);
        let height = if rank % 2 == 0 { tallest } else { LABEL_HEIGHT };
        heights.push((at + height / 2.0, height));
        at += height + LAYER_GAP;
    }
    heights
}

fn routes(
    sizes: &[Size],
    links: &[Link],
    back: &[bool],
    all: &Layers,
    xs: &[f64],
    heights: &[(f64, f64)],
) -> Vec<Route> {
    let (tops, bottoms) = ends(sizes, all, xs);
    let at = |item: usize| (xs[item], heights[all.items[item].rank].0);
    // Between boxes an edge goes straight down.
    let through = |item: &usize| {
        let (middle, height) = heights[all.items[*item].rank];
        let half = if *item >= sizes.len() && all.items[*item].rank.is_multiple_of(2) { height / 2.0 } else { 0.0 };
        let second = (half > 0.0).then_some((xs[*item], middle + half));
        [(xs[*item], middle - half)].into_iter().chain(second)
    };
    links
        .iter()
        .enumerate()
        .map(|(index, link)| {
            let chain = &all.chains[index];
            let (Some(top), Some(bottom)) = (chain.first(), chain.last()) else {
                return around(at(link.from), sizes[link.from], link);
            };
            let mut points: Vec<Point> = chain.iter().flat_map(through).collect();
            let last = points.len() - 1;
            points[0] = (points[0].0 + bottoms[index], points[0].1 + sizes[*top].height / 2.0);
            points[last] = (points[last].0 + tops[index], points[last].1 - sizes[*bottom].height / 2.0);
            if back[index] {
                points.reverse();
            }
            let label = if points.len() > 2 { points[1] } else { middle(points[0], points[last]) };
            Route { points, label, label_half: link.label / 2.0, back: back[index] }
        })
        .collect()
}

fn middle(one: Point, other: Point) -> Point {
    (f64::midpoint(one.0, other.0), f64::midpoint(one.1, other.1))
}

/// A loop at the right side of a box.
fn around((x, y): Point, size: Size, link: &Link) -> Route {
    let right = x + size.width / 2.0;
    let points = vec![(right, y - 7.0), (right + LOOP, y), (right, y + 7.0)];
    Route { points, label: (right + LOOP + link.label / 2.0, y), label_half: link.label / 2.0, back: true }
}

/// Where each edge meets its lower and its upper box, beside the middle, so that edges do not cross there.
fn ends(sizes: &[Size], all: &Layers, xs: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (mut tops, mut bottoms) = (vec![0.0; all.chains.len()], vec![0.0; all.chains.len()]);
    let (mut into, mut out) = (vec![Vec::new(); sizes.len()], vec![Vec::new(); sizes.len()]);
    for (index, chain) in all.chains.iter().enumerate().filter(|(_, chain)| chain.len() > 1) {
        out[chain[0]].push((xs[chain[1]], index));
        into[chain[chain.len() - 1]].push((xs[chain[chain.len() - 2]], index));
    }
    for (list, ends) in [(&mut into, &mut tops), (&mut out, &mut bottoms)] {
        for (found, size) in list.iter_mut().zip(sizes) {
            found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let count = found.len();
            #[allow(clippy::cast_precision_loss, reason = "a box has few edges")]
            for (n, (_, index)) in found.iter().enumerate() {
                let gap = END_GAP.min((size.width - 28.0).max(0.0) / (count.max(2) - 1) as f64);
                ends[*index] = gap * (n as f64 - (count - 1) as f64 / 2.0);
            }
        }
    }
    (tops, bottoms)
}

/// Moves everything to the margin, and measures it.
fn finished(sizes: &[Size], mut boxes: Vec<Point>, mut routes: Vec<Route>) -> Layout {
    let (mut left, mut right, mut bottom) = (f64::MAX, f64::MIN, 0.0_f64);
    let mut see = |x: f64, y: f64, half: f64| {
        left = left.min(x - half);
        right = right.max(x + half);
        bottom = bottom.max(y);
    };
    for ((x, y), size) in boxes.iter().zip(sizes) {
        see(*x, y + size.height / 2.0, size.width / 2.0);
    }
    for route in &routes {
        route.points.iter().for_each(|(x, y)| see(*x, *y, 2.0));
        see(route.label.0, route.label.1, route.label_half);
    }
    if boxes.is_empty() {
        return Layout { width: MARGIN, height: MARGIN, boxes, routes };
    }
    let shift = MARGIN - left;
    boxes.iter_mut().for_each(|at| at.0 += shift);
    for route in &mut routes {
        route.points.iter_mut().for_each(|at| at.0 += shift);
        route.label.0 += shift;
    }
    Layout { width: right + shift + MARGIN, height: bottom + MARGIN, boxes, routes }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid(count: usize, links: &[(usize, usize)]) -> Layout {
        let sizes = vec![Size { width: 100.0, height: 40.0 }; count];
        let links: Vec<Link> = links.iter().map(|(from, to)| Link { from: *from, to: *to, label: 30.0 }).collect();
        layout(&sizes, &links)
    }

    #[test]
    fn boxes_lie_below_what_leads_to_them_and_do_not_touch() {
        let links = [(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4), (4, 0), (4, 4), (0, 4)];
        let found = laid(5, &links);
        for (from, to) in links.iter().filter(|(from, to)| from < to) {
            assert!(found.boxes[*from].1 < found.boxes[*to].1, "{from} {to}");
        }
        for (one, other) in (0..5).flat_map(|one| (0..one).map(move |other| (one, other))) {
            let ((x, y), (u, v)) = (found.boxes[one], found.boxes[other]);
            assert!((x - u).abs() >= 100.0 + GAP - 0.01 || (y - v).abs() >= 40.0, "{one} {other}");
        }
        let inside = |(x, y): &Point| *x >= 0.0 && *y >= 0.0 && *x <= found.width && *y <= found.height;
        assert!(found.boxes.iter().chain(found.routes.iter().flat_map(|route| &route.points)).all(inside));
        assert!(found.routes[6].back && !found.routes[0].back);
    }

    #[test]
    fn crossings_that_can_be_avoided_are() {
        let found = laid(6, &[(0, 3), (0, 4), (1, 5), (2, 3)]);
        assert!((found.boxes[3].0 < found.boxes[5].0) == (found.boxes[0].0 < found.boxes[1].0));
    }

    #[test]
    fn nothing_and_long_chains_are_laid_out() {
        assert!(laid(0, &[]).boxes.is_empty());
        let long: Vec<(usize, usize)> = (0..2_999).map(|n| (n, n + 1)).chain([(2_999, 0)]).collect();
        assert_eq!(laid(3_000, &long).routes.len(), 3_000);
    }
}
