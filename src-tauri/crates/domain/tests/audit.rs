//! The chain over the log: fixed vectors, and any tampering is noticed.

use handoff_domain::audit::{Break, Epoch, Event, Hash, Head, Reason, Standing, Walk};
use handoff_domain::decision::hex;
use proptest::prelude::*;

/// A record as a database keeps it: with the hash it claims.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stored {
    Event(Event, Hash),
    Epoch(Epoch, Hash),
}

fn event(seq: i64, handoff: &str, kind: &str, data: &str) -> Event {
    Event {
        seq,
        handoff: handoff.to_owned(),
        at: 1_790_000_000_000 + seq,
        actor: "reviewer".to_owned(),
        kind: kind.to_owned(),
        data: data.to_owned(),
        standing: (seq % 2 == 0).then_some([7; 32]),
    }
}

fn walk(log: &[Stored], head: Option<Head>) -> Result<Head, Break> {
    let mut walk = Walk::new(head);
    for record in log {
        match record {
            Stored::Event(event, hash) => walk.event(event, hash)?,
            Stored::Epoch(epoch, hash) => walk.epoch(epoch, hash)?,
        }
    }
    walk.end()
}

/// A log of `count` events; before each that `opens` names, some were lost.
fn log(count: usize, opens: &[usize]) -> (Vec<Stored>, Head) {
    let mut tip = Head::EMPTY;
    let mut log = Vec::new();
    for place in 0..count {
        if opens.contains(&place) {
            let lost_from = tip.seq + 1;
            let epoch = Epoch {
                epoch: tip.epoch + 1,
                at: 1_790_000_000_000,
                reason: Reason::Restored,
                first: lost_from + 3,
                lost_from,
                note: "three".to_owned(),
            };
            tip = tip.after_epoch(&epoch);
            log.push(Stored::Epoch(epoch, tip.hash));
        }
        let event = event(tip.seq + 1, &format!("h-{}", place % 3), "opened", "{}");
        tip = tip.after_event(&event);
        log.push(Stored::Event(event, tip.hash));
    }
    (log, tip)
}

#[test]
fn the_encoding_stays_what_it_is() {
    let (_, tip) = log(5, &[3]);
    assert_eq!(
        (tip.epoch, tip.seq, hex(&tip.hash).as_str()),
        (2, 8, "5d29f91869f15f0fe737efdbcf92ab3b47a5a267a3e730fd4292a7d3de62b8ac")
    );
}

#[test]
fn a_standing_is_the_decision_and_what_was_asked() {
    let decided = r#"{"revision":2,"state":"decided","decision":{"kind":"approve","args":{"b":null,"a":1},"note":null},"hold_s":5,"flags":[]}"#;
    let row = Standing {
        progress: decided,
        fingerprint: "f",
        agent: "a",
        key: "k",
        task: "t",
        title: "T",
        question: "q",
        traits: "{}",
        priority: 1,
        effect: None,
    };
    let hash = |row: &Standing<'_>| hex(&row.hash().expect("json"));
    assert_eq!(hash(&row), "e5ba61ba2827aadd1ed9aa60aa33e8299be7f9d0d88570abd87e75258452b99f");
    let later = r#"{"flags":["escalated"],"state":"decided","decision":{"args":{"a":1,"b":null},"kind":"approve","new":null},"revision":2,"hold_s":6}"#;
    assert_eq!(hash(&Standing { progress: later, ..row }), hash(&row), "order says nothing");
    for other in [
        decided.replace("approve", "reject"),
        decided.replace(r#""a":1"#, r#""a":2"#),
        decided.replace(r#""b":null,"#, ""),
        decided.replace(r#""revision":2"#, r#""revision":3"#),
        decided.replace(r#""decided""#, r#""released""#),
    ] {
        assert_ne!(hash(&Standing { progress: &other, ..row }), hash(&row), "{other}");
    }
    for other in [
        Standing { fingerprint: "x", ..row },
        Standing { agent: "x", ..row },
        Standing { key: "x", ..row },
        Standing { task: "x", ..row },
        Standing { title: "x", ..row },
        Standing { question: "x", ..row },
        Standing { traits: "x", ..row },
        Standing { priority: 2, ..row },
        Standing { effect: Some(0), ..row },
    ] {
        assert_ne!(hash(&other), hash(&row), "{other:?}");
    }
    assert!(Standing { progress: "no json", ..row }.hash().is_err());
}

#[test]
fn parts_that_run_into_each_other_are_told_apart() {
    let one = Head::EMPTY.after_event(&event(1, "h", "ab", "c"));
    let two = Head::EMPTY.after_event(&event(1, "h", "a", "bc"));
    let three = Head::EMPTY.after_event(&event(1, "ha", "b", "c"));
    assert!(one != two && two != three && one != three);
}

#[test]
fn a_log_ahead_of_its_head_is_fine_and_one_behind_it_is_not() {
    let (full, _) = log(10, &[4]);
    for kept in 0..=full.len() {
        let reached = walk(&full[..kept], None).expect("whole");
        assert_eq!(walk(&full, Some(reached)).map(drop), Ok(()), "ahead of {reached:?}");
        if kept < full.len() {
            let (_, head) = log(10, &[4]);
            let broken = walk(&full[..kept], Some(head)).expect_err("behind");
            assert_eq!(broken.seq, reached.seq + 1);
        }
    }
}

#[test]
fn a_gap_is_named_and_a_gap_that_an_epoch_names_is_none() {
    let (mut records, head) = log(6, &[]);
    records.drain(2..4);
    let broken = walk(&records, Some(head)).expect_err("a gap");
    assert_eq!((broken.seq, broken.handoff.as_deref()), (5, Some("h-1")));
    assert_eq!(broken.what, "Events 3 to 4 before it are missing.");
    let (records, head) = log(6, &[2, 5]);
    assert_eq!(walk(&records, Some(head)), Ok(head));
}

#[test]
fn a_head_is_read_as_it_was_written() {
    let (_, head) = log(3, &[]);
    let json = serde_json::to_string(&head).expect("json");
    assert_eq!(serde_json::from_str::<Head>(&json).expect("a head"), head);
    for bad in [r#"{"epoch":1,"seq":1,"hash":"00"}"#, "{}", r#"{"epoch":1,"seq":1,"hash":"é"}"#] {
        assert!(serde_json::from_str::<Head>(bad).is_err(), "{bad}");
    }
}

/// What somebody may do to a log.
#[derive(Debug, Clone)]
enum Tamper {
    Edit(usize, u8),
    Remove(usize),
    Repeat(usize),
    Swap(usize, usize),
    CutOff(usize),
    /// Edits and computes all hashes from there on anew.
    Forge(usize),
}

fn edit(event: &mut Event, field: u8) {
    match field % 7 {
        0 => event.handoff.push('x'),
        1 => event.at += 1,
        2 => event.actor.push('x'),
        3 => event.kind.push('x'),
        4 => event.data.push(' '),
        5 => event.seq += 1,
        _ => event.standing = event.standing.map_or(Some([1; 32]), |_| None),
    }
}

fn tampered(log: &[Stored], tamper: &Tamper) -> Vec<Stored> {
    let mut log = log.to_vec();
    let count = log.len();
    match *tamper {
        Tamper::Edit(at, field) => match &mut log[at % count] {
            Stored::Event(event, _) => edit(event, field),
            Stored::Epoch(epoch, _) => match field % 4 {
                0 => epoch.lost_from += 1,
                1 => epoch.first += 1,
                2 => epoch.note.push('x'),
                _ => epoch.reason = Reason::Salvaged,
            },
        },
        Tamper::Remove(at) => drop(log.remove(at % count)),
        Tamper::Repeat(at) => log.insert(at % count, log[at % count].clone()),
        Tamper::Swap(one, two) => log.swap(one % count, two % count),
        Tamper::CutOff(at) => log.truncate(at % count),
        Tamper::Forge(at) => {
            let mut tip = Head::EMPTY;
            for (place, record) in log.iter_mut().enumerate() {
                match record {
                    Stored::Event(event, hash) => {
                        if place >= at % count {
                            event.actor.push('x');
                        }
                        tip = tip.after_event(event);
                        *hash = tip.hash;
                    }
                    Stored::Epoch(epoch, hash) => {
                        tip = tip.after_epoch(epoch);
                        *hash = tip.hash;
                    }
                }
            }
        }
    }
    log
}

fn tampering() -> impl Strategy<Value = Tamper> {
    prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(at, field)| Tamper::Edit(at, field)),
        any::<usize>().prop_map(Tamper::Remove),
        any::<usize>().prop_map(Tamper::Repeat),
        (any::<usize>(), any::<usize>()).prop_map(|(one, two)| Tamper::Swap(one, two)),
        any::<usize>().prop_map(Tamper::CutOff),
        any::<usize>().prop_map(Tamper::Forge),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_is_done_to_the_log_is_noticed(
        count in 1_usize..25,
        opens in proptest::collection::vec(0_usize..25, 0..3),
        tamper in tampering(),
    ) {
        let (whole, head) = log(count, &opens);
        prop_assert_eq!(walk(&whole, Some(head)), Ok(head));
        let other = tampered(&whole, &tamper);
        if other != whole {
            prop_assert!(walk(&other, Some(head)).is_err(), "{:?}", tamper);
        }
    }
}
