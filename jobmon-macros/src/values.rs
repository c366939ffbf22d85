//! Values of keys: words, texts, closures, paths.

use crate::args::{Given, ModelCheck, Usage};
use crate::mistakes::{Mistakes, each_of};
use crate::words;
use proc_macro2::{Ident, Span, TokenStream};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Error, Expr, ExprClosure, Lit, LitStr, Path, Result};

/// Names of operations, and of the variants of `Operation`.
const OPERATIONS: &[(&str, &str)] = &[
    ("chat", "Chat"),
    ("generate_content", "GenerateContent"),
    ("text_completion", "TextCompletion"),
    ("embeddings", "Embeddings"),
    ("retrieval", "Retrieval"),
    ("execute_tool", "ExecuteTool"),
    ("invoke_agent", "InvokeAgent"),
    ("invoke_workflow", "InvokeWorkflow"),
    ("plan", "Plan"),
];

/// What can be tracked.
pub(crate) const TRACKED: [&str; 4] = ["tokens", "latency", "errors", "retries"];

pub(crate) fn track(tokens: &TokenStream, mistakes: &mut Mistakes) -> [bool; 4] {
    let mut track = [false; 4];
    each_of(tokens, mistakes, |input, mistakes, seen| {
        let Ok(word) = input.call(Ident::parse_any) else {
            return Err(input.error(format!("expected one of: {}", words::list(&TRACKED))));
        };
        let name = word.unraw().to_string();
        let Some(i) = TRACKED.iter().position(|known| *known == name) else {
            return Err(Error::new(word.span(), words::unknown("part", &name, &TRACKED)));
        };
        mistakes.check_duplicate("part", &word, seen);
        track[i] = true;
        Ok(())
    });
    track
}

/// An expression without the invisible groups that `macro_rules!` puts around its fragments.
pub(crate) fn expression(input: ParseStream<'_>) -> Result<Expr> {
    let mut expr: Expr = input.parse()?;
    while let Expr::Group(group) = expr {
        expr = *group.expr;
    }
    Ok(expr)
}

/// The word, or the text of a string literal, that an expression is.
fn word(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        Expr::Path(path) => path.path.get_ident().map(|word| word.unraw().to_string()),
        _ => None,
    }
}

pub(crate) fn operation(input: ParseStream<'_>) -> Result<&'static str> {
    let names: Vec<&str> = OPERATIONS.iter().map(|(name, _)| *name).collect();
    let value = expression(input)?;
    let Some(word) = word(&value) else {
        let message = format!("expected an operation, one of: {}", words::list(&names));
        return Err(Error::new_spanned(value, message));
    };
    let known = OPERATIONS.iter().find(|(name, _)| *name == word);
    known
        .map(|(_, variant)| *variant)
        .ok_or_else(|| Error::new_spanned(value, words::unknown("operation", &word, &names)))
}

pub(crate) fn given(input: ParseStream<'_>, key: &str) -> Result<Given> {
    let value = expression(input)?;
    if let Expr::Lit(syn::ExprLit { lit: Lit::Str(text), .. }) = value {
        return Ok(Given::Literal(text));
    }
    let is_negative = matches!(&value, Expr::Unary(unary) if matches!(unary.op, syn::UnOp::Neg(_)));
    if is_negative || is_no_value(&value) || matches!(value, Expr::Lit(_)) {
        let message = format!(
            "`{key}` takes a string, or an expression over the arguments that gives one (`AsRef<str>`)"
        );
        return Err(Error::new_spanned(value, message));
    }
    Ok(Given::Computed(Box::new(value)))
}

/// What no string comes of, and nothing that can be displayed.
const fn is_no_value(value: &Expr) -> bool {
    matches!(value, Expr::Closure(_) | Expr::Range(_) | Expr::Assign(_) | Expr::Array(_) | Expr::Tuple(_))
}

/// What an answer depends on: anything that can be displayed.
pub(crate) fn cache_key(input: ParseStream<'_>) -> Result<Given> {
    let value = expression(input)?;
    if is_no_value(&value) {
        let message = "`cache_key` takes an expression over the arguments that can be displayed: `job.id`, or \
                       `format_args!(\"{}/{}\", job.id, VERSION)`";
        return Err(Error::new_spanned(value, message));
    }
    Ok(Given::Computed(Box::new(value)))
}

/// The name of a budget.
pub(crate) fn budget(input: ParseStream<'_>) -> Result<Given> {
    match given(input, "budget")? {
        Given::Literal(name) if name.value().is_empty() => Err(Error::new_spanned(
            name,
            "`budget` takes the name of a budget; write `budget` alone where any may stop the call",
        )),
        given => Ok(given),
    }
}

pub(crate) fn literal_name(input: ParseStream<'_>) -> Result<LitStr> {
    match expression(input)? {
        Expr::Lit(syn::ExprLit { lit: Lit::Str(name), .. }) if !name.value().is_empty() => Ok(name),
        other => Err(Error::new_spanned(
            other,
            "`name` takes a string literal that is not empty: `name = \"analyze\"`",
        )),
    }
}

pub(crate) fn usage(input: ParseStream<'_>) -> Result<Usage> {
    const EXPECTED: &str =
        "`usage` takes `required`, `manual`, or a closure over the success value: `usage = |out| ..`";
    let value = expression(input)?;
    match word(&value).as_deref() {
        Some("required") => Ok(Usage::Required),
        Some("manual") => Ok(Usage::Manual),
        _ => closure(value, EXPECTED).map(Usage::Read),
    }
}

pub(crate) fn model_check(input: ParseStream<'_>) -> Result<ModelCheck> {
    let value = expression(input)?;
    match word(&value).as_deref() {
        Some("warn") => Ok(ModelCheck::Warn),
        Some("error") => Ok(ModelCheck::Error),
        Some("off") => Ok(ModelCheck::Off),
        _ => Err(Error::new_spanned(value, "`model_check` takes `warn`, `error` or `off`")),
    }
}

pub(crate) fn closure(value: Expr, expected: &str) -> Result<ExprClosure> {
    match value {
        Expr::Group(group) => closure(*group.expr, expected),
        Expr::Closure(closure) if closure.inputs.len() == 1 => Ok(closure),
        Expr::Closure(closure) => {
            Err(Error::new_spanned(&closure, format!("the closure takes one argument; {expected}")))
        }
        other => Err(Error::new_spanned(other, expected)),
    }
}

/// An absolute path: generated code cannot know which module it will stand in.
pub(crate) fn crate_path(input: ParseStream<'_>) -> Result<Path> {
    const EXPECTED: &str = "`crate` takes an absolute path without quotes, such as `crate = ::my_crate::jobmon` or `crate = crate::jobmon`";
    let path = match expression(input) {
        Ok(Expr::Path(path)) if path.qself.is_none() => path.path,
        Ok(other) => return Err(Error::new_spanned(other, EXPECTED)),
        Err(error) => return Err(Error::new(error.span(), EXPECTED)),
    };
    let plain = path.segments.iter().all(|segment| segment.arguments.is_none());
    let first = path.segments.first().map(|segment| segment.ident.to_string());
    let absolute = path.leading_colon.is_some() || matches!(first.as_deref(), Some("crate" | "$crate"));
    if plain && absolute { Ok(path) } else { Err(Error::new_spanned(path, EXPECTED)) }
}

/// The private door of `jobmon`, which all generated code goes through.
pub(crate) fn door(krate: Option<&Path>) -> TokenStream {
    let span = Span::mixed_site();
    match krate {
        Some(path) => quote::quote_spanned!(span=> #path::__private),
        None => quote::quote_spanned!(span=> ::jobmon::__private),
    }
}
