//! Mutations of bytes, each fixed by its number: what a fuzzer would try first.

/// Pieces that parsers stumble over.
const PIECES: [&[u8]; 28] = [
    b"null",
    b"true",
    b"-1",
    b"0",
    b"1e400",
    b"18446744073709551616",
    b"\"\"",
    b"[]",
    b"{}",
    b"[[[[[[[[",
    b"{\"\":",
    b"\"\\ud800\"",
    b"\\u0000",
    b"\0",
    b"\xff",
    b"\xed\xa0\x80",
    "\u{202e}".as_bytes(),
    "👍🏽".as_bytes(),
    b"\n",
    b"  ",
    b"\"",
    b",",
    b":",
    b"}}",
    b"{{ ",
    b"{% ",
    b"&a *a",
    b"- ",
];
/// Longer inputs find nothing that shorter ones do not.
const MAX_BYTES: usize = 64 * 1_024;

/// A fixed sequence of draws.
pub(crate) struct Mutation(u64);

impl Mutation {
    pub(crate) fn new(number: u64) -> Self {
        Self(number.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most.max(1)
    }

    /// One of the seeds with one to five changes.
    pub(crate) fn of(mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut data = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(5) {
            self.change(&mut data, seeds);
            data.truncate(MAX_BYTES);
        }
        data
    }

    fn change(&mut self, data: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let at = self.below(data.len() + 1);
        let end = (at + 1 + self.below(32)).min(data.len());
        match self.below(8) {
            0 if at < data.len() => data[at] ^= 1 << self.below(8),
            1 if at < data.len() => data[at] = self.below(256) as u8,
            2 => drop(data.drain(at.min(end)..end)),
            3 => data.truncate(at),
            4 => {
                let slice = data[at.min(end)..end].to_vec();
                let times = 1 + self.below(8);
                data.splice(at..at, slice.repeat(times));
            }
            5 => {
                let other = &seeds[self.below(seeds.len())];
                let from = self.below(other.len() + 1);
                data.truncate(at);
                data.extend_from_slice(&other[from..]);
            }
            6 => {
                let piece = PIECES[self.below(PIECES.len())];
                data.splice(at.min(end)..end, piece.iter().copied());
            }
            _ => {
                let piece = PIECES[self.below(PIECES.len())];
                data.splice(at..at, piece.iter().copied());
            }
        }
    }
}
