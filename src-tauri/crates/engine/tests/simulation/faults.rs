//! What breaks in the middle of something: the desk, or the disk under it.

use handoff_engine::Clock as _;
use handoff_faultfs::{Call, Cause, Fault};

use crate::case::{Ask, Case};
use crate::steps::HOUR;
use crate::world::World;

impl World {
    /// The disk fails in the middle of something: it is done, or it is not; what was
    /// acknowledged is done.
    pub fn fail_disk(&mut self) -> Result<(), String> {
        let (index, ask) = self.choose();
        let replaced = self.replaced(&ask);
        let fault = Fault {
            calls: if self.seed.chance(80) { &[Call::Write] } else { &[Call::Truncate] },
            nth: 1 + self.seed.below(6) as u64,
            cause: [Cause::Device, Cause::NoSpace, Cause::ReadOnly][self.seed.below(3)],
            lasting: self.seed.chance(50),
        };
        self.tell(&format!("{index} {ask:?}, and {fault:?}"));
        let moment = self.moment();
        let call = self.call(index, &ask)?;
        self.medium.arm(fault);
        let told = self.desk()?.run(call)?;
        self.desk()?.settle()?;
        self.failed = self.medium.lift();
        let answers = match told {
            Ok(done) => vec![Some(done)],
            Err(_) if self.failed => vec![Some(true), None],
            Err(fault) => return Err(fault),
        };
        self.tell(&format!("struck: {}, and perhaps {answers:?}", self.failed));
        self.desk()?.settle()?;
        self.look(|at, case, warned| {
            let its = |answer: &Option<bool>| {
                let mut asks = warned.to_vec();
                if let Some(done) = *answer {
                    if at == index {
                        asks.push((ask.clone(), done));
                    } else if Some(at) == replaced {
                        asks.push((Ask::Supersede, done));
                    }
                }
                case.asked_all(&asks, moment)
            };
            answers.iter().flat_map(its).collect()
        })?;
        self.failed = false;
        Ok(())
    }

    /// The desk dies in the middle of something, is off for a while, and
    /// starts again.
    pub fn crash_at(&mut self) -> Result<(), String> {
        let moment = self.moment();
        let (polls, ticks) = (self.seed.below(5), self.seed.chance(30));
        let (index, ask) = if ticks { (0, Ask::Tick) } else { self.choose() };
        let replaced = self.replaced(&ask);
        self.tell(&format!("{index} {ask:?}, and a crash after {polls} polls"));
        let mut call = self.call(index, &ask)?;
        let done = self.desk()?.begin(&mut call, polls)?.transpose()?;
        drop(call);
        self.crash();
        let mut may: Vec<Vec<Case>> = Vec::new();
        for (at, case) in self.cases.iter().enumerate() {
            let asked = match (at == index, Some(at) == replaced) {
                _ if ticks => Some(Ask::Tick),
                (true, _) => Some(ask.clone()),
                (_, true) => Some(Ask::Supersede),
                _ => None,
            };
            let unknown = done.is_none() || ticks;
            let mut some = Vec::new();
            if let Some(asked) = asked.filter(|_| polls > 0) {
                let answers = done.map_or(vec![true], |done| vec![done]);
                some.extend(answers.into_iter().flat_map(|ok| case.asked(&asked, ok, moment)));
                if unknown {
                    some.push(case.clone());
                }
            } else {
                some.push(case.clone());
            }
            may.push(some);
        }
        // A warning that was given on the way is only seen afterwards.
        let seconds = if ticks { 0 } else { [0, 2, 100, 700, 9 * HOUR][self.seed.below(5)] };
        self.sleep(seconds);
        let by = if !ticks && self.seed.chance(15) { self.step_of_the_clock() } else { 0 };
        if by != 0 {
            self.set_clock(by);
        }
        self.tell(&format!("off for {seconds} s, the clock set by {by} s"));
        self.start()?;
        let awake = self.clock.awake();
        for case in may.iter_mut().flatten() {
            case.elapse(seconds, false);
            case.stepped(by);
            case.restarted(awake);
        }
        self.desk()?.settle()?;
        self.look(|at, _, warned| {
            may[at].iter().flat_map(|case| case.asked_all(warned, moment)).collect()
        })?;
        self.tick()
    }
}
