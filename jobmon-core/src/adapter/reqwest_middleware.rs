//! `reqwest-middleware`: each request is an attempt of the current call.

use super::Known;
use super::reqwest::{of_status, retry_after_from_headers};
use crate::attempt::attempt_with;
use crate::facts::current;
use crate::failure::Failure;
use ::reqwest::{Body, Request, Response};
use ::reqwest_middleware::{Error, Next};
use http::Extensions;
use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;

/// Bytes of a request that are read; longer ones hold pictures and the like.
const LARGEST_BODY: usize = 1024 * 1024;

/// A middleware that records each request as an attempt of the current call: how long it took until its headers
/// came, and why it failed (by its status or error), with `Retry-After`.
///
/// Put it after a middleware that retries, so that it sees each try. The body of an answer is not read, so a 429
/// counts as a limit of rate also where its body tells of a lack of credit. The body of the request is: it tells how the
/// model is asked, as [`Current::request`](crate::Current::request) does, where the function has not said so itself, and it
/// is JSON of at most 1 MiB. Outside of any call it only passes
/// through. A body that wraps its requests in [`attempt`](crate::attempt()) needs no middleware: both would count.
///
/// ```
/// use reqwest_middleware::ClientBuilder;
///
/// let http = ClientBuilder::new(reqwest::Client::new())
///     // .with(reqwest_retry::RetryTransientMiddleware::new_with_policy(policy))
///     .with(jobmon_core::record_attempts)
///     .build();
/// # drop(http);
/// ```
pub fn record_attempts<'a>(
    request: Request,
    extensions: &'a mut Extensions,
    next: Next<'a>,
) -> Pin<Box<dyn Future<Output = Result<Response, Error>> + Send + 'a>> {
    let url = request.url();
    // Without what follows `?`: Gemini's keys stand there.
    let address = format!("{}://{}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path());
    current().set_api_url(address);
    // How the model is asked; of a stream nobody knows what it will send.
    if let Some(body) = request.body().and_then(Body::as_bytes).filter(|body| body.len() <= LARGEST_BODY) {
        current().request_unless_known(body);
    }
    Box::pin(async move {
        let tried = async { Tried::of(next.run(request, extensions).await) };
        match attempt_with(tried, Tried::failure).await {
            Ok(response) => Ok(response),
            Err(Tried::Refused(response)) => Ok(*response),
            Err(Tried::Failed(error)) => Err(error),
        }
    })
}

/// A failed attempt: for a middleware, an answer without success is an answer all the same.
enum Tried {
    Refused(Box<Response>),
    Failed(Error),
}

impl Tried {
    fn of(result: Result<Response, Error>) -> Result<Response, Self> {
        let response = result.map_err(Self::Failed)?;
        let status = response.status();
        if status.is_client_error() || status.is_server_error() {
            Err(Self::Refused(response.into()))
        } else {
            Ok(response)
        }
    }

    fn failure(&self) -> Failure {
        match self {
            Self::Refused(response) => {
                of_status(response.status(), retry_after_from_headers(response.headers()))
            }
            Self::Failed(error) => Failure::of(error),
        }
    }
}

/// Its errors are transparent: what they carry is not their source.
pub(super) fn known<'e>(error: &'e (dyn StdError + 'static)) -> Option<Known<'e>> {
    Some(Known::carries(match error.downcast_ref::<Error>()? {
        Error::Middleware(error) => error.as_ref(),
        Error::Reqwest(error) => error,
    }))
}
