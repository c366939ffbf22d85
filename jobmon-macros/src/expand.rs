//! The expansion of `#[instrument_llm]`.

use crate::args::Args;
use crate::bindings;
use crate::body::{Call, block};
use crate::drops::DropOrder;
use crate::func::{self, Function};
use crate::methods::{self, Block};
use crate::mistakes::Mistakes;
use crate::shape::{Gives, Runs, Shape};
use crate::values;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Result};

/// Expands the attribute. Whatever is wrong, the item stays, so that one mistake is one error.
//
// Input:
//     #[instrument_llm(model = request.model, provider = "openai")]
//     async fn ask(request: Request) -> Result<Completion, Error> { BODY }
//
// Output, with `P` for `::jobmon::__private`:
//     async fn ask(request: Request) -> Result<Completion, Error> {
//         return P::monitor(
//             {
//                 static __JOBMON_SITE: P::Site = P::Site::new("ask", module_path!(), P::Operation::Chat, ["openai", "", ""]);
//                 P::start_with(&__JOBMON_SITE, |__jobmon_call| { P::Setting::model(__jobmon_call, &(request.model)); })
//             },
//             async move {
//                 if let Some(__jobmon_hint) = None::<Result<Completion, Error>> {
//                     P::captured(request);
//                     return __jobmon_hint;
//                 }
//                 {; BODY }
//             },
//             |__jobmon_output| match P::Output::of(__jobmon_output).__jobmon_split() {
//                 Ok(__jobmon_value) => P::succeeded(P::Answering::of(__jobmon_value).__jobmon_answer().__jobmon_read()),
//                 Err(__jobmon_error) => P::failed(P::Failing::of(__jobmon_error).__jobmon_failure().__jobmon_else()),
//             },
//         ).await
//     }
//
// - All braces have the user's span: coverage counts the same lines as without the attribute, messages name the user's
//   variables, and the user's edition decides when temporaries are dropped.
// - The hint makes the compiler know the return type before it looks at the body, as in a bare function. The block
//   around BODY keeps the user's `use` from changing what the hint means.
// - In its branch, which is never taken, parameters are named: see `drops.rs`.
// - Every name bound is ours alone: in a pattern it would mean a constant of the user's of that name.
// - A function that is not async is the same with `call_once` and a closure whose return type is written.
pub(crate) fn instrument(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let (mut args, wrong) = Args::parse(arguments);
    let mut mistakes = Mistakes(wrong);
    args.check_model(&mut mistakes);
    let item = func::ungrouped(item);
    let expanded = match Block::parse(&item) {
        Some(block) => block.map(|block| methods::instrument(args.clone(), &block, &mut mistakes)),
        None => Function::parse(item.clone()).and_then(|function| instrumented(&args, &function, &item)),
    };
    let kept = expanded.unwrap_or_else(|error| {
        mistakes.add(error);
        item
    });
    let errors = mistakes.0.map(Error::into_compile_error);
    quote!(#kept #errors)
}

/// A function as it is to be. Mistakes are told also where it is left as it is, so that sources which compile with the
/// attribute at work compile without.
pub(crate) fn instrumented(args: &Args, function: &Function, item: &TokenStream) -> Result<TokenStream> {
    let expanded = expand(args, function)?;
    Ok(if args.disabled { item.clone() } else { expanded })
}

fn expand(args: &Args, function: &Function) -> Result<TokenStream> {
    let shape = Shape::of(&function.sig);
    refuse(args, function, shape)?;
    let Function { attrs, vis, inner, .. } = function;
    let p = values::door(args.krate.as_ref());
    let order = match (shape.runs, &args.retry) {
        (Runs::Guarded, _) => DropOrder::as_it_is(function),
        (_, Some(_)) => DropOrder::of_attempts(function, &p),
        (_, None) => DropOrder::of(function, &args.outside(), &p),
    };
    let sig = order.sig.clone();
    let call = Call { args, function, shape, order, p };
    let statements = call.statements();
    let body = block(quote!(#(#inner)* #statements), function.brace);
    Ok(quote!(#(#attrs)* #vis #sig #body))
}

/// What can be said and cannot be done, with what to write instead.
fn refuse(args: &Args, function: &Function, shape: Shape) -> Result<()> {
    let name = &function.sig.ident;
    let Shape { runs, gives } = shape;
    let is_async = !matches!(runs, Runs::Sync | Runs::Guarded);
    if let Some((span, _)) = &args.timeout {
        if let Gives::Stream(_) = gives {
            return Err(Error::new(
                *span,
                "a stream has no `timeout`: it may go on for as long as somebody reads; return a `Result` with the stream, from an `async fn`, to limit how long it takes to open",
            ));
        }
        if !is_async {
            return Err(Error::new(
                *span,
                format!(
                    "`timeout` needs an async function: nothing can stop `{name}` while it runs; make it `async`, or give the client it calls a timeout"
                ),
            ));
        }
    }
    if let Some(budget) = &args.budget {
        if let Gives::Stream(_) = gives {
            return Err(Error::new(
                budget.span,
                "a stream cannot be stopped by a `budget` before it begins: it has no error to return; return a `Result` with the stream",
            ));
        }
        if let Runs::Guarded | Runs::AsyncDiverging = runs {
            return Err(Error::new(
                budget.span,
                "this function cannot return an error, so no `budget` can stop it; remove `budget`",
            ));
        }
    }
    if let Some(span) = args.boxed.filter(|_| !matches!(runs, Runs::Async | Runs::AsyncDiverging)) {
        return Err(Error::new(
            span,
            format!("`boxed` is for `async fn`; what `{name}` returns is as large as it says"),
        ));
    }
    let Some(retry) = &args.retry else { return Ok(()) };
    let refused = |message: &str| Err(Error::new(retry.span, message));
    match (runs, gives) {
        (Runs::Guarded | Runs::AsyncDiverging, _) => {
            refused("this function cannot return an error, so there is nothing to retry; remove `retry`")
        }
        (_, Gives::Stream(_)) => refused(
            "a stream that has begun cannot be tried again; return a `Result` with the stream to retry opening it",
        ),
        (Runs::Future(_), _) => match bindings::exclusive(&function.sig) {
            Some(borrowed) => Err(Error::new_spanned(
                borrowed,
                "the future that this function returns keeps this `&mut`, so that a second attempt could not have it; take `&`, or put `retry` on an `async fn` inside",
            )),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}
