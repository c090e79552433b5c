//! Somebody who writes to the followed tables, a transaction after the other, while something else goes on.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::cluster::binaries;
use crate::world::{World, cluster};

pub struct Writer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Writer {
    /// `sql` is the transaction of a number, from 1 on; there is a pause after each.
    pub fn begin(world: &World, pause: Duration, sql: impl Fn(u64) -> String + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut psql = Command::new(binaries().join("psql"))
            .arg("-h")
            .arg(cluster().folder())
            .args(["-U", "webhookc", "-d", &world.database, "-Xq", "-v", "ON_ERROR_STOP=1"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut input = psql.stdin.take().unwrap();
            let mut count = 0;
            while !stopped.load(Ordering::Relaxed) {
                count += 1;
                writeln!(input, "{}", sql(count)).unwrap();
                std::thread::sleep(pause);
            }
            drop(input);
            assert!(psql.wait().unwrap().success());
            count
        });
        Self { stop, thread }
    }

    /// How many transactions there were.
    pub fn end(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}
