//! The arguments of `#[instrument_llm(..)]`.

use crate::fields::{self, Field};
use crate::retry::{Retry, Wait};
use crate::{models, words};
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Error, Expr, ExprClosure, Lit, LitStr, Path, Result, Token};

const KEYS: &[&str] = &[
    "operation",
    "provider",
    "model",
    "feature",
    "name",
    "fields",
    "track",
    "usage",
    "error",
    "retry",
    "timeout",
    "boxed",
    "model_check",
    "disabled",
    "crate",
];

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

/// The arguments, as far as they could be understood.
#[derive(Clone, Default)]
pub(crate) struct Args {
    /// The variant of `Operation`.
    pub(crate) operation: Option<&'static str>,
    pub(crate) provider: Option<Given>,
    pub(crate) model: Option<Given>,
    pub(crate) feature: Option<Given>,
    pub(crate) name: Option<LitStr>,
    pub(crate) fields: Vec<Field>,
    /// In the order of [`TRACKED`].
    pub(crate) track: Option<[bool; 4]>,
    pub(crate) usage: Usage,
    pub(crate) error: Option<ExprClosure>,
    pub(crate) retry: Option<Retry>,
    pub(crate) timeout: Option<(Span, Wait)>,
    /// Of the word.
    pub(crate) boxed: Option<Span>,
    pub(crate) model_check: ModelCheck,
    /// Makes the compiler warn about the model; empty where there is nothing to say.
    pub(crate) model_warning: TokenStream,
    /// Whether the function is left as it is: by its key, or since all are.
    pub(crate) disabled: bool,
    pub(crate) krate: Option<Path>,
}

/// Text known now, or at the call.
#[derive(Clone)]
pub(crate) enum Given {
    Literal(LitStr),
    Computed(Box<Expr>),
}

/// What to do about a model that the price list does not know.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ModelCheck {
    #[default]
    Warn,
    Error,
    Off,
}

/// How usage is read.
#[derive(Clone, Default)]
pub(crate) enum Usage {
    #[default]
    Automatic,
    Required,
    Manual,
    Read(ExprClosure),
}

impl Args {
    /// Reads all it can, and tells every mistake, each on its own spot.
    pub(crate) fn parse(tokens: TokenStream) -> (Self, Option<Error>) {
        let mut args = Self { disabled: cfg!(feature = "disabled"), ..Self::default() };
        let mut mistakes = Mistakes::default();
        let parser = |input: ParseStream<'_>| {
            each(input, &mut mistakes, |input, mistakes, seen| args.entry(input, mistakes, seen));
            Ok(())
        };
        if let Err(error) = parser.parse2(tokens) {
            mistakes.add(error);
        }
        (args, mistakes.0)
    }

    /// Looks the model up, if it is written down.
    pub(crate) fn check_model(&mut self, mistakes: &mut Mistakes) {
        match models::check(self) {
            Ok(warning) => self.model_warning = warning,
            Err(error) => mistakes.add(error),
        }
    }

    /// What these say, and where they say nothing, what others do.
    pub(crate) fn or(self, others: &Self) -> Self {
        let others = others.clone();
        let known = |field: &Field| self.fields.iter().any(|own| own.key == field.key);
        let mut fields: Vec<Field> = others.fields.into_iter().filter(|field| !known(field)).collect();
        fields.extend(self.fields);
        Self {
            operation: self.operation.or(others.operation),
            provider: self.provider.or(others.provider),
            model: self.model.or(others.model),
            feature: self.feature.or(others.feature),
            name: self.name,
            fields,
            track: self.track.or(others.track),
            usage: if let Usage::Automatic = self.usage { others.usage } else { self.usage },
            error: self.error.or(others.error),
            retry: self.retry.or(others.retry.map(Retry::of_block)),
            timeout: self.timeout.or(others.timeout),
            boxed: self.boxed.or(others.boxed),
            model_check: if self.model_check == ModelCheck::Warn {
                others.model_check
            } else {
                self.model_check
            },
            model_warning: others.model_warning,
            disabled: self.disabled || others.disabled,
            krate: self.krate.or(others.krate),
        }
    }

    /// Expressions that are evaluated before the body, with the parameters in sight.
    pub(crate) fn outside(&self) -> TokenStream {
        let given = [&self.provider, &self.model, &self.feature].into_iter().flatten();
        let given =
            given.filter_map(|given| if let Given::Computed(value) = given { Some(value) } else { None });
        let fields = self.fields.iter().map(|field| &field.value);
        let timeout = self.timeout.iter().filter_map(|(_, wait)| match wait {
            Wait::Computed(value) => Some(value),
            Wait::Nanos(_) => None,
        });
        quote::quote!(#(#given)* #(#fields)* #(#timeout)*)
    }

    fn entry(
        &mut self,
        input: ParseStream<'_>,
        mistakes: &mut Mistakes,
        seen: &mut Vec<Ident>,
    ) -> Result<()> {
        let Ok(key) = input.call(Ident::parse_any) else {
            return Err(input.error(format!("expected a key, one of: {}", words::list(KEYS))));
        };
        let name = key.unraw().to_string();
        if name == "skip" {
            let message = "`skip` stands alone, on a method inside an `impl` block that has the attribute";
            return Err(Error::new(key.span(), message));
        }
        if !KEYS.contains(&name.as_str()) {
            return Err(Error::new(key.span(), words::unknown("key", &name, KEYS)));
        }
        mistakes.check_duplicate("key", &key, seen);
        if name == "fields" {
            self.fields.extend(fields::parse(&list_of(input, &key, "`fields(job.id = %job.id)`")?, mistakes));
            return Ok(());
        }
        if name == "track" {
            self.track = Some(track(&list_of(input, &key, "`track(tokens, latency)`")?, mistakes));
            return Ok(());
        }
        if name == "retry" {
            self.retry = Some(Retry::parse(&key, input, mistakes)?);
            return Ok(());
        }
        if name == "boxed" || name == "disabled" {
            if name == "boxed" {
                self.boxed = Some(key.span());
            } else {
                self.disabled = true;
            }
            if input.peek(Token![=]) || input.peek(syn::token::Paren) {
                return Err(Error::new(key.span(), format!("`{name}` takes no value; write it alone")));
            }
            return Ok(());
        }
        if !input.peek(Token![=]) {
            let message = format!("expected `=` after `{name}`: write `{name} = ..`");
            return Err(Error::new(key.span(), message));
        }
        input.parse::<Token![=]>()?;
        if input.is_empty() || input.peek(Token![,]) {
            return Err(Error::new(key.span(), format!("`{name} =` needs a value")));
        }
        match name.as_str() {
            "operation" => self.operation = Some(operation(input)?),
            "provider" => self.provider = Some(given(input, &name)?),
            "model" => self.model = Some(given(input, &name)?),
            "feature" => self.feature = Some(given(input, &name)?),
            "name" => self.name = Some(literal_name(input)?),
            "usage" => self.usage = usage(input)?,
            "model_check" => self.model_check = model_check(input)?,
            "error" => {
                self.error = Some(closure(input.parse()?, "`error` takes a closure: `error = |e| ..`")?);
            }
            "timeout" => self.timeout = Some((key.span(), Wait::parse(input, &name)?)),
            _ => self.krate = Some(crate_path(input)?),
        }
        Ok(())
    }
}

/// Mistakes found so far.
#[derive(Default)]
pub(crate) struct Mistakes(pub(crate) Option<Error>);

impl Mistakes {
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.clone().map_or(0, |errors| errors.into_iter().count())
    }

    pub(crate) fn add(&mut self, error: Error) {
        match &mut self.0 {
            Some(first) => first.combine(error),
            none => *none = Some(error),
        }
    }

    /// Notes a word that may come once, and tells both spots when it comes again.
    pub(crate) fn check_duplicate(&mut self, what: &str, word: &Ident, seen: &mut Vec<Ident>) {
        if let Some(first) = seen.iter().find(|first| first.unraw() == word.unraw()) {
            self.add(Error::new(word.span(), format!("duplicate {what} `{word}`")));
            self.add(Error::new(first.span(), format!("`{first}` is given here first")));
        }
        seen.push(word.clone());
    }
}

/// Reads entries between commas. A broken entry is skipped up to the next comma; a missing comma is told.
pub(crate) fn each(
    input: ParseStream<'_>,
    mistakes: &mut Mistakes,
    mut entry: impl FnMut(ParseStream<'_>, &mut Mistakes, &mut Vec<Ident>) -> Result<()>,
) {
    let mut seen = Vec::new();
    while !input.is_empty() {
        let parsed = entry(input, mistakes, &mut seen);
        let broken = parsed.is_err();
        if let Err(error) = parsed {
            mistakes.add(error);
        }
        if !broken && !input.is_empty() && !input.peek(Token![,]) {
            let next = input.cursor().token_tree().map(|(token, _)| token);
            mistakes.add(input.error("expected `,` before this"));
            // A word begins the next entry; anything else is rubbish.
            if matches!(next, Some(TokenTree::Ident(_))) {
                continue;
            }
        }
        while !input.is_empty() && !input.peek(Token![,]) {
            if input.parse::<TokenTree>().is_err() {
                return;
            }
        }
        if input.parse::<Option<Token![,]>>().is_err() {
            return;
        }
    }
}

/// The tokens between the parentheses of `key(..)`.
pub(crate) fn list_of(input: ParseStream<'_>, key: &Ident, example: &str) -> Result<TokenStream> {
    if !input.peek(syn::token::Paren) {
        let message = format!("expected `(` after `{key}`: write {example}");
        return Err(Error::new(key.span(), message));
    }
    let content;
    syn::parenthesized!(content in input);
    content.parse()
}

fn track(tokens: &TokenStream, mistakes: &mut Mistakes) -> [bool; 4] {
    let mut track = [false; 4];
    let mut inner = Mistakes::default();
    let parser = |input: ParseStream<'_>| {
        each(input, &mut inner, |input, mistakes, seen| {
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
        Ok(())
    };
    if let Err(error) = parser.parse2(tokens.clone()) {
        inner.add(error);
    }
    if let Some(error) = inner.0 {
        mistakes.add(error);
    }
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

fn operation(input: ParseStream<'_>) -> Result<&'static str> {
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

fn given(input: ParseStream<'_>, key: &str) -> Result<Given> {
    let value = expression(input)?;
    let is_negative = |unary: &syn::ExprUnary| matches!(unary.op, syn::UnOp::Neg(_));
    let wrong = match value {
        Expr::Lit(syn::ExprLit { lit: Lit::Str(text), .. }) => return Ok(Given::Literal(text)),
        Expr::Unary(unary) if is_negative(&unary) => Expr::Unary(unary),
        Expr::Lit(_)
        | Expr::Closure(_)
        | Expr::Range(_)
        | Expr::Assign(_)
        | Expr::Array(_)
        | Expr::Tuple(_) => value,
        value => return Ok(Given::Computed(Box::new(value))),
    };
    let message =
        format!("`{key}` takes a string, or an expression over the arguments that gives one (`AsRef<str>`)");
    Err(Error::new_spanned(wrong, message))
}

fn literal_name(input: ParseStream<'_>) -> Result<LitStr> {
    match expression(input)? {
        Expr::Lit(syn::ExprLit { lit: Lit::Str(name), .. }) if !name.value().is_empty() => Ok(name),
        other => Err(Error::new_spanned(
            other,
            "`name` takes a string literal that is not empty: `name = \"analyze\"`",
        )),
    }
}

fn usage(input: ParseStream<'_>) -> Result<Usage> {
    const EXPECTED: &str =
        "`usage` takes `required`, `manual`, or a closure over the success value: `usage = |out| ..`";
    let value = expression(input)?;
    match word(&value).as_deref() {
        Some("required") => Ok(Usage::Required),
        Some("manual") => Ok(Usage::Manual),
        _ => closure(value, EXPECTED).map(Usage::Read),
    }
}

fn model_check(input: ParseStream<'_>) -> Result<ModelCheck> {
    let value = expression(input)?;
    match word(&value).as_deref() {
        Some("warn") => Ok(ModelCheck::Warn),
        Some("error") => Ok(ModelCheck::Error),
        Some("off") => Ok(ModelCheck::Off),
        _ => Err(Error::new_spanned(value, "`model_check` takes `warn`, `error` or `off`")),
    }
}

fn closure(value: Expr, expected: &str) -> Result<ExprClosure> {
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
