//! The parts of a long list, newest first: where one is cut, and the links below it. A part that ends since its page has looked through enough
//! says so.

use maud::{Markup, html};

use super::page::Page;

/// What stands below a part of a list.
pub(super) struct Turning<'a> {
    /// Where the list is.
    pub(super) path: &'a str,
    /// Its filter.
    pub(super) filter: &'a str,
    /// Whether the part is the first.
    pub(super) is_first: bool,
    /// Behind what the next part begins, if there may be one.
    pub(super) next: Option<String>,
    /// How many of what were looked through, when that is why the part ends.
    pub(super) looked_at: Option<(usize, &'static str)>,
}

impl Turning<'_> {
    pub(super) fn draw(&self, page: &Page) -> Markup {
        let Self { path, filter, is_first, next, looked_at } = self;
        let which = if *is_first { "newest" } else { "next" };
        html! {
            nav.turning aria-label="Parts of the list" {
                @if !is_first { a href=(page.address.to(path, &[("q", filter)])) { "Newest" } }
                @if let Some((count, what)) = looked_at {
                    span.note { (format!("The {which} {},{:03} {what} were looked through.", count / 1000, count % 1000)) }
                }
                @if let Some(next) = next {
                    a rel="next" href=(page.address.to(path, &[("q", filter), ("before", next)])) {
                        @if looked_at.is_some() { "Look further back" } @else { "Older" }
                    }
                }
            }
        }
    }
}

/// Cuts a list that was asked for with one more than a page has. The last one on the page, if there are more.
pub(super) fn cut<Row>(rows: &mut Vec<Row>, page: usize) -> Option<&Row> {
    let more = rows.len() > page;
    rows.truncate(page);
    rows.last().filter(|_| more)
}
