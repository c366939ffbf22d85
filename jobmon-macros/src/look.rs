//! How the output of a call is looked at.
//!
//! All of it stands where the return type stands: if that is wrong, there it is told.

use crate::args::Usage;
use crate::body::Call;
use crate::nested;
use crate::shape::{self, Gives};
use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;
use syn::{ExprClosure, Type};

impl Call<'_> {
    /// The type that tells usage: what the call gives, or an item of its stream.
    fn told(&self) -> Option<&Type> {
        match self.shape.gives {
            Gives::Value => self.output(),
            Gives::Stream(_) | Gives::Opened(_) => shape::item(self.stream()?),
        }
    }

    /// Reads the answer by what its type tells.
    fn answer(&self) -> TokenStream {
        let m = self.return_span();
        let p = &self.p;
        let read = match (&self.args.usage, self.told().filter(|ty| shape::is_named(ty))) {
            // The type as it is written, which is where a missing answer is told.
            (Usage::Required, Some(ty)) => quote_spanned!(m=> __jobmon_required::<#ty>()),
            (Usage::Required, None) => {
                quote_spanned!(self.return_span()=> __jobmon_required_of(__jobmon_value))
            }
            _ => quote_spanned!(m=> __jobmon_read()),
        };
        let mut answer = quote_spanned!(m=> #p::Answering::of(__jobmon_value).__jobmon_answer().#read);
        for _ in 0..self.told().map_or(0, nested::depth) {
            answer = quote_spanned! {m=>
                #p::core::option::Option::and_then(
                    #p::Inside::of(__jobmon_value).__jobmon_inside(),
                    |__jobmon_value| #answer,
                )
            };
        }
        answer
    }

    /// Looks at what tells usage, and at its error.
    pub(crate) fn probe(&self) -> TokenStream {
        let m = self.return_span();
        let p = &self.p;
        let answer = match &self.args.usage {
            Usage::Automatic | Usage::Required => self.answer(),
            Usage::Manual => quote_spanned!(m=> #p::untold(__jobmon_value)),
            Usage::Read(closure) => quote_spanned!(m=> #p::told(__jobmon_value, #closure)),
        };
        // The errors of a stream's items are not those of the function that opens it.
        let own_error = !matches!(self.shape.gives, Gives::Opened(_));
        let closure = self.args.error.as_ref().filter(|_| own_error);
        let failure = self.failure(self.told(), closure);
        // What the user's closures move, the one around them must.
        let of_usage = if let Usage::Read(closure) = &self.args.usage { closure.capture } else { None };
        let capture = of_usage.or(closure.and_then(|closure| closure.capture));
        let captures = self.args.capture.as_ref().is_some_and(|capture| capture.output);
        let seen = self.either(&answer, &failure, captures);
        quote_spanned!(m=> #capture |__jobmon_output| #seen)
    }

    /// Reads `__jobmon_output`: a success as `__jobmon_value`, or `__jobmon_error`.
    fn either(&self, answer: &TokenStream, failure: &TokenStream, captures: bool) -> TokenStream {
        let m = self.return_span();
        let p = &self.p;
        let success = if captures {
            quote_spanned!(m=> #p::spoken(#answer, #p::Capturing::of(__jobmon_value).__jobmon_captured()))
        } else {
            quote_spanned!(m=> #p::succeeded(#answer))
        };
        quote_spanned! {m=>
            match #p::Output::of(__jobmon_output).__jobmon_split() {
                #p::core::result::Result::Ok(__jobmon_value) => #success,
                #p::core::result::Result::Err(__jobmon_error) => #p::failed(#failure),
            }
        }
    }

    /// Looks only at the error of the output: that of an attempt, or of a stream that could not be opened.
    pub(crate) fn error_probe(&self) -> TokenStream {
        let m = self.return_span();
        let closure = self.args.error.as_ref();
        let capture = closure.and_then(|closure| closure.capture);
        let failure = self.failure(self.output(), closure);
        quote_spanned!(m=> #capture |__jobmon_error| #failure)
    }

    /// Looks at the output of one attempt: what was seen, and whether an error is retried.
    pub(crate) fn attempt_probe(&self) -> TokenStream {
        let m = self.return_span();
        let p = &self.p;
        let seen = match self.shape.gives {
            Gives::Value => {
                let probe = self.probe();
                quote_spanned!(m=> #p::looked_at(__jobmon_output, #probe))
            }
            Gives::Stream(_) | Gives::Opened(_) => {
                let failure = self.failure(self.output(), self.args.error.as_ref());
                self.either(&quote_spanned!(m=> #p::untold(__jobmon_value)), &failure, false)
            }
        };
        let wanted = match self.args.retry.as_ref().and_then(|retry| retry.when.as_ref()) {
            None => quote_spanned!(m=> #p::core::option::Option::None),
            Some(when) => {
                quote_spanned!(m=> #p::retry_when(#p::Output::of(__jobmon_output).__jobmon_split(), #when))
            }
        };
        quote_spanned!(m=> |__jobmon_output| (#seen, #wanted))
    }

    /// Reads `__jobmon_error`, an error of that type.
    fn failure(&self, ty: Option<&Type>, closure: Option<&ExprClosure>) -> TokenStream {
        let m = self.return_span();
        let p = &self.p;
        let failing = Ident::new(ty.and_then(shape::error).map_or("Failing", shape::failing), m);
        let failure = quote_spanned!(m=> #p::#failing::of(__jobmon_error).__jobmon_failure().__jobmon_else());
        match closure {
            Some(closure) => quote_spanned!(m=> #p::categorised(__jobmon_error, #failure, #closure)),
            None => failure,
        }
    }
}
