use std::fs;

use super::*;
use crate::config::tests::{Files, small};

#[test]
fn what_changed_is_told_once() {
    let files = Files::new(&small(""));
    files.write("snyk", "one");
    let config = files.load().unwrap().config;
    let mut watcher = ConfigWatcher::new(&files.main(), Some(&config));
    assert_eq!(watcher.poll(), None);

    files.write("snyk", "another");
    assert_eq!((watcher.poll(), watcher.poll()), (Some(Changed::Secrets), None));

    files.write("snykwatch.yaml", &small("timezone: UTC\n"));
    assert_eq!((watcher.poll(), watcher.poll()), (Some(Changed::Configuration), None));

    files.write("conf.d/more.yaml", "integrations: {}\n");
    assert_eq!((watcher.poll(), watcher.poll()), (Some(Changed::Configuration), None));
    fs::remove_file(files.path("conf.d/more.yaml")).unwrap();
    assert_eq!((watcher.poll(), watcher.poll()), (Some(Changed::Configuration), None));

    fs::remove_file(files.path("snyk")).unwrap();
    assert_eq!((watcher.poll(), watcher.poll()), (Some(Changed::Secrets), None));
}

/// A file may change between being read for a configuration and that configuration being followed.
#[test]
fn a_change_during_a_reload_is_not_overlooked() {
    let files = Files::new(&small(""));
    files.write("snyk", "one");
    let config = files.load().unwrap().config;
    let mut watcher = ConfigWatcher::new(&files.main(), Some(&config));
    files.write("snyk", "another");
    watcher.follow(&config);
    assert_eq!((watcher.poll(), watcher.poll()), (Some(Changed::Secrets), None));
}

#[test]
fn a_touched_file_has_not_changed() {
    let files = Files::new(&small(""));
    let mut watcher = ConfigWatcher::new(&files.main(), None);
    // Written anew under the same name: another inode and time, the same content.
    let copy = files.write("copy", &small(""));
    fs::rename(copy, files.main()).unwrap();
    assert_eq!(watcher.poll(), None);
}

#[test]
#[cfg(unix)]
fn a_swapped_link_is_seen() {
    use std::os::unix::fs::symlink;
    let files = Files::new("");
    files.write("v1/snykwatch.yaml", &small(""));
    files.write("v2/snykwatch.yaml", &small("timezone: Europe/Berlin\n"));
    symlink("v1", files.path("..data")).unwrap();
    let link = files.path("linked.yaml");
    symlink("..data/snykwatch.yaml", &link).unwrap();
    let mut watcher = ConfigWatcher::new(&link, None);
    symlink("v2", files.path("..next")).unwrap();
    fs::rename(files.path("..next"), files.path("..data")).unwrap();
    assert_eq!((watcher.poll(), watcher.poll()), (Some(Changed::Configuration), None));
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_with_the_change() {
    let files = Files::new(&small(""));
    let mut watcher = ConfigWatcher::new(&files.main(), None);
    files.write("snykwatch.yaml", &small("timezone: UTC\n"));
    assert_eq!(watcher.changed().await, Changed::Configuration);
}
