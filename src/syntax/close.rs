//! Closing tags, and what becomes of elements that have none: the children that more likely stand beside an unclosed element are taken
//! out of it, so that one forgotten `/` does not make the rest of a model look wrong.

use super::reader::{Open, Reader, offset};
use super::tree::{Node, NodeKind};
use crate::diagnostics::{Code, Diagnostic, Fix, suggestion};

/// How many nodes are looked through to see how an element is used.
const LOOKED_THROUGH: usize = 500;

impl<'s> Reader<'s, '_> {
    /// Reads a closing tag, `self.at` is its `<`.
    pub(super) fn close_tag(&mut self) {
        let start = self.at;
        let name_end = self.name_end(start + 2);
        self.at = name_end;
        self.skip_whitespace();
        if self.byte(self.at) == Some(b'>') {
            self.at += 1;
        } else {
            let end = self.tag_like_end(name_end);
            self.at = end;
            let closed = self.byte(end.saturating_sub(1)) == Some(b'>') && end > name_end;
            let seen = self.text.get(start..name_end).unwrap_or("</");
            let message = if closed {
                format!("the closing tag `{seen}` holds more than a name")
            } else {
                format!("the closing tag `{seen}` has no `>` at its end")
            };
            let mut diagnostic = Diagnostic::new(Code::UnclosedTag, self.span(start, name_end), message);
            if !closed {
                diagnostic = diagnostic.fix(Fix::replace("add the `>`", self.span(name_end, name_end), ">"));
            }
            self.out.push(diagnostic);
        }
        if self.skipped > 0 {
            self.skipped -= 1;
            return;
        }
        let text = self.text;
        let name = text.get(start + 2..name_end).unwrap_or("");
        self.close(start, name, name_end);
    }

    fn close(&mut self, start: usize, name: &'s str, name_end: usize) {
        if let Some(depth) = self.open.iter().rposition(|open| open.name == name) {
            while self.open.len() > depth + 1 {
                if let Some(open) = self.open.pop() {
                    self.owed.push(open.name);
                    self.unclosed(open, start, Some((start, name_end)));
                }
            }
            if let Some(open) = self.open.pop() {
                self.finish(open.node, self.at);
            }
            return;
        }
        if self.owed.pop_if(|owed| *owed == name).is_some() {
            return;
        }
        let span = self.span(start + 2, name_end);
        let Some(&innermost) = self.open.last() else {
            let message = format!("`</{name}>` closes nothing: no element is open");
            self.out.push(Diagnostic::new(Code::UnexpectedCloseTag, self.span(start, name_end), message));
            return;
        };
        let message = format!("`</{name}>` closes nothing; expected `</{}>`", innermost.name);
        let opened = self.tree.nodes.get(innermost.node as usize).map(|node| self.span(node.start as usize, node.name_end as usize));
        let mut diagnostic = Diagnostic::new(Code::UnexpectedCloseTag, span, message);
        if let Some(opened) = opened {
            diagnostic = diagnostic.related(opened, "opened here");
        }
        let misspelt = suggestion(name, [innermost.name]).is_some();
        if misspelt {
            diagnostic = diagnostic.fix(Fix::replace(format!("close `{}`", innermost.name), span, innermost.name));
            self.open.pop();
            self.tree.closed_as.insert(innermost.node, name);
            self.finish(innermost.node, self.at);
        }
        self.out.push(diagnostic);
    }

    /// Ends what is still open at the end of the file.
    pub(super) fn close_all(&mut self) {
        let end = self.text.len();
        while let Some(open) = self.open.pop() {
            if self.too_deep {
                self.finish(open.node, end);
            } else {
                self.unclosed(open, end, None);
            }
        }
    }

    /// Ends an element at its closing tag, or where it has to end.
    pub(super) fn finish(&mut self, node: u32, end: usize) {
        let after = offset(self.tree.nodes.len());
        if let Some(node) = self.tree.nodes.get_mut(node as usize) {
            node.after = after;
            node.end = offset(end);
        }
    }

    fn unclosed(&mut self, open: Open<'s>, end: usize, closed_by: Option<(usize, usize)>) {
        self.finish(open.node, end);
        let Some(&node) = self.tree.nodes.get(open.node as usize) else {
            return;
        };
        let keeps = self.keeps_until(open);
        if let Some(unclosed) = self.tree.nodes.get_mut(open.node as usize) {
            unclosed.after = keeps;
        }
        if open.reported {
            return;
        }
        let span = self.span(node.start as usize, node.name_end as usize);
        if self.lacks_slash(open, node) {
            let message = format!("`<{0}>` stands where `</{0}>` is expected", open.name);
            let at = node.start as usize + 1;
            let fix = Fix::replace("add the `/`", self.span(at, at), "/");
            self.out.push(Diagnostic::new(Code::UnclosedTag, span, message).fix(fix));
            return;
        }
        let mut diagnostic = Diagnostic::new(Code::UnclosedTag, span, format!("`<{}>` is not closed", open.name));
        if let Some((start, name_end)) = closed_by {
            diagnostic = diagnostic.related(self.span(start, name_end), "something around it is closed here");
        }
        if keeps == open.node + 1 || self.is_blank(open.node + 1, keeps) {
            let at = node.tag_end.saturating_sub(1) as usize;
            diagnostic = diagnostic.fix(Fix::replace("close the tag with `/>`", self.span(at, at), " /"));
        } else {
            diagnostic = diagnostic.help(format!("add `</{}>`", open.name));
        }
        self.out.push(diagnostic);
    }

    /// Whether an unclosed tag is the closing tag of the element around it but for its `/`: then it is made one.
    fn lacks_slash(&mut self, open: Open<'s>, node: Node) -> bool {
        let next = self.tree.nodes.get(open.node as usize + 1);
        let holds_text = next.is_some_and(|next| next.kind == NodeKind::Text && !self.is_blank(open.node + 1, open.node + 2));
        let is_bare = node.attributes.0 == node.attributes.1 && !holds_text;
        let Some(&outer) = self.open.last().filter(|outer| is_bare && outer.name == open.name) else {
            return false;
        };
        self.open.pop();
        for (index, end) in [(outer.node, node.tag_end), (open.node, node.tag_end)] {
            if let Some(closed) = self.tree.nodes.get_mut(index as usize) {
                (closed.after, closed.end) = (open.node.max(index + 1), end);
            }
        }
        if let Some(void) = self.tree.nodes.get_mut(open.node as usize) {
            void.kind = NodeKind::Void;
        }
        true
    }

    /// Up to which node an unclosed element keeps what follows it: not from a child of its own name on, nor from a child on a later
    /// line that is indented no further than it.
    fn keeps_until(&self, open: Open<'s>) -> u32 {
        let end = offset(self.tree.nodes.len());
        let Some(node) = self.tree.nodes.get(open.node as usize) else {
            return end;
        };
        let own = self.indentation(node.start);
        let mut index = open.node + 1;
        let mut line_start = None;
        // Elements hold text or other elements: what stands behind text is no child.
        let mut has_text = false;
        let mut is_empty = None;
        while let Some(child) = self.tree.nodes.get(index as usize) {
            match child.kind {
                NodeKind::Comment => {
                    line_start.get_or_insert(child.start);
                }
                NodeKind::Element => {
                    let indentation = self.indentation(line_start.take().unwrap_or(child.start));
                    let is_sibling = self.text.get(child.start as usize + 1..child.name_end as usize) == Some(open.name)
                        || matches!((own, indentation), (Some(own), Some(other)) if other <= own)
                        || indentation.is_none() && (has_text || *is_empty.get_or_insert_with(|| self.is_empty_elsewhere(open)));
                    if is_sibling {
                        return index;
                    }
                }
                NodeKind::Text | NodeKind::CharacterData => {
                    let text = self.text.get(child.start as usize..child.end as usize).unwrap_or("");
                    let is_blank = child.kind == NodeKind::Text && text.trim_ascii().is_empty();
                    has_text |= !is_blank;
                    // A comment and an element on one line may have a blank between them.
                    line_start = line_start.filter(|_| is_blank && !text.contains('\n'));
                }
                NodeKind::Void => line_start = None,
            }
            index = child.after.max(index + 1);
        }
        end
    }

    /// Whether the elements of this name that have been read, as far as a short look shows, hold no others: what follows on the same
    /// line is more likely to stand beside such an element than in it.
    fn is_empty_elsewhere(&self, open: Open<'s>) -> bool {
        let others = self.tree.nodes.iter().take(LOOKED_THROUGH).zip(0_u32..);
        let mut found = false;
        for (other, index) in others {
            let name = self.text.get(other.start as usize + 1..other.name_end as usize);
            if other.kind == NodeKind::Element && index != open.node && name == Some(open.name) {
                if other.after > index + 1 {
                    return false;
                }
                found = true;
            }
        }
        found
    }

    /// How many bytes of whitespace stand before `at` on its line; `None` when something else does.
    fn indentation(&self, at: u32) -> Option<usize> {
        let before = self.text.get(..at as usize)?;
        let blank = before.len() - before.trim_end_matches([' ', '\t']).len();
        let at_line_start = before.len() == blank || before.as_bytes().get(before.len() - blank - 1) == Some(&b'\n');
        at_line_start.then_some(blank)
    }

    fn is_blank(&self, from: u32, to: u32) -> bool {
        let nodes = self.tree.nodes.get(from as usize..to as usize).unwrap_or_default();
        nodes.iter().all(|node| {
            let text = self.text.get(node.start as usize..node.end as usize).unwrap_or("");
            node.kind == NodeKind::Text && text.trim_ascii().is_empty()
        })
    }
}
