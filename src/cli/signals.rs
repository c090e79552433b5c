//! What signals mean: Ctrl-C and SIGTERM end a program in good order, SIGHUP has a node read its files again.

use std::io::IsTerminal as _;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::failure::Failure;
use crate::reload::Trigger;

/// How long a terminal may take to be closed after its end was told.
const CLOSING: Duration = Duration::from_secs(1);

/// Becomes true at the first Ctrl-C or SIGTERM; the second ends the process at once.
pub(super) fn signals() -> Result<watch::Receiver<bool>, Failure> {
    ends().map(|(_, receiver)| receiver)
}

/// The same, and becomes true when the terminal that the program was started at is closed: nobody would see it there any more.
pub(super) fn signals_of_terminal() -> Result<watch::Receiver<bool>, Failure> {
    let (sender, receiver) = ends()?;
    if std::io::stdin().is_terminal() {
        let mut hangups = listen(SignalKind::hangup())?;
        tokio::spawn(async move {
            while hangups.recv().await.is_some() {
                // A closed terminal is none any more, or a moment later when its shell has told of it; one that stays has somebody who wants
                // the files read.
                if std::io::stdin().is_terminal() {
                    tokio::time::sleep(CLOSING).await;
                }
                if !std::io::stdin().is_terminal() {
                    sender.send_replace(true);
                    return;
                }
            }
        });
    }
    Ok(receiver)
}

fn ends() -> Result<(watch::Sender<bool>, watch::Receiver<bool>), Failure> {
    let (sender, receiver) = watch::channel(false);
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let ending = sender.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if ending.send_replace(true) {
                std::process::exit(130);
            }
        }
    });
    Ok((sender, receiver))
}

fn listen(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::of("cannot listen for signals", &error))
}

/// Has the files read at each SIGHUP.
pub(super) async fn reload_on_hangup(trigger: Trigger) {
    let Ok(mut hangups) = listen(SignalKind::hangup()) else { return };
    while hangups.recv().await.is_some() {
        if trigger.reload().await.is_none() {
            return;
        }
    }
}
