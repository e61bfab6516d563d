use std::time::{Duration, Instant};

use super::SystemPrograms;
use crate::world::{Program, Programs};

async fn run(words: &[&str], time_max: Duration) -> (String, Option<i32>) {
    let program = Program {
        arguments: words.iter().map(|word| (*word).into()).collect(),
        output_bytes_max: 10,
        time_max,
        user: None,
        directories: Vec::new(),
    };
    let ended = SystemPrograms.output(program).await.unwrap();
    (ended.output.to_string(), ended.status)
}

#[tokio::test]
async fn output_and_status_come_back() {
    let long = Duration::from_secs(20);
    assert_eq!(
        run(&["/bin/echo", "a b"], long).await,
        ("a b\n".into(), Some(0))
    );
    let script = ["/bin/sh", "-c", "echo 0123456789abc; exit 3"];
    assert_eq!(run(&script, long).await, ("0123456789".into(), Some(3)));
    let killed = run(&["/bin/sh", "-c", "kill -9 $$"], long).await;
    assert_eq!(killed, (String::new(), None));
}

#[tokio::test]
async fn time_is_up_for_all_it_started() {
    let start = Instant::now();
    let script = ["/bin/sh", "-c", "sleep 60 & sleep 60"];
    let ended = run(&script, Duration::from_millis(200)).await;
    assert_eq!(ended, (String::new(), None));
    assert!(start.elapsed() < Duration::from_secs(20));
}
