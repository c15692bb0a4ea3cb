use std::sync::atomic::AtomicBool;

use handoff_domain::alerts::Purpose;
use handoff_domain::payload::Priority;
use tokio::sync::{Semaphore, mpsc};

use super::super::bus::tests::OwnBus;
use super::*;

/// A service that shows what it has leave for, and hangs before.
#[derive(Clone)]
struct Slow {
    leave: Arc<Semaphore>,
    answers: Arc<AtomicBool>,
    last: Arc<AtomicU32>,
    is: String,
    told: mpsc::UnboundedSender<Told>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    Asked(Option<u32>),
    Shown(u32),
    Closed(u32),
    Unheard(u32),
}

/// Tells when nobody listens for a click any more.
struct Listening(u32, mpsc::UnboundedSender<Told>);

impl Drop for Listening {
    fn drop(&mut self) {
        drop(self.1.send(Told::Unheard(self.0)));
    }
}

impl Service for Slow {
    fn look(&self) -> Answer<Result<(), String>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn name(&self) -> Answer<Result<String, String>> {
        let answers = self.answers.load(Ordering::SeqCst);
        Box::pin(async move {
            if answers { Ok("slow 1".to_owned()) } else { std::future::pending().await }
        })
    }

    fn identity(&self) -> Answer<Result<String, String>> {
        Box::pin(std::future::ready(Ok(self.is.clone())))
    }

    fn show(&self, _notice: &Notice, replaces: Option<u32>) -> Answer<Result<Posted, String>> {
        let slow = self.clone();
        slow.told.send(Told::Asked(replaces)).unwrap();
        Box::pin(async move {
            slow.leave.acquire().await.unwrap().forget();
            let id = replaces.unwrap_or_else(|| slow.last.fetch_add(1, Ordering::SeqCst) + 1);
            slow.told.send(Told::Shown(id)).unwrap();
            let listening = Listening(id, slow.told.clone());
            let clicked = Box::pin(async move {
                let _listening = listening;
                std::future::pending().await
            });
            Ok(Posted { id, clicked })
        })
    }

    fn close(&self, id: u32) -> Answer<Result<(), String>> {
        self.told.send(Told::Closed(id)).unwrap();
        Box::pin(std::future::ready(Ok(())))
    }
}

const QUICK: Limits =
    Limits { patience: Duration::from_millis(20), look: Duration::from_millis(1) };
const PATIENT: Limits = Limits { patience: Duration::from_mins(1), look: Duration::ZERO };

fn notifier(
    limits: Limits,
    leave: usize,
) -> (DesktopNotifier, Slow, mpsc::UnboundedReceiver<Told>) {
    let (told, heard) = mpsc::unbounded_channel();
    let slow = Slow {
        leave: Arc::new(Semaphore::new(leave)),
        answers: Arc::new(AtomicBool::new(true)),
        last: Arc::default(),
        is: "one".to_owned(),
        told,
    };
    // Written nowhere: the folder is not there.
    let file = PathBuf::from("/no/such/folder/notices.json");
    (DesktopNotifier::with(Box::new(slow.clone()), limits, file), slow, heard)
}

/// A desk's notifier over what a desk before it has written down, at a service
/// of this name.
async fn after(
    file: &std::path::Path,
    service: &str,
) -> (DesktopNotifier, mpsc::UnboundedReceiver<Told>) {
    let (_, slow, heard) = notifier(PATIENT, 9);
    let slow = Slow { is: service.to_owned(), ..slow };
    let notifier = DesktopNotifier::with(Box::new(slow), PATIENT, file.to_owned());
    notifier.is_there(&|_| ()).await;
    (notifier, heard)
}

fn notice(handoff: &str) -> Notice {
    Notice {
        handoff: Some(handoff.to_owned()),
        title: "tidy asks".to_owned(),
        body: "May I?".to_owned(),
        priority: Priority::Normal,
        purpose: Purpose::Ready,
        sound: false,
    }
}

async fn next(heard: &mut mpsc::UnboundedReceiver<Told>) -> Told {
    tokio::time::timeout(Duration::from_secs(20), heard.recv()).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_notice_takes_the_place_of_the_earlier_one() {
    let (notifier, _slow, mut heard) = notifier(PATIENT, 9);
    assert_eq!(notifier.notify(notice("a")).await, Attempt::Shown);
    assert_eq!(notifier.notify(notice("a")).await, Attempt::Shown);
    notifier.retire(Some("a"));
    assert_eq!(next(&mut heard).await, Told::Asked(None));
    assert_eq!(next(&mut heard).await, Told::Shown(1));
    assert_eq!(next(&mut heard).await, Told::Asked(Some(1)));
    assert_eq!(next(&mut heard).await, Told::Shown(1));
    let mut rest = [next(&mut heard).await, next(&mut heard).await, next(&mut heard).await];
    rest.sort_by_key(|told| matches!(told, Told::Closed(_)));
    assert_eq!(rest, [Told::Unheard(1), Told::Unheard(1), Told::Closed(1)]);
}

#[tokio::test]
async fn what_is_answered_while_its_notice_waits_for_its_turn_is_not_shown() {
    let (notifier, slow, mut heard) = notifier(PATIENT, 0);
    let first = tokio::spawn(notifier.notify(notice("a")));
    assert_eq!(next(&mut heard).await, Told::Asked(None));
    let second = tokio::spawn(notifier.notify(notice("b")));
    notifier.retire(Some("b"));
    slow.leave.add_permits(2);
    assert_eq!(first.await.unwrap(), Attempt::Shown);
    assert_eq!(second.await.unwrap(), Attempt::Inhibited(ANSWERED.to_owned()));
    assert_eq!(next(&mut heard).await, Told::Shown(1));
    assert!(heard.try_recv().is_err());
}

#[tokio::test]
async fn what_is_answered_while_it_is_being_shown_is_taken_back() {
    let (notifier, slow, mut heard) = notifier(PATIENT, 0);
    let shown = tokio::spawn(notifier.notify(notice("a")));
    assert_eq!(next(&mut heard).await, Told::Asked(None));
    notifier.retire(Some("a"));
    // Its decision was undone: the new one is not the old one's.
    let again = notifier.notify(notice("a"));
    slow.leave.add_permits(2);
    assert_eq!(shown.await.unwrap(), Attempt::Inhibited(ANSWERED.to_owned()));
    assert_eq!(again.await, Attempt::Shown);
    let mut all = Vec::new();
    while all.len() < 5 {
        all.push(next(&mut heard).await);
    }
    assert!(all.contains(&Told::Closed(1)) && all.contains(&Told::Shown(2)), "{all:?}");
    assert!(!all.contains(&Told::Closed(2)), "{all:?}");
}

#[test]
fn a_silent_service_is_left_alone_for_longer_each_time() {
    let pauses = [0, 1, 2, 3, 4, 5, u32::MAX].map(|before| LIMITS.pause(before).as_secs());
    assert_eq!(pauses, [2, 4, 8, 16, 30, 30, 30]);
}

#[tokio::test]
async fn a_service_that_shows_again_starts_anew_and_one_that_only_answers_does_not() {
    let (notifier, slow, _heard) = notifier(PATIENT, 0);
    let silences = || {
        let before = notifier.shared.silences.load(Ordering::Relaxed);
        notifier.shared.falls_silent();
        before
    };
    assert_eq!([silences(), silences()], [0, 1]);
    notifier.shared.is(Presence::Present);
    assert_eq!(silences(), 2, "it has shown nothing");
    slow.leave.add_permits(1);
    assert_eq!(notifier.notify(notice("a")).await, Attempt::Shown);
    assert_eq!(silences(), 0);
}

#[tokio::test]
async fn a_show_that_takes_too_long_leaves_the_earlier_notice_and_is_known_when_it_comes() {
    let limits = Limits { look: Duration::ZERO, ..QUICK };
    let (notifier, slow, mut heard) = notifier(limits, 1);
    assert_eq!(notifier.notify(notice("a")).await, Attempt::Shown);
    let silent = Attempt::Failed(SILENT.to_owned());
    assert_eq!(notifier.notify(notice("a")).await, silent);
    assert_eq!(notifier.notify(notice("new")).await, silent);
    assert_eq!(notifier.notify(notice("new")).await, silent);
    let mut all = Vec::new();
    while all.len() < 5 {
        all.push(next(&mut heard).await);
    }
    let again = Told::Asked(Some(1));
    assert_eq!(
        all,
        [Told::Asked(None), Told::Shown(1), again, Told::Asked(None), Told::Asked(None)]
    );
    assert!(heard.try_recv().is_err(), "the first one can still be clicked");

    slow.leave.add_permits(3);
    let mut all = Vec::new();
    while !all.iter().any(|told| matches!(told, Told::Closed(_))) {
        all.push(next(&mut heard).await);
    }
    // Both of the same handoff came late: one of them stays.
    notifier.retire(Some("new"));
    while all.iter().filter(|told| matches!(told, Told::Closed(_))).count() < 2 {
        all.push(next(&mut heard).await);
    }
    assert!(all.contains(&Told::Closed(2)) && all.contains(&Told::Closed(3)), "{all:?}");
    assert!(!all.contains(&Told::Closed(1)), "{all:?}");
}

#[tokio::test]
async fn a_bus_or_a_service_that_is_lost_is_found_again() {
    let (notifier, slow, _heard) = notifier(QUICK, 9);
    let notifier = Arc::new(notifier);
    let mut own = OwnBus::start();
    let owner = own.connection().await.unwrap();
    let asked = owner.request_name(NOTIFICATIONS);
    tokio::time::timeout(Duration::from_secs(20), asked).await.unwrap().unwrap();
    let failures = AtomicU32::new(2);
    let (tell, mut told) = mpsc::unbounded_channel();
    let (address, watching) = (own.address(), Arc::clone(&notifier));
    let watch = tokio::spawn(async move {
        let connect = || {
            let fails = failures
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                .is_ok();
            let address = address.clone();
            async move { if fails { Err("A hiccup.".to_owned()) } else { address.bus().await } }
        };
        watching.watch_on(connect, |state| drop(tell.send(state))).await;
    });
    let mut until = async |missing: bool| {
        loop {
            let state = tokio::time::timeout(Duration::from_secs(20), told.recv()).await;
            let state = state.unwrap().unwrap();
            if matches!(state, NotificationState::Missing { .. }) == missing {
                return;
            }
        }
    };
    until(true).await;
    until(false).await;
    owner.release_name(NOTIFICATIONS).await.unwrap();
    until(true).await;
    assert!(matches!(notifier.notify(notice("a")).await, Attempt::NoService(_)));
    owner.request_name(NOTIFICATIONS).await.unwrap();
    until(false).await;
    assert_eq!(notifier.notify(notice("a")).await, Attempt::Shown);
    slow.answers.store(false, Ordering::SeqCst);
    slow.leave.forget_permits(9);
    assert!(matches!(notifier.notify(notice("b")).await, Attempt::Failed(_)));
    until(true).await;
    slow.answers.store(true, Ordering::SeqCst);
    until(false).await;
    own.end();
    until(true).await;
    watch.abort();
}

#[tokio::test]
async fn what_a_killed_desk_left_on_the_screen_is_taken_away_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notices.json");
    {
        let (notifier, _heard) = after(&file, "one").await;
        for handoff in ["a", "b", "c"] {
            assert_eq!(notifier.notify(notice(handoff)).await, Attempt::Shown);
        }
        notifier.retire(Some("b"));
    }
    // Its numbers mean other things, if anything, to another service.
    let copy = folder.path().join("copy.json");
    std::fs::copy(&file, &copy).unwrap();
    let (_notifier, mut heard) = after(&copy, "another").await;
    tokio::task::yield_now().await;
    assert!(heard.try_recv().is_err(), "nothing is closed");

    let (notifier, mut heard) = after(&file, "one").await;
    let mut closed = [next(&mut heard).await, next(&mut heard).await];
    closed.sort_by_key(|told| matches!(told, Told::Closed(3)));
    assert_eq!(closed, [Told::Closed(1), Told::Closed(3)]);
    drop(notifier);
    let (_notifier, mut heard) = after(&file, "one").await;
    tokio::task::yield_now().await;
    assert!(heard.try_recv().is_err(), "once");
}

#[tokio::test]
async fn what_was_shown_before_the_service_was_asked_is_not_shown_twice() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notices.json");
    {
        let (notifier, _heard) = after(&file, "one").await;
        notifier.notify(notice("a")).await;
        notifier.notify(notice("b")).await;
    }
    let (_, slow, mut heard) = notifier(PATIENT, 9);
    slow.last.store(7, Ordering::SeqCst);
    let notifier = DesktopNotifier::with(Box::new(slow), PATIENT, file);
    notifier.notify(notice("b")).await;
    notifier.is_there(&|_| ()).await;
    let mut closed = Vec::new();
    while closed.len() < 2 {
        if let Told::Closed(id) = next(&mut heard).await {
            closed.push(id);
        }
    }
    closed.sort_unstable();
    assert_eq!(closed, [1, 2], "the new one, 8, stays");
}

#[tokio::test]
async fn what_went_unread_with_its_service_is_kept_to_be_told_again() {
    let (notifier, _slow, _heard) = notifier(PATIENT, 9);
    for handoff in ["read", "unread", "answered"] {
        assert_eq!(notifier.notify(notice(handoff)).await, Attempt::Shown);
    }
    notifier.shared.went(Some(&"read".to_owned()), 1);
    notifier.retire(Some("answered"));
    notifier.shared.forget();
    assert_eq!(*notifier.shared.lost(), ["unread"]);
}
