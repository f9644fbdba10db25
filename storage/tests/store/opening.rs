//! Opening: what is made, what is refused and in which words; and the bounds that options set.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use redb::{Database, TableDefinition};
use storage::{Change, InboxSeq, LogSeq, OpenError, Options, RedbStore, Store, StoreError};

use crate::kit::*;
use crate::script::{content, run, script};

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    (folder, path)
}

fn refusal(path: &Path) -> String {
    RedbStore::open(path, roomy()).unwrap_err().to_string()
}

#[test]
fn missing_directories_and_file_are_made_for_the_owner_only() {
    let (folder, _) = folder();
    let path = folder.path().join("a").join("b").join("store.redb");
    let _store = RedbStore::open(&path, roomy()).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&folder.path().join("a")), 0o700);
    assert_eq!(mode(&folder.path().join("a").join("b")), 0o700);
}

#[test]
fn what_a_first_start_left_that_was_cut_short_is_no_hindrance() {
    let (folder, path) = folder();
    let draft = folder.path().join("store.redb.new");
    std::fs::write(&draft, vec![0; 100_000]).unwrap();
    drop(RedbStore::open(&path, roomy()).unwrap());
    assert!(!draft.exists());
    drop(RedbStore::open(&path, roomy()).unwrap());
}

#[test]
fn second_open_is_refused_and_names_the_process() {
    let (_folder, path) = folder();
    let store = RedbStore::open(&path, roomy()).unwrap();
    let expected = format!("{} is in use by another process (pid {})", path.display(), std::process::id());
    assert_eq!(refusal(&path), expected);
    get(store.append(vec![message("unharmed")]));
    get(store.close());
    RedbStore::open(&path, roomy()).unwrap();
}

#[test]
fn other_files_are_told_from_stores() {
    let (_folder, path) = folder();
    std::fs::write(&path, "id,name\n1,somebody\n").unwrap();
    assert_eq!(
        refusal(&path),
        format!("{} is not a Parlance store: it does not begin like a redb file", path.display())
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "id,name\n1,somebody\n");
}

#[test]
fn redb_file_of_another_program_is_refused() {
    for name in ["users", "meta"] {
        let (_folder, path) = folder();
        let database = Database::create(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        let table: TableDefinition<'_, &str, &[u8]> = TableDefinition::new(name);
        transaction.open_table(table).unwrap().insert("product", b"other".as_slice()).unwrap();
        transaction.commit().unwrap();
        drop(database);
        let error = RedbStore::open(&path, roomy()).unwrap_err();
        assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    }
}

#[test]
fn other_formats_are_refused() {
    let (_folder, path) = folder();
    drop(RedbStore::open(&path, roomy()).unwrap());
    let formats = [
        (1u64, "has format 1 of before the first release, and this version of Parlance knows 2: begin with a new one"),
        (3, "has format 3, and this version of Parlance knows 2: use a newer one"),
    ];
    for (format, expected) in formats {
        let database = Database::open(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        let meta: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
        transaction.open_table(meta).unwrap().insert("schema", format.to_be_bytes().as_slice()).unwrap();
        transaction.commit().unwrap();
        drop(database);
        assert_eq!(refusal(&path), format!("{} {expected}", path.display()));
    }
}

#[test]
fn directory_in_place_of_the_file_is_an_error_of_the_system() {
    let folder = tempfile::tempdir().unwrap();
    let error = RedbStore::open(folder.path(), roomy()).unwrap_err();
    assert!(matches!(error, OpenError::Io { .. }), "{error}");
    assert!(error.to_string().contains("Is a directory"), "{error}");
}

#[test]
fn truncated_file_is_refused_or_whole() {
    let (_folder, path) = folder();
    let store = RedbStore::open(&path, tiny()).unwrap();
    for (at, step) in script(3, 80).iter().enumerate() {
        run(&*store, step, at).unwrap();
    }
    let expected = content(&*store);
    drop(store);
    let whole = std::fs::read(&path).unwrap();
    for part in 1..100 {
        let cut = folder_with(&whole[..whole.len() * part / 100]);
        match RedbStore::open(&cut.1, tiny()) {
            Ok(store) => assert_eq!(content(&*store), expected, "{part} %"),
            Err(error) => {
                let told = matches!(error, OpenError::Damaged { .. } | OpenError::Foreign { .. });
                assert!(told, "{part} %: {error}");
            }
        }
    }
}

fn folder_with(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let (folder, path) = folder();
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

#[test]
fn empty_file_becomes_a_store() {
    let (_folder, path) = folder_with(b"");
    let store = RedbStore::open(&path, roomy()).unwrap();
    assert_eq!(get(store.append(vec![message("a")])), [InboxSeq(1)]);
}

#[test]
fn acceptance_stops_and_goes_on_with_the_free_space_while_turns_go_on() {
    let (_folder, path) = folder();
    let free = Arc::new(AtomicU64::new(10 << 20));
    let probe = free.clone();
    let options = Options {
        min_free_bytes: 5 << 20,
        free_space_every: Duration::ZERO,
        free_space: Some(Box::new(move || Some(probe.load(Ordering::SeqCst)))),
        ..roomy()
    };
    let store = RedbStore::open(&path, options).unwrap();
    get(store.append(vec![message("a")]));
    free.store(3 << 20, Ordering::SeqCst);
    let why = "the disk has 3 MB free, and 5 MB are kept in reserve".into();
    assert_eq!(wait(store.append(vec![message("b")])), Err(StoreError::Unavailable(why)));
    let ids = with_sends(&*store, conversation(1, 1), 1);
    let change = Change::Sending { attempt: 1 };
    get(store.settle(fence(&*store), vec![settlement(ids[0], 1, change)]));
    free.store(6 << 20, Ordering::SeqCst);
    assert_eq!(get(store.append(vec![message("c")])), [InboxSeq(2)]);
}

#[test]
fn real_filesystem_has_space_to_tell() {
    let (_folder, path) = folder();
    let store = RedbStore::open(&path, Options { min_free_bytes: u64::MAX, ..roomy() }).unwrap();
    assert!(matches!(wait(store.append(vec![message("a")])), Err(StoreError::Unavailable(_))));
}

#[test]
fn commits_are_counted_and_reported() {
    let (_folder, path) = folder();
    let reports = Arc::new(Mutex::new(Vec::new()));
    let seen = reports.clone();
    let options = Options { observe: Some(Box::new(move |report| seen.lock().push(report))), ..roomy() };
    let store = RedbStore::open(&path, options).unwrap();
    get(store.append(vec![message("a"), message("b")]));
    get(store.commit(fence(&*store), turn(conversation(1, 1), 0)));
    let refused = wait(store.commit(fence(&*store), turn(conversation(1, 1), 0)));
    assert!(refused.is_err());
    let items: Vec<_> = reports.lock().iter().map(|report| report.items).collect();
    assert_eq!(items, [2, 1]);
    assert!(reports.lock().iter().all(|report| report.bytes > 0 && report.seconds > 0.0));
    let stats = store.stats();
    assert_eq!((stats.commits, stats.rows, stats.unfolded, stats.inbox), (2, 3, 1, 2));
    assert_eq!(stats.file_bytes, std::fs::metadata(&path).unwrap().len());
}

#[test]
fn closing_folds_what_is_cheap() {
    let (_folder, path) = folder();
    let store = RedbStore::open(&path, roomy()).unwrap();
    let consumed = get(store.append(vec![message("a")]));
    get(store.commit(fence(&*store), storage::Turn { consumed, ..turn(conversation(1, 1), 0) }));
    get(store.close());
    drop(store);
    let database = Database::open(&path).unwrap();
    let transaction = redb::ReadableDatabase::begin_read(&database).unwrap();
    let number = |bytes: Vec<u8>| u64::from_be_bytes(bytes.try_into().unwrap());
    let meta = transaction.open_table(TableDefinition::<'_, &str, &[u8]>::new("meta")).unwrap();
    let meta = |name: &str| number(redb::ReadableTable::get(&meta, name).unwrap().unwrap().value().to_vec());
    let inbox = transaction.open_table(TableDefinition::<'_, u64, &[u8]>::new("inbox")).unwrap();
    assert_eq!(redb::ReadableTableMetadata::len(&inbox).unwrap(), 0);
    // The row stays for those who follow the log, and no opening reads it again.
    let log = transaction.open_table(TableDefinition::<'_, u64, &[u8]>::new("log")).unwrap();
    assert_eq!(redb::ReadableTableMetadata::len(&log).unwrap(), 1);
    assert_eq!((meta("folded"), meta("freed")), (1, 1));
    assert!(meta("kept") > 0);
}

#[test]
fn f120_log_rows_before_a_cut_are_read_by_nobody_and_go_as_they_are_folded_also_over_a_restart() {
    let (_folder, path) = folder();
    let rows = |store: &RedbStore| get(store.log(LogSeq(0), 1_000)).rows.len();
    let write = |store: &RedbStore| {
        for n in 0..5 {
            get(store.put_document("kind", &n.to_string(), Some("personal".into())));
        }
    };
    let store = RedbStore::open(&path, roomy()).unwrap();
    write(&store);
    get(store.close());
    drop(store);
    let store = RedbStore::open(&path, roomy()).unwrap();
    assert_eq!(rows(&store), 5, "they are folded and kept");
    write(&store);
    let found = storage::Accept::Quarantine(quarantined("personal"));
    get(store.append(vec![found]));
    assert_eq!(get(store.erase(vec![storage::Erase::Quarantined(1)], 1)), 1);
    assert_eq!(get(store.erase(vec![storage::Erase::Quarantined(1)], 1)), 0);
    assert_eq!(rows(&store), 12, "rows that grow old take no others along");
    get(store.cut_log());
    assert_eq!(rows(&store), 0, "nobody reads them any more");
    // The process ends before anything is folded.
    drop(store);
    let store = RedbStore::open(&path, roomy()).unwrap();
    get(store.put_document("kind", "later", Some("kept".into())));
    get(store.close());
    drop(store);
    let store = RedbStore::open(&path, roomy()).unwrap();
    let page = get(store.log(LogSeq(0), 1_000));
    assert_eq!((page.oldest, page.newest, page.rows.len()), (LogSeq(13), LogSeq(13), 1));
    assert_eq!(get(store.documents("kind")).len(), 6);
}

#[test]
fn of_the_log_behind_the_fold_only_the_newest_rows_stay() {
    for (log_rows, log_bytes) in [(10, u64::MAX), (u64::MAX, 3_000), (0, 0)] {
        let (_folder, path) = folder();
        let options = || Options { log_rows, log_bytes, ..tiny() };
        for round in 0..3 {
            let store = RedbStore::open(&path, options()).unwrap();
            for n in 0..60 {
                get(store.append(vec![message("a"), storage::Accept::Notice(notice("b"))]));
                get(store.put_document("kind", &n.to_string(), Some(vec![0; 100].into())));
            }
            get(store.close());
            drop(store);
            let store = RedbStore::open(&path, options()).unwrap();
            let page = get(store.log(LogSeq(0), 1_000));
            assert_eq!(page.newest.0, (round + 1) * 120);
            assert_eq!(page.rows.len() as u64, page.newest.0 + 1 - page.oldest.0);
            match (log_rows, log_bytes) {
                (0, 0) => assert!(page.rows.is_empty()),
                (10, _) => assert_eq!(page.rows.len(), 10),
                _ => assert!((10..40).contains(&page.rows.len()), "{}", page.rows.len()),
            }
        }
    }
}

#[test]
fn a_copy_that_is_written_to_by_itself_has_other_stretches_from_there_on() {
    let (folder, path) = folder();
    let copy = folder.path().join("copy.redb");
    let write = |store: &RedbStore, times: u64| {
        (0..times).for_each(|n| get(store.put_document("kind", &n.to_string(), Some("value".into()))));
        get(store.close());
    };
    let store = RedbStore::open(&path, roomy()).unwrap();
    write(&store, 3);
    drop(store);
    std::fs::copy(&path, &copy).unwrap();
    let names = [&path, &copy].map(|path| {
        let store = RedbStore::open(path, roomy()).unwrap();
        write(&store, 2);
        drop(store);
        let store = RedbStore::open(path, roomy()).unwrap();
        [3, 4, 5].map(|row| stretch_of(&*store, row))
    });
    let [[one, two, three], [same, other, _]] = names;
    assert_eq!((one, two), (same, three), "what was there before is the same row in both");
    assert_ne!(two, other, "what came after is not");
}
