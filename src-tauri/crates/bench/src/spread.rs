//! What many samples of one quantity come to.

use serde::{Deserialize, Serialize};

/// Which way a quantity is better; the 95th percentile is taken towards the
/// worse end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Less, as of times.
    Less,
    /// More, as of rates.
    More,
}

/// The middle of the samples, and what 95 of 100 of them kept to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Half of the samples are below.
    pub median: f64,
    /// 95 of 100 samples are at least as good.
    pub p95: f64,
    /// How many there were.
    pub samples: usize,
}

impl Spread {
    /// Sums up samples; `None` when there are none.
    pub fn of(mut samples: Vec<f64>, better: Better) -> Option<Self> {
        samples.sort_by(f64::total_cmp);
        if better == Better::More {
            samples.reverse();
        }
        Some(Self { median: at(&samples, 50)?, p95: at(&samples, 95)?, samples: samples.len() })
    }
}

/// The smallest sample that `percent` of 100 of them do not exceed.
fn at(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(last: u32) -> Vec<f64> {
        (1..=last).rev().map(f64::from).collect()
    }

    #[test]
    fn the_tail_is_at_the_worse_end() {
        let times = Spread::of(to(100), Better::Less).expect("samples");
        assert_eq!((times.median, times.p95, times.samples), (50.0, 95.0, 100));
        let rates = Spread::of(to(100), Better::More).expect("samples");
        assert_eq!((rates.median, rates.p95), (51.0, 6.0), "95 of 100 are 6 or more");
    }

    #[test]
    fn few_samples_are_summed_up_without_inventing_any() {
        let five = Spread::of(to(5), Better::Less).expect("samples");
        assert_eq!((five.median, five.p95), (3.0, 5.0));
        assert_eq!(Spread::of(Vec::new(), Better::Less), None);
    }
}
