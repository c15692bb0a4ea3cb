//! Many notifications at once become one: which are shown by themselves, and
//! when the summary of the others is.
//!
//! It decides from the times alone and shows nothing.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

/// The most notifications that are shown by themselves within [`WINDOW`].
const ALONE: usize = 5;

/// The time that a burst is measured over.
const WINDOW: Duration = Duration::from_secs(10);

/// The time between two summaries of one burst.
const PAUSE: Duration = Duration::from_secs(1);

/// The recent notifications, by the awake clock.
#[derive(Debug, Default)]
pub struct Burst {
    recent: VecDeque<Duration>,
    /// The same of such as weigh more than all others.
    heavy: VecDeque<Duration>,
    /// The handoffs that were not shown by themselves, each once, with their
    /// agents in order of arrival.
    held: Vec<(String, HashSet<String>)>,
    /// What the summary that was shown last tells of, and still waits.
    summed: HashSet<String>,
    summed_at: Option<Duration>,
    changed: bool,
    /// One of them warns, or alerts.
    loud: bool,
    /// One of them that was not yet summed up is to be heard.
    sound: bool,
}

/// How much a notification weighs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weight {
    /// It warns, or alerts.
    pub loud: bool,
    /// It is of high risk: it cannot be undone, or nobody knows what it does.
    pub heavy: bool,
    /// It is to be heard.
    pub sound: bool,
}

/// What the summary of a burst says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// How many handoffs it stands for.
    pub count: u32,
    /// Whose they are, and how many of each.
    pub agents: Vec<(String, u32)>,
    /// One of them warns of a deadline, or alerts after one.
    pub loud: bool,
    /// One of them that is new is to be heard.
    pub sound: bool,
}

impl Burst {
    /// Whether a notification of this agent is shown by itself; a loud one
    /// makes the summary loud that it ends up in. A heavy one ends up there for
    /// the number of others like it alone, and not for all the light ones.
    pub fn alone(&mut self, agent: &str, handoff: &str, weight: Weight, now: Duration) -> bool {
        let Weight { loud, heavy, sound } = weight;
        for recent in [&mut self.recent, &mut self.heavy] {
            while recent.front().is_some_and(|at| now.saturating_sub(*at) >= WINDOW) {
                recent.pop_front();
            }
        }
        if self.recent.is_empty() && self.heavy.is_empty() {
            // The burst is over; the next one counts anew.
            self.held.clear();
            (self.changed, self.loud, self.sound) = (false, false, false);
        }
        let recent = if heavy { &mut self.heavy } else { &mut self.recent };
        recent.push_back(now);
        if recent.len() <= ALONE {
            return true;
        }
        // More would change nothing, and a flood must not fill the memory.
        recent.drain(..recent.len() - ALONE - 1);
        match self.held.iter_mut().find(|(name, _)| name == agent) {
            Some((_, handoffs)) => drop(handoffs.insert(handoff.to_owned())),
            None => self.held.push((agent.to_owned(), HashSet::from([handoff.to_owned()]))),
        }
        (self.changed, self.loud, self.sound) = (true, self.loud || loud, self.sound || sound);
        false
    }

    /// When a summary is due, if one is.
    pub fn due(&self) -> Option<Duration> {
        self.changed.then(|| self.summed_at.map_or(Duration::ZERO, |at| at + PAUSE))
    }

    /// The summary that is due.
    pub fn summary(&mut self, now: Duration) -> Option<Summary> {
        if self.due().is_none_or(|due| now < due) {
            return None;
        }
        self.changed = false;
        self.summed_at = Some(now);
        self.summed = self.held.iter().flat_map(|(_, handoffs)| handoffs.iter().cloned()).collect();
        let number = |handoffs: &HashSet<String>| u32::try_from(handoffs.len()).unwrap_or(u32::MAX);
        let agents: Vec<(String, u32)> =
            self.held.iter().map(|(agent, handoffs)| (agent.clone(), number(handoffs))).collect();
        let count = agents.iter().map(|(_, count)| count).sum();
        let sound = std::mem::take(&mut self.sound);
        Some(Summary { count, agents, loud: self.loud, sound })
    }

    /// Whether this one, which waits no more, was the last that a summary tells
    /// of: then it says nothing any more. None that is to come counts it.
    pub fn is_the_last(&mut self, handoff: &str) -> bool {
        self.held.retain_mut(|(_, handoffs)| {
            handoffs.remove(handoff);
            !handoffs.is_empty()
        });
        self.changed &= !self.held.is_empty();
        self.summed.remove(handoff) && self.summed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn alone(burst: &mut Burst, agent: &str, handoff: u32, at: Duration) -> bool {
        burst.alone(agent, &format!("h-{handoff}"), Weight::default(), at)
    }

    #[test]
    fn five_in_ten_seconds_are_shown_and_the_rest_is_summed_up() {
        let mut burst = Burst::default();
        let shown: Vec<bool> =
            (0..8).map(|number| alone(&mut burst, "a", number, S * 100 + S * number / 4)).collect();
        assert_eq!(shown, [true, true, true, true, true, false, false, false]);
        let alarm = Weight { loud: true, heavy: false, sound: true };
        assert!(!burst.alone("b", "h-8", alarm, S * 102));
        let summary = burst.summary(S * 102).expect("due at once");
        assert_eq!((summary.count, summary.agents.len(), summary.loud), (4, 2, true));
        assert!(summary.sound, "what is to be heard is heard in it");
        assert_eq!(burst.due(), None, "nothing new");
        assert!(!alone(&mut burst, "a", 9, S * 102));
        assert!(!alone(&mut burst, "a", 7, S * 102), "known already");
        assert_eq!(burst.summary(S * 102), None, "not twice in a second");
        let more = burst.summary(S * 103).expect("due");
        assert_eq!((more.count, more.sound), (5, false), "once");
    }

    #[test]
    fn what_weighs_more_is_shown_by_itself_however_many_light_ones_there_are() {
        let mut burst = Burst::default();
        for number in 0..20 {
            alone(&mut burst, "a", number, S);
        }
        let heavy = Weight { heavy: true, ..Weight::default() };
        let shown: Vec<bool> =
            (0..6).map(|number| burst.alone("a", &format!("g-{number}"), heavy, S * 2)).collect();
        assert_eq!(shown, [true, true, true, true, true, false], "nor is it a flood of its own");
        assert_eq!(burst.summary(S * 2).map(|all| all.count), Some(16));
    }

    #[test]
    fn what_waits_no_more_before_it_is_summed_up_is_not_counted() {
        let mut burst = Burst::default();
        for number in 0..7 {
            alone(&mut burst, "a", number, S);
        }
        assert!(!burst.is_the_last("h-5"), "nothing was shown of it");
        assert_eq!(burst.summary(S).map(|all| all.count), Some(1));
        assert!(burst.is_the_last("h-6"));
        alone(&mut burst, "b", 8, S * 2);
        assert!(!burst.is_the_last("h-8"));
        assert_eq!(burst.summary(S * 3), None, "nobody is left");
    }

    #[test]
    fn a_flood_goes_on_as_one_burst_and_ends_with_a_lull() {
        let mut burst = Burst::default();
        for number in 0..10_000 {
            alone(&mut burst, "a", number, S + Duration::from_millis(10) * number);
        }
        assert!(burst.recent.len() <= ALONE + 1);
        assert_eq!(burst.summary(S * 102).map(|all| all.count), Some(9_995));
        assert!(alone(&mut burst, "a", 1, S * 120));
        assert_eq!(burst.summary(S * 130), None);
        // Slowly enough, each is shown.
        assert!((0..50).all(|number| alone(&mut burst, "a", number, S * 200 + S * 3 * number)));
    }
}
