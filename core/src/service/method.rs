//! How a method is described, and how it is called.

use super::call::Call;
use super::parts::Parts;
use crate::describe::datum::Source;
use crate::describe::shape::{Answer, Member};
use crate::fault::Fault;
use crate::fault::reason::Reason;
use crate::settings::Permission;

/// Who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody, also before a key was shown.
    Open,
    /// Every identified client.
    Identified,
    /// Clients whose key has the permission.
    Permitted(Permission),
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Its result was given.
    Answered,
    /// Its result comes later, from [`Waiting`](crate::waiting::Waiting).
    Waits,
}

/// Takes the result of a method.
pub(crate) type Respond<'r> = &'r mut dyn FnMut(&dyn erased_serde::Serialize);

/// Reads the parameters, does what the method does, and gives the result.
type Run = for<'s, 'a> fn(
    &mut Parts<'_>,
    &Call,
    &'s mut (dyn Source<'a> + 's),
    Respond<'_>,
) -> Result<Progress, Fault>;

/// A method.
#[derive(Debug)]
pub struct Method {
    /// Its name.
    pub name: &'static str,
    /// Who may call.
    pub access: Access,
    /// In their order.
    pub params: &'static [Member],
    /// What it does.
    pub summary: &'static str,
    /// What it gives. If there are several, each says when.
    pub results: &'static [Answer],
    /// Why the gateway may be unable to do it.
    pub reasons: &'static [&'static Reason],
    pub(crate) run: Run,
}

/// The table of a service's methods. The types of parameters and result are the description of a method; the body says
/// which parts it is lent.
macro_rules! methods {
    ($($(#[doc = $summary:literal])* $name:literal ($access:expr) $params:ty => $($later:ident)? [$result:ty $(, $late:ty)?] $reasons:expr,
        |$parts:ident, $call:ident, $args:ident| $body:expr;)*) => {
        /// The methods of this service.
        #[allow(elided_lifetimes_in_paths, reason = "the members of a type are those of each of its lifetimes")]
        pub(super) static METHODS: &[$crate::service::Method] = &[$($crate::service::Method {
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

/// What a method gives: at once, or to a caller that waits.
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
    ($respond:ident, $body:expr) => {{
        let result = $body?;
        $respond(&result);
        Ok($crate::service::Progress::Answered)
    }};
}
pub(crate) use respond;

crate::describe::macros::params! {
    /// What a method takes that takes nothing.
    pub(crate) struct NoParams {}
}

/// What has to do with the router.
pub(super) const SPEAK: &[&Reason] = {
    use crate::fault::reason::{QUEUE_FULL, ROUTER_DOWN, SERVICE_DISABLED};
    &[&ROUTER_DOWN, &QUEUE_FULL, &SERVICE_DISABLED]
};

/// What asks the network.
pub(super) const ASK: &[&Reason] = {
    use crate::fault::reason::{NO_ANSWER, QUEUE_FULL, ROUTER_DOWN, SERVICE_DISABLED, TOO_MANY_WAITING};
    &[&ROUTER_DOWN, &QUEUE_FULL, &SERVICE_DISABLED, &NO_ANSWER, &TOO_MANY_WAITING]
};
