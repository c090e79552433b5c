//! Did-you-mean: the nearest known name, and lists of what would have been right.

/// Names longer than this, in bytes, are not compared: the work grows with the product of the lengths.
const COMPARED: usize = 128;

/// Names beyond this many are not listed.
const LISTED: usize = 12;

/// Candidates behind this many are not looked at: with as many unknown names as known ones, the work would grow with their product.
const LOOKED_AT: usize = 10_000;

/// Of those that could be near, so many are compared letter by letter.
const MEASURED: usize = 1_000;

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
    let letters = Letters::of(seen);
    let mut best: Option<(usize, &str)> = None;
    let mut measured = 0;
    for candidate in candidates.into_iter().take(LOOKED_AT) {
        let most = best.map_or(allowed, |(distance, _)| distance);
        if candidate.len().abs_diff(seen.len()) > 2 * allowed + 2 || candidate == seen || letters.apart(Letters::of(candidate)) > most {
            continue;
        }
        measured += 1;
        let distance = strsim::osa_distance(&folded, &candidate.to_lowercase());
        let is_near = distance <= allowed && distance < candidate.chars().count();
        if is_near && best.is_none_or(|best| (distance, candidate) < best) {
            best = Some((distance, candidate));
        }
        if measured == MEASURED {
            break;
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Which letters a name has, in any case and a bit each, and how many: cheap to compare, where a distance is not.
#[derive(Clone, Copy)]
struct Letters(Option<(u64, usize)>);

impl Letters {
    /// Nothing is known of a name beyond ASCII, since another case may change its length.
    fn of(name: &str) -> Self {
        let bits = || name.bytes().fold(0, |bits, byte| bits | 1 << (byte.to_ascii_lowercase() & 63));
        Self(name.is_ascii().then(|| (bits(), name.len())))
    }

    /// At least so many edits lie between two names: each brings at most one letter, and takes at most one away.
    fn apart(self, other: Self) -> usize {
        let (Some((one, length)), Some((other, other_length))) = (self.0, other.0) else { return 0 };
        let more = (one & !other).count_ones().max((other & !one).count_ones());
        usize::try_from(more).unwrap_or(usize::MAX).max(length.abs_diff(other_length))
    }
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
    fn what_is_not_measured_could_not_have_been_nearer() {
        let letters = ["a", "b", "C", "_", "7"];
        let names: Vec<String> = (0..5_usize.pow(4)).map(|n| (0..4).map(|at| letters[n / 5_usize.pow(at) % 5]).collect()).collect();
        let (known, seen): (Vec<&String>, Vec<&String>) = (names.iter().step_by(7).collect(), names.iter().step_by(3).collect());
        for seen in seen {
            let measured = known.iter().filter(|name| **name != seen);
            let measured = measured.map(|name| (strsim::osa_distance(&seen.to_lowercase(), &name.to_lowercase()), name.as_str()));
            let nearest = measured.filter(|(distance, _)| *distance <= 2).min();
            assert_eq!(suggestion(seen, known.iter().map(|name| name.as_str())), nearest.map(|(_, name)| name), "{seen}");
        }
        assert_eq!(suggestion("kelvin", ["\u{212a}elvin"]), Some("\u{212a}elvin"));
    }

    #[test]
    fn the_work_for_one_name_is_bounded() {
        assert!(Letters::of("pressure_0001").apart(Letters::of("temperature_0001")) > 2);
        assert_eq!(Letters::of("Name").apart(Letters::of("nmae")), 0);
        assert_eq!(Letters::of("größe").apart(Letters::of("x")), 0);
        let known: Vec<String> = (0..50_000).map(|n| format!("temperature_{n:05}")).collect();
        let (mut seen, mut near) = (0, 0);
        assert_eq!(suggestion("pressure", known.iter().map(String::as_str).inspect(|_| seen += 1)), None);
        assert_eq!(suggestion("temperature_0a0b", known.iter().map(String::as_str).inspect(|_| near += 1)), Some("temperature_00000"));
        assert!(seen <= LOOKED_AT && near <= LOOKED_AT, "{seen} {near}");
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
