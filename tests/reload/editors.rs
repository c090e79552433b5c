//! One file, saved in each way that editors and programs have.

use std::fs;
use std::time::{Duration, Instant};

use crate::patterns::Pattern;
use crate::project::{AT_ONCE, Project, folder, schema};

const QUIET: Duration = Duration::from_millis(50);

#[tokio::test]
async fn every_way_to_save_makes_the_new_program_live_at_once() {
    for (number, pattern) in (1..).zip(Pattern::ALL) {
        let (folder, file) = folder();
        let project = Project::start(folder.path(), QUIET).await;
        // Pauses are longer than the quiet time, so that a half-written file would be read.
        tokio::task::spawn_blocking(move || pattern.save(&file, &schema(number), Duration::from_millis(80))).await.unwrap();
        let took = project.wait_for(number).await;
        assert!(took < AT_ONCE, "{pattern:?} was live after {took:?}");
        // A file that is empty or away for a moment is no mistake of anybody.
        let rejected: Vec<_> = project.reloads().into_iter().filter(|(live, _)| !live).collect();
        assert!(rejected.is_empty(), "{pattern:?}: {rejected:?}");
    }
}

#[tokio::test]
async fn a_file_that_is_away_again_and_again_is_waited_for() {
    let (folder, file) = folder();
    let project = Project::start(folder.path(), QUIET).await;
    let last = 75;
    let saved = tokio::task::spawn_blocking(move || {
        let mut longest = Duration::ZERO;
        for number in 1..=last {
            let began = Instant::now();
            fs::remove_file(&file).unwrap();
            std::thread::sleep(Duration::from_millis(30));
            fs::write(&file, schema(number)).unwrap();
            longest = longest.max(began.elapsed());
            std::thread::sleep(Duration::from_millis(10));
        }
        longest
    });
    let longest = saved.await.unwrap();
    project.wait_for(last).await;
    let rejected: Vec<_> = project.reloads().into_iter().filter(|(live, _)| !live).collect();
    // Where the machine was too busy to write it again soon, it was away.
    assert!(rejected.is_empty() || longest > Duration::from_millis(150), "{rejected:?}");
}

#[tokio::test]
async fn a_mistake_keeps_the_last_good_program_and_its_mending_is_live() {
    let (folder, file) = folder();
    let project = Project::start(folder.path(), QUIET).await;
    for (number, pattern) in (1..).zip(Pattern::ALL.into_iter().filter(|pattern| *pattern != Pattern::InPieces)) {
        let before = project.reloads().len();
        let wrong = schema(number).replace("{name}", "{nmae}");
        pattern.save(&file, &wrong, Duration::from_millis(5));
        let lines = project.wait_for_rejection().await;
        assert!(lines[0].starts_with("rejected, 1 error, still on the last good program"), "{pattern:?}: {lines:?}");
        assert!(lines[1].contains("error[WH0203]") && project.numbers().iter().all(|seen| *seen == number - 1), "{lines:?}");
        pattern.save(&file, &schema(number), Duration::from_millis(5));
        project.wait_for(number).await;
        // Everything that is said of a reload is said once.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let since: Vec<_> = project.reloads().split_off(before);
        assert!(since.last().unwrap().0, "{pattern:?}: {since:?}");
    }
}

#[tokio::test]
async fn what_changed_in_meaning_is_said_and_a_comment_is_no_change() {
    let (folder, file) = folder();
    let project = Project::start(folder.path(), QUIET).await;
    let last = || project.reloads().pop().map(|(_, lines)| lines).unwrap_or_default();
    let text = schema(0).replace("name=\"saved_0\"/>", "name=\"saved_0\"><field name=\"name\"/></webhook>");
    fs::write(&file, &text).unwrap();
    wait_until(|| last().iter().any(|line| line == "saved_0: + required name")).await;
    fs::write(&file, format!("<!-- why -->\n{text}")).unwrap();
    wait_until(|| last().iter().any(|line| line == "no change in meaning")).await;
    fs::write(folder.path().join("webhookc.toml"), "app = \"other\"\n").unwrap();
    wait_until(|| last().iter().any(|line| line == "settings: app webhookc → other")).await;
    // Without any change, when somebody asks.
    let report = project.trigger.reload().await.unwrap();
    assert!(report.live && report.lines.iter().any(|line| line == "no change in meaning"), "{report:?}");
}

async fn wait_until(holds: impl Fn() -> bool) {
    let began = std::time::Instant::now();
    while !holds() {
        assert!(began.elapsed() < crate::project::PATIENCE, "it never came");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
