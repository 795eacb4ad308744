//! Who has done what: the actions of administrators and moderators since the start.

use super::call::Call;
use super::method::{Access, methods};
use super::page::{Page, looked_at};
use crate::audit::Action;
use crate::clients::Clients;
use crate::cx::Cx;
use crate::describe::macros::{output, params};
use crate::fault::Fault;
use crate::fault::reason::BACKLOG_FULL;
use crate::run::Run;
use crate::settings::Permission;
use crate::time::UnixTime;
use crate::waiting::Success;

/// The methods that change something for others. A call of one is kept when it has succeeded.
const ACTIONS: &[&str] = &[
    "ban_add",
    "ban_remove",
    "channel_add",
    "channel_admin",
    "channel_remove",
    "drain",
    "kick",
    "log_level",
    "reconnect",
    "retire",
];

params! {
    /// The parameters of `audit`.
    pub(super) struct ListActions {
        /// only actions after this number: the `next` of the answer before
        after: Option<i64>,
    }
}

output! {
    /// The result of `audit`: the actions that the caller may see.
    pub(super) struct Actions<'m> {
        /// always `success`
        status: Success,
        /// the last actions since the start, oldest first, at most 500
        actions: Vec<ActionRow<'m>>,
        /// number of actions in this answer
        count: usize,
        /// true: the answer is full, and there are more actions
        more: Option<bool>,
        /// where the rest begins: `after` of the next request
        next: Option<u64>,
    }

    /// One action.
    pub(super) struct ActionRow<'m> {
        /// numbers the actions since the start
        number: u64,
        /// when it was done
        timestamp: UnixTime,
        /// the method
        method: &'static str,
        /// its parameters in JSON, as the caller wrote them; at most 500 bytes
        params: &'m str,
        /// the mud of the caller's key
        mud_name: &'m str,
        /// who did it: the mud of the key, and where its session came from
        by: &'m str,
    }
}

methods! {
    /// Lists what administrators and moderators of the caller's mud have done since the start: bans, hosted channels, ended
    /// sessions, the log level, reconnects. A key of the gateway's own mud sees the actions of all muds.
    "audit" (Access::Permitted(Permission::Admin)) ListActions => [Actions] &[&BACKLOG_FULL],
        |parts, call, args| list(parts.run, call, &args);
}

/// Returns who calls, as a text for people. It shows no secret.
pub(super) fn who(clients: &Clients, call: &Call) -> String {
    let identity = call.identity.as_ref();
    let mud_name = identity.map_or("", |identity| &*identity.mud_name);
    let key = identity.and_then(|identity| identity.key_name.as_deref());
    let key = key.map(|name| format!(", key {name}")).unwrap_or_default();
    let client = clients.get(call.conn()).and_then(|session| session.client_name.as_deref());
    let client = client.map(|name| format!(", client {name}")).unwrap_or_default();
    format!("{mud_name}{key}{client}, from {}", clients.addresses.of(call.conn()))
}

/// Keeps a call that has succeeded, if it is an action.
pub(crate) fn note(cx: &Cx<'_>, run: &mut Run, clients: &Clients, call: &Call, params: Option<&str>) {
    let method = call.asker.method;
    if !ACTIONS.contains(&method) {
        return;
    }
    // Without a level it only reads.
    if method == "log_level"
        && params.is_none_or(|params| params.trim_matches(['{', '}', '[', ']', ' ']).is_empty())
    {
        return;
    }
    let mud_name = call.identity.as_ref().map(|identity| identity.mud_name.to_string());
    run.audit.add(Action {
        number: 0,
        at: cx.now.unix,
        method,
        params: params.unwrap_or_default().to_owned(),
        mud_name: mud_name.unwrap_or_default(),
        by: who(clients, call),
    });
}

fn list<'m>(run: &'m Run, call: &Call, args: &ListActions) -> Result<Actions<'m>, Fault> {
    let caller = call.caller()?;
    let sees_all = caller.is_of_own_mud();
    let is_after =
        |number: u64| args.after.is_none_or(|after| i64::try_from(number).is_ok_and(|it| it > after));
    let wanted = looked_at(call, run.audit.iter()).filter(|action| is_after(action.number));
    let visible = wanted.filter(|action| sees_all || *action.mud_name == *caller.mud_name);
    let rows = visible.map(|action| ActionRow {
        number: action.number,
        timestamp: action.at,
        method: action.method,
        params: &action.params,
        mud_name: &action.mud_name,
        by: &action.by,
    });
    let Page { rows: actions, has_more } = Page::of(call, rows);
    let next = actions.last().filter(|_| has_more).map(|last| last.number);
    Ok(Actions { status: Success::Success, count: actions.len(), actions, more: next.map(|_| true), next })
}
