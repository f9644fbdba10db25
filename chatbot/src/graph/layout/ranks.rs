//! The layer of each box.

use super::Link;

/// The layers, and which edges lead back.
pub(super) fn ranks(count: usize, links: &[Link]) -> (Vec<usize>, Vec<bool>) {
    let mut out = vec![Vec::new(); count];
    links.iter().enumerate().for_each(|(index, link)| out[link.from].push(index));
    let back = back(count, links, &out);
    let (mut down, mut into) = (vec![Vec::new(); count], vec![0_usize; count]);
    for (link, back) in links.iter().zip(&back).filter(|(link, _)| link.from != link.to) {
        let (top, bottom) = if *back { (link.to, link.from) } else { (link.from, link.to) };
        down[top].push(bottom);
        into[bottom] += 1;
    }
    let starts: Vec<usize> = (0..count).filter(|index| into[*index] == 0).collect();
    let mut ranks = vec![0_usize; count];
    let mut open = starts.clone();
    while let Some(index) = open.pop() {
        for to in &down[index] {
            ranks[*to] = ranks[*to].max(ranks[index] + 1);
            into[*to] -= 1;
            if into[*to] == 0 {
                open.push(*to);
            }
        }
    }
    // What only leads into the bot stands right above where it leads.
    for start in starts {
        if let Some(nearest) = down[start].iter().map(|to| ranks[*to]).min() {
            ranks[start] = nearest - 1;
        }
    }
    (ranks, back)
}

/// Edges that lead to a box from which one came, on the walk through the boxes in their order.
fn back(count: usize, links: &[Link], out: &[Vec<usize>]) -> Vec<bool> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let mut back = vec![false; links.len()];
    let mut state = vec![State::New; count];
    for start in 0..count {
        if state[start] != State::New {
            continue;
        }
        state[start] = State::Open;
        let mut walk = vec![(start, 0)];
        while let Some((index, at)) = walk.pop() {
            let Some(edge) = out[index].get(at).copied() else {
                state[index] = State::Done;
                continue;
            };
            walk.push((index, at + 1));
            let to = links[edge].to;
            match state[to] {
                State::New => {
                    state[to] = State::Open;
                    walk.push((to, 0));
                }
                State::Open => back[edge] = true,
                State::Done => {}
            }
        }
    }
    back
}
