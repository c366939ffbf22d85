//! The expansion of `#[instrument_llm]`.

use crate::args::{self, Args, Given, Usage};
use crate::func::Function;
use crate::nested;
use crate::shape::{self, Shape};
use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Error, Result, ReturnType, Type};

/// Expands the attribute. Whatever is wrong, the item stays, so that one mistake is one error.
//
// Input:
//     #[instrument_llm(model = request.model, provider = "openai")]
//     async fn ask(request: Request) -> Result<Completion, Error> { BODY }
//
// Output, with `P` for `::jobmon::__private`:
//     async fn ask(request: Request) -> Result<Completion, Error> {
//         P::monitor(
//             {
//                 static __JOBMON_SITE: P::Site = P::Site::new(P::Facts { name: "ask", provider: Some("openai"), .. });
//                 P::start_with(&__JOBMON_SITE, |__jobmon_call| { P::Setting::model(__jobmon_call, &(request.model)); })
//             },
//             async move {
//                 if let Some(__jobmon_hint) = None::<Result<Completion, Error>> { return __jobmon_hint; }
//                 { BODY }
//             },
//             |__jobmon_output| P::seen(
//                 P::Output::of(__jobmon_output).__jobmon_split(),
//                 |__jobmon_value| P::Answering::of(__jobmon_value).__jobmon_answer().__jobmon_read(),
//                 |__jobmon_error| P::Failing::of(__jobmon_error).__jobmon_failure(),
//             ),
//         ).await
//     }
//
// - The braces around `if let` have the user's span, those of `{ BODY }` do not: coverage counts the same lines as
//   without the attribute, and `unused_braces` stays silent about a body of one line.
// - The hint makes the compiler know the return type before it looks at the body, as in a bare function.
// - Every name bound is ours alone: in a pattern it would mean a constant of the user's of that name.
// - The block around BODY keeps the user's `use` from changing what the hint means.
pub(crate) fn instrument(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let (args, mut mistakes) = Args::parse(arguments);
    let expanded = Function::parse(item.clone()).and_then(|function| {
        // Mistakes are told either way, so that sources which compile with the attribute at work compile without.
        if args.disabled { Shape::of(&function.sig).map(|_| item.clone()) } else { expand(&args, &function) }
    });
    let kept = expanded.unwrap_or_else(|error| {
        match &mut mistakes {
            Some(mistakes) => mistakes.combine(error),
            none => *none = Some(error),
        }
        item
    });
    let errors = mistakes.map(Error::into_compile_error);
    quote!(#kept #errors)
}

fn expand(args: &Args, function: &Function) -> Result<TokenStream> {
    let shape = Shape::of(&function.sig)?;
    let Function { attrs, vis, sig, inner, .. } = function;
    let call = Call { args, function, shape, p: args::door(args.krate.as_ref()) };
    let statements = call.statements();
    let body = block(quote!(#(#inner)* #statements), function.brace);
    Ok(quote!(#(#attrs)* #vis #sig #body))
}

/// Our own names, at the user's place.
fn located(at: Span) -> Span {
    Span::mixed_site().located_at(at)
}

fn block(tokens: TokenStream, span: Span) -> Group {
    let mut block = Group::new(Delimiter::Brace, tokens);
    block.set_span(span);
    block
}

/// One function's expansion.
struct Call<'a> {
    args: &'a Args,
    function: &'a Function,
    shape: Shape,
    /// The private door.
    p: TokenStream,
}

impl Call<'_> {
    fn statements(&self) -> TokenStream {
        let m = Span::mixed_site();
        let p = &self.p;
        let start = self.start();
        if self.shape == Shape::Diverging {
            let body = block(self.function.body.clone(), located(self.function.brace));
            return quote_spanned!(m=> let __jobmon_guard = #p::guard(#start); #body);
        }
        let (body, probe) = (self.body(), self.probe());
        let output = self.output_hint();
        let future = quote_spanned!(m=> #p::monitor_made::<#output, _, _>(#start, move || #body, #probe));
        match self.shape {
            Shape::Async | Shape::AsyncDiverging => {
                quote_spanned!(m=> #p::monitor::<_, #output, _>(#start, async move #body, #probe).await)
            }
            Shape::Future => future,
            Shape::PinnedBox => quote_spanned!(m=> #p::Box::pin(#future)),
            Shape::Box => quote_spanned!(m=> #p::Box::new(#future)),
            Shape::Sync | Shape::Diverging => {
                quote_spanned!(m=> #p::call_once(#start, move || #body, #probe))
            }
        }
    }

    fn return_type(&self) -> Option<&Type> {
        match &self.function.sig.output {
            ReturnType::Default => None,
            ReturnType::Type(_, ty) => Some(ty),
        }
    }

    /// What the call gives: the return type, or the output of the future returned, where its spelling says.
    fn output(&self) -> Option<&Type> {
        let ty = self.return_type()?;
        match self.shape {
            Shape::Future | Shape::PinnedBox | Shape::Box => shape::output(ty),
            _ => Some(ty),
        }
    }

    /// Where errors about the return type belong.
    fn return_span(&self) -> Span {
        located(self.output().map_or_else(|| self.function.sig.ident.span(), Spanned::span))
    }

    /// The user's body, told its return type.
    fn body(&self) -> Group {
        let m = located(self.function.brace);
        let p = &self.p;
        let at = located(self.return_type().map_or(self.function.brace, Spanned::span));
        let ty = match (self.return_type(), self.shape) {
            (None, _) => Some(quote_spanned!(at=> ())),
            // A hint of `!` would be unreachable and coerces to any type; `monitor` is given the type instead.
            (_, Shape::AsyncDiverging) => None,
            (Some(ty), _) => shape::nameable(ty).map(ToTokens::into_token_stream),
        };
        let hint = ty.map(|ty| {
            quote_spanned! {at=>
                if let #p::core::option::Option::Some(__jobmon_hint) = #p::core::option::Option::None::<#ty> {
                    return __jobmon_hint;
                }
            }
        });
        let inner = block(self.function.body.clone(), m);
        block(quote!(#hint #inner), self.function.brace)
    }

    /// The type that the call gives, as far as it can be named: the probe's methods are looked up by it.
    fn output_hint(&self) -> TokenStream {
        if self.shape == Shape::AsyncDiverging {
            return self.never();
        }
        let at = self.return_span();
        let unit = self.return_type().is_none();
        let named = self.output().and_then(shape::nameable).map(ToTokens::into_token_stream);
        named.unwrap_or_else(|| if unit { quote_spanned!(at=> ()) } else { quote_spanned!(at=> _) })
    }

    /// `!`, where it may not be written.
    fn never(&self) -> TokenStream {
        let p = &self.p;
        quote_spanned!(self.return_span()=> <fn() -> ! as #p::Returning>::Output)
    }

    /// Begins the call: facts known now in a `static`, others computed if somebody listens.
    fn start(&self) -> TokenStream {
        let m = Span::mixed_site();
        let p = &self.p;
        let site = Ident::new("__JOBMON_SITE", m);
        let facts = self.facts();
        let settings = self.settings();
        let start = if settings.is_empty() {
            quote_spanned!(m=> #p::start(&#site))
        } else {
            quote_spanned!(m=> #p::start_with(&#site, |__jobmon_call| { #(#settings)* }))
        };
        let warning = &self.args.model_warning;
        quote_spanned!(m=> { #warning static #site: #p::Site = #p::Site::new(#facts); #start })
    }

    fn facts(&self) -> TokenStream {
        let m = Span::mixed_site();
        let p = &self.p;
        let args = self.args;
        let of_model = args.model.is_some() || args.provider.is_some();
        let default = if of_model { "Chat" } else { "InvokeAgent" };
        let operation = Ident::new(args.operation.unwrap_or(default), m);
        let name = match &args.name {
            Some(name) => name.value(),
            None => self.function.sig.ident.unraw().to_string(),
        };
        let literal = |given: &Option<Given>| match given {
            Some(Given::Literal(text)) => quote_spanned!(m=> #p::core::option::Option::Some(#text)),
            _ => quote_spanned!(m=> #p::core::option::Option::None),
        };
        let (provider, model, feature) =
            (literal(&args.provider), literal(&args.model), literal(&args.feature));
        let [tokens, latency, errors, retries] = args.track.unwrap_or([true; 4]);
        let manual_usage = matches!(args.usage, Usage::Manual);
        quote_spanned! {m=>
            #p::Facts {
                name: #name,
                module: #p::core::module_path!(),
                file: #p::core::file!(),
                line: #p::core::line!(),
                operation: #p::Operation::#operation,
                provider: #provider,
                model: #model,
                feature: #feature,
                track: #p::Track { tokens: #tokens, latency: #latency, errors: #errors, retries: #retries },
                manual_usage: #manual_usage,
            }
        }
    }

    /// What is computed when the call starts.
    fn settings(&self) -> Vec<TokenStream> {
        let p = &self.p;
        let args = self.args;
        let given = [("model", &args.model), ("provider", &args.provider), ("feature", &args.feature)];
        let mut settings = Vec::new();
        for (key, given) in given {
            if let Some(Given::Computed(value)) = given {
                let at = located(value.span());
                let setter = Ident::new(key, at);
                settings.push(quote_spanned!(at=> #p::Setting::#setter(__jobmon_call, &(#value));));
            }
        }
        for field in &args.fields {
            let (key, value) = (&field.key, &field.value);
            let at = located(value.span());
            let how = Ident::new(field.how, at);
            settings.push(quote_spanned!(at=> #p::Setting::field(__jobmon_call, #key, #p::#how(&(#value)));));
        }
        settings
    }

    /// Reads the answer by what its type tells.
    fn answer(&self) -> TokenStream {
        let m = Span::mixed_site();
        let p = &self.p;
        let read = match (&self.args.usage, self.output().filter(|ty| shape::is_named(ty))) {
            // The type as it is written, which is where a missing answer is told.
            (Usage::Required, Some(ty)) => quote_spanned!(m=> __jobmon_required::<#ty>()),
            (Usage::Required, None) => {
                quote_spanned!(self.return_span()=> __jobmon_required_of(__jobmon_value))
            }
            _ => quote_spanned!(m=> __jobmon_read()),
        };
        let mut answer = quote_spanned!(m=> #p::Answering::of(__jobmon_value).__jobmon_answer().#read);
        for _ in 0..self.output().map_or(0, nested::depth) {
            answer = quote_spanned! {m=>
                #p::core::option::Option::and_then(
                    #p::Inside::of(__jobmon_value).__jobmon_inside(),
                    |__jobmon_value| #answer,
                )
            };
        }
        answer
    }

    /// Looks at the output.
    fn probe(&self) -> TokenStream {
        let m = Span::mixed_site();
        let p = &self.p;
        let answer = match &self.args.usage {
            Usage::Automatic | Usage::Required => self.answer(),
            Usage::Manual => quote_spanned!(m=> #p::untold(__jobmon_value)),
            Usage::Read(closure) => quote_spanned!(m=> #p::told(__jobmon_value, #closure)),
        };
        let error = self.output().and_then(shape::error);
        let failing = Ident::new(error.map_or("Failing", shape::failing), m);
        let mut failure = quote_spanned!(m=> #p::#failing::of(__jobmon_error).__jobmon_failure());
        if let Some(closure) = &self.args.error {
            failure = quote_spanned!(m=> #p::categorised(__jobmon_error, #failure, #closure));
        }
        // What the user's closures move, those around them must.
        let of_usage = if let Usage::Read(closure) = &self.args.usage { closure.capture } else { None };
        let of_error = self.args.error.as_ref().and_then(|closure| closure.capture);
        let of_either = of_usage.or(of_error);
        quote_spanned! {m=>
            #of_either |__jobmon_output| #p::seen(
                #p::Output::of(__jobmon_output).__jobmon_split(),
                #of_usage |__jobmon_value| #answer,
                #of_error |__jobmon_error| #failure,
            )
        }
    }
}
