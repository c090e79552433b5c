//! The parser's tree → the tree as written. The parser's own spans are byte ranges, but start one token early at comparisons and
//! inline `if`s, and in the middle of a chain of attributes; here they are made exact, from the borrowed names and from the operands.
//! No name is looked up.

use std::ops::Range;

use minijinja::machinery::{Span, ast};
use minijinja::value::{Value, ValueKind};

use super::written::{Argument, Constant, Expression, For, Kind, Name, Operator, Statement};

/// Lowers the pieces of a template.
pub(super) fn statements<'s>(source: &'s str, children: &[ast::Stmt<'s>]) -> Vec<Statement<'s>> {
    Lower { source }.statements(children)
}

/// Lowers one expression.
pub(super) fn expression<'s>(source: &'s str, parsed: &ast::Expr<'s>) -> Expression<'s> {
    Lower { source }.expression(parsed)
}

struct Lower<'s> {
    source: &'s str,
}

impl<'s> Lower<'s> {
    fn statements(&self, children: &[ast::Stmt<'s>]) -> Vec<Statement<'s>> {
        let mut lowered = Vec::with_capacity(children.len());
        for child in children {
            match child {
                ast::Stmt::Template(template) => lowered.extend(self.statements(&template.children)),
                ast::Stmt::EmitRaw(raw) => lowered.push(Statement::Text(raw.raw, self.place(raw.raw))),
                ast::Stmt::EmitExpr(emit) => lowered.push(Statement::Print(self.expression(&emit.expr))),
                ast::Stmt::IfCond(chosen) => lowered.push(Statement::If {
                    condition: self.expression(&chosen.expr),
                    then: self.statements(&chosen.true_body),
                    otherwise: self.statements(&chosen.false_body),
                }),
                ast::Stmt::ForLoop(repeated) => lowered.push(self.repeated(repeated, repeated.span())),
                ast::Stmt::WithBlock(block) => lowered.push(self.foreign("with", block.span())),
                ast::Stmt::Set(set) => lowered.push(self.foreign("set", set.span())),
                ast::Stmt::SetBlock(set) => lowered.push(self.foreign("set", set.span())),
                ast::Stmt::AutoEscape(block) => lowered.push(self.foreign("autoescape", block.span())),
                ast::Stmt::FilterBlock(block) => lowered.push(self.foreign("filter", block.span())),
                ast::Stmt::Do(call) => lowered.push(self.foreign("do", call.span())),
            }
        }
        lowered
    }

    fn repeated(&self, repeated: &ast::ForLoop<'s>, span: Span) -> Statement<'s> {
        let ast::Expr::Var(variable) = &repeated.target else {
            return self.foreign("for", span);
        };
        if repeated.recursive {
            return self.foreign("for", span);
        }
        Statement::For(Box::new(For {
            variable: self.name(variable.id),
            list: self.expression(&repeated.iter),
            filter: repeated.filter_expr.as_ref().map(|filter| self.expression(filter)),
            body: self.statements(&repeated.body),
            otherwise: self.statements(&repeated.else_body),
        }))
    }

    /// A statement's span starts at its keyword.
    fn foreign(&self, keyword: &'static str, span: Span) -> Statement<'s> {
        let start = span.start_offset as usize;
        Statement::Foreign { keyword, range: self.clamp(start..start + keyword.len()) }
    }

    fn expression(&self, parsed: &ast::Expr<'s>) -> Expression<'s> {
        let own = range(parsed.span());
        match parsed {
            ast::Expr::Var(variable) => self.make(Kind::Name(variable.id), self.place(variable.id)),
            ast::Expr::Const(constant) => self.make(literal(&constant.value), own),
            ast::Expr::Slice(slice) => {
                let of = self.expression(&slice.expr);
                self.make(Kind::Foreign("a slice", "take one item with `[0]`, or filter in a `for`"), of.range.start..own.end)
            }
            ast::Expr::UnaryOp(unary) => {
                let operand = self.boxed(&unary.expr);
                // `not in` and `is not` put `not` round an operation that has the same bytes; a `not` in front starts at itself.
                let start = match unary.expr {
                    ast::Expr::BinOp(_) | ast::Expr::Test(_) if !self.starts_with_not(own.start) => operand.range.start,
                    _ => own.start.min(operand.range.start),
                };
                let kind = match unary.op {
                    ast::UnaryOpKind::Not => Kind::Not(operand),
                    ast::UnaryOpKind::Neg => Kind::Negate(operand),
                };
                self.make(kind, start..own.end)
            }
            ast::Expr::BinOp(binary) => {
                let (left, right) = (self.boxed(&binary.left), self.boxed(&binary.right));
                let (kind, compares) = match operator(binary.op) {
                    Some((operator, compares)) => (Kind::Binary(operator, left, right), compares),
                    None => return self.make(Kind::Foreign("a power", "multiply with `*`"), own),
                };
                let Kind::Binary(_, left, _) = &kind else { return self.make(kind, own) };
                let start = if compares { self.after_previous(own.start, left.range.start) } else { own.start.min(left.range.start) };
                self.make(kind, start..own.end)
            }
            ast::Expr::Compare(chain) => {
                let first = self.expression(&chain.expr);
                let advice = "compare two at a time, as in `a < b and b < c`";
                self.make(Kind::Foreign("a chain of comparisons", advice), first.range.start..own.end)
            }
            ast::Expr::IfExpr(chosen) => {
                let then = self.boxed(&chosen.true_expr);
                let start = self.after_previous(own.start, then.range.start);
                let condition = self.boxed(&chosen.test_expr);
                let otherwise = chosen.false_expr.as_ref().map(|otherwise| self.boxed(otherwise));
                self.make(Kind::Choose { condition, then, otherwise }, start..own.end)
            }
            ast::Expr::Filter(filter) => {
                let Some(input) = &filter.expr else {
                    return self.make(Kind::Foreign("a filter without an input", "write the value before the `|`"), own);
                };
                let (input, name) = (self.boxed(input), self.name(filter.name));
                let start = self.before_parentheses(input.range.start, name.range.start);
                self.make(Kind::Filter { input, name, arguments: self.arguments(&filter.args) }, start..own.end)
            }
            ast::Expr::Test(test) => {
                let (input, name) = (self.boxed(&test.expr), self.name(test.name));
                let start = self.before_parentheses(input.range.start, name.range.start);
                self.make(Kind::Test { input, name, arguments: self.arguments(&test.args) }, start..own.end)
            }
            ast::Expr::GetAttr(attribute) => {
                let (of, name) = (self.boxed(&attribute.expr), self.name(attribute.name));
                let whole = self.before_parentheses(of.range.start, name.range.start)..name.range.end;
                self.make(Kind::Attribute(of, name), whole)
            }
            ast::Expr::GetItem(item) => {
                let (of, index) = (self.boxed(&item.expr), self.boxed(&item.subscript_expr));
                let whole = of.range.start..own.end;
                self.make(Kind::Item(of, index), whole)
            }
            ast::Expr::Call(call) => {
                let callee = self.boxed(&call.expr);
                let whole = callee.range.start..own.end;
                self.make(Kind::Call { callee, arguments: self.arguments(&call.args) }, whole)
            }
            ast::Expr::List(list) => self.make(Kind::List(self.expressions(&list.items)), own),
            ast::Expr::Tuple(tuple) => self.make(Kind::List(self.expressions(&tuple.items)), own),
            ast::Expr::Map(map) => {
                let pairs = map.keys.iter().zip(&map.values);
                self.make(Kind::Map(pairs.map(|(key, value)| (self.expression(key), self.expression(value))).collect()), own)
            }
        }
    }

    fn arguments(&self, arguments: &[ast::CallArg<'s>]) -> Vec<Argument<'s>> {
        let splat = |value: &ast::Expr<'s>| {
            let range = self.expression(value).range;
            Argument { name: None, value: self.make(Kind::Foreign("a spread argument", "write the arguments one by one"), range) }
        };
        let lowered = arguments.iter().map(|argument| match argument {
            ast::CallArg::Pos(value) => Argument { name: None, value: self.expression(value) },
            ast::CallArg::Kwarg(name, value) => Argument { name: Some(self.name(name)), value: self.expression(value) },
            ast::CallArg::PosSplat(value) | ast::CallArg::KwargSplat(value) => splat(value),
        });
        lowered.collect()
    }

    fn boxed(&self, parsed: &ast::Expr<'s>) -> Box<Expression<'s>> {
        Box::new(self.expression(parsed))
    }

    fn expressions(&self, parsed: &[ast::Expr<'s>]) -> Vec<Expression<'s>> {
        parsed.iter().map(|item| self.expression(item)).collect()
    }

    fn make(&self, kind: Kind<'s>, range: Range<usize>) -> Expression<'s> {
        Expression { kind, range: self.clamp(range) }
    }

    fn name(&self, text: &'s str) -> Name<'s> {
        Name { text, range: self.place(text) }
    }

    /// Where a slice that the parser borrowed from the source stands in it.
    fn place(&self, part: &'s str) -> Range<usize> {
        let start = (part.as_ptr() as usize).saturating_sub(self.source.as_ptr() as usize);
        self.clamp(start..start + part.len())
    }

    fn clamp(&self, range: Range<usize>) -> Range<usize> {
        let start = self.source.floor_char_boundary(range.start);
        start..self.source.ceil_char_boundary(range.end).max(start)
    }

    fn starts_with_not(&self, start: usize) -> bool {
        self.source.get(start..).is_some_and(|rest| rest.starts_with("not"))
    }

    /// The start of an operand whose span the parser starts at the token before it: past that token, at the operand's first
    /// parenthesis or at the operand.
    fn after_previous(&self, previous: usize, operand: usize) -> usize {
        let Some(between) = self.source.get(previous..operand) else { return operand };
        let token = match between.find(|c: char| c == '(' || c.is_whitespace()) {
            Some(0) => 1,
            Some(length) => length,
            None => return operand,
        };
        between.get(token..).and_then(|rest| rest.find('(')).map_or(operand, |parenthesis| previous + token + parenthesis)
    }

    /// The start of an input in parentheses: each `)` right before the `|`, `.` or `is` has a `(` right before the input.
    fn before_parentheses(&self, input: usize, name: usize) -> usize {
        let Some(text) = self.source.get(input..name) else { return input };
        let tail = text.trim_end();
        let tail = tail.strip_suffix("not").unwrap_or(tail).trim_end();
        let tail = tail.strip_suffix('|').or(tail.strip_suffix('.')).or(tail.strip_suffix("is")).unwrap_or(tail);
        let surplus = depth(tail);
        let mut start = input;
        for _ in 0..surplus {
            let Some(before) = self.source.get(..start) else { return start };
            match before.trim_end().strip_suffix('(') {
                Some(rest) => start = rest.len(),
                None => return start,
            }
        }
        start
    }
}

/// How many `)` have no `(` before them, text in quotes left out.
fn depth(text: &str) -> usize {
    let (mut open, mut surplus, mut quote) = (0_usize, 0, None);
    for c in text.chars() {
        match quote {
            Some(end) if c == end => quote = None,
            Some(_) => {}
            None => match c {
                '"' | '\'' => quote = Some(c),
                '(' => open += 1,
                ')' if open == 0 => surplus += 1,
                ')' => open -= 1,
                _ => {}
            },
        }
    }
    surplus
}

fn range(span: Span) -> Range<usize> {
    span.start_offset as usize..span.end_offset as usize
}

fn literal(value: &Value) -> Kind<'static> {
    let kind = value.kind();
    if kind == ValueKind::Bool {
        return Kind::Constant(Constant::Boolean(value.is_true()));
    }
    if let Some(text) = value.as_str() {
        return Kind::Constant(Constant::Text(text.into()));
    }
    if kind != ValueKind::Number {
        return Kind::Constant(Constant::Null);
    }
    match (value.is_integer(), i64::try_from(value.clone()), f64::try_from(value.clone())) {
        (true, Ok(integer), _) => Kind::Constant(Constant::Integer(integer)),
        (false, _, Ok(number)) if number.is_finite() => Kind::Constant(Constant::Number(number)),
        _ => Kind::Foreign("a number of this size", "whole numbers go up to 9223372036854775807"),
    }
}

/// The operator, and whether it is a comparison.
fn operator(kind: ast::BinOpKind) -> Option<(Operator, bool)> {
    Some(match kind {
        ast::BinOpKind::Eq => (Operator::Equal, true),
        ast::BinOpKind::Ne => (Operator::NotEqual, true),
        ast::BinOpKind::Lt => (Operator::Less, true),
        ast::BinOpKind::Lte => (Operator::LessOrEqual, true),
        ast::BinOpKind::Gt => (Operator::Greater, true),
        ast::BinOpKind::Gte => (Operator::GreaterOrEqual, true),
        ast::BinOpKind::In => (Operator::In, true),
        ast::BinOpKind::ScAnd => (Operator::And, false),
        ast::BinOpKind::ScOr => (Operator::Or, false),
        ast::BinOpKind::Add => (Operator::Add, false),
        ast::BinOpKind::Sub => (Operator::Subtract, false),
        ast::BinOpKind::Mul => (Operator::Multiply, false),
        ast::BinOpKind::Div => (Operator::Divide, false),
        ast::BinOpKind::FloorDiv => (Operator::FloorDivide, false),
        ast::BinOpKind::Rem => (Operator::Remainder, false),
        ast::BinOpKind::Concat => (Operator::Concatenate, false),
        ast::BinOpKind::Pow => return None,
    })
}
