//! A file that is written anew.

use storage::{CompactError, Erase, InboxSeq, OpenError, RedbStore, Store, Turn, compact};

use crate::kit::*;

/// How often a text stands in a file.
fn occurrences(path: &std::path::Path, text: &str) -> usize {
    let bytes = std::fs::read(path).unwrap();
    bytes.windows(text.len()).filter(|window| *window == text.as_bytes()).count()
}

#[test]
fn f120_file_that_is_written_anew_holds_nothing_that_was_erased_and_all_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let (gone, stays) = (conversation(1, 1), conversation(1, 2));
    {
        let store = RedbStore::open(&path, tiny()).unwrap();
        for (id, text) in [(gone, "erased-payload"), (stays, "staying-payload")] {
            for revision in 0..40 {
                let entries = vec![format!("{text}-entry-{revision}").into()];
                let turn = Turn { snapshot: format!("{text}-{revision}").into(), entries, ..turn(id, revision) };
                get(store.commit(fence(&*store), turn));
            }
        }
        get(store.append(vec![message("erased-payload"), message("staying-payload")]));
        while get(store.erase(vec![Erase::Conversation { id: gone, revision: None }], 7)) > 0 {}
        assert_eq!(get(store.erase(vec![Erase::Inbox(InboxSeq(1))], 7)), 1);
    }
    assert!(occurrences(&path, "erased-payload") > 0, "redb does not clear the pages that it gives free");
    let compacted = compact(&path).unwrap();
    assert!(compacted.rows > 40, "{compacted:?}");
    assert_eq!(occurrences(&path, "erased-payload"), 0);
    let store = RedbStore::open(&path, roomy()).unwrap();
    assert_eq!((get(store.load(gone)), get(store.history(gone, page(9))).items.len()), (None, 0));
    assert_eq!(get(store.load(stays)).unwrap().snapshot, "staying-payload-39");
    assert_eq!(all(9, |page| store.history(stays, page)).len(), 40);
    assert_eq!(sequences(&get(store.pending(InboxSeq(0), 9))), [2]);
    assert!(matches!(compact(&path), Err(CompactError::Open(OpenError::Locked { .. }))), "it is in use");
}

#[test]
fn a_file_that_is_written_anew_keeps_its_mode_and_the_link_that_leads_to_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("store.redb"), folder.path().join("link.redb"));
    drop(RedbStore::open(&path, tiny()).unwrap());
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    compact(&link).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(std::fs::read_link(&link).unwrap(), path);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "no draft is left");
    assert!(RedbStore::open(&link, tiny()).is_ok());
}
