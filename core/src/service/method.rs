//! How a method is described and called.

use super::call::Call;
use super::parts::Parts;
use crate::describe::datum::Source;
use crate::describe::shape::{Answer, Member};
use crate::fault::Fault;
use crate::fault::reason::Reason;
use crate::settings::Permission;

/// Which clients may call a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Every client, also before `authenticate`.
    Open,
    /// Every identified client.
    Identified,
    /// Identified clients whose key has the permission.
    Permitted(Permission),
}

/// The state of a request after its method has run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The result was returned.
    Answered,
    /// The result comes later, from [`Waiting`](crate::waiting::Waiting).
    Waits,
    /// The request is not done. It is continued in later turns with [`search::go_on`](super::search::go_on), and its
    /// result comes from [`Waiting`](crate::waiting::Waiting).
    Works,
    /// The request needs something that comes later. Then it is run again.
    Again,
}

/// Receives the result of a method.
pub(crate) type Respond<'r> = &'r mut dyn FnMut(&dyn erased_serde::Serialize);

/// Reads the parameters, runs the method, and returns its result.
type Run = for<'s, 'a> fn(
    &mut Parts<'_>,
    &Call,
    &'s mut (dyn Source<'a> + 's),
    Respond<'_>,
) -> Result<Progress, Fault>;

/// A method of the API.
#[derive(Debug)]
pub struct Method {
    /// The name.
    pub name: &'static str,
    /// Which clients may call it.
    pub access: Access,
    /// The parameters, in their order by position.
    pub params: &'static [Member],
    /// What it does, for the documents.
    pub summary: &'static str,
    /// The results. If there are several, each says when it is returned.
    pub results: &'static [Answer],
    /// Why the gateway may be unable to run it.
    pub reasons: &'static [&'static Reason],
    pub(crate) run: Run,
}

/// The table of a service's methods. The types of parameters and result describe a method; the body names the parts of
/// the state that it borrows.
macro_rules! methods {
    ($($(#[doc = $summary:literal])* $name:literal ($access:expr) $params:ty => $($later:ident)? [$result:ty $(, $late:ty)?] $reasons:expr,
        |$parts:ident, $call:ident, $args:ident| $body:expr;)*) => {
        /// The methods of this service.
        #[allow(elided_lifetimes_in_paths, reason = "the members of a type are those of each of its lifetimes")]
        pub(in crate::service) static METHODS: &[$crate::service::Method] = &[$($crate::service::Method {
            name: $name,
            access: $access,
            params: <$params as $crate::describe::shape::Object>::MEMBERS,
            summary: concat!($($summary),*).trim_ascii(),
            results: $crate::service::method::answers!($result $(, $late)?),
            reasons: $reasons,
            run: |$parts, $call, source, respond| {
                let $args = <$params as $crate::describe::values::Parameters<'_>>::read_from(source)?;
                $crate::service::method::respond!(respond, $($later)? $body)
            },
        }),*];
    };
}
pub(crate) use methods;

/// The results of a method: one, or one for callers that do not wait and one for callers that do.
macro_rules! answers {
    ($result:ty) => {
        <$result as $crate::describe::shape::Outcome>::ANSWERS
    };
    ($result:ty, $late:ty) => {
        &[
            $crate::describe::shape::Answer {
                when: "at once",
                members: <$result as $crate::describe::shape::Object>::MEMBERS,
            },
            $crate::describe::shape::Answer {
                when: "with `wait`",
                members: <$late as $crate::describe::shape::Object>::MEMBERS,
            },
        ]
    };
}
pub(crate) use answers;

macro_rules! respond {
    ($respond:ident, later $body:expr) => {
        match $body? {
            Some(result) => {
                $respond(&result);
                Ok($crate::service::Progress::Answered)
            }
            None => Ok($crate::service::Progress::Waits),
        }
    };
    ($respond:ident, works $body:expr) => {
        match $body? {
            Some(result) => {
                $respond(&result);
                Ok($crate::service::Progress::Answered)
            }
            None => Ok($crate::service::Progress::Works),
        }
    };
    ($respond:ident, again $body:expr) => {
        match $body? {
            Some(result) => {
                $respond(&result);
                Ok($crate::service::Progress::Answered)
            }
            None => Ok($crate::service::Progress::Again),
        }
    };
    ($respond:ident, $body:expr) => {{
        let result = $body?;
        $respond(&result);
        Ok($crate::service::Progress::Answered)
    }};
}
pub(crate) use respond;

crate::describe::macros::params! {
    /// The parameters of a method without parameters.
    pub(crate) struct NoParams {}
}

/// Reasons for which a packet cannot be sent.
pub(super) const SPEAK: &[&Reason] = {
    use crate::fault::reason::{DATABASE_AWAY, NOT_SAVED, QUEUE_FULL, ROUTER_DOWN, SERVICE_DISABLED};
    &[&ROUTER_DOWN, &QUEUE_FULL, &SERVICE_DISABLED, &DATABASE_AWAY, &NOT_SAVED]
};

/// Reasons for which a question to another mud may fail.
pub(super) const ASK: &[&Reason] = {
    use crate::fault::reason::{
        BACKLOG_FULL, DATABASE_AWAY, NO_ANSWER, QUEUE_FULL, ROUTER_DOWN, SERVICE_DISABLED, TOO_MANY_WAITING,
    };
    &[
        &ROUTER_DOWN,
        &QUEUE_FULL,
        &SERVICE_DISABLED,
        &DATABASE_AWAY,
        &NO_ANSWER,
        &TOO_MANY_WAITING,
        &BACKLOG_FULL,
    ]
};
