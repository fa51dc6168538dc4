//! Who asks for most of the series that are not let in: a list of fixed length.
//!
//! Space saving (Metwally, Agrawal, El Abbadi 2005): who is not on the full list takes the place
//! and the count of the last. So whoever asks more often than a part in `KEPT` is on it, and no
//! count is too low.

use batch::LabelsBuf;

/// Limit: offenders that are told.
pub const KEPT: usize = 20;

#[derive(Default)]
pub struct Offenders {
    /// The most frequent first.
    list: Vec<Offender>,
}

/// Names a metric of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offender {
    pub metric: String,
    pub tenant: String,
    /// How often a series of it was over a limit.
    pub count: u64,
}

impl Offenders {
    pub fn note(&mut self, labels: &LabelsBuf, tenant: &str) {
        let metric = labels.get("__name__").unwrap_or_default();
        let is_it = |offender: &Offender| offender.metric == metric && offender.tenant == tenant;
        let index = match self.list.iter().position(is_it) {
            Some(index) => index,
            None => self.put(metric, tenant),
        };
        self.list[index].count += 1;
        let count = self.list[index].count;
        let place = self.list[..index].partition_point(|other| count <= other.count);
        self.list[place..=index].rotate_right(1);
    }

    /// The most frequent first.
    pub fn list(&self) -> &[Offender] {
        &self.list
    }

    /// On the list, at its end.
    fn put(&mut self, metric: &str, tenant: &str) -> usize {
        let full = self.list.len() == KEPT;
        let count = match full {
            true => self.list.pop().map_or(0, |last| last.count),
            false => 0,
        };
        self.list.push(Offender {
            metric: metric.to_owned(),
            tenant: tenant.to_owned(),
            count,
        });
        self.list.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(offenders: &mut Offenders, metric: &str) {
        let labels = [("__name__", metric)].into_iter().collect();
        offenders.note(&labels, "t");
    }

    #[test]
    fn the_frequent_are_found_among_any_number_of_rare_ones() {
        let mut offenders = Offenders::default();
        for round in 0..10_000 {
            note(&mut offenders, &format!("rare_{round}"));
            if round % 4 == 0 {
                note(&mut offenders, "often");
            }
            if round % 8 == 0 {
                note(&mut offenders, "sometimes");
            }
        }
        let names: Vec<&str> = offenders
            .list()
            .iter()
            .map(|offender| offender.metric.as_str())
            .take(2)
            .collect();
        assert_eq!(names, ["often", "sometimes"]);
        assert_eq!(offenders.list().len(), KEPT);
        assert!(2_500 <= offenders.list()[0].count);
        assert!(offenders.list().is_sorted_by(|a, b| a.count >= b.count));
    }
}
