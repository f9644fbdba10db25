//! Segment files: appended to by one thread, read by anybody, deleted whole when they are old or too many.
//!
//! A segment is `NNNNNNNN.seg`, hexadecimal and rising. Each record in it is a byte (1, or 0 once it was erased), the
//! lengths of head and body (4 bytes each, big-endian), the head as JSON, and the body. A record that a crash cut off is
//! the end of its segment.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;

use super::record::{Id, Kept, Record};

/// Bytes at which a segment ends.
const SEGMENT_BYTES: u64 = 8 << 20;
/// Segments that one page of a list looks at.
const LOOKED_AT: usize = 16;
const FRAME: usize = 9;
const ERASED: u8 = 0;
const LIVE: u8 = 1;

/// What a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this path: `webhook` or `flow`.
    pub path: Option<Box<str>>,
    /// With this answer.
    pub status: Option<u16>,
    /// Signed, or not.
    pub signed: Option<bool>,
    /// Whose bytes contain this.
    pub contains: Option<Box<str>>,
    /// About these numbers only.
    pub numbers: Option<Vec<Box<str>>>,
}

impl Filter {
    /// Whether somebody who sees some numbers only sees it.
    pub fn shows(&self, record: &Record) -> bool {
        self.numbers.as_ref().is_none_or(|seen| {
            record.taken.as_ref().is_some_and(|taken| {
                !taken.numbers.is_empty() && taken.numbers.iter().all(|number| seen.contains(number))
            })
        })
    }

    fn takes(&self, record: &Record, body: &[u8]) -> bool {
        self.path.as_ref().is_none_or(|path| *path == record.path)
            && self.status.is_none_or(|status| status == record.status)
            && self.signed.is_none_or(|signed| signed == matches!(&*record.signature, "valid" | "previous"))
            && self.contains.as_ref().is_none_or(|text| contains(body, text.as_bytes()))
            && self.shows(record)
    }
}

/// A page of a list.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Newest first.
    pub items: Vec<(Id, Record)>,
    /// Where the next page begins; a page may be short and still have one.
    pub next: Option<Id>,
}

/// The segments of the writing thread.
pub(super) struct Files {
    dir: PathBuf,
    keep: Duration,
    max_bytes: u64,
    /// Ended ones: bytes, and when the last record came.
    ended: BTreeMap<u32, (u64, u64)>,
    current: Option<Current>,
    next: u32,
}

struct Current {
    number: u32,
    file: File,
    bytes: u64,
    newest_ms: u64,
}

impl Files {
    pub(super) fn open(dir: &Path, keep: Duration, max_bytes: u64, now_ms: u64) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let mut ended = BTreeMap::new();
        for number in segments(dir)? {
            let metadata = std::fs::metadata(path(dir, number))?;
            let written = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            ended.insert(number, (metadata.len(), u64::try_from(written.as_millis()).unwrap_or(u64::MAX)));
        }
        let next = ended.last_key_value().map_or(1, |(last, _)| last + 1);
        let mut files = Self { dir: dir.into(), keep, max_bytes, ended, current: None, next };
        files.prune(now_ms)?;
        Ok(files)
    }

    /// Appends records; answers the id of each. They are not synced: a power cut may take the last ones.
    pub(super) fn append(&mut self, records: &[(Record, Bytes)]) -> io::Result<Vec<Id>> {
        let mut ids = Vec::with_capacity(records.len());
        let mut rest = records;
        while let Some((first, _)) = rest.first() {
            if self.current.as_ref().is_some_and(|current| current.bytes >= SEGMENT_BYTES) {
                self.rotate(first.at_ms)?;
            }
            let current = self.current()?;
            // As many as the segment takes go in one write.
            let mut frames = Vec::new();
            while let Some(((record, body), after)) = rest.split_first() {
                let offset = current.bytes + frames.len() as u64;
                if offset >= SEGMENT_BYTES {
                    break;
                }
                push_frame(&mut frames, record, body)?;
                current.newest_ms = record.at_ms;
                ids.push(Id { segment: current.number, offset: u32::try_from(offset).map_err(io::Error::other)? });
                rest = after;
            }
            if let Err(error) = current.file.write_all(&frames) {
                // Half a record would hide those after it.
                let back = current.file.set_len(current.bytes).and_then(|()| current.file.seek(SeekFrom::End(0)));
                self.current = back.ok().and(self.current.take());
                return Err(error);
            }
            current.bytes += frames.len() as u64;
        }
        Ok(ids)
    }

    fn current(&mut self) -> io::Result<&mut Current> {
        let current = match self.current.take() {
            Some(current) => current,
            None => {
                let (number, options) =
                    (self.next, OpenOptions::new().write(true).create_new(true).mode(0o600).clone());
                self.next += 1;
                let file = options.open(path(&self.dir, number))?;
                Current { number, file, bytes: 0, newest_ms: 0 }
            }
        };
        Ok(self.current.insert(current))
    }

    /// Ends the segment that is being written, and deletes what is old or too much.
    pub(super) fn rotate(&mut self, now_ms: u64) -> io::Result<()> {
        if let Some(current) = self.current.take() {
            self.ended.insert(current.number, (current.bytes, current.newest_ms));
        }
        self.prune(now_ms)
    }

    pub(super) fn prune(&mut self, now_ms: u64) -> io::Result<()> {
        let old_ms = now_ms.saturating_sub(u64::try_from(self.keep.as_millis()).unwrap_or(u64::MAX));
        let mut bytes = self.current.as_ref().map_or(0, |current| current.bytes) + self.ended_bytes();
        while let Some((number, (size, newest_ms))) = self.ended.first_key_value().map(|(a, b)| (*a, *b)) {
            if newest_ms >= old_ms && bytes <= self.max_bytes {
                break;
            }
            match std::fs::remove_file(path(&self.dir, number)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => self.ended.remove(&number),
            };
            bytes -= size;
        }
        Ok(())
    }

    fn ended_bytes(&self) -> u64 {
        self.ended.values().map(|(bytes, _)| bytes).sum()
    }

    /// Whether the segment that is being written should end so that it can be deleted in time.
    pub(super) fn is_stale(&self, now_ms: u64) -> bool {
        let half_ms = u64::try_from(self.keep.as_millis() / 8).unwrap_or(u64::MAX);
        self.current.as_ref().is_some_and(|current| current.newest_ms.saturating_add(half_ms) < now_ms)
    }
}

fn path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:08x}.seg"))
}

fn segments(dir: &Path) -> io::Result<Vec<u32>> {
    let listed = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed?,
    };
    let mut numbers = Vec::new();
    for entry in listed {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".seg")).filter(|digits| digits.len() == 8);
        numbers.extend(number.and_then(|digits| u32::from_str_radix(digits, 16).ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn push_frame(frames: &mut Vec<u8>, record: &Record, body: &[u8]) -> io::Result<()> {
    let head = serde_json::to_vec(record)?;
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(io::Error::other).map(u32::to_be_bytes);
    for part in [&[LIVE][..], &length(&head)?, &length(body)?, &head, body] {
        frames.extend_from_slice(part);
    }
    Ok(())
}

/// A record's place in its segment: whether it is live, and where head, body and the next record begin.
struct Place {
    live: bool,
    offset: usize,
    body: usize,
    end: usize,
}

fn place(bytes: &[u8], offset: usize) -> Option<Place> {
    let frame = bytes.get(offset..offset.checked_add(FRAME)?)?;
    let number = |at: usize| frame.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes).map(|n| n as usize);
    let body = (offset + FRAME).checked_add(number(1)?)?;
    let end = body.checked_add(number(5)?)?;
    (end <= bytes.len()).then_some(Place { live: frame.first() == Some(&LIVE), offset, body, end })
}

fn places(bytes: &[u8]) -> impl Iterator<Item = Place> + '_ {
    let mut offset = 0;
    std::iter::from_fn(move || {
        let place = place(bytes, offset)?;
        offset = place.end;
        Some(place)
    })
}

fn record(bytes: &[u8], place: &Place) -> Option<Record> {
    let head = bytes.get(place.offset + FRAME..place.body).filter(|_| place.live)?;
    serde_json::from_slice(head).ok()
}

/// The segment's bytes; one that was deleted meanwhile has none.
fn read(dir: &Path, number: u32) -> io::Result<Vec<u8>> {
    match std::fs::read(path(dir, number)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    }
}

pub(super) fn list(dir: &Path, filter: &Filter, before: Option<Id>, limit: usize) -> io::Result<Page> {
    let mut page = Page::default();
    let wanted = segments(dir)?.into_iter().rev().filter(|number| before.is_none_or(|id| *number <= id.segment));
    for (looked_at, segment) in wanted.enumerate() {
        if looked_at == LOOKED_AT {
            page.next = Some(Id { segment: segment + 1, offset: 0 });
            return Ok(page);
        }
        let bytes = read(dir, segment)?;
        let found: Vec<_> = places(&bytes).collect();
        for place in found.iter().rev() {
            let Ok(offset) = u32::try_from(place.offset) else { continue };
            let id = Id { segment, offset };
            if before.is_some_and(|before| id >= before) {
                continue;
            }
            let Some(record) = record(&bytes, place) else { continue };
            if !filter.takes(&record, bytes.get(place.body..place.end).unwrap_or_default()) {
                continue;
            }
            if page.items.len() == limit {
                page.next = page.items.last().map(|(id, _)| *id);
                return Ok(page);
            }
            page.items.push((id, record));
        }
    }
    Ok(page)
}

pub(super) fn find(dir: &Path, id: Id) -> io::Result<Option<Kept>> {
    let bytes = read(dir, id.segment)?;
    let offset = id.offset as usize;
    // An offset in the middle of a record would show something that nobody wrote.
    let Some(place) = places(&bytes).find(|place| place.offset == offset) else { return Ok(None) };
    let body = Bytes::copy_from_slice(bytes.get(place.body..place.end).unwrap_or_default());
    Ok(record(&bytes, &place).map(|record| Kept { id, record, body }))
}

/// Overwrites the records of ended segments that mention one of the ids, or only counts them. Answers how many.
pub(super) fn erase(dir: &Path, ids: &[String], only_count: bool) -> io::Result<usize> {
    let mut erased = 0;
    for number in segments(dir)? {
        let bytes = read(dir, number)?;
        let mentions =
            |place: &Place| ids.iter().any(|id| contains(&bytes[place.offset + FRAME..place.end], id.as_bytes()));
        let old: Vec<_> = places(&bytes).filter(|place| place.live && mentions(place)).collect();
        erased += old.len();
        if old.is_empty() || only_count {
            continue;
        }
        let file = OpenOptions::new().write(true).open(path(dir, number))?;
        for place in &old {
            file.write_all_at(&[ERASED], place.offset as u64)?;
            file.write_all_at(&vec![0; place.end - place.offset - FRAME], (place.offset + FRAME) as u64)?;
        }
        file.sync_all()?;
    }
    Ok(erased)
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    !text.is_empty() && bytes.windows(text.len()).any(|window| window == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(at_ms: u64, status: u16) -> Record {
        Record {
            at_ms,
            path: "webhook".into(),
            signature: "valid".into(),
            status,
            took_us: 5,
            taken: None,
            headers: Vec::new(),
            body_bytes: 3,
            replay_of: None,
        }
    }

    fn files(dir: &Path) -> Files {
        Files::open(dir, Duration::from_secs(3_600), 1 << 30, 0).unwrap()
    }

    fn all(dir: &Path, filter: &Filter, limit: usize) -> Vec<u64> {
        let (mut found, mut before) = (Vec::new(), None);
        loop {
            let page = list(dir, filter, before, limit).unwrap();
            assert!(page.items.len() <= limit);
            found.extend(page.items.iter().map(|(_, record)| record.at_ms));
            match page.next {
                None => return found,
                next => before = next,
            }
        }
    }

    #[test]
    fn records_are_listed_newest_first_over_restarts_in_pages_and_by_filters() {
        let dir = tempfile::tempdir().unwrap();
        for start in 0..3 {
            let mut files = files(dir.path());
            for n in 0..4u16 {
                let row = (record(u64::from(start * 4 + n), 200 + n), Bytes::from(format!("body {start}")));
                let ids = files.append(&[row]).unwrap();
                let kept = find(dir.path(), ids[0]).unwrap().unwrap();
                assert_eq!((kept.record.status, &kept.body[..]), (200 + n, format!("body {start}").as_bytes()));
            }
        }
        assert_eq!(all(dir.path(), &Filter::default(), 5), (0..12).rev().collect::<Vec<_>>());
        let of = |filter: Filter| all(dir.path(), &filter, 2);
        assert_eq!(of(Filter { status: Some(201), ..Filter::default() }), [9, 5, 1]);
        assert_eq!(of(Filter { contains: Some("body 1".into()), ..Filter::default() }), [7, 6, 5, 4]);
        assert_eq!(of(Filter { signed: Some(false), ..Filter::default() }), [0; 0]);
        assert_eq!(of(Filter { numbers: Some(vec!["1".into()]), ..Filter::default() }), [0; 0]);
        assert!(find(dir.path(), Id { segment: 1, offset: 3 }).unwrap().is_none());
        assert!(find(dir.path(), Id { segment: 99, offset: 0 }).unwrap().is_none());
    }

    #[test]
    fn what_is_written_at_once_is_found_again_also_where_a_segment_ends_in_the_middle() {
        let dir = tempfile::tempdir().unwrap();
        let body = |n: u64| Bytes::from(n.to_string().repeat(1 << 20));
        let rows: Vec<_> = (10..30).map(|n| (record(n, 200), body(n))).collect();
        let mut files = files(dir.path());
        for (id, (record, body)) in files.append(&rows).unwrap().into_iter().zip(&rows) {
            let kept = find(dir.path(), id).unwrap().unwrap();
            assert_eq!((&kept.record, &kept.body), (record, body));
        }
        assert!(segments(dir.path()).unwrap().len() > 2);
        assert_eq!(all(dir.path(), &Filter::default(), 7), (10..30).rev().collect::<Vec<_>>());
    }

    #[test]
    fn a_record_that_was_cut_off_ends_its_segment_and_hides_no_other() {
        let dir = tempfile::tempdir().unwrap();
        files(dir.path()).append(&[(record(1, 200), Bytes::new()), (record(2, 200), Bytes::from("body"))]).unwrap();
        let path = path(dir.path(), 1);
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert!(all(dir.path(), &Filter::default(), 10).len() < 2);
        }
        std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        files(dir.path()).append(&[(record(3, 200), Bytes::new())]).unwrap();
        assert_eq!(all(dir.path(), &Filter::default(), 10), [3, 1]);
    }

    #[test]
    fn what_is_old_or_too_much_goes_with_its_segment() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = Files::open(dir.path(), Duration::from_secs(1), 10_000, 0).unwrap();
        for n in 1..=4 {
            files.append(&[(record(n * 400, 200), Bytes::from(vec![b'x'; 1_000]))]).unwrap();
            files.rotate(n * 400).unwrap();
        }
        assert_eq!(all(dir.path(), &Filter::default(), 10), [1_600, 1_200, 800]);
        files.prune(2_700).unwrap();
        assert!(all(dir.path(), &Filter::default(), 10).is_empty());
        for n in 0..4 {
            files.append(&[(record(3_000 + n, 200), Bytes::from(vec![b'x'; 4_000]))]).unwrap();
            files.rotate(3_000).unwrap();
        }
        assert_eq!(all(dir.path(), &Filter::default(), 10), [3_003, 3_002]);
    }

    #[test]
    fn erasing_overwrites_what_mentions_an_id_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let body = |text: &str| Bytes::from(format!("{{\"from\":\"{text}\"}}"));
        let rows = [(record(1, 200), body("447700900123")), (record(2, 200), body("447700900999"))];
        let ids = files(dir.path()).append(&rows).unwrap();
        let erase = |only_count| erase(dir.path(), &["447700900123".into()], only_count).unwrap();
        assert_eq!((erase(true), erase(false), erase(false)), (1, 1, 0));
        assert!(find(dir.path(), ids[0]).unwrap().is_none());
        assert_eq!(find(dir.path(), ids[1]).unwrap().unwrap().body, body("447700900999"));
        assert_eq!(all(dir.path(), &Filter::default(), 10), [2]);
        let bytes = std::fs::read(path(dir.path(), 1)).unwrap();
        assert!(!contains(&bytes, b"447700900123"));
    }
}
