//! Did-you-mean: the nearest known name, and lists of what would have been right.

/// Names longer than this, in bytes, are not compared: the work grows with the product of the lengths.
const COMPARED: usize = 128;

/// Names beyond this many are not listed.
const LISTED: usize = 12;

/// The candidate that `seen` was most likely meant to be: same letters in another case, a prefix, or a small edit distance.
#[must_use]
pub fn suggestion<'a>(seen: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if seen.len() > COMPARED {
        return None;
    }
    let allowed = match seen.chars().count() {
        0 => return None,
        1..=2 => 1,
        3..=5 => 2,
        6..=11 => 3,
        _ => 4,
    };
    let folded = seen.to_lowercase();
    candidates
        .into_iter()
        .filter(|candidate| *candidate != seen && candidate.len().abs_diff(seen.len()) <= 2 * allowed + 2)
        .map(|candidate| (strsim::osa_distance(&folded, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.chars().count())
        .min_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)))
        .map(|(_, candidate)| candidate)
}

/// "`a`, `b` or `c`", cut after a dozen names.
#[must_use]
pub fn one_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let quoted = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match names.split_last() {
        None => "nothing".to_owned(),
        Some((last, [])) => format!("`{last}`"),
        Some(_) if names.len() > LISTED => {
            format!("{} and {} more", quoted(names.get(..LISTED).unwrap_or_default()), names.len() - LISTED)
        }
        Some((last, rest)) => format!("{} or `{last}`", quoted(rest)),
    }
}

/// "`a`, `b` and `c`", cut after a dozen names.
#[must_use]
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let text = one_of(names);
    match text.rsplit_once("` or `") {
        Some((first, last)) => format!("{first}` and `{last}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_and_far_ones_are_not() {
        let fields = ["asset_photo", "name", "user"];
        assert_eq!(suggestion("asset_foto", fields), Some("asset_photo"));
        assert_eq!(suggestion("Name", fields), Some("name"));
        assert_eq!(suggestion("nmae", fields), Some("name"));
        assert_eq!(suggestion("warehouse", fields), None);
        assert_eq!(suggestion("", fields), None);
        assert_eq!(suggestion("x", ["y"]), None);
    }

    #[test]
    fn lists_read_as_prose() {
        assert_eq!(one_of([]), "nothing");
        assert_eq!(one_of(["a"]), "`a`");
        assert_eq!(one_of(["a", "b", "c"]), "`a`, `b` or `c`");
        let many: Vec<String> = (0..14).map(|n| n.to_string()).collect();
        assert!(one_of(many.iter().map(String::as_str)).ends_with("`11` and 2 more"));
    }
}
