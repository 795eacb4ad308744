//! Requests: the way from a JSON text to its method and back, batches, and answers that come later.

use super::conn::{Conn, EARLY_REQUESTS_MAX, STRANGER_BYTES_MAX};
use super::discover::{self, Documents};
use super::encoder::send_text;
use super::json;
use super::rpc::{self, Incoming, Members, Request, code};
use super::turns::{PutOff, REQUEST_WORK, Turns};
use crate::clients::{Clients, Goodbye};
use crate::colour::TextStyle;
use crate::effects::ConnMap;
use crate::fault::Fault;
use crate::fault::reason::BACKLOG_FULL;
use crate::ids::Ticket;
use crate::machine::ConnId;
use crate::metrics::outcome_label;
use crate::notice::{Level, Notice};
use crate::service::admission::{self, UNKNOWN};
use crate::service::{Access, Call, Method, Parts, Progress, audit, channel, consequences, durable};
use crate::waiting::{Asker, Finished, Reply};
use serde_json::value::RawValue;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

/// The metric's outcome label for texts that are not requests.
const INVALID_REQUEST: &str = "invalid_request";

/// The metric's outcome label for requests of unknown methods.
const UNKNOWN_METHOD: &str = "unknown_method";

/// What some programs write before a text in UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// A result up to this length is always given, in bytes.
const SHORT_RESULT_BYTES: usize = 2048;

/// The work of writing one byte in another style than it came in, in bytes.
const RESTYLE_WORK: usize = 8;

/// The method that shows a key.
pub(super) const AUTHENTICATE: &str = "authenticate";

/// A request's place in a batch: the batch, and the index in it.
type InBatch = (u64, usize);

/// A request that waits for its answer.
#[derive(Debug)]
struct Open {
    conn: ConnId,
    method: &'static str,
    /// `None` for a notification.
    id: Option<Box<RawValue>>,
    batch: Option<InBatch>,
    /// Its parameters, if it is run again.
    params: Option<Box<RawValue>>,
}

/// Bytes of the answers of one batch. What does not fit becomes an error, for each request on its own.
pub const BATCH_ANSWERS_BYTES_MAX: usize = 524_288;

/// A batch that is not answered yet.
#[derive(Debug)]
struct Batch {
    conn: ConnId,
    /// Bytes of the answers so far.
    bytes: usize,
    /// `None` for a notification, and for an answer that is still to come.
    answers: Vec<Option<Vec<u8>>>,
    open: usize,
}

/// All requests of this front door.
#[derive(Debug)]
pub(super) struct Requests {
    methods: BTreeMap<&'static str, &'static Method>,
    open: BTreeMap<Ticket, Open>,
    batches: BTreeMap<u64, Batch>,
    last_batch: u64,
    pub(super) documents: Documents,
    pub(super) turns: Turns,
}

impl Default for Requests {
    fn default() -> Self {
        let methods = discover::methods().into_iter().map(|method| (method.name, method)).collect();
        Requests {
            methods,
            open: BTreeMap::new(),
            batches: BTreeMap::new(),
            last_batch: 0,
            documents: Documents::default(),
            turns: Turns::default(),
        }
    }
}

/// The outcome of a request.
enum Outcome {
    /// Its result, as JSON.
    Result(Vec<u8>),
    /// An error.
    Fault(Fault),
    /// There is no such method.
    Unknown,
    /// The result comes later.
    Later,
}

impl Requests {
    /// Handles a text from a client: a request or a batch.
    pub(super) fn text(
        &mut self,
        parts: &mut Parts<'_>,
        conns: &mut ConnMap<Conn>,
        conn: ConnId,
        text: &str,
    ) {
        if let Some(session) = parts.clients.get_mut(conn) {
            session.heard = parts.cx.now.mono;
        }
        let is_first = conns.get_mut(conn).is_some_and(|one| !std::mem::replace(&mut one.has_spoken, true));
        let text = if is_first { text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text) } else { text };
        if is_stranger(parts, conn) {
            self.early_text(parts, conns, conn, text);
        } else {
            match rpc::parse(text) {
                Incoming::Single(request) => self.single(parts, conns, conn, text, request),
                Incoming::Batch(requests) => self.batch(parts, conns, conn, requests),
            }
        }
        self.text_is_done(parts, conns, conn);
    }

    /// Does what follows from the text of a client. One that waits to be identified has not spoken yet.
    fn text_is_done(&self, parts: &mut Parts<'_>, conns: &ConnMap<Conn>, conn: ConnId) {
        let working = conns.get(conn).and_then(|one| one.desk.working);
        let waits = working.and_then(|ticket| self.open.get(&ticket));
        let (cx, muds, mut out) = parts.delivery_and_muds();
        if waits.is_none_or(|open| open.method != AUTHENTICATE) {
            out.has_spoken(cx, conn);
        }
        out.clients.tell_who_came(cx, conn);
        channel::join_set(cx, muds, &mut out, conn);
        out.replay(cx, conn);
    }

    /// Handles a text from a client that is not identified. Its requests are counted, and it may send no batch.
    fn early_text(&mut self, parts: &mut Parts<'_>, conns: &mut ConnMap<Conn>, conn: ConnId, text: &str) {
        let request = if rpc::is_batch(text) {
            let refusal = "a batch needs a key: authenticate first, with a request of its own";
            Err(rpc::refusal(None, code::INVALID_REQUEST, refusal))
        } else {
            match rpc::parse(text) {
                Incoming::Single(request) => request,
                // A text that is no batch has one request.
                Incoming::Batch(_) => return,
            }
        };
        let answer = self.one(parts, conns, conn, request, None).flatten().unwrap_or_default();
        charge(parts, conn, text.len() + answer.len());
        early_bytes(parts, conns, conn, answer.len());
        if !answer.is_empty() {
            send_text(parts, conn, &answer);
        }
    }

    /// Whether a request has to wait for the client's turn.
    fn must_wait(
        &self,
        conns: &mut ConnMap<Conn>,
        conn: ConnId,
        request: &Result<Request<'_>, Vec<u8>>,
    ) -> bool {
        let method = request.as_ref().map_or(UNKNOWN, |request| &request.method);
        let desk = conns.get_mut(conn).map(|one| &one.desk);
        desk.is_some_and(|desk| {
            desk.working.is_some() || !desk.put_off.is_empty() || !self.turns.admits(desk, method)
        })
    }

    fn single(
        &mut self,
        parts: &mut Parts<'_>,
        conns: &mut ConnMap<Conn>,
        conn: ConnId,
        text: &str,
        request: Result<Request<'_>, Vec<u8>>,
    ) {
        if self.must_wait(conns, conn, &request) {
            put_off(conns, conn, PutOff { text: text.into(), batch: None });
        } else if let Some(Some(answer)) = self.one(parts, conns, conn, request, None) {
            send_text(parts, conn, &answer);
        }
    }

    fn batch(
        &mut self,
        parts: &mut Parts<'_>,
        conns: &mut ConnMap<Conn>,
        conn: ConnId,
        requests: Vec<&RawValue>,
    ) {
        self.last_batch += 1;
        let batch = self.last_batch;
        let (answers, open) = (vec![None; requests.len()], requests.len());
        self.batches.insert(batch, Batch { conn, bytes: 0, answers, open });
        for (at, value) in requests.into_iter().enumerate() {
            let request = rpc::request(value);
            if self.must_wait(conns, conn, &request) {
                put_off(conns, conn, PutOff { text: value.get().into(), batch: Some((batch, at)) });
            } else if let Some(answer) = self.one(parts, conns, conn, request, Some((batch, at))) {
                self.answer_in_batch(parts, conns, (batch, at), answer);
            }
        }
    }

    /// Runs the next request that was put off.
    pub(super) fn take_up(&mut self, parts: &mut Parts<'_>, conns: &mut ConnMap<Conn>, conn: ConnId) {
        let Some(put_off) = conns.get_mut(conn).and_then(|one| one.desk.put_off.pop_front()) else { return };
        // The text was read once already.
        let Ok(value) = serde_json::from_str::<&RawValue>(&put_off.text) else { return };
        match (self.one(parts, conns, conn, rpc::request(value), put_off.batch), put_off.batch) {
            (Some(answer), Some(place)) => self.answer_in_batch(parts, conns, place, answer),
            (Some(Some(answer)), None) => send_text(parts, conn, &answer),
            _ => {}
        }
        let (cx, mut out) = parts.delivery();
        out.replay(cx, conn);
    }

    /// Returns the largest answer that may be queued or held for a request.
    fn room(&self, parts: &Parts<'_>, conn: ConnId, batch: Option<InBatch>) -> usize {
        let held = batch.and_then(|(batch, _)| self.batches.get(&batch)).map(|batch| batch.bytes);
        let of_batch = held.map_or(usize::MAX, |held| BATCH_ANSWERS_BYTES_MAX.saturating_sub(held));
        Clients::room(&parts.cx, conn).min(of_batch)
    }

    /// Runs one request. Returns its answer, which is empty for a notification, or `None` if the answer comes later.
    fn one(
        &mut self,
        parts: &mut Parts<'_>,
        conns: &mut ConnMap<Conn>,
        conn: ConnId,
        request: Result<Request<'_>, Vec<u8>>,
        batch: Option<InBatch>,
    ) -> Option<Option<Vec<u8>>> {
        let request = match request {
            Ok(request) => request,
            Err(answer) => {
                Requests::count_unreadable(parts);
                early_request(parts, conns, conn);
                return Some(Some(answer));
            }
        };
        parts.cx.metrics.requests += 1;
        let method = self.methods.get(&*request.method).copied();
        let name = method.map_or(UNKNOWN, |method| method.name);
        let mut work = REQUEST_WORK;
        let outcome = match admit(parts, conns, conn, method) {
            Ok(()) => self.run(parts, conns, conn, &request, (method, batch), &mut work),
            Err(fault) => Outcome::Fault(fault),
        };
        self.has_run(parts, conns, conn, &request, (name, batch), (outcome, work))
    }

    /// Does what follows from a request that was run. Returns its answer, as [`Requests::one`] does.
    fn has_run(
        &mut self,
        parts: &mut Parts<'_>,
        conns: &mut ConnMap<Conn>,
        conn: ConnId,
        request: &Request<'_>,
        (name, batch): (&'static str, Option<InBatch>),
        (mut outcome, work): (Outcome, usize),
    ) -> Option<Option<Vec<u8>>> {
        if let Some(one) = conns.get_mut(conn) {
            self.turns.worked(&mut one.desk, work);
            self.turns.cost(name, work);
        }
        consequences::follow(parts);
        if let Outcome::Result(result) = &outcome
            && is_too_long(result.len(), self.room(parts, conn, batch))
        {
            outcome = Outcome::Fault(backlog_full());
        }
        let (label, answer) = match outcome {
            Outcome::Later => return None,
            Outcome::Result(result) => {
                (outcome_label(None), request.id.map(|id| rpc::result(Some(id), &result)))
            }
            Outcome::Fault(fault) => {
                let label = outcome_label(Some(fault.kind));
                (label, request.id.map(|id| rpc::error(Some(id), &fault)))
            }
            Outcome::Unknown => {
                let text = format!("Unknown method: {}", request.method);
                let answer = request.id.map(|id| rpc::refusal(Some(id), code::METHOD_NOT_FOUND, &text));
                (UNKNOWN_METHOD, answer)
            }
        };
        parts.cx.metrics.count_call(name, label, Duration::ZERO);
        tell_request(parts, conn, name, label);
        Some(answer)
    }

    /// Counts a text that is not a request.
    pub(super) fn count_unreadable(parts: &mut Parts<'_>) {
        parts.cx.metrics.requests += 1;
        parts.cx.metrics.count_call(UNKNOWN, INVALID_REQUEST, Duration::ZERO);
    }

    fn run(
        &mut self,
        parts: &mut Parts<'_>,
        conns: &mut ConnMap<Conn>,
        conn: ConnId,
        request: &Request<'_>,
        (method, batch): (Option<&'static Method>, Option<InBatch>),
        work: &mut usize,
    ) -> Outcome {
        let Some(method) = method else { return Outcome::Unknown };
        if discover::is_discover(method) && read_params(method, request.params).is_ok() {
            let document = self.documents.openrpc().to_vec();
            *work += document.len();
            return Outcome::Result(document);
        }
        let Some(session) = parts.clients.get(conn) else { return Outcome::Unknown };
        let ticket = parts.waiting.next_ticket();
        let call = Call {
            asker: Asker { conn, ticket, method: method.name },
            identity: session.identity.clone(),
            reads: session.reads,
            wants_answer: request.id.is_some(),
            work: Cell::default(),
        };
        let mut params = match read_params(method, request.params) {
            Ok(params) => params,
            Err(fault) => return Outcome::Fault(fault),
        };
        let mut result = Vec::new();
        parts.cx.fx.take_handed_over();
        let progress = (method.run)(parts, &call, &mut params, &mut |value| json::write(&mut result, value));
        let to_write = if call.reads == TextStyle::Raw { result.len() } else { result.len() * RESTYLE_WORK };
        *work += call.work.get() + to_write;
        if progress.is_ok() {
            let params = request.params.map(RawValue::get);
            audit::note(&parts.cx, parts.run, parts.clients, &call, params);
        }
        let handed_over = parts.cx.fx.take_handed_over().filter(|_| call.wants_answer);
        let progress = match (progress, handed_over) {
            (Ok(Progress::Answered), Some(save)) if parts.waiting.may_wait(conn).is_ok() => {
                let Some(reply) = Reply::written(result) else { return Outcome::Unknown };
                durable::answer_when_handed_over(&mut parts.cx, parts.waiting, &call, save, reply);
                // The next request of the client runs when this one is durable: they stay in order.
                let id = request.id.map(ToOwned::to_owned);
                self.open.insert(ticket, Open { conn, method: method.name, id, batch, params: None });
                if let Some(one) = conns.get_mut(conn) {
                    one.desk.working = Some(ticket);
                }
                return Outcome::Later;
            }
            (progress, _) => progress,
        };
        match progress {
            Ok(Progress::Answered) => Outcome::Result(result),
            Ok(progress @ (Progress::Waits | Progress::Works | Progress::Again)) => {
                let id = request.id.map(ToOwned::to_owned);
                let params = request.params.filter(|_| progress == Progress::Again).map(ToOwned::to_owned);
                self.open.insert(ticket, Open { conn, method: method.name, id, batch, params });
                if let Some(one) = conns.get_mut(conn).filter(|_| progress != Progress::Waits) {
                    one.desk.working = Some(ticket);
                }
                Outcome::Later
            }
            Err(fault) => Outcome::Fault(fault),
        }
    }

    /// Answers a request that has waited.
    pub(super) fn finished(
        &mut self,
        parts: &mut Parts<'_>,
        conns: &mut ConnMap<Conn>,
        Finished { conn, ticket, outcome }: Finished,
    ) {
        if let Some(one) = conns.get_mut(conn).filter(|one| one.desk.working == Some(ticket)) {
            one.desk.working = None;
        }
        let Some(open) = self.open.remove(&ticket) else { return };
        if matches!(outcome, Ok(Reply::Again)) {
            return self.again(parts, conns, &open);
        }
        tell_request(parts, conn, open.method, outcome_label(outcome.as_ref().err().map(|fault| fault.kind)));
        let answer = open.id.as_deref().map(|id| match outcome {
            Ok(reply) => {
                let mut result = Vec::new();
                json::write(&mut result, &reply);
                if is_too_long(result.len(), self.room(parts, conn, open.batch)) {
                    rpc::error(Some(id), &backlog_full())
                } else {
                    rpc::result(Some(id), &result)
                }
            }
            Err(fault) => rpc::error(Some(id), &fault),
        });
        match (open.batch, answer) {
            (Some(place), answer) => self.answer_in_batch(parts, conns, place, answer),
            (None, Some(answer)) => send_text(parts, open.conn, &answer),
            (None, None) => {}
        }
    }

    /// Runs a request again, which has waited for what it needs.
    fn again(&mut self, parts: &mut Parts<'_>, conns: &mut ConnMap<Conn>, open: &Open) {
        let Open { conn, method: name, batch, .. } = *open;
        let (id, params) = (open.id.as_deref(), open.params.as_deref());
        let request = Request { id, method: name.into(), params };
        let method = self.methods.get(name).copied();
        let mut work = REQUEST_WORK;
        let outcome = self.run(parts, conns, conn, &request, (method, batch), &mut work);
        let answer = self.has_run(parts, conns, conn, &request, (name, batch), (outcome, work));
        match (batch, answer) {
            (Some(place), Some(answer)) => self.answer_in_batch(parts, conns, place, answer),
            (None, Some(Some(answer))) => send_text(parts, conn, &answer),
            _ => {}
        }
        self.text_is_done(parts, conns, conn);
    }

    /// Adds an answer to its batch. It is `None` for a notification.
    fn answer_in_batch(
        &mut self,
        parts: &mut Parts<'_>,
        conns: &mut ConnMap<Conn>,
        (key, at): InBatch,
        answer: Option<Vec<u8>>,
    ) {
        let Some(batch) = self.batches.get_mut(&key) else { return };
        let Some(one) = conns.get_mut(batch.conn) else { return };
        let bytes = answer.as_ref().map_or(0, Vec::len);
        batch.bytes += bytes;
        batch.answers[at] = answer;
        batch.open -= 1;
        one.desk.held_bytes += bytes;
        if batch.open > 0 {
            return parts.cx.fx.set_aside(batch.conn, one.desk.bytes());
        }
        one.desk.held_bytes -= batch.bytes;
        parts.cx.fx.set_aside(batch.conn, one.desk.bytes());
        let Some(batch) = self.batches.remove(&key) else { return };
        let mut text = Vec::with_capacity(batch.bytes + batch.answers.len() + 1);
        for answer in batch.answers.into_iter().flatten() {
            text.push(if text.is_empty() { b'[' } else { b',' });
            text.extend_from_slice(&answer);
        }
        // A batch of notifications is not answered, not even with an empty list.
        if !text.is_empty() {
            text.push(b']');
            send_text(parts, batch.conn, &text);
        }
    }

    /// Whether a request of a client waits for its answer.
    pub(super) fn are_open(&self, conn: ConnId) -> bool {
        let is_answered = |open: &Open| open.id.is_some() || open.batch.is_some();
        self.open.values().any(|open| open.conn == conn && is_answered(open))
    }

    /// Forgets the requests of a client that has disconnected.
    pub(super) fn forget(&mut self, conn: ConnId) {
        self.open.retain(|_, open| open.conn != conn);
        self.batches.retain(|_, batch| batch.conn != conn);
    }
}

/// Reports a request at the level DEBUG: the method and how it ended, never what it contains.
fn tell_request(parts: &mut Parts<'_>, conn: ConnId, method: &'static str, outcome: &'static str) {
    // Nobody reads this at another level, so its words are not put together then.
    if parts.run.log_level < Level::Debug {
        return;
    }
    let mut notice =
        Notice::new(Level::Debug, "api", "request").with("method", method).with("outcome", outcome);
    if let Some(session) = parts.clients.get(conn) {
        if let Some(key) = session.identity.as_ref().and_then(|identity| identity.key_name.as_ref()) {
            notice = notice.with("key", key);
        }
        if let Some(client) = &session.client_name {
            notice = notice.with("client", client);
        }
        notice = notice.with("door", session.way.name);
    }
    parts.cx.notice(notice.with("address", parts.clients.addresses.of(conn)));
}

/// Lets a request wait for the client's turn.
fn put_off(conns: &mut ConnMap<Conn>, conn: ConnId, request: PutOff) {
    if let Some(one) = conns.get_mut(conn) {
        one.desk.put_off.push_back(request);
    }
}

/// Whether a result is too long for the room that is left. A short one is no longer than the error would be.
fn is_too_long(bytes: usize, room: usize) -> bool {
    bytes > room && bytes > SHORT_RESULT_BYTES
}

fn backlog_full() -> Fault {
    Fault::gateway(&BACKLOG_FULL, "too many answers wait to be read; ask again, or for less at a time")
}

/// Counts a line that is no JSON text, and its answer.
pub(super) fn unreadable_line(parts: &mut Parts<'_>, conns: &mut ConnMap<Conn>, conn: ConnId, bytes: usize) {
    Requests::count_unreadable(parts);
    if is_stranger(parts, conn) {
        early_request(parts, conns, conn);
        charge(parts, conn, bytes);
    }
}

/// Counts the bytes of a request without a key, and of its answer, for the address of the client.
fn charge(parts: &mut Parts<'_>, conn: ConnId, bytes: usize) {
    if is_stranger(parts, conn) {
        let address = parts.clients.addresses.of(conn);
        parts.clients.addresses.charge(address, bytes, parts.cx.now.mono);
    }
}

/// Whether a client has a session, and is not identified.
pub(super) fn is_stranger(parts: &Parts<'_>, conn: ConnId) -> bool {
    parts.clients.get(conn).is_some_and(|session| session.identity.is_none())
}

/// Counts bytes that a client has sent or caused as long as it is not identified. It is closed after too many.
pub(super) fn early_bytes(parts: &mut Parts<'_>, conns: &mut ConnMap<Conn>, conn: ConnId, bytes: usize) {
    let Some(one) = conns.get_mut(conn).filter(|_| is_stranger(parts, conn)) else { return };
    one.early_bytes = one.early_bytes.saturating_add(bytes);
    if one.early_bytes > STRANGER_BYTES_MAX && parts.clients.stays(conn) {
        parts.cx.metrics.connections_at_fault += 1;
        parts.clients.dismiss(conn, Goodbye::Policy, "not authenticated");
    }
}

/// Refuses a request without a key when its address has sent too many. A key is always looked at.
fn admit_stranger(parts: &mut Parts<'_>, conn: ConnId, method: Option<&Method>) -> Result<(), Fault> {
    let address = parts.clients.addresses.of(conn);
    match parts.clients.addresses.strangers().wait_ms(address, parts.cx.now.mono) {
        Some(wait_ms) if method.is_none_or(|method| method.name != AUTHENTICATE) => {
            parts.cx.metrics.strangers_limited += 1;
            Err(Fault::too_often(wait_ms, "too many requests without a key from this address"))
        }
        _ => Ok(()),
    }
}

/// Checks whether a client may call a method now.
fn admit(
    parts: &mut Parts<'_>,
    conns: &mut ConnMap<Conn>,
    conn: ConnId,
    method: Option<&'static Method>,
) -> Result<(), Fault> {
    let Some(session) = parts.clients.get(conn).filter(|session| !session.leaving) else {
        return Err(Fault::not_authenticated("the session has ended"));
    };
    let is_identified = session.identity.is_some();
    if !is_identified && let Err(fault) = admit_stranger(parts, conn, method) {
        early_request(parts, conns, conn);
        return Err(fault);
    }
    if !is_identified && method.is_none_or(|method| method.access != Access::Open) {
        early_request(parts, conns, conn);
        return Err(Fault::not_authenticated("Not authenticated. Please authenticate first."));
    }
    admission::admit(parts, conn, method)?;
    if !is_identified {
        early_request(parts, conns, conn);
    }
    Ok(())
}

/// Counts a request of a client that is not identified, and closes the connection after too many.
fn early_request(parts: &mut Parts<'_>, conns: &mut ConnMap<Conn>, conn: ConnId) {
    if parts.clients.get(conn).is_none_or(|session| session.identity.is_some()) {
        return;
    }
    let Some(one) = conns.get_mut(conn) else { return };
    one.early_requests += 1;
    if one.early_requests >= EARLY_REQUESTS_MAX {
        parts.cx.metrics.connections_at_fault += 1;
        parts.clients.dismiss(conn, Goodbye::Policy, "not authenticated");
    }
}

/// Reads parameters by name, or by position in the order of the method's description.
fn read_params<'a>(method: &Method, params: Option<&'a RawValue>) -> Result<Members<'a>, Fault> {
    let Some(params) = params else { return Ok(Members::default()) };
    if params.get().starts_with('{') {
        // The text is known to be valid JSON that starts an object.
        return Ok(serde_json::from_str(params.get()).unwrap_or_default());
    }
    let values: Vec<&RawValue> = serde_json::from_str(params.get()).unwrap_or_default();
    if values.len() > method.params.len() {
        let (most, given) = (method.params.len(), values.len());
        return Err(Fault::params(format!("{} takes at most {most} parameters, not {given}", method.name)));
    }
    Ok(Members::from_positions(method.params.iter().map(|param| param.name), values))
}
