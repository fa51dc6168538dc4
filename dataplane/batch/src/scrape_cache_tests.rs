//! Scrapes as lists of lines, each with what the cache makes of it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Scrapes lines given as `text` (new ones get the next id), `-text` (relabelling drops it) or
/// `text@` (own timestamp). Says what each line was, then what the end of the scrape hands over.
struct Target {
    cache: ScrapeCache,
    next: u32,
}

enum End {
    Commit,
    Fail,
    Abort,
}

impl Target {
    fn new() -> Target {
        Target {
            cache: ScrapeCache::new(42),
            next: 0,
        }
    }

    fn line(&mut self, line: &str) -> String {
        let text = line.trim_end_matches('@');
        let tracked = text == line;
        let body = format!("{text} 1\n");
        let in_order = self.cache.matches(body.as_bytes());
        if let Some(len) = in_order {
            assert_eq!(&body[..len], text, "only whole texts match");
        } else if let Err(key) = self.cache.find(text.as_bytes()) {
            let series = (!text.starts_with('-')).then_some(SeriesId(self.next));
            self.next += u32::from(series.is_some());
            self.cache.insert(key, series, tracked);
            return "new".to_owned();
        }
        let order = if in_order.is_some() { "" } else { "?" };
        let found = self.cache.take(tracked);
        let again = if found.repeated { "!" } else { "" };
        match found.series {
            Some(series) => format!("{order}{}{again}", series.0),
            None => format!("{order}drop{again}"),
        }
    }

    fn scrape(&mut self, lines: &str, end: End) -> String {
        self.cache.begin();
        let mut words: Vec<String> = lines
            .split_whitespace()
            .map(|line| self.line(line))
            .collect();
        words.push("|".to_owned());
        let mut gone = Vec::new();
        let scraped = match end {
            End::Commit => self.cache.commit(|one| gone.push(one)),
            End::Fail => self.cache.fail(|one| gone.push(one)),
            End::Abort => {
                self.cache.abort(|one| gone.push(one));
                let vanished = gone.len();
                Scraped { added: 0, vanished }
            }
        };
        assert_eq!(
            scraped.vanished,
            gone.iter().filter(|one| one.release).count()
        );
        words.push(format!("+{}", scraped.added));
        words.extend(gone.iter().map(describe));
        words.join(" ")
    }

    fn check(&mut self, lines: &str, expected: &str) {
        assert_eq!(self.scrape(lines, End::Commit), expected);
    }
}

fn describe(gone: &Gone) -> String {
    let marker = if gone.marker { "stale " } else { "" };
    let release = if gone.release { "release " } else { "" };
    format!("{marker}{release}{}", gone.series.0)
}

#[test]
fn the_second_scrape_knows_every_line_in_order() {
    let mut target = Target::new();
    target.check("a b c", "new new new | +3");
    target.check("a b c", "0 1 2 | +0");
    target.check("a b c", "0 1 2 | +0");
}

#[test]
fn a_vanished_series_is_handed_over_once() {
    let mut target = Target::new();
    target.check("a b c", "new new new | +3");
    target.check("a c", "0 ?2 | +0 stale release 1");
    target.check("a c", "0 2 | +0");
    target.check("", "| +0 stale release 0 stale release 2");
    target.check("", "| +0");
}

#[test]
fn a_new_series_finds_its_place_in_the_order() {
    let mut target = Target::new();
    target.check("a c", "new new | +2");
    target.check("a b c", "0 new 1 | +1");
    target.check("a b c", "0 2 1 | +0");
}

#[test]
fn another_order_is_looked_up_once_and_then_known() {
    let mut target = Target::new();
    target.check("a b c d", "new new new new | +4");
    target.check("d c b a", "?3 ?2 ?1 ?0 | +0");
    target.check("d c b a", "3 2 1 0 | +0");
}

#[test]
fn a_repeated_line_is_told() {
    let mut target = Target::new();
    target.check("a a b", "new ?0! new | +2");
    target.check("a a b", "0 ?0! 1 | +0");
}

#[test]
fn a_dropped_series_is_known_and_never_stale() {
    let mut target = Target::new();
    target.check("a -b c", "new new new | +2");
    target.check("a -b c", "0 drop 1 | +0");
    target.check("a c", "0 ?1 | +0");
}

#[test]
fn own_timestamps_mean_no_marker() {
    let mut target = Target::new();
    target.check("a@ b", "new new | +2");
    target.check("a@ b", "0 1 | +0");
    target.check("", "| +0 release 0 stale release 1");
    target.check("a@", "new | +1");
    target.check("a", "2 | +0");
    target.check("", "| +0 stale release 2");
}

#[test]
fn a_failed_scrape_makes_the_last_good_one_stale_and_keeps_its_entries() {
    let mut target = Target::new();
    target.check("a b@ c", "new new new | +3");
    assert_eq!(
        target.scrape("a x", End::Fail),
        "0 new | +1 stale 0 stale 2"
    );
    assert_eq!(target.scrape("a x", End::Fail), "0 ?3 | +0");
    assert_eq!(target.scrape("", End::Fail), "| +0");
    target.check("a c", "0 ?2 | +0 release 1 release 3");
    target.check("", "| +0 stale release 0 stale release 2");
}

#[test]
fn failures_alone_do_not_grow_a_cache_without_end() {
    let mut target = Target::new();
    target.check("a", "new | +1");
    for round in 0..5 {
        let lines: Vec<String> = (0..600).map(|n| format!("x{round}_{n}")).collect();
        target.scrape(&lines.join(" "), End::Fail);
        assert!(
            target.cache.len() <= 1200,
            "{} after {round}",
            target.cache.len()
        );
    }
}

#[test]
fn an_aborted_scrape_leaves_no_trace() {
    let mut target = Target::new();
    target.check("a b@", "new new | +2");
    assert_eq!(
        target.scrape("b x a@", End::Abort),
        "?1 new ?0 | +0 release 2"
    );
    target.check("a b@", "0 1 | +0");
    target.check("", "| +0 stale release 0 release 1");
}

#[test]
fn clearing_hands_everything_over() {
    let mut target = Target::new();
    target.check("a b@ -c", "new new new | +2");
    let mut gone = Vec::new();
    target.cache.clear(|one| gone.push(describe(&one)));
    assert_eq!(gone, ["stale release 0", "release 1"]);
    assert!(target.cache.is_empty());
    target.check("a", "new | +1");
}

#[test]
fn a_series_costs_no_more_than_its_share() {
    let mut target = Target::new();
    let lines: Vec<String> = (0..10_000)
        .map(|n| format!("metric{{n=\"{n}\"}}"))
        .collect();
    let lines = lines.join(" ");
    for _ in 0..2 {
        target.scrape(&lines, End::Commit);
    }
    let bytes = target.cache.memory_bytes() / 10_000;
    assert!(bytes <= 27, "{bytes} bytes a series");
}

#[test]
fn texts_too_long_for_an_entry_are_still_known() {
    let mut target = Target::new();
    let long = "x".repeat(70_000);
    target.check(&format!("a {long} b"), "new new new | +3");
    target.check(&format!("a {long} b"), "0 ?1 2 | +0");
}

proptest! {
    /// Against sets: which lines are new, which series vanish, and that references balance.
    #[test]
    fn any_sequence_of_scrapes_agrees_with_sets(
        scrapes in vec((vec(0u8..12, 0..16), 0u8..4), 1..12)
    ) {
        let mut cache = ScrapeCache::new(7);
        let mut held: BTreeSet<u32> = BTreeSet::new();
        let mut live: BTreeMap<u8, u32> = BTreeMap::new();
        let mut next = 0;
        for (lines, end) in scrapes {
            cache.begin();
            let mut now: BTreeMap<u8, u32> = BTreeMap::new();
            for line in lines {
                let text = format!("m{line}");
                let repeated = now.contains_key(&line);
                let found = match cache.find(text.as_bytes()) {
                    Ok(()) => cache.take(true),
                    Err(key) => {
                        prop_assert!(!live.contains_key(&line), "a live series is known");
                        held.insert(next);
                        cache.insert(key, Some(SeriesId(next)), true);
                        next += 1;
                        Found { series: Some(SeriesId(next - 1)), repeated: false }
                    }
                };
                let id = found.series.expect("nothing is dropped").0;
                prop_assert_eq!(found.repeated, repeated);
                prop_assert_eq!(*now.entry(line).or_insert(id), id);
                if let Some(before) = live.get(&line) {
                    prop_assert_eq!(*before, id);
                }
            }
            let mut stale: Vec<u32> = Vec::new();
            let mut gone = |one: Gone| {
                assert!(!one.release || held.remove(&one.series.0), "released twice");
                stale.extend(one.marker.then_some(one.series.0));
            };
            let expected: BTreeSet<u32> = match end {
                0 => {
                    cache.fail(&mut gone);
                    std::mem::take(&mut live).into_values().collect()
                }
                1 => {
                    cache.abort(&mut gone);
                    BTreeSet::new()
                }
                _ => {
                    cache.commit(&mut gone);
                    let before = std::mem::replace(&mut live, now);
                    before.into_values().filter(|id| !live.values().any(|now| now == id)).collect()
                }
            };
            prop_assert_eq!(stale.iter().copied().collect::<BTreeSet<u32>>(), expected);
            prop_assert_eq!(held.len(), cache.len());
        }
        cache.clear(|one| assert!(held.remove(&one.series.0)));
        prop_assert!(held.is_empty());
    }
}
