//! Bot files that are saved while the server runs.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::{ADA, Setup, World, until};

fn asks(id: &str, prompt: &str) -> String {
    format!(
        "parlance: 1\nid: {id}\ntriggers: [ {{ default: {{}}, to: q }} ]\nnodes:\n  q: {{ type: ask, prompt: \"{prompt}\", \
         next: {{ ok: a }} }}\n  a: {{ type: say, messages: [ {{ text: \"{prompt} {{{{ input.text }}}}\" }} ], next: {{ next: e }} }}\n  e: {{ type: end }}\n"
    )
}

struct Folder(TempDir);

impl Folder {
    fn new(source: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("echo.yaml", source);
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    async fn world(&self) -> World {
        let dir = self.0.path().display().to_string();
        Setup::default().set("bots.default", "echo").set("bots.dir", &dir).set("bots.watch", "true").start().await
    }
}

/// Looks again and again until a line with these words was told; how many lines there are by then.
async fn told(world: &World, words: &str) -> String {
    until(&format!("the line {words:?} among {:?}", world.told()), async || {
        world.clock.advance(500);
        world.told().into_iter().find(|line| line.contains(words))
    })
    .await
}

/// So many looks have passed. Each one is a wait of the watch on the clock, and reads the folder in between.
async fn looks(world: &World, folder: &Folder, count: u32) {
    // A file of its own shows that a look has come and gone.
    for n in 0..count {
        let name = format!("probe{n}.yaml");
        folder.write(&name, "probe: [");
        told(world, &format!("{name} has 1 error")).await;
        std::fs::remove_file(folder.path(&name)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_saved_file_goes_live_with_one_line_and_runs_stay_on_their_version() {
    let folder = Folder::new(&asks("echo", "One?"));
    let world = folder.world().await;
    world.write(ADA, "hi").await;
    world.wait_replies(ADA, 1).await;
    let more = asks("echo", "Two?").replace("  e: {", "  more: { type: end }\n  e: {");
    folder.write("echo.yaml", &more);
    let line = told(&world, "echo v2 live").await;
    assert_eq!(line, "echo v2 live: +1 node, 2 nodes changed, 1 problem", "nothing leads to the new node");
    world.write(ADA, "a").await;
    assert_eq!(world.wait_replies(ADA, 2).await, ["One?", "One? a"]);
    world.write(ADA, "again").await;
    assert_eq!(world.wait_replies(ADA, 3).await[2], "Two?");
    looks(&world, &folder, 2).await;
    assert_eq!(world.told().iter().filter(|line| line.contains("echo v")).count(), 1, "{:?}", world.told());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_file_shows_where_and_keeps_what_is_live() {
    let folder = Folder::new(&asks("echo", "One?"));
    let world = folder.world().await;
    folder.write("echo.yaml", &asks("echo", "Two?").replace("ok: a", "ok: b"));
    let line = told(&world, "stays live").await;
    assert!(line.ends_with("echo.yaml has 1 error; echo v1 stays live"), "{line}");
    let card = told(&world, "PAR-0206").await;
    assert!(card.contains("echo.yaml:5:47") && card.contains("did you mean `a`?"), "{card}");
    world.write(ADA, "hi").await;
    assert_eq!(world.wait_replies(ADA, 1).await, ["One?"]);
    folder.write("echo.yaml", &asks("echo", "Three?"));
    told(&world, "echo v2 live").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_saved_file_that_names_a_secret_without_a_value_goes_live_with_a_warning() {
    let folder = Folder::new(&asks("echo", "One?"));
    let world = folder.world().await;
    let source = asks("echo", "Two?").replace("id: echo\n", "id: echo\nsecrets: [PAY_KEY]\n");
    folder.write("echo.yaml", &source);
    let line = told(&world, "echo v2 live").await;
    assert!(line.ends_with(", 1 problem"), "{line}");
    let card = told(&world, "PAR-0245").await;
    assert!(card.contains("echo.yaml:3:11") && card.contains("PARLANCE__BOTS__SECRETS__PAY_KEY"), "{card}");
    world.end().await;
}

/// Replaces a file as editors do that write another one first.
fn rename_over(path: &Path, text: &str) {
    let other = path.with_extension("yaml~");
    std::fs::write(&other, text).unwrap();
    std::fs::rename(&other, path).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ways_of_editors_to_save_are_one_change_each() {
    let folder = Folder::new(&asks("echo", "One?"));
    let world = folder.world().await;
    let path = folder.path("echo.yaml");
    // Saved without a change.
    rename_over(&path, &asks("echo", "One?"));
    folder.write(".echo.yaml.swp", "not: [");
    folder.write(".hidden.yaml", "not: [");
    looks(&world, &folder, 3).await;
    assert!(!world.told().iter().any(|line| line.contains("echo")), "{:?}", world.told());
    rename_over(&path, &asks("echo", "Two?"));
    told(&world, "echo v2 live").await;
    // Gone, empty, and written again, all between two looks that agree.
    std::fs::remove_file(&path).unwrap();
    folder.write("echo.yaml", "");
    folder.write("echo.yaml", &asks("echo", "Three?"));
    told(&world, "echo v3 live").await;
    folder.write("echo.yaml", &format!("# a comment\n{}", asks("echo", "Three?")));
    told(&world, "echo v3 live: nothing changed that counts").await;
    assert!(!world.told().iter().any(|line| line.contains("PAR-") && line.contains("echo.yaml")), "{:?}", world.told());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_files_are_new_bots_and_the_bot_of_a_removed_file_stays_live() {
    let folder = Folder::new(&asks("echo", "One?"));
    let mut world = folder.world().await;
    folder.write("other.yaml", &asks("other", "Other?"));
    assert_eq!(told(&world, "other v1 live").await, "other v1 live: new, 3 nodes, 0 problems");
    folder.write("twin.yaml", &asks("echo", "Twin?"));
    let line = told(&world, "ids must differ").await;
    assert!(line.contains("echo.yaml") && line.contains("twin.yaml"), "{line}");
    std::fs::remove_file(folder.path("twin.yaml")).unwrap();
    std::fs::remove_file(folder.path("other.yaml")).unwrap();
    assert!(told(&world, "other v1 stays live").await.contains("other.yaml is gone"));
    assert_eq!(world.items("/api/v1/bots").await.len(), 2);
    told(&world, "twin.yaml is gone").await;
    world.restart().await;
    assert_eq!(world.items("/api/v1/bots").await.len(), 2, "its runs may go on");
    world.end().await;
}
