//! The new body of a function: the old one, run as a call.

use crate::args::Args;
use crate::drops::DropOrder;
use crate::func::Function;
use crate::own_self;
use crate::shape::{self, Gives, Runs, Shape, Wrap};
use proc_macro2::{Delimiter, Group, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{ReturnType, Type};

/// Our own names, at the user's place.
pub(crate) fn located(at: Span) -> Span {
    Span::mixed_site().located_at(at)
}

pub(crate) fn block(tokens: TokenStream, span: Span) -> Group {
    let mut block = Group::new(Delimiter::Brace, tokens);
    block.set_span(span);
    block
}

/// One function's expansion.
pub(crate) struct Call<'a> {
    pub(crate) args: &'a Args,
    pub(crate) function: &'a Function,
    pub(crate) shape: Shape,
    pub(crate) order: DropOrder,
    /// The private door.
    pub(crate) p: TokenStream,
}

impl Call<'_> {
    pub(crate) fn statements(&self) -> TokenStream {
        let m = Span::mixed_site();
        let p = &self.p;
        let start = self.start();
        if self.shape.runs == Runs::Guarded {
            let body = block(self.function.body.clone(), located(self.function.brace));
            return quote_spanned!(m=> let __jobmon_guard = #p::guard(#start); #body);
        }
        let call = match (&self.args.retry, self.shape.gives) {
            (Some(_), _) => return self.retried(&start),
            (None, Gives::Value) => self.monitored(&start),
            (None, Gives::Stream(_) | Gives::Opened(_)) => self.opening(&start),
        };
        // Some want every function to say `return`; nobody minds that it does.
        let says = self.shape.runs != Runs::AsyncDiverging;
        let says = says.then(|| quote_spanned!(self.return_span()=> return));
        quote!(#says #call)
    }

    /// A call that gives a value.
    fn monitored(&self, start: &TokenStream) -> TokenStream {
        let m = Span::mixed_site();
        let p = &self.p;
        let (probe, output) = (self.probe(), self.output_hint());
        match self.shape.runs {
            Runs::Async | Runs::AsyncDiverging => {
                let body = self.future(&quote_spanned!(self.function.brace=> move));
                let at = self.return_span();
                if !self.return_type().is_some_and(shape::is_future) {
                    return quote_spanned!(at=> #p::monitor::<_, #output, _>(#start, #body, #probe).await);
                }
                // A future that gives a future is what the user asked for.
                quote_spanned! {m=> {
                    #[allow(clippy::async_yields_async)]
                    let __jobmon_body = #body;
                    #p::monitor::<_, #output, _>(#start, __jobmon_body, #probe).await
                }}
            }
            Runs::Future(wrap) => {
                let at = self.return_span();
                let monitor =
                    quote_spanned!(at=> #p::monitor::<_, #output, _>(__jobmon_call, __jobmon_made, #probe));
                self.making(start, wrap, &monitor)
            }
            Runs::Sync | Runs::Guarded => {
                let (at, body) = (self.return_span(), self.admitting(true));
                quote_spanned!(at=> #p::call_once(#start, #body, #probe))
            }
        }
    }

    /// A call that gives a stream, which goes on as the call.
    fn opening(&self, start: &TokenStream) -> TokenStream {
        let m = Span::mixed_site();
        let p = &self.p;
        let (open, output) = (self.open(), self.output_hint());
        match self.shape.runs {
            Runs::Async | Runs::AsyncDiverging => {
                let body = self.future(&quote_spanned!(self.function.brace=> move));
                quote_spanned!(m=> #p::monitor_opening::<_, #output, _, _>(#start, #body, #open).await)
            }
            Runs::Future(wrap) => {
                let at = self.return_span();
                let monitor = quote_spanned!(at=> #p::monitor_opening::<_, #output, _, _>(__jobmon_call, __jobmon_made, #open));
                self.making(start, wrap, &monitor)
            }
            Runs::Sync | Runs::Guarded => {
                let body = self.admitting(true);
                quote_spanned!(m=> #p::call_opening::<#output, _>(#start, #body, #open))
            }
        }
    }

    /// A closure that takes the call and the output, and gives the output with the stream in it monitored.
    fn open(&self) -> TokenStream {
        let m = Span::mixed_site();
        let p = &self.p;
        let (Gives::Stream(wrap) | Gives::Opened(wrap)) = self.shape.gives else { return TokenStream::new() };
        let probe = self.probe();
        // The probe's methods are looked up by it.
        let item = self.stream().and_then(shape::item).and_then(shape::nameable);
        let item = item.map_or_else(|| quote_spanned!(m=> _), ToTokens::into_token_stream);
        let stream = self.wrapped(
            wrap,
            &quote_spanned!(m=> #p::streamed::<_, #item, _>(__jobmon_open, __jobmon_stream, #probe)),
        );
        // A box of a monitored stream becomes one of any stream where the closure says its type.
        let ty = self.stream().filter(|_| wrap != Wrap::Plain).and_then(shape::nameable);
        let ty = ty.map(|ty| quote_spanned!(m=> -> #ty));
        let open = quote_spanned!(m=> |__jobmon_open, __jobmon_stream| #ty { #stream });
        // Without a monitor a box stays the one it is.
        let open = if ty.is_some() {
            quote_spanned!(m=> |__jobmon_open, __jobmon_stream| #p::boxed(__jobmon_open, __jobmon_stream, #open))
        } else {
            open
        };
        if let Gives::Stream(_) = self.shape.gives {
            return open;
        }
        let failure = self.error_probe();
        quote_spanned!(m=> |__jobmon_call, __jobmon_output| #p::opened(__jobmon_call, __jobmon_output, #open, #failure))
    }

    /// A call that is tried again.
    fn retried(&self, start: &TokenStream) -> TokenStream {
        let m = Span::mixed_site();
        let p = &self.p;
        let Some(retry) = &self.args.retry else { return TokenStream::new() };
        let (policy, look, output) = (retry.tokens(p), self.attempt_probe(), self.output_hint());
        let end = if self.shape.gives == Gives::Value {
            quote_spanned!(m=> #p::retried(__jobmon_call, __jobmon_settled))
        } else {
            let open = self.open();
            quote_spanned!(m=> #p::retried_opening(__jobmon_call, __jobmon_settled, #open))
        };
        let attempt = match self.shape.runs {
            Runs::Async | Runs::AsyncDiverging => {
                let future = self.future(&TokenStream::new());
                quote_spanned!(m=> #p::Retrying::attempt::<_, #output, _>(&mut __jobmon_call, #future, #look).await)
            }
            Runs::Future(_) => {
                let body = self.closure(false);
                let future = self.limited(&quote_spanned!(m=> #p::made(#body)));
                quote_spanned!(m=> #p::Retrying::attempt::<_, #output, _>(&mut __jobmon_call, #future, #look).await)
            }
            Runs::Sync | Runs::Guarded => {
                let body = self.admitting(false);
                quote_spanned!(m=> #p::Retrying::attempt_sync::<#output>(&mut __jobmon_call, #body, #look))
            }
        };
        let can_fail = self.output_hint();
        let named = self.output().is_none_or(shape::is_named);
        let can_fail = (named && !retry.of_block)
            .then(|| quote_spanned!(self.return_span()=> #p::assert_can_fail::<#can_fail>();));
        let attempts = quote_spanned! {m=>
            #can_fail
            let mut __jobmon_call = #p::retrying(#start, #policy);
            loop {
                if let #p::core::option::Option::Some(__jobmon_settled) = #attempt {
                    break #end;
                }
            }
        };
        match self.shape.runs {
            Runs::Future(wrap) => {
                // Without `return`, one would be told to write `async fn`.
                let attempts = self.wrapped(wrap, &quote_spanned!(m=> async move { #attempts }));
                quote_spanned!(m=> return #attempts)
            }
            _ => attempts,
        }
    }

    /// The body as a closure. Its return type is where a missing value at the end of the body is reported.
    //
    // It has the user's span, so that messages name variables as if there were no closure; but what makes a future
    // would be told to become an async closure.
    fn closure(&self, capture: bool) -> TokenStream {
        let at = self.return_span();
        let own =
            if let Runs::Future(_) = self.shape.runs { Span::mixed_site() } else { self.function.brace };
        let capture = capture.then(|| quote_spanned!(own=> move));
        let nothing = quote_spanned!(own=> ||);
        let ty = match self.return_type() {
            None => Some(quote_spanned!(at=> -> ())),
            Some(ty) => shape::nameable(ty).map(|ty| quote_spanned!(at=> -> #ty)),
        };
        let body = self.body(ty.is_some());
        quote!(#capture #nothing #ty #body)
    }

    /// The body as a future.
    fn future(&self, capture: &TokenStream) -> TokenStream {
        let m = Span::mixed_site();
        let p = &self.p;
        let body = self.body(false);
        let body = self.limited(&quote_spanned!(self.function.brace=> async #capture #body));
        if self.args.boxed.is_some() { quote_spanned!(m=> #p::Box::pin(#body)) } else { body }
    }

    /// A call that begins with the body, which makes a future, and goes on with that.
    fn making(&self, start: &TokenStream, wrap: Wrap, monitor: &TokenStream) -> TokenStream {
        let m = Span::mixed_site();
        let p = &self.p;
        let body = self.closure(true);
        if self.args.timeout.is_some() || self.args.budget.is_some() {
            let limited = self.limited(&quote_spanned!(m=> __jobmon_made));
            let monitor =
                quote_spanned!(m=> |__jobmon_call, __jobmon_made| { let __jobmon_made = #limited; #monitor });
            return self.wrapped(wrap, &quote_spanned!(m=> #p::make(#start, #body, #monitor)));
        }
        match self.return_type().filter(|_| wrap != Wrap::Plain).and_then(shape::nameable) {
            Some(ty) => {
                let (at, monitor) = (self.return_span(), self.wrapped(wrap, monitor));
                quote_spanned!(at=> #p::make_boxed(#start, #body, |__jobmon_call, __jobmon_made| -> #ty { #monitor }))
            }
            None => {
                let monitor = quote_spanned!(m=> |__jobmon_call, __jobmon_made| #monitor);
                self.wrapped(wrap, &quote_spanned!(m=> #p::make(#start, #body, #monitor)))
            }
        }
    }

    /// A future with the time that it is given, and the budgets that it has to fit in, if any.
    fn limited(&self, future: &TokenStream) -> TokenStream {
        let (m, at) = (Span::mixed_site(), self.return_span());
        let p = &self.p;
        let mut limited = future.clone();
        if let Some((_, wait)) = &self.args.timeout {
            let (limit, output) = (wait.tokens(p), self.output_hint());
            let timed_out = quote_spanned!(at=> #p::timed_out::<#output>);
            limited = quote_spanned!(m=> #p::within(#limit, #limited, #timed_out));
        }
        if self.args.budget.is_some() {
            let stopped = self.stopped();
            limited = quote_spanned!(m=> #p::admitted(#limited, #stopped));
        }
        limited
    }

    /// A closure that is the body of a function that is not async, with the budgets that it has to fit in, if any.
    fn admitting(&self, capture: bool) -> TokenStream {
        let body = self.closure(capture);
        if self.args.budget.is_none() {
            return body;
        }
        let (m, stopped) = (Span::mixed_site(), self.stopped());
        let p = &self.p;
        quote_spanned!(m=> #p::admitting(#body, #stopped))
    }

    /// What a call gives that a budget stopped.
    fn stopped(&self) -> TokenStream {
        let (p, output) = (&self.p, self.output_hint());
        quote_spanned!(self.return_span()=> #p::stopped::<#output>)
    }

    fn wrapped(&self, wrap: Wrap, inner: &TokenStream) -> TokenStream {
        let m = Span::mixed_site();
        let p = &self.p;
        match wrap {
            Wrap::Plain => inner.clone(),
            Wrap::Pinned => quote_spanned!(m=> #p::Box::pin(#inner)),
            Wrap::Boxed => quote_spanned!(m=> #p::Box::new(#inner)),
        }
    }

    fn return_type(&self) -> Option<&Type> {
        match &self.function.sig.output {
            ReturnType::Default => None,
            ReturnType::Type(_, ty) => Some(ty),
        }
    }

    /// What the body gives: the return type, or the output of the future returned, where its spelling says.
    pub(crate) fn output(&self) -> Option<&Type> {
        let ty = self.return_type()?;
        match self.shape.runs {
            Runs::Future(_) => shape::output(ty),
            _ => Some(ty),
        }
    }

    /// The stream in what the body gives.
    pub(crate) fn stream(&self) -> Option<&Type> {
        match self.shape.gives {
            Gives::Value => None,
            Gives::Stream(_) => self.output(),
            Gives::Opened(_) => shape::opened(self.output()?),
        }
    }

    /// Where errors about the return type belong.
    pub(crate) fn return_span(&self) -> Span {
        located(self.output().map_or_else(|| self.function.sig.ident.span(), Spanned::span))
    }

    /// The user's body, told its return type unless that is known.
    fn body(&self, known: bool) -> Group {
        let p = &self.p;
        let at = located(self.return_type().map_or(self.function.brace, Spanned::span));
        let ty = match (self.return_type(), self.shape.runs) {
            _ if known => None,
            (None, _) => Some(quote_spanned!(at=> ())),
            // A hint of `!` would be unreachable and coerces to any type; `monitor` is given the type instead.
            (_, Runs::AsyncDiverging) => None,
            (Some(ty), _) => shape::nameable(ty).map(ToTokens::into_token_stream),
        };
        let DropOrder { captured, lets, .. } = &self.order;
        let hint = match ty {
            Some(ty) => quote_spanned! {at=>
                if let #p::core::option::Option::Some(__jobmon_hint) = #p::core::option::Option::None::<#ty> {
                    #captured
                    return __jobmon_hint;
                }
            },
            None if captured.is_empty() => TokenStream::new(),
            None => quote_spanned! {at=>
                if let #p::core::option::Option::Some(__jobmon_never) =
                    #p::core::option::Option::None::<#p::Infallible>
                {
                    #captured
                    match __jobmon_never {}
                }
            },
        };
        // A block of one expression would be called superfluous, so ours has two statements. It has the user's span,
        // since the edition of a block decides when temporaries at its end are dropped.
        let m = Span::mixed_site();
        let body = &self.function.body;
        let renamed = self.args.retry.as_ref().and_then(|_| own_self::by_value(&self.function.sig));
        let body = if renamed.is_some() { &own_self::renamed(body) } else { body };
        if hint.is_empty() && lets.is_empty() {
            return block(body.clone(), self.function.brace);
        }
        let first = lets.is_empty().then(|| quote_spanned!(m=> ;));
        let inner = block(quote!(#first #body), self.function.brace);
        if lets.is_empty() {
            return block(quote!(#hint #inner), self.function.brace);
        }
        // Temporaries at the end of the body are dropped before parameters: at the end of an arm.
        let arm = quote_spanned!(m=> match () { () => #inner });
        block(quote!(#hint #lets #arm), self.function.brace)
    }

    /// The type that the call gives, as far as it can be named: the probe's methods are looked up by it.
    fn output_hint(&self) -> TokenStream {
        if self.shape.runs == Runs::AsyncDiverging {
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
}
