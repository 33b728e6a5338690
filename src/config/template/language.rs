//! What a template may be written of, so that the fuel of its rendering bounds time and memory.
//!
//! The engine pays for instructions, texts and items, but makes lists without paying for what is in them: a list times a
//! number, a list of twice the same list, two lists put together. Fifty such steps are a text of petabytes, and turning
//! it into text, comparing or hashing it is one instruction, which nothing can stop. So a template makes no lists: it has
//! those of the notification, parts of them, and those that are written out in it. Everything else is as large as what
//! was paid for.
//!
//! What is refused is told with what to write in its place. It is the syntax tree that is looked at, so that the same
//! signs in the text around it, or in a quoted word, mean nothing.

use minijinja::machinery::Span;
use minijinja::machinery::ast::{BinOpKind, Call, CallArg, Expr, Filter, Stmt, UnaryOpKind};
use minijinja::value::ValueKind;

use super::TemplateProblem;

/// Filters whose result is a text or a number, whatever they are given.
const PLAIN: [&str; 18] = [
    "abs",
    "capitalize",
    "count",
    "e",
    "escape",
    "float",
    "format",
    "indent",
    "int",
    "join",
    "length",
    "lower",
    "replace",
    "round",
    "string",
    "title",
    "trim",
    "upper",
];

/// Filters whose result is a part of what they are given, or has the same parts in another order.
const SELECTING: [&str; 22] = [
    "attr",
    "bool",
    "d",
    "default",
    "dictsort",
    "first",
    "items",
    "last",
    "lines",
    "list",
    "max",
    "min",
    "reject",
    "rejectattr",
    "reverse",
    "safe",
    "select",
    "selectattr",
    "sort",
    "split",
    "unique",
    "map",
];

/// Those of the first kind that give a number.
const COUNTING: [&str; 6] = ["abs", "count", "float", "int", "length", "round"];

/// So much of a name that nobody knows is told. Characters.
const LONGEST_NAME: usize = 60;

/// What a loop knows of itself in numbers. Nothing of a notification has these names.
const OF_A_LOOP: [&str; 7] = ["depth", "depth0", "index", "index0", "length", "revindex", "revindex0"];

/// What is known of a value before anything is rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Number,
    Text,
    Nothing,
}

/// Whether a template is written of what is allowed.
///
/// # Errors
/// The first thing that is not.
pub(super) fn check(template: &Stmt<'_>) -> Result<(), TemplateProblem> {
    match template {
        Stmt::Template(template) => all(&template.children),
        Stmt::EmitExpr(printed) => value(&printed.expr),
        Stmt::EmitRaw(_) => Ok(()),
        Stmt::ForLoop(each) => {
            value(&each.iter)?;
            each.filter_expr.as_ref().map_or(Ok(()), value)?;
            all(&each.body)?;
            all(&each.else_body)
        }
        Stmt::IfCond(condition) => {
            value(&condition.expr)?;
            all(&condition.true_body)?;
            all(&condition.false_body)
        }
        Stmt::WithBlock(with) => {
            with.assignments.iter().try_for_each(|(_, assigned)| value(assigned))?;
            all(&with.body)
        }
        Stmt::Set(set) => value(&set.expr),
        Stmt::SetBlock(set) => {
            set.filter.as_ref().map_or(Ok(()), value)?;
            all(&set.body)
        }
        Stmt::AutoEscape(escaping) => {
            value(&escaping.enabled)?;
            all(&escaping.body)
        }
        Stmt::FilterBlock(filtered) => {
            value(&filtered.filter)?;
            all(&filtered.body)
        }
        Stmt::Do(action) => Err(refused(action.span(), "`do` is not for templates of notifications")),
    }
}

fn all(statements: &[Stmt<'_>]) -> Result<(), TemplateProblem> {
    statements.iter().try_for_each(check)
}

fn value(expression: &Expr<'_>) -> Result<(), TemplateProblem> {
    known(expression).map(drop)
}

/// Checks an expression, and tells what is known of its value.
fn known(expression: &Expr<'_>) -> Result<Known, TemplateProblem> {
    Ok(match expression {
        Expr::Const(constant) => match constant.value.kind() {
            ValueKind::Number => Known::Number,
            ValueKind::String => Known::Text,
            _ => Known::Nothing,
        },
        Expr::Var(_) => Known::Nothing,
        Expr::GetAttr(attribute) => {
            value(&attribute.expr)?;
            if OF_A_LOOP.contains(&attribute.name) { Known::Number } else { Known::Nothing }
        }
        Expr::GetItem(item) => {
            value(&item.expr)?;
            value(&item.subscript_expr)?;
            Known::Nothing
        }
        Expr::Slice(slice) => {
            let bounds = [&slice.start, &slice.stop, &slice.step];
            bounds.into_iter().flatten().try_for_each(value)?;
            known(&slice.expr)?
        }
        Expr::UnaryOp(operation) => match (&operation.op, known(&operation.expr)?) {
            (UnaryOpKind::Neg, _) => Known::Number,
            (UnaryOpKind::Not, _) => Known::Nothing,
        },
        Expr::BinOp(operation) => {
            combined(operation.op, known(&operation.left)?, known(&operation.right)?, operation.span())?
        }
        Expr::Compare(comparison) => {
            value(&comparison.expr)?;
            comparison.ops.iter().try_for_each(|compared| value(&compared.expr))?;
            Known::Nothing
        }
        Expr::IfExpr(choice) => {
            value(&choice.test_expr)?;
            let one = known(&choice.true_expr)?;
            match &choice.false_expr {
                Some(other) if known(other)? != one => Known::Nothing,
                Some(_) => one,
                None => Known::Nothing,
            }
        }
        Expr::Filter(filter) => filtered(filter, filter.span())?,
        Expr::Test(test) => {
            value(&test.expr)?;
            arguments(&test.args)?;
            Known::Nothing
        }
        Expr::Call(call) => called(call, call.span())?,
        Expr::List(_) | Expr::Tuple(_) | Expr::Map(_) if is_written_out(expression) => Known::Nothing,
        Expr::List(_) | Expr::Tuple(_) | Expr::Map(_) => {
            let message = "a list or map may hold quoted words and numbers only, nothing that has a name";
            return Err(refused(expression.span(), message));
        }
    })
}

/// What an operator makes of two values. Where both could be lists, it could make a larger one of them.
fn combined(operator: BinOpKind, left: Known, right: Known, span: Span) -> Result<Known, TemplateProblem> {
    use Known::{Nothing, Number, Text};
    let message = match (operator, left, right) {
        (BinOpKind::Sub | BinOpKind::Div | BinOpKind::FloorDiv | BinOpKind::Rem | BinOpKind::Pow, ..)
        | (BinOpKind::Add, Number, _)
        | (BinOpKind::Add, _, Number)
        | (BinOpKind::Mul, Number, Number) => return Ok(Number),
        (BinOpKind::Concat, ..)
        | (BinOpKind::Add | BinOpKind::Mul, Text, _)
        | (BinOpKind::Add | BinOpKind::Mul, _, Text) => return Ok(Text),
        (BinOpKind::Add, Nothing, Nothing) => {
            "`+` needs a number or a text on one side: texts are joined by `~`, and `| int` makes a number"
        }
        (BinOpKind::Mul, ..) => "`*` needs numbers on both sides, or a quoted text on one: `| int` makes a number",
        _ => return Ok(Nothing),
    };
    Err(refused(span, message))
}

fn filtered(filter: &Filter<'_>, span: Span) -> Result<Known, TemplateProblem> {
    filter.expr.as_ref().map_or(Ok(()), value)?;
    arguments(&filter.args)?;
    let name = filter.name;
    // What is applied to each item may not bring in another list for each.
    let applied = match filter.args.as_slice() {
        [CallArg::Pos(Expr::Const(applied))] => applied.value.as_str().is_some_and(|applied| PLAIN.contains(&applied)),
        [CallArg::Kwarg("attribute", Expr::Const(_))] => true,
        _ => false,
    };
    if name == "map" && !applied {
        let message = "`map` takes `attribute='…'`, or one quoted filter that makes texts or numbers, and nothing else";
        return Err(refused(span, message));
    }
    if COUNTING.contains(&name) {
        Ok(Known::Number)
    } else if PLAIN.contains(&name) {
        Ok(Known::Text)
    } else if SELECTING.contains(&name) {
        Ok(Known::Nothing)
    } else {
        let words = [PLAIN.as_slice(), SELECTING.as_slice()].concat().join(", ");
        let name: String = name.chars().take(LONGEST_NAME).collect();
        Err(refused(span, &format!("there is no filter `{name}` here; there are {words}")))
    }
}

fn called(call: &Call<'_>, span: Span) -> Result<Known, TemplateProblem> {
    arguments(&call.args)?;
    match &call.expr {
        Expr::Var(function) if matches!(function.id, "range" | "loop") => Ok(Known::Nothing),
        Expr::GetAttr(method) if matches!((&method.expr, method.name), (Expr::Var(owner), "cycle") if owner.id == "loop") => {
            Ok(Known::Nothing)
        }
        _ => Err(refused(span, "only `range(…)`, `loop(…)` and `loop.cycle(…)` can be called")),
    }
}

fn arguments(arguments: &[CallArg<'_>]) -> Result<(), TemplateProblem> {
    arguments.iter().try_for_each(|argument| match argument {
        CallArg::Pos(given) | CallArg::Kwarg(_, given) | CallArg::PosSplat(given) | CallArg::KwargSplat(given) => {
            value(given)
        }
    })
}

/// Whether all of a value stands in the template itself.
fn is_written_out(expression: &Expr<'_>) -> bool {
    let is_sign = |item: &Expr<'_>| matches!(item, Expr::UnaryOp(sign) if matches!(sign.expr, Expr::Const(_)));
    let all = |items: &[Expr<'_>]| items.iter().all(|item| is_sign(item) || is_written_out(item));
    match expression {
        Expr::Const(_) => true,
        Expr::List(list) => all(&list.items),
        Expr::Tuple(tuple) => all(&tuple.items),
        Expr::Map(map) => all(&map.keys) && all(&map.values),
        _ => false,
    }
}

fn refused(span: Span, message: &str) -> TemplateProblem {
    TemplateProblem { line: usize::from(span.start_line), message: message.to_owned() }
}
