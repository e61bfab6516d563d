//! Accepted messages a second and syncs a message, for 1, 20 and 100 sessions
//! that accept and settle 1 KB messages one after the other.
//!
//! `cargo bench --bench journal [-- DIRECTORY]`: the directory says which disk
//! is measured; without one it is the temporary directory.

use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use godwit::envelope::{Envelope, Recipient};
use godwit::message::{Field, Header};
use godwit::os::{Chance, SystemClock, SystemDisk};
use godwit::queue::{Body, Message, Queue, QueueSettings, QueueWorld, Settlement, Spool};
use godwit::world::{Disk, DiskFile, FileFacts, Nothing, OpenMode};

/// The real disk, with its syncs counted.
#[derive(Clone, Default)]
struct Counting {
    syncs: Arc<AtomicU64>,
}

struct CountingFile {
    file: Arc<dyn DiskFile>,
    syncs: Arc<AtomicU64>,
}

impl DiskFile for CountingFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
    fn write_at(&self, pieces: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        self.file.write_at(pieces, offset)
    }
    fn sync(&self) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.file.sync()
    }
    fn allocate(&self, len: u64) -> io::Result<()> {
        self.file.allocate(len)
    }
    fn facts(&self) -> io::Result<FileFacts> {
        self.file.facts()
    }
    fn try_lock(&self) -> io::Result<bool> {
        self.file.try_lock()
    }
    fn descriptor(&self) -> io::Result<File> {
        self.file.descriptor()
    }
}

impl Disk for Counting {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(CountingFile {
            file: SystemDisk.open(path, mode)?,
            syncs: Arc::clone(&self.syncs),
        }))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        SystemDisk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        SystemDisk.remove(path)
    }
    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        SystemDisk.list(directory)
    }
    fn make_directory(&self, path: &Path, mode: u32) -> io::Result<()> {
        SystemDisk.make_directory(path, mode)
    }
    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        SystemDisk.sync_directory(path)
    }
    fn sync_many(&self, files: &[Arc<dyn DiskFile>]) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        SystemDisk.sync_many(files)
    }
    fn facts(&self, path: &Path) -> io::Result<FileFacts> {
        SystemDisk.facts(path)
    }
    fn bytes_free(&self, path: &Path) -> io::Result<u64> {
        SystemDisk.bytes_free(path)
    }
}

fn message(queue: &Queue) -> Message {
    let id = queue.new_id();
    let mut envelope = Envelope::new("sender@example.org", SystemTime::now());
    envelope
        .recipients
        .push(Recipient::mailbox("rcpt@sink.example"));
    envelope.size = 1024;
    let field = |name: &str, value: &str| Field::new(name, value);
    let header: Header = [
        field("Return-Path", " <$g>"),
        field(
            "Received",
            " from client.example (client.example [192.0.2.1])\n\tby mail.example.org with ESMTP",
        ),
        field("Date", " Sun, 22 Nov 2026 07:42:07 GMT"),
        field("From", " Sender <sender@example.org>"),
        field("Message-Id", " <0123456789@client.example>"),
        field("Subject", " a message of one kilobyte"),
    ]
    .into_iter()
    .collect();
    Message {
        id,
        envelope,
        header,
        body: Body::Memory(vec![b'x'; 1024].into()),
    }
}

/// One measurement: so many sessions for so long, each thinking between two
/// messages.
fn measure(directory: &Path, sessions: usize, think: Duration, out: &mut impl Write) {
    let directory = directory.join(format!("godwit-bench-{}", std::process::id()));
    let _ = std::fs::create_dir_all(&directory);
    let disk = Counting::default();
    let world = QueueWorld {
        disk: Arc::new(disk.clone()),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(Chance),
        log: Arc::new(Nothing),
    };
    let Ok(queue) = Queue::open(QueueSettings::new(&directory, "mail.example.org"), world) else {
        return;
    };
    let Ok(runtime) = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
    else {
        return;
    };
    let begun = Instant::now();
    let end = begun + Duration::from_secs(3);
    let tasks: Vec<_> = (0..sessions)
        .map(|_| {
            let queue = queue.clone();
            runtime.spawn(async move {
                let mut done = 0u64;
                while Instant::now() < end {
                    let Ok(claim) = queue.accept(message(&queue)).await else {
                        break;
                    };
                    done += u64::from(queue.settle(claim, Settlement::Done).await.is_ok());
                    let until = Instant::now() + think;
                    while Instant::now() < until {
                        std::hint::spin_loop();
                    }
                }
                done
            })
        })
        .collect();
    let messages: u64 = tasks
        .into_iter()
        .filter_map(|task| runtime.block_on(task).ok())
        .sum();
    let seconds = begun.elapsed().as_secs_f64();
    let syncs = disk.syncs.load(Ordering::Relaxed);
    let _ = writeln!(
        out,
        "{sessions:>4} sessions, {:>3} us of work each: {:>7.0} messages/s, {:.3} syncs a message",
        think.as_micros(),
        messages as f64 / seconds,
        syncs as f64 / messages.max(1) as f64,
    );
    drop(queue);
    let _ = std::fs::remove_dir_all(&directory);
}

fn main() {
    let directory = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'))
        .map_or_else(std::env::temp_dir, PathBuf::from);
    let mut out = std::io::stdout();
    for think in [0, 200] {
        for sessions in [1, 2, 20, 100] {
            measure(&directory, sessions, Duration::from_micros(think), &mut out);
        }
    }
}
