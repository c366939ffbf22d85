//! The beginning of a call: what is known about the function now, and what is computed when it is called.

use crate::args::{Given, Usage};
use crate::body::{Call, located};
use crate::named::Prompt;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;

impl Call<'_> {
    /// Begins the call: facts known now in a `static`, others computed if somebody listens.
    pub(crate) fn start(&self) -> TokenStream {
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
        quote_spanned!(m=> { #warning static #site: #p::Site = #facts; #start })
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
        let [provider, model, feature] =
            [&args.provider, &args.model, &args.feature].map(|given| match given {
                Some(Given::Literal(text)) => quote_spanned!(m=> #text),
                _ => quote_spanned!(m=> ""),
            });
        let track = args.track.map(|[tokens, latency, errors, retries]| {
            let track =
                quote_spanned!(m=> tokens: #tokens, latency: #latency, errors: #errors, retries: #retries);
            quote_spanned!(m=> .track(#p::Track { #track }))
        });
        let manual = matches!(args.usage, Usage::Manual).then(|| quote_spanned!(m=> .manual_usage()));
        let budget = match self.args.budget.as_ref().and_then(|budget| budget.name.as_ref()) {
            Some(Given::Literal(name)) => Some(quote_spanned!(m=> .budget(#name))),
            _ => None,
        };
        let capture = self.args.capture.as_ref().map(|capture| {
            let (input, output) = (capture.input, capture.output);
            quote_spanned!(m=> .capture(#input, #output))
        });
        let line = self.function.line.map(|line| quote_spanned!(m=> .line(#line)));
        quote_spanned! {m=>
            #p::Site::new(#name, #p::core::module_path!(), #p::Operation::#operation, [#provider, #model, #feature])
                #track #budget #capture #manual #line
        }
    }

    /// What is computed when the call starts.
    fn settings(&self) -> Vec<TokenStream> {
        let p = &self.p;
        let args = self.args;
        let budget = args.budget.as_ref().and_then(|budget| budget.name.as_ref());
        let given = [
            ("model", args.model.as_ref()),
            ("provider", args.provider.as_ref()),
            ("feature", args.feature.as_ref()),
            ("budget", budget),
        ];
        let mut settings = Vec::new();
        for (key, given) in given {
            if let Some(Given::Computed(value)) = given {
                let at = located(value.span());
                let setter = Ident::new(key, at);
                settings.push(quote_spanned!(at=> #p::Setting::#setter(__jobmon_call, &(#value));));
            }
        }
        if let Some(Prompt { name, version }) = &args.prompt {
            let (at, name) = (span(name), tokens(name));
            let version = version.as_ref().map_or_else(|| quote_spanned!(at=> ""), tokens);
            settings.push(quote_spanned!(at=> #p::Setting::prompt(__jobmon_call, &(#name), &(#version));));
        }
        if let Some(key) = &args.cache_key {
            let (at, key) = (span(key), tokens(key));
            settings.push(quote_spanned!(at=> #p::Setting::cache_key(__jobmon_call, &(#key));));
        }
        if let Some(url) = &args.api_url {
            let (at, url) = (span(url), tokens(url));
            settings.push(quote_spanned!(at=> #p::Setting::api_url(__jobmon_call, &(#url));));
        }
        for (key, value) in &args.price_context {
            let (at, value) = (span(value), tokens(value));
            settings.push(quote_spanned!(at=> #p::Setting::price_context(__jobmon_call, #key, &(#value));));
        }
        for input in args.capture.iter().flat_map(|capture| &capture.inputs) {
            let at = located(input.span());
            settings.push(quote_spanned!(at=> #p::Setting::input(__jobmon_call, &(#input));));
        }
        for field in &args.fields {
            let (key, value) = (&field.key, &field.value);
            let at = located(value.span());
            let how = Ident::new(field.how, at);
            settings.push(quote_spanned!(at=> #p::Setting::field(__jobmon_call, #key, #p::#how(&(#value)));));
        }
        settings
    }
}

fn tokens(given: &Given) -> TokenStream {
    match given {
        Given::Literal(text) => text.to_token_stream(),
        Given::Computed(value) => value.to_token_stream(),
    }
}

fn span(given: &Given) -> Span {
    located(match given {
        Given::Literal(text) => text.span(),
        Given::Computed(value) => value.span(),
    })
}
