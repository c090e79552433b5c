//! What signals mean: Ctrl-C and SIGTERM end a program in good order, SIGHUP has a node read its files again.

use std::io::IsTerminal as _;
use std::os::fd::AsFd as _;
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::unix::pipe;
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

/// The same, and becomes true when nobody can see the program any more: the terminal that it was started at is closed, or whoever reads its
/// standard output has gone.
pub(super) fn signals_while_seen() -> Result<watch::Receiver<bool>, Failure> {
    let (sender, receiver) = ends()?;
    let unread = sender.clone();
    tokio::spawn(async move {
        reader_gone().await;
        unread.send_replace(true);
    });
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

/// Ready when whoever reads standard output has gone, as `head` does when it has read enough; never when it is a file.
async fn reader_gone() {
    // Only looked at: what is printed goes its own way. What cannot be watched, as a file, has no reader that could go.
    let watched = std::io::stdout().as_fd().try_clone_to_owned().and_then(pipe::Sender::from_owned_fd_unchecked);
    match watched {
        Ok(out) => while out.ready(Interest::ERROR).await.is_ok_and(|seen| !seen.is_error()) {},
        Err(_) => std::future::pending().await,
    }
}

fn ends() -> Result<(watch::Sender<bool>, watch::Receiver<bool>), Failure> {
    let (sender, receiver) = watch::channel(false);
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let ending = sender.clone();
    tokio::spawn(async move {
        let mut signal = async || {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        };
        signal().await;
        ending.send_replace(true);
        // What else ends the program is no signal: Ctrl-C of `dev | tee` ends the reader as well, maybe a moment before.
        signal().await;
        std::process::exit(130);
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
