//! Header values that are not shown: what stands for them in an answer, and what becomes of it when it is sent back.

use super::document::Mistake;
use super::interest::Header;
use crate::check::is_written_out;

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
            continue;
        }
        let message = format!("the header `{}` is `{HIDDEN}`, which stands for a value that is kept, and there is none", header.name);
        let help = Some("write the value itself".to_owned());
        out.push(Mistake { pointer: header.pointer.clone(), code: "invalid-value", message, help });
    }
}
