//! `stage.sampling`: keeps a share of the entries, by chance.

use stdx::Rng;

use super::Entry;
use super::program::{Cx, Flow};

/// `stage.sampling`.
#[derive(Debug)]
pub struct Sampling {
    rate: f64,
    reason: String,
    rng: Rng,
}

impl Sampling {
    /// `rate` is the share that is kept, 0 to 1.
    #[must_use]
    pub fn new(rate: f64, reason: String, seed: u64) -> Sampling {
        Sampling {
            rate,
            reason,
            rng: Rng::new(seed),
        }
    }

    pub(super) fn process(&mut self, _: &mut Entry, cx: &mut Cx<'_>) -> Flow {
        let kept = self.rate >= 1.0 || (self.rate > 0.0 && self.rng.chance(self.rate));
        match kept {
            true => Flow::Pass,
            false => cx.drop(&self.reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::tests::Rig;

    fn kept(rate: f64) -> usize {
        let mut rig = Rig::of(Sampling::new(rate, "s".into(), 7));
        for _ in 0..1000 {
            rig.line("x");
        }
        assert_eq!(
            rig.counters().dropped_entries as usize,
            1000 - rig.out.len()
        );
        rig.out.len()
    }

    #[test]
    fn the_rate_is_the_share_that_stays() {
        assert_eq!(kept(0.0), 0);
        assert_eq!(kept(1.0), 1000);
        let half = kept(0.5);
        assert!((400..600).contains(&half), "{half} of 1000");
    }
}
