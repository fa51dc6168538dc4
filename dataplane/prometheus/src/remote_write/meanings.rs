//! What each series means, for version 2 of the message: found by the series' name, once per
//! series.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use batch::{Metadata, SeriesId, SeriesMap, SeriesTable};
use ops::names;

/// Families that components upstream want to go along with their series.
#[derive(Default)]
pub struct Described {
    all: RefCell<Vec<Metadata>>,
    /// Where in `all` a family is.
    by_name: RefCell<HashMap<String, u32>>,
    /// Moves when there is a new family: what had no meaning may have one now.
    additions: Cell<u64>,
}

impl Described {
    /// Takes what came last about each family, at most `families_max` of them.
    pub fn learn(&self, batch: &[Metadata], families_max: usize) {
        let mut all = self.all.borrow_mut();
        let mut by_name = self.by_name.borrow_mut();
        for metadata in batch {
            match by_name.get(&metadata.name) {
                Some(at) => all[*at as usize].clone_from(metadata),
                None if all.len() < families_max => {
                    by_name.insert(metadata.name.clone(), all.len() as u32);
                    all.push(metadata.clone());
                    self.additions.set(self.additions.get() + 1);
                }
                None => {}
            }
        }
    }

    /// The family of a series: of its own name, or of its name without a suffix of the family's
    /// kind.
    fn find(&self, name: &str) -> Option<u32> {
        let by_name = self.by_name.borrow();
        if let Some(at) = by_name.get(name) {
            return Some(*at);
        }
        let all = self.all.borrow();
        let mut families = names::families(name).filter_map(|(family, kind)| {
            let at = *by_name.get(family)?;
            (all[at as usize].kind == kind).then_some(at)
        });
        families.next()
    }
}

/// The families of series, remembered.
pub struct Meanings {
    families: Rc<Described>,
    series: Rc<RefCell<SeriesTable>>,
    /// `None` only while it is dropped.
    map: Option<SeriesMap<u32>>,
    additions: u64,
}

const UNKNOWN: u32 = u32::MAX;
const NOTHING: u32 = u32::MAX - 1;

impl Meanings {
    pub fn new(families: &Rc<Described>, series: &Rc<RefCell<SeriesTable>>) -> Meanings {
        let map = Some(SeriesMap::new(&mut series.borrow_mut(), UNKNOWN));
        Meanings {
            families: families.clone(),
            series: series.clone(),
            map,
            additions: families.additions.get(),
        }
    }

    /// Forgets series that died, and everything if there are new families.
    pub fn catch_up(&mut self, table: &mut SeriesTable) {
        let additions = self.families.additions.get();
        if self.additions == additions {
            let map = self.map.as_mut().expect("there until dropped");
            map.drain(table, |_, _| {});
            return;
        }
        self.additions = additions;
        let fresh = SeriesMap::new(table, UNKNOWN);
        if let Some(map) = self.map.replace(fresh) {
            map.close(table, |_, _| {});
        }
    }

    /// Lets `use_it` see what a series means, if that is known.
    pub fn with<R>(
        &mut self,
        table: &SeriesTable,
        series: SeriesId,
        use_it: impl FnOnce(Option<&Metadata>) -> R,
    ) -> R {
        let map = self.map.as_mut().expect("there until dropped");
        let mut at = map.get(series);
        if at == UNKNOWN {
            let name = table.label(series, "__name__").unwrap_or_default();
            at = self.families.find(name).unwrap_or(NOTHING);
            map.set(series, at);
        }
        let all = self.families.all.borrow();
        use_it(all.get(at as usize))
    }
}

impl Drop for Meanings {
    fn drop(&mut self) {
        if let Some(map) = self.map.take() {
            map.close(&mut self.series.borrow_mut(), |_, _| {});
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use batch::{LabelsBuf, MetricKind};

    fn family(name: &str, kind: MetricKind, help: &str) -> Metadata {
        let (name, help) = (name.to_owned(), help.to_owned());
        Metadata {
            name,
            kind,
            help,
            unit: String::new(),
        }
    }

    #[test]
    fn a_series_means_what_its_family_does() {
        let families = Rc::new(Described::default());
        let shared = Rc::new(RefCell::new(SeriesTable::new(1)));
        let mut meanings = Meanings::new(&families, &shared);
        let table = &mut *shared.borrow_mut();
        let mut series = |name: &str| {
            let labels: LabelsBuf = [("__name__", name)].into_iter().collect();
            table.intern(&labels)
        };
        let names = [
            "h_bucket", "h_sum", "h", "s_sum", "a_total", "b", "h_total", "g_sum",
        ];
        let ids = names.map(&mut series);
        let mut shown = |meanings: &mut Meanings| -> Vec<String> {
            meanings.catch_up(table);
            let help = |id| {
                let help = |meaning: Option<&Metadata>| meaning.map(|found| found.help.clone());
                meanings.with(table, id, help).unwrap_or_default()
            };
            ids.map(help).to_vec()
        };
        assert_eq!(shown(&mut meanings), [""; 8]);
        families.learn(
            &[
                family("h", MetricKind::Histogram, "h"),
                family("s", MetricKind::Summary, "s"),
                family("a", MetricKind::Counter, "a"),
                family("g", MetricKind::Gauge, "g"),
            ],
            10,
        );
        let expected = ["h", "h", "h", "s", "a", "", "", ""];
        assert_eq!(shown(&mut meanings), expected);
        families.learn(&[family("a", MetricKind::Counter, "other")], 10);
        families.learn(&[family("b", MetricKind::Gauge, "b")], 4);
        let expected = ["h", "h", "h", "s", "other", "", "", ""];
        assert_eq!(
            shown(&mut meanings),
            expected,
            "and no more families than allowed"
        );
    }
}
