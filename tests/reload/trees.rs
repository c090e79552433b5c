//! Whole folders that change: deployments, links, folders that are replaced, and git.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::project::{AT_ONCE, Project, schema};

const QUIET: Duration = Duration::from_millis(50);

/// A project of many files that all say a number: 30 schemas with a webhook each.
fn many(folder: &Path, number: usize) {
    fs::create_dir_all(folder.join("schemas")).unwrap();
    for n in 0..30 {
        let text = format!(
            "<data-model><model name=\"m{n}\" label=\"M\"><field name=\"n{number}\" label=\"N\" type=\"integer\"/><display>x</display><webhook type=\"update\" name=\"w{n}_saved_{number}\"/></model></data-model>"
        );
        fs::write(folder.join(format!("schemas/s{n}.xml")), text).unwrap();
    }
}

/// As Kubernetes mounts a configuration: files are links into `..data`, a link to a folder of the version, which is swapped.
fn mount(folder: &Path, number: usize) {
    let version = format!("..2026_{number}");
    many(&folder.join(&version), number);
    symlink(&version, folder.join("..data_tmp")).unwrap();
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    if number == 0 {
        symlink("..data/schemas", folder.join("schemas")).unwrap();
    } else {
        fs::remove_dir_all(folder.join(format!("..2026_{}", number - 1))).unwrap();
    }
}

async fn at_once(project: &Project, number: usize, what: &str) {
    let took = project.wait_for(number).await;
    assert!(took < AT_ONCE, "{what}: {number} was live after {took:?}");
}

#[tokio::test]
async fn a_config_map_is_swapped_whole() {
    let folder = tempfile::tempdir().unwrap();
    mount(folder.path(), 0);
    let project = Project::start(folder.path(), QUIET).await;
    for number in 1..6 {
        mount(folder.path(), number);
        at_once(&project, number, "swapped").await;
    }
    assert!(project.reloads().iter().all(|(live, _)| *live), "{:?}", project.reloads());
}

#[tokio::test]
async fn links_into_other_folders_are_followed_hop_by_hop() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (own, there) = (folder.path(), other.path());
    for number in 0..2 {
        fs::create_dir(there.join(format!("v{number}"))).unwrap();
        fs::write(there.join(format!("v{number}/schema.xml")), schema(number)).unwrap();
    }
    // schema.xml → hop/schema.xml → current/schema.xml, current → v0
    fs::create_dir(there.join("hop")).unwrap();
    symlink("v0", there.join("current")).unwrap();
    symlink("../current/schema.xml", there.join("hop/schema.xml")).unwrap();
    symlink(there.join("hop/schema.xml"), own.join("schema.xml")).unwrap();
    let project = Project::start(own, QUIET).await;
    let relink = |target: &str, link: &Path| {
        let new = link.with_file_name("new-link");
        symlink(target, &new).unwrap();
        fs::rename(new, link).unwrap();
    };
    relink("v1", &there.join("current"));
    at_once(&project, 1, "the link in the middle").await;
    fs::write(there.join("v1/schema.xml"), schema(2)).unwrap();
    at_once(&project, 2, "the file at the end").await;
    relink("../v0/schema.xml", &there.join("hop/schema.xml"));
    at_once(&project, 0, "the second link").await;
    fs::write(there.join("v3.xml"), schema(3)).unwrap();
    relink(there.join("v3.xml").to_str().unwrap(), &own.join("schema.xml"));
    at_once(&project, 3, "the first link").await;
    fs::write(there.join("v3.xml"), schema(4)).unwrap();
    at_once(&project, 4, "the new end").await;
}

#[tokio::test]
async fn a_folder_is_removed_and_made_again_also_the_project_itself() {
    let above = tempfile::tempdir().unwrap();
    let folder = above.path().join("project");
    many(&folder, 0);
    let project = Project::start(&folder, QUIET).await;
    for number in 1..4 {
        fs::remove_dir_all(folder.join("schemas")).unwrap();
        many(&folder, number);
        at_once(&project, number, "made again").await;
    }
    // Away for so long that it is said.
    fs::remove_dir_all(&folder).unwrap();
    let lines = project.wait_for_rejection().await;
    assert!(lines[0].contains("still on the last good program"), "{lines:?}");
    assert!(project.numbers().iter().all(|number| *number == 3));
    many(&folder, 4);
    at_once(&project, 4, "there again").await;
    fs::write(folder.join("schemas/s0.xml"), fs::read_to_string(folder.join("schemas/s0.xml")).unwrap() + "<!-- still watched -->")
        .unwrap();
    // Another folder put into its place.
    many(&above.path().join("next"), 5);
    fs::rename(&folder, above.path().join("old")).unwrap();
    fs::rename(above.path().join("next"), &folder).unwrap();
    at_once(&project, 5, "replaced").await;
    many(&folder, 6);
    at_once(&project, 6, "edited in the new one").await;
}

fn git(folder: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .expect("git is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn a_checkout_of_many_files_is_read_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "-q"]);
    for number in 0..4 {
        many(folder.path(), number);
        git(folder.path(), &["add", "-A"]);
        git(folder.path(), &["commit", "-qm", "next"]);
        git(folder.path(), &["tag", &format!("v{number}")]);
    }
    let project = Project::start(folder.path(), Duration::from_millis(5)).await;
    assert_eq!(project.numbers()[0], 3);
    for number in [0, 2, 1, 3, 0, 3, 1, 2] {
        git(folder.path(), &["checkout", "-q", &format!("v{number}")]);
        at_once(&project, number, "checked out").await;
    }
    assert!(project.reloads().iter().all(|(live, _)| *live), "{:?}", project.reloads());
}

#[tokio::test]
async fn what_git_is_in_the_middle_of_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "-q"]);
    many(folder.path(), 0);
    let project = Project::start(folder.path(), Duration::from_millis(5)).await;
    // As git does it, only slower than any: the lock, one file after the other, and the lock is gone.
    let (lock, target) = (folder.path().join(".git/index.lock"), folder.path().to_owned());
    fs::write(&lock, "").unwrap();
    let aside = tempfile::tempdir().unwrap();
    many(aside.path(), 1);
    for n in 0..30 {
        fs::copy(aside.path().join(format!("schemas/s{n}.xml")), target.join(format!("schemas/s{n}.xml"))).unwrap();
        tokio::time::sleep(Duration::from_millis(15)).await;
        assert!(project.numbers().iter().all(|number| *number == 0), "a mixture is live after {n} files");
    }
    fs::rename(&lock, folder.path().join(".git/index")).unwrap();
    project.wait_for(1).await;
}
