use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

#[tokio::test]
async fn one_at_a_time_in_the_order_of_the_line() {
    let turns = Arc::new(Turns::default());
    let (inside, order) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let visits = (0..20).map(|who| {
        let (turns, inside, order) = (&turns, &inside, &order);
        async move {
            let _turn = turns
                .take(b"alice", 1, false)
                .await
                .map_err(|l| l.0)
                .unwrap();
            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two at once");
            tokio::task::yield_now().await;
            inside.fetch_sub(1, Ordering::SeqCst);
            order.lock().unwrap().push(who);
        }
    });
    futures_util::future::join_all(visits).await;
    assert_eq!(order.into_inner().unwrap(), (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_line_has_an_end_and_one_mailbox_does_not_hold_up_another() {
    let turns = Turns::default();
    let first = turns.take(b"alice", 1, false).await;
    assert!(first.is_ok());
    let mut line: Vec<_> = (0..LINE_MAX - RESERVED)
        .map(|_| Box::pin(turns.take(b"alice", 1, false)))
        .collect();
    for waiting in &mut line {
        assert!(futures_util::poll!(waiting).is_pending());
    }
    let one = turns
        .take(b"alice", 1, false)
        .await
        .err()
        .expect("a full line");
    let two = turns
        .take(b"alice", 1, false)
        .await
        .err()
        .expect("a full line");
    assert!(one.0 >= AWAY_MIN && two.0 >= one.0, "{one:?} {two:?}");
    // Who comes back finds a place that was kept.
    let mut again = Box::pin(turns.take(b"alice", 1, true));
    assert!(futures_util::poll!(&mut again).is_pending());
    assert!(turns.take(b"bob", 1, false).await.is_ok());
    drop(line);
    drop(first);
    assert!(again.await.is_ok());
}

#[tokio::test]
async fn nobody_waits_for_ever() {
    let turns = Turns {
        patience: Duration::from_millis(20),
        ..Turns::default()
    };
    let _stuck = turns.take(b"alice", 1, false).await;
    assert!(turns.take(b"alice", 1, false).await.is_err());
    // The line has been left.
    let line = turns.line(b"alice", 1);
    assert_eq!(lock(&line.state).waiting, 0);
}

#[tokio::test]
async fn several_at_once_where_that_is_allowed() {
    let turns = Turns::default();
    let all: Vec<_> =
        futures_util::future::join_all((0..8).map(|_| turns.take(b"x", 8, false))).await;
    assert!(all.iter().all(Result::is_ok));
    let mut ninth = Box::pin(turns.take(b"x", 8, false));
    assert!(futures_util::poll!(&mut ninth).is_pending());
}
