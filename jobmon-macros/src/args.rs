//! The arguments of `#[instrument_llm(..)]`.

use crate::capture::{self, Capture};
use crate::fields::{self, Field};
use crate::mistakes::{Mistakes, each, list_of};
use crate::named::{self, Prompt};
use crate::retry::{Retry, Wait};
use crate::values::{
    budget, cache_key, closure, crate_path, given, literal_name, model_check, operation, track, usage,
};
use crate::{models, words};
use proc_macro2::{Ident, Span, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Error, Expr, ExprClosure, LitStr, Path, Result, Token};

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
    "budget",
    "capture",
    "prompt",
    "cache_key",
    "api_url",
    "price_context",
    "boxed",
    "model_check",
    "disabled",
    "crate",
];

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
    pub(crate) budget: Option<Budget>,
    pub(crate) capture: Option<Capture>,
    pub(crate) prompt: Option<Prompt>,
    /// What displays what the answer depends on.
    pub(crate) cache_key: Option<Given>,
    pub(crate) api_url: Option<Given>,
    pub(crate) price_context: Vec<(String, Given)>,
    /// Of the word.
    pub(crate) boxed: Option<Span>,
    pub(crate) model_check: ModelCheck,
    /// Makes the compiler warn about the model; empty where there is nothing to say.
    pub(crate) model_warning: TokenStream,
    /// Whether the function is left as it is: by its key, or since all are.
    pub(crate) disabled: bool,
    pub(crate) krate: Option<Path>,
}

/// Says that budgets may stop the function.
#[derive(Clone)]
pub(crate) struct Budget {
    /// Of the word.
    pub(crate) span: Span,
    /// The one that counts its calls, besides those that do anyway.
    pub(crate) name: Option<Given>,
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
        let said = |key: &String| self.price_context.iter().any(|(own, _)| own == key);
        let mut price_context: Vec<_> =
            others.price_context.into_iter().filter(|(key, _)| !said(key)).collect();
        price_context.extend(self.price_context);
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
            budget: self.budget.or(others.budget),
            capture: self.capture.or(others.capture),
            prompt: self.prompt.or(others.prompt),
            cache_key: self.cache_key.or(others.cache_key),
            api_url: self.api_url.or(others.api_url),
            price_context,
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

    /// Expressions outside of the body that have the parameters in sight.
    pub(crate) fn outside(&self) -> TokenStream {
        let budget = self.budget.as_ref().and_then(|budget| budget.name.as_ref());
        let prompt = self.prompt.iter().flat_map(|prompt| [Some(&prompt.name), prompt.version.as_ref()]);
        let given = [&self.provider, &self.model, &self.feature, &self.cache_key, &self.api_url];
        let given = given.into_iter().flatten();
        let given = given.chain(budget).chain(prompt.flatten());
        let given = given.chain(self.price_context.iter().map(|(_, value)| value));
        let given =
            given.filter_map(|given| if let Given::Computed(value) = given { Some(value) } else { None });
        let fields = self.fields.iter().map(|field| &field.value);
        let inputs = self.capture.iter().flat_map(|capture| &capture.inputs);
        let timeout = self.timeout.iter().filter_map(|(_, wait)| match wait {
            Wait::Computed(value) => Some(value),
            Wait::Nanos(_) => None,
        });
        let usage = if let Usage::Read(closure) = &self.usage { Some(closure) } else { None };
        let error = &self.error;
        quote::quote!(#(#given)* #(#fields)* #(#inputs)* #(#timeout)* #usage #error)
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
        if name == "prompt" {
            let list = list_of(input, &key, "`prompt(name = \"match-job\", version = \"v3\")`")?;
            self.prompt = named::prompt(&key, &list, mistakes)?;
            return Ok(());
        }
        if name == "capture" {
            let list = list_of(input, &key, "`capture(input(prompt), output)`")?;
            self.capture = capture::parse(&key, &list, mistakes)?;
            return Ok(());
        }
        if name == "price_context" {
            let list = list_of(input, &key, "`price_context(processing = \"batch\")`")?;
            self.price_context = named::price_context(&list, mistakes);
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
        if name == "budget" && (input.is_empty() || input.peek(Token![,])) {
            self.budget = Some(Budget { span: key.span(), name: None });
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
            "cache_key" => self.cache_key = Some(cache_key(input)?),
            "api_url" => self.api_url = Some(given(input, &name)?),
            "name" => self.name = Some(literal_name(input)?),
            "usage" => self.usage = usage(input)?,
            "model_check" => self.model_check = model_check(input)?,
            "error" => {
                self.error = Some(closure(input.parse()?, "`error` takes a closure: `error = |e| ..`")?);
            }
            "budget" => self.budget = Some(Budget { span: key.span(), name: Some(budget(input)?) }),
            "timeout" => self.timeout = Some((key.span(), Wait::parse(input, &name)?)),
            _ => self.krate = Some(crate_path(input)?),
        }
        Ok(())
    }
}
