//! The games: what they ask for, at random.

use super::oracle::Asked;
use super::plan::{ClientPlan, Part};
use super::tap::Tag;
use crate::wire;
use fastrand::Rng;
use serde_json::{Value as Json, json};

/// Users of each mud that are on at any time, as their games say.
const USERS: u8 = 4;

/// The longest filler of a message, in characters.
const FILLER_MAX: usize = 1500;

/// What a client sends at once.
#[derive(Debug, Default)]
pub struct Request {
    /// The JSON text, or what is none.
    pub text: String,
    /// The ids of the answers that it asks for, as JSON, and what for.
    pub asked: Vec<(String, Asked)>,
}

/// A game at its end of a connection to its gateway.
#[derive(Debug)]
pub struct Client {
    /// What the plan says of it.
    pub plan: ClientPlan,
    /// Its connection.
    pub script: Option<usize>,
    /// The number of that.
    pub session: u64,
    /// The gateway has taken its key.
    pub ready: bool,
    /// What the last `status` said: whether the link is ready, and the router.
    pub status: Option<(bool, String)>,
    /// The ids given on this connection.
    ids: u64,
    /// Messages on this connection.
    seq: u64,
}

impl Client {
    /// One that is not connected.
    pub fn new(plan: ClientPlan) -> Client {
        Client { plan, script: None, session: 0, ready: false, status: None, ids: 0, seq: 0 }
    }

    /// It has a new connection.
    pub fn connected(&mut self, script: usize, session: u64) {
        *self = Client { script: Some(script), session, ..Client::new(self.plan.clone()) };
    }

    /// Its key.
    pub fn key(&self) -> String {
        let tool = if self.observes() { "tool-" } else { "" };
        format!("{}-{tool}key", self.plan.mud.to_lowercase())
    }

    /// Whether it only looks.
    pub fn observes(&self) -> bool {
        matches!(self.plan.part, Part::Observer | Part::NamedObserver)
    }

    /// What it sends first, on a WebSocket.
    pub fn upgrade(&self) -> Vec<u8> {
        let request = wire::websocket_request("/ws", Some(&self.key()));
        let role = if self.observes() { "\r\nX-I3-Role: observer\r\n" } else { "\r\n" };
        request.replacen("\r\n", role, 1).into_bytes()
    }

    /// A text as it goes over its connection.
    pub fn frame(&self, text: &str) -> Vec<u8> {
        if self.plan.websocket {
            wire::websocket_frame(1, text.as_bytes())
        } else {
            format!("{text}\n").into_bytes()
        }
    }

    /// One request.
    pub fn call(&mut self, method: &str, params: &Json, what: Asked) -> Request {
        self.ids += 1;
        let text = json!({"jsonrpc": "2.0", "id": self.ids, "method": method, "params": params}).to_string();
        Request { text, asked: vec![(self.ids.to_string(), what)] }
    }

    /// What it asks first, on a line port.
    pub fn authenticate(&mut self) -> Request {
        let mut params = json!({"api_key": self.key()});
        if self.observes() {
            params["role"] = "observer".into();
        }
        if matches!(self.plan.part, Part::Named | Part::NamedObserver) {
            params["client"] = "game".into();
        }
        self.call("authenticate", &params, Asked::Key)
    }

    /// It has handled all events up to one.
    pub fn acknowledge(&mut self, event_id: &Json) -> Request {
        let what = event_id.as_u64().map_or(Asked::Other, Asked::Ack);
        self.call("ack", &json!({"event_id": event_id}), what)
    }

    /// Who is on.
    pub fn presence(&mut self, rng: &mut Rng) -> Request {
        let mut users: Vec<Json> = (0..USERS)
            .map(|n| json!({"name": user(n, &self.plan.mud), "idle": rng.u8(..), "level": n}))
            .collect();
        if rng.bool() {
            users.push(json!({"name": format!("guest_{}", self.plan.mud), "title": "the Guest"}));
        }
        self.call("presence_sync", &json!({"users": users}), Asked::Other)
    }

    /// A tell to somebody of a mud, and its name.
    pub fn tell(&mut self, rng: &mut Rng, mud: &str) -> (Request, Tag) {
        let to = if rng.u8(0..20) == 0 { format!("nobody_{mud}") } else { user(rng.u8(0..USERS), mud) };
        self.tell_to(rng, mud, &to)
    }

    /// A tell to a user of a mud, and its name.
    pub fn tell_to(&mut self, rng: &mut Rng, mud: &str, to: &str) -> (Request, Tag) {
        self.seq += 1;
        let tag = Tag { session: self.session, seq: self.seq };
        let params = json!({
            "target_mud": mud,
            "target_user": to,
            "message": filled(rng, tag),
            "from_user": user(rng.u8(0..USERS), &self.plan.mud),
        });
        (self.call("tell", &params, Asked::Speech(tag)), tag)
    }

    fn speech(&mut self, rng: &mut Rng, method: &str, field: &str, mut params: Json) -> Request {
        self.seq += 1;
        let tag = Tag { session: self.session, seq: self.seq };
        params[field] = filled(rng, tag).into();
        params["from_user"] = user(rng.u8(0..USERS), &self.plan.mud).into();
        self.call(method, &params, Asked::Speech(tag))
    }

    /// Something that a game does.
    pub fn anything(&mut self, rng: &mut Rng, muds: &[String]) -> Request {
        let mud = muds[rng.usize(..muds.len())].clone();
        let channel = ["chat", "chat", "chat", "code", "absent"][rng.usize(..5)];
        let own = format!("own_{}", self.plan.mud.to_lowercase());
        let me = user(rng.u8(0..USERS), &self.plan.mud);
        let waits = json!({
            "target_mud": mud, "target_user": user(rng.u8(0..USERS + 1), &mud), "from_user": me,
            "wait": rng.bool(), "timeout": rng.u8(1..=5),
        });
        let without = |names: &[&str]| {
            let mut params = waits.clone();
            if let Some(params) = params.as_object_mut() {
                names.iter().for_each(|name| drop(params.remove(*name)));
            }
            params
        };
        let other = Asked::Other;
        match rng.u8(0..100) {
            0..28 => self.tell(rng, &mud).0,
            28..33 => {
                let params = json!({"target_mud": mud, "target_user": user(rng.u8(0..USERS), &mud)});
                self.speech(rng, "emoteto", "emote", params)
            }
            33..45 => self.speech(rng, "channel_send", "message", json!({"channel": channel})),
            45..48 => self.speech(rng, "channel_emote", "emote", json!({"channel": channel})),
            48..55 => {
                let joins = Asked::Join(channel.to_owned());
                self.call("channel_join", &json!({"channel": channel}), joins)
            }
            55..58 => {
                let leaves = Asked::Leave(channel.to_owned());
                self.call("channel_leave", &json!({"channel": channel}), leaves)
            }
            58..63 => self.call("who", &without(&["target_user"]), other),
            63..68 => self.call("finger", &waits, other),
            68..72 => self.call("locate", &without(&["target_mud"]), other),
            72..74 => {
                let mut params = without(&["target_user"]);
                params["channel"] = channel.into();
                self.call("channel_who", &params, other)
            }
            74..76 => self.call("channel_user", &without(&["from_user", "wait"]), other),
            76..81 => self.presence(rng),
            81..86 => self.call("status", &json!({}), Asked::Status),
            86 => self.call("stats", &json!({}), other),
            87 => self.call("mudlist", &json!({}), other),
            88 => self.call("channel_list", &json!({"refresh": rng.bool()}), other),
            89 => self.call("heartbeat", &json!({}), other),
            90 => self.call(
                "channel_add",
                &json!({"channel": own, "type": rng.u8(0..3), "from_user": me}),
                other,
            ),
            91 => self.call("channel_remove", &json!({"channel": own, "from_user": me}), other),
            92 => self.call("channel_admin", &json!({"channel": own, "add": [mud], "from_user": me}), other),
            93 => self.call("channel_filter", &json!({"channel": own, "enabled": rng.bool()}), other),
            94 => {
                let joins = Asked::Join(own.clone());
                self.call("channel_join", &json!({"channel": own}), joins)
            }
            95 => self.speech(
                rng,
                "channel_send",
                "message",
                json!({"channel": format!("own_{}", mud.to_lowercase())}),
            ),
            96 => self.moderate(rng),
            97 => {
                let text = r#"{"jsonrpc":"2.0","method":"ping"}"#.to_owned();
                Request { text, asked: Vec::new() }
            }
            _ => self.batch(rng, muds),
        }
    }

    /// Something that an administrator does. No ban hits anybody.
    fn moderate(&mut self, rng: &mut Rng) -> Request {
        match rng.u8(0..4) {
            0 => self.call("ban_list", &json!({}), Asked::Bans),
            1 => {
                let id = rng.u64(1..6);
                self.call("ban_remove", &json!({"ban_id": id}), Asked::Unban(id))
            }
            _ => {
                let pattern = format!("pest{}@nowhere", rng.u64(..));
                let mut params = json!({"pattern": pattern});
                if rng.bool() {
                    params["expires_in"] = json!(100_000);
                }
                self.call("ban_add", &params, Asked::Ban(pattern))
            }
        }
    }

    fn batch(&mut self, rng: &mut Rng, muds: &[String]) -> Request {
        let mut batch = Request::default();
        let mut texts = Vec::new();
        for _ in 0..rng.u8(2..5) {
            // A batch within a batch is no request.
            let one = self.anything(rng, muds);
            if !one.text.starts_with('[') {
                texts.push(one.text);
                batch.asked.extend(one.asked);
            }
        }
        batch.text = format!("[{}]", texts.join(","));
        if texts.is_empty() { self.call("ping", &json!({}), Asked::Other) } else { batch }
    }

    /// What is no request, or one that cannot be met.
    pub fn bad(&mut self, rng: &mut Rng) -> Request {
        self.ids += 1;
        let id = self.ids;
        let (text, id) = match rng.u8(0..9) {
            0 => ("{nope".to_owned(), "null".to_owned()),
            1 => ("[]".to_owned(), "null".to_owned()),
            2 => (format!(r#"{{"jsonrpc":"2.0","id":{id},"method":5}}"#), id.to_string()),
            3 => (format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"fly"}}"#), id.to_string()),
            4 => (format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tell","params":{{}}}}"#), id.to_string()),
            5 => (format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tell","params":"x"}}"#), id.to_string()),
            6 => (
                format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"presence_sync","params":[[1]]}}"#),
                id.to_string(),
            ),
            7 => (
                format!(
                    r#"{{"jsonrpc":"2.0","id":{id},"method":"tell","params":["Sage","a","{}","{}"]}}"#,
                    "x".repeat(20_000),
                    user(0, &self.plan.mud)
                ),
                id.to_string(),
            ),
            _ => (format!(r#"{{"jsonrpc":"2.0","id":[{id}],"method":"ping"}}"#), "null".to_owned()),
        };
        Request { text, asked: vec![(id, Asked::Other)] }
    }
}

/// The name of a user, which bears that of his mud.
fn user(n: u8, mud: &str) -> String {
    format!("u{n}_{}", mud.to_lowercase())
}

/// A text that can be found again.
fn filled(rng: &mut Rng, tag: Tag) -> String {
    let filler = ["", "hello", "two words", "é \"q\" \\ ü", "line\nline"][rng.usize(..5)];
    let times = if rng.u8(0..10) == 0 { rng.usize(0..FILLER_MAX) / (filler.len() + 1) } else { 1 };
    format!("{} {}", tag.text(), filler.repeat(times))
}
