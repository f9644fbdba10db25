//! Sealing, opening, refusing, and another key in the middle of things.

use secrecy::ExposeSecret;
use storage::Model;

use super::*;

fn key() -> MasterKey {
    MasterKey::generate().0
}

fn same(key: &MasterKey) -> MasterKey {
    MasterKey::parse(&hex::encode(key.bytes()).into()).unwrap()
}

async fn put(store: &Arc<dyn Store>, vault: &Vault, name: &str, value: &str) {
    let document = vault.seal(name, &value.into(), 1_000).unwrap();
    store.put_documents(vec![document]).await.unwrap();
    vault.note(name, Some(Kept { value: value.into(), since_ms: 1_000 }));
}

fn text(vault: &Vault, name: &str) -> Option<String> {
    vault.get(name).map(|kept| kept.value.expose_secret().to_owned())
}

async fn with(names: &[&str]) -> (Arc<dyn Store>, MasterKey) {
    let (store, key): (Arc<dyn Store>, _) = (Model::new(), key());
    let vault = Vault::open(&store, Some(same(&key))).await.unwrap();
    for name in names {
        put(&store, &vault, name, &format!("value of {name}")).await;
    }
    (store, key)
}

#[tokio::test]
async fn what_is_kept_is_there_after_a_restart_and_nowhere_in_clear() {
    let (store, key) = with(&["number/1/access_token", "number/2/access_token"]).await;
    for (_, bytes) in store.documents(KIND).await.unwrap() {
        assert!(!bytes.windows(8).any(|part| part == b"value of"), "{bytes:?}");
    }
    let again = Vault::open(&store, Some(key)).await.unwrap();
    assert_eq!(text(&again, "number/2/access_token").as_deref(), Some("value of number/2/access_token"));
    assert_eq!(again.names("number/1/"), ["number/1/access_token".into()]);
    store.put_documents(vec![again.unseal("number/1/access_token")]).await.unwrap();
    again.note("number/1/access_token", None);
    assert_eq!(text(&again, "number/1/access_token"), None);
    assert!(!format!("{:?} {:?}", again.key, again.get("number/2/access_token")).contains("value of"));
}

#[tokio::test]
async fn no_key_and_another_key_are_refused_by_name_and_never_an_empty_vault() {
    let (store, first) = with(&["a"]).await;
    let missing = Vault::open(&store, None).await.err().unwrap().to_string();
    assert!(missing.contains("1 encrypted secrets") && missing.contains(&first.id().to_string()), "{missing}");
    let second = key();
    let ours = second.id().to_string();
    let other = Vault::open(&store, Some(second)).await.err().unwrap().to_string();
    assert!(other.contains(&first.id().to_string()) && other.contains(&ours) && other.contains("rekey"), "{other}");
    let empty: Arc<dyn Store> = Model::new();
    let vault = Vault::open(&empty, None).await.unwrap();
    assert!(matches!(vault.seal("a", &"b".into(), 0), Err(VaultError::NoKey)));
}

#[tokio::test]
async fn value_that_stands_in_for_another_or_was_changed_does_not_open() {
    let (store, key) = with(&["a", "b"]).await;
    let rows = store.documents(KIND).await.unwrap();
    for (at, flip) in [(1, false), (0, true), (12, true), (40, true), (60, true)] {
        let mut bytes = rows[0].1.to_vec();
        if flip {
            bytes[at] ^= 1;
        }
        let name = if flip { "a" } else { "b" };
        store.put_documents(vec![(KIND.into(), name.into(), Some(bytes.into()))]).await.unwrap();
        let error = Vault::open(&store, Some(same(&key))).await.err().unwrap_or_else(|| panic!("{at} {flip}"));
        assert!(matches!(error, VaultError::Damaged(_) | VaultError::Version { .. }), "{error}");
        for (name, bytes) in &rows {
            store.put_documents(vec![(KIND.into(), name.clone(), Some(bytes.clone()))]).await.unwrap();
        }
    }
    for bytes in [&[][..], &[1], &[1; 30]] {
        store.put_documents(vec![(KIND.into(), "c".into(), Some(bytes.to_vec().into()))]).await.unwrap();
        assert!(Vault::open(&store, Some(same(&key))).await.is_err());
    }
}

#[tokio::test]
async fn rekey_goes_on_where_it_was_killed() {
    let names: Vec<_> = (0..250).map(|n| format!("number/{n}/access_token")).collect();
    let (store, old) = with(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let new = key();
    // A commit of the first run is in the store, and the process was killed after it.
    let moved = Sealed::seal(&new, "number/7/access_token", &"value of number/7/access_token".into(), 1_000);
    store.put_documents(vec![(KIND.into(), "number/7/access_token".into(), Some(moved.encode()))]).await.unwrap();
    let half = Vault::open(&store, Some(same(&new))).await.err().unwrap().to_string();
    assert!(half.contains("249 secrets"), "{half}");
    assert_eq!(rekey(&store, &old, &new).await.unwrap(), Rekeyed { moved: 249, already: 1 });
    assert_eq!(rekey(&store, &old, &new).await.unwrap(), Rekeyed { moved: 0, already: 250 });
    let vault = Vault::open(&store, Some(new)).await.unwrap();
    assert_eq!(text(&vault, "number/249/access_token").as_deref(), Some("value of number/249/access_token"));
    assert_eq!(vault.get("number/7/access_token").unwrap().since_ms, 1_000);
    assert!(Vault::open(&store, Some(old)).await.is_err());
}

#[tokio::test]
async fn rekey_with_a_key_that_is_not_theirs_moves_nothing() {
    let (store, old) = with(&["a", "b"]).await;
    assert!(matches!(rekey(&store, &key(), &key()).await, Err(VaultError::OtherKey { count: 2, .. })));
    assert!(Vault::open(&store, Some(old)).await.is_ok());
}

#[test]
fn keys_are_read_in_each_form_and_refused_in_files_that_others_read() {
    use std::os::unix::fs::PermissionsExt;
    let (key, text) = MasterKey::generate();
    let hexadecimal = hex::encode(key.bytes());
    for form in [format!("{}\n", text.expose_secret()), hexadecimal.clone(), hexadecimal.to_uppercase()] {
        assert_eq!(MasterKey::parse(&form.into()).unwrap().id(), key.id());
    }
    for wrong in ["", "password", hexadecimal.get(1..).unwrap(), "AAAA"] {
        assert!(MasterKey::parse(&wrong.into()).is_none(), "{wrong}");
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secrets.key");
    std::fs::write(&file, text.expose_secret()).unwrap();
    for (mode, fine) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(MasterKey::read(&file).is_ok(), fine, "{mode:o}");
    }
    let told = MasterKey::read(&file).unwrap_err().to_string();
    assert!(told.contains("mode 604") && told.contains("chmod 600"), "{told}");
    assert!(MasterKey::read(&dir.path().join("absent")).unwrap_err().to_string().contains("cannot be read"));
}
