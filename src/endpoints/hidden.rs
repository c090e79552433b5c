//! Header values that are not shown: what stands for them in an answer, and what becomes of it when it is sent back.

use super::document::{Mistake, quoted};
use super::draft::Read;
use super::interest::Header;
use crate::check::{Part, Wants, is_written_out};
use crate::delivery::Destination;

/// What is shown in the place of a credential.
pub const HIDDEN: &str = "…";

/// Whether a value of a header is not shown.
#[must_use]
pub fn is_hidden(name: &str, value: &str) -> bool {
    is_written_out(name, value)
}

/// What was not shown and was sent back as it was shown is what it was `before`: the first of a name the first, and so on.
pub(super) fn keep_hidden(headers: &mut [Header], before: &[(Box<str>, Box<str>)], out: &mut Vec<Mistake>) {
    for index in 0..headers.len() {
        let (earlier, rest) = headers.split_at_mut(index);
        let Some(header) = rest.first_mut().filter(|header| &*header.value == HIDDEN && is_hidden(&header.name, HIDDEN)) else { continue };
        let nth = earlier.iter().filter(|other| other.name.eq_ignore_ascii_case(&header.name)).count();
        let same = before.iter().filter(|(name, _)| name.eq_ignore_ascii_case(&header.name));
        if let Some((_, value)) = same.clone().nth(nth).filter(|(name, value)| is_hidden(name, value)) {
            header.value = value.clone();
            header.is_kept = true;
            continue;
        }
        let message = format!("the header `{}` is `{HIDDEN}`, which stands for a value that is kept, and there is none", header.name);
        let help = Some("write the value itself".to_owned());
        out.push(Mistake { pointer: header.pointer.clone(), code: "invalid-value", message, help });
    }
}

/// What was not shown is sent to nobody else than it was given for: whoever may change an endpoint could have it sent to himself. `before`
/// is the URL that there was; a value that is written in this request may go anywhere.
pub(super) fn stay_where_given(before: &str, after: &Wants, read: &Read, out: &mut Vec<Mistake>) {
    if !goes_elsewhere(before, &after.url) {
        return;
    }
    let place = read.places.iter().find(|(part, _)| *part == Part::Url).map_or("/url", |(_, pointer)| pointer);
    for (name, value) in after.headers.iter().filter(|(name, value)| is_hidden(name, value)) {
        if !read.said.iter().any(|(known, said)| known.eq_ignore_ascii_case(name) && said == value) {
            out.push(of_another_place(name, place.to_owned()));
        }
    }
}

/// That a header keeps a value which was given for another place.
pub(super) fn of_another_place(name: &str, pointer: String) -> Mistake {
    let field = pointer.trim_start_matches('/').replace('/', ".");
    let message = format!(
        "`{field}` has another scheme, host or port than before, and the value of the header `{}`, which is not shown, was given for that",
        quoted(name)
    );
    let help = Some(format!("write the value of `{}` anew, or remove the header", quoted(name)));
    Mistake { pointer, code: "credential-of-another-place", message, help }
}

/// Whether a URL leads to another scheme, host or port. Of one that nobody has read, or where something else than text stands before the
/// path, only the very same is known to lead there.
pub(super) fn goes_elsewhere(before: &str, after: &str) -> bool {
    // What is not there yet, or was refused.
    if before == after || before.is_empty() || after.is_empty() {
        return false;
    }
    let (Some(before), Some(after)) = (Destination::of(before), Destination::of(after)) else { return true };
    before != after
}
