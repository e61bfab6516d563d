//! `sendmail -bs`: SMTP on standard input and output.

use std::process::ExitCode;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Command, alone, hand_over};
use crate::base::{QueueId, Sysexit};
use crate::cli::output::exit;
use crate::daemon::{Solo, spool::delivery_mode};
use crate::receive::{Connection, Counts, Origin};

/// Bytes that may wait between the pipe and the session.
const BUFFER_BYTES: usize = 64 << 10;

/// Serves one session.
pub(super) fn run(command: &Command<'_>) -> ExitCode {
    let loaded = match alone::load(command) {
        Ok(loaded) => loaded,
        Err(code) => return code,
    };
    let Ok(runtime) = alone::runtime() else {
        return exit(Sysexit::OsErr);
    };
    let done = runtime.block_on(async {
        let solo = alone::open(command, loaded, false)?;
        Ok((Arc::clone(&solo.site), serve(command, &solo).await))
    });
    // A read from a terminal that nobody ends must not hold the process.
    runtime.shutdown_background();
    match done {
        Ok((site, queued)) => {
            hand_over::to_daemon(command, &site, &queued);
            exit(Sysexit::Ok)
        }
        Err(code) => code,
    }
}

/// Serves the session, then delivers what it accepted; gives the messages
/// that the daemon has to deliver.
async fn serve(command: &Command<'_>, solo: &Solo) -> Vec<QueueId> {
    let connection = Connection {
        origin: Origin::Local {
            user: alone::submitter(command, &solo.site).name,
        },
        local: None,
        counts: Counts::default(),
    };
    let (inside, outside) = tokio::io::duplex(BUFFER_BYTES);
    tokio::join!(solo.service().serve(inside, connection), pump(outside));
    let Some(mut accepted) = solo.accepted() else {
        return Vec::new();
    };
    let delivers = !matches!(delivery_mode(&solo.site.config.options), b'q' | b'd');
    let mut queued = Vec::new();
    while let Ok(claim) = accepted.try_recv() {
        if !hand_over::is_submission(command) {
            queued.push(claim.message.id);
        } else if delivers {
            solo.deliver(claim).await;
        }
    }
    queued
}

/// Copies between the session and standard input and output. Blocking reads
/// have a thread of their own.
async fn pump(outside: tokio::io::DuplexStream) {
    let (mut from, mut to) = tokio::io::split(outside);
    let (lines, mut input) = tokio::sync::mpsc::channel::<Vec<u8>>(4);
    std::thread::spawn(move || {
        use std::io::Read;
        let mut stdin = std::io::stdin().lock();
        let mut space = vec![0; 16 << 10];
        while let Ok(count) = stdin.read(&mut space) {
            if count == 0 || lines.blocking_send(space[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    let feed = async {
        while let Some(bytes) = input.recv().await {
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    };
    let print = async {
        let mut space = vec![0; 16 << 10];
        while let Ok(count) = from.read(&mut space).await {
            if count == 0 {
                return;
            }
            crate::cli::output::print(&space[..count]);
        }
    };
    tokio::pin!(feed, print);
    tokio::select! {
        () = &mut print => {}
        () = &mut feed => print.await,
    }
}
