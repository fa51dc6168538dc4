//! The difference of two lists of lines, as people know it from version control.

/// Limit: lines of either side that are compared in full; the table has their product. Longer lists
/// are shown whole, one after the other.
const LINES_MAX: usize = 2_000;

/// ` same`, `-missing` and `+unexpected` lines, in an order that keeps most lines the same.
pub(super) fn diff(wanted: &[&str], got: &[&str]) -> Vec<String> {
    if wanted.len().max(got.len()) > LINES_MAX {
        let missing = wanted.iter().map(|line| format!("-{line}"));
        return missing
            .chain(got.iter().map(|line| format!("+{line}")))
            .collect();
    }
    // Of the rest of both lists from each pair of places: the most lines that can stay.
    let width = got.len() + 1;
    let mut common = vec![0_u16; (wanted.len() + 1) * width];
    for left in (0..wanted.len()).rev() {
        for right in (0..got.len()).rev() {
            common[left * width + right] = match wanted[left] == got[right] {
                true => common[(left + 1) * width + right + 1] + 1,
                false => common[(left + 1) * width + right].max(common[left * width + right + 1]),
            };
        }
    }
    let (mut left, mut right) = (0, 0);
    let mut lines = Vec::new();
    while left < wanted.len() || right < got.len() {
        let (old, new) = (wanted.get(left), got.get(right));
        let drop_old = || common[(left + 1) * width + right] >= common[left * width + right + 1];
        match (old, new) {
            (Some(old), Some(new)) if old == new => {
                lines.push(format!(" {old}"));
                (left, right) = (left + 1, right + 1);
            }
            (Some(old), new) if new.is_none() || drop_old() => {
                lines.push(format!("-{old}"));
                left += 1;
            }
            _ => {
                lines.push(format!("+{}", got[right]));
                right += 1;
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_is_kept_and_the_rest_is_marked() {
        assert_eq!(
            diff(&["a", "b", "c"], &["a", "x", "c", "d"]),
            [" a", "-b", "+x", " c", "+d"]
        );
        assert_eq!(diff(&[], &["a"]), ["+a"]);
        assert_eq!(diff(&["a"], &[]), ["-a"]);
    }
}
