//! Named places where a test can end or stop this process: builds with debug assertions read them from `FAILPOINTS`, in
//! others they are nothing.
//!
//! `FAILPOINTS="before_write=abort@3;response_read=sleep(5000)"`: the third time `before_write` is reached the process
//! aborts; each time `response_read` is reached, it waits five seconds. Names: `claim_committed`, `before_write`,
//! `after_write`, `response_read`, `before_result_commit`, `after_result_commit`.

#[cfg(debug_assertions)]
pub(crate) use enabled::{hit, hit_while};

/// Does nothing in this build.
#[cfg(not(debug_assertions))]
pub(crate) async fn hit(_name: &'static str) {}

/// Only waits in this build.
#[cfg(not(debug_assertions))]
pub(crate) async fn hit_while<T>(_name: &'static str, work: impl Future<Output = T>) -> T {
    work.await
}

#[cfg(debug_assertions)]
mod enabled {
    use std::collections::HashMap;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    /// After this time a request to a server on this machine is written, and a slow answer has not come yet.
    const WRITTEN: Duration = Duration::from_millis(40);

    #[derive(Debug, PartialEq)]
    enum Action {
        Abort,
        Sleep(Duration),
    }

    #[derive(Debug)]
    struct Point {
        action: Action,
        /// Only this time; `None`: each time.
        on: Option<usize>,
        reached: AtomicUsize,
    }

    fn points() -> &'static HashMap<String, Point> {
        static POINTS: OnceLock<HashMap<String, Point>> = OnceLock::new();
        POINTS.get_or_init(|| {
            let text = std::env::var("FAILPOINTS").unwrap_or_default();
            text.split(';').filter_map(parse).collect()
        })
    }

    fn parse(text: &str) -> Option<(String, Point)> {
        let (name, action) = text.trim().split_once('=')?;
        let (action, on) = match action.split_once('@') {
            Some((action, on)) => (action, Some(on.parse().ok()?)),
            None => (action, None),
        };
        let action = match action.strip_prefix("sleep(") {
            Some(rest) => {
                Action::Sleep(Duration::from_millis(rest.strip_suffix(')')?.parse().ok()?))
            }
            None if action == "abort" => Action::Abort,
            None => return None,
        };
        let point = Point {
            action,
            on,
            reached: AtomicUsize::new(0),
        };
        Some((name.to_owned(), point))
    }

    /// The process has come to this place.
    pub(crate) async fn hit(name: &'static str) {
        let Some(point) = points().get(name) else {
            return;
        };
        let reached = point.reached.fetch_add(1, Ordering::Relaxed) + 1;
        if point.on.is_some_and(|on| on != reached) {
            return;
        }
        match point.action {
            Action::Abort => {
                tracing::error!(name, reached, "failpoint: aborting");
                std::process::abort();
            }
            Action::Sleep(time) => {
                tracing::warn!(name, reached, "failpoint: sleeping");
                tokio::time::sleep(time).await;
            }
        }
    }

    /// Works, and comes to this place when the work has lasted long enough for its request to be written.
    pub(crate) async fn hit_while<T>(name: &'static str, work: impl Future<Output = T>) -> T {
        if !points().contains_key(name) {
            return work.await;
        }
        let mut work = std::pin::pin!(work);
        tokio::select! {
            done = &mut work => done,
            () = tokio::time::sleep(WRITTEN) => {
                hit(name).await;
                work.await
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn points_are_read() {
            let (name, point) = parse(" before_write=abort@3").unwrap();
            assert_eq!((name.as_str(), point.on), ("before_write", Some(3)));
            assert_eq!(point.action, Action::Abort);
            let (_, point) = parse("x=sleep(50)").unwrap();
            assert_eq!(point.action, Action::Sleep(Duration::from_millis(50)));
            assert_eq!(point.on, None);
            for wrong in ["", "x", "x=explode", "x=sleep(a)", "x=abort@y"] {
                assert!(parse(wrong).is_none(), "{wrong}");
            }
        }
    }
}
