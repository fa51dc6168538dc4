//! The nearest valid name for a mistyped one, for error messages.

/// Number of single character edits (insert, delete, replace, swap of neighbours) from `a` to `b`.
pub fn edit_distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    // Three rows of the dynamic programming table: a swap looks two rows back.
    let mut two_back = vec![0; b.len() + 1];
    let mut one_back: Vec<usize> = (0..=b.len()).collect();
    let mut row = vec![0; b.len() + 1];
    for i in 1..=a.len() {
        row[0] = i;
        for j in 1..=b.len() {
            let replaced = one_back[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(one_back[j] + 1).min(row[j - 1] + 1);
            let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if swapped {
                row[j] = row[j].min(two_back[j - 2] + 1);
            }
        }
        std::mem::swap(&mut two_back, &mut one_back);
        std::mem::swap(&mut one_back, &mut row);
    }
    one_back[b.len()]
}

/// The candidate that `name` most likely meant: at most a third of its characters (and at least
/// one) may differ, otherwise a suggestion confuses more than it helps. Ties go to the first by
/// name, so that candidates out of a hash map give the same answer each time.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance_max = (name.chars().count() / 3).max(1);
    let mut best: Option<&str> = None;
    let mut best_distance = distance_max + 1;
    for candidate in candidates {
        let distance = edit_distance(name, candidate);
        let better = distance < best_distance
            || distance == best_distance && best.is_some_and(|best| candidate < best);
        if better {
            best = Some(candidate);
            best_distance = distance;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_each_kind_of_edit_once() {
        for (a, b, distance) in [
            ("", "", 0),
            ("", "abc", 3),
            ("targets", "targets", 0),
            ("target", "targets", 1),
            ("tragets", "targets", 1),
            ("kitten", "sitting", 3),
            ("größe", "grösse", 2),
        ] {
            assert_eq!(edit_distance(a, b), distance, "{a} -> {b}");
            assert_eq!(edit_distance(b, a), distance, "{b} -> {a}");
        }
    }

    #[test]
    fn nearest_suggests_likely_names_only() {
        let names = ["targets", "forward_to", "scrape_interval", "job_name"];
        assert_eq!(nearest("target", names), Some("targets"));
        assert_eq!(nearest("foward_to", names), Some("forward_to"));
        assert_eq!(nearest("scrape_intreval", names), Some("scrape_interval"));
        assert_eq!(nearest("url", names), None);
        assert_eq!(nearest("", names), None);
    }

    #[test]
    fn nearest_does_not_depend_on_the_order_of_the_candidates() {
        assert_eq!(nearest("d42", ["d4", "d12"]), Some("d12"));
        assert_eq!(nearest("d42", ["d12", "d4"]), Some("d12"));
    }
}
