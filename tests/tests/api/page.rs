//! docs/API.md, docs/openrpc.json and docs/asyncapi.json: made from the tables of the core and from what was said when
//! `scenarios/api.txt` was played, in the frame of `API.md` beside this file, whose own exchanges are played here.

use crate::scenarios;
use i3_core::describe::shape::{ANY_LENGTH, Member, Shape};
use i3_core::door::rpc::limits as door;
use i3_core::door::rpc::rpc::code;
use i3_core::door::rpc::{asyncapi, discover, openrpc};
use i3_core::event::KINDS;
use i3_core::event::kind::{COMMON, Class, Kind};
use i3_core::fault::reason::{REASONS, Reason};
use i3_core::machine::Listener;
use i3_core::service::limits;
use i3_core::service::{Access, Method};
use i3_core::settings::{ApiSettings, LinkSettings, Permission};
use i3_tests::hostile::Siege;
use i3_tests::scenario::{Said, Stage};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

const FRAME: &str = include_str!("API.md");

/// An answer that is shown no further.
const SHOWN_BYTES_MAX: usize = 700;

/// A shape in words.
fn words(shape: Shape) -> String {
    match shape {
        Shape::Text => "text".to_owned(),
        Shape::Filled => "text, not empty".to_owned(),
        Shape::Short(most) => format!("text of 1 to {most} bytes"),
        Shape::Name => "name".to_owned(),
        Shape::Time => "time (RFC 3339, UTC)".to_owned(),
        Shape::OneOf(texts) => {
            texts.iter().map(|text| format!("`\"{text}\"`")).collect::<Vec<_>>().join(", ")
        }
        Shape::Int => "integer".to_owned(),
        Shape::Within(least, i64::MAX) => format!("integer from {least}"),
        Shape::Within(least, most) => format!("integer from {least} to {most}"),
        Shape::Number => "number".to_owned(),
        Shape::Seconds(most) => format!("number above 0, at most {most}"),
        Shape::Flag => "true or false".to_owned(),
        Shape::Point => "event_id or time".to_owned(),
        Shape::Any => "any".to_owned(),
        Shape::OrNull(shape) => format!("{}, or null", words(*shape)),
        Shape::List(shape, ANY_LENGTH) => format!("list: {}", words(*shape)),
        Shape::List(shape, most) => format!("list of at most {most}: {}", words(*shape)),
        Shape::Map(shape) => format!("object, each member: {}", words(*shape)),
        Shape::Object(_) => "object".to_owned(),
    }
}

/// Rows for members and the members of those.
fn rows(members: &[Member], before: &str, row: &mut impl FnMut(&str, &Member)) {
    for member in members {
        let path = format!("{before}{}", member.name);
        row(&path, member);
        let mut shape = member.shape;
        let mut path = path;
        loop {
            shape = match shape {
                Shape::OrNull(inner) => *inner,
                Shape::List(inner, _) => {
                    path.push_str("[]");
                    *inner
                }
                Shape::Object(members) => break rows(members, &format!("{path}."), row),
                _ => break,
            }
        }
    }
}

fn members(page: &mut String, members: &[Member]) {
    page.push_str("| member | type | meaning |\n|---|---|---|\n");
    rows(members, "", &mut |path, member| {
        let maybe = if member.required { "" } else { "; optional" };
        let _ = writeln!(page, "| `{path}` | {} | {}{maybe} |", words(member.shape), member.summary);
    });
}

fn params(page: &mut String, params: &[Member]) {
    page.push_str("| parameter | type | default | meaning |\n|---|---|---|---|\n");
    rows(params, "", &mut |path, param| {
        let default = match param.default {
            _ if param.required => "required".to_owned(),
            Some(default) => format!("`{default}`"),
            None => String::new(),
        };
        let _ = writeln!(page, "| `{path}` | {} | {default} | {} |", words(param.shape), param.summary);
    });
}

/// As much of a message as is shown.
fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_BYTES_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The first exchange of each method that went well, and the first event of each name.
fn examples(said: &[Said]) -> BTreeMap<String, String> {
    let mut examples = BTreeMap::new();
    let mut asked: BTreeMap<String, (String, String)> = BTreeMap::new();
    for Said { sent, text, .. } in said {
        let Ok(message) = serde_json::from_str::<Json>(text) else { continue };
        let id = message["id"].to_string();
        match (sent, message["method"].as_str()) {
            (true, Some(method)) => {
                asked.insert(id, (method.to_owned(), text.clone()));
            }
            (false, Some(event)) => {
                examples.entry(event.to_owned()).or_insert_with(|| format!("< {}\n", shown(text)));
            }
            (false, None) if message.get("result").is_some() => {
                if let Some((method, request)) = asked.get(&id) {
                    let exchange = format!("> {request}\n< {}\n", shown(text));
                    examples.entry(method.clone()).or_insert(exchange);
                }
            }
            _ => {}
        }
    }
    examples
}

fn example(page: &mut String, examples: &BTreeMap<String, String>, name: &str) {
    let example = examples.get(name).unwrap_or_else(|| panic!("no scenario shows {name}"));
    let _ = write!(page, "\n```text\n{example}```\n");
}

fn method(page: &mut String, method: &Method, examples: &BTreeMap<String, String>) {
    let who = match method.access {
        Access::Open => "Can be called before `authenticate`.".to_owned(),
        Access::Identified => "Needs no permission.".to_owned(),
        Access::Permitted(permission) => format!("Needs the permission `{}`.", permission.name()),
    };
    let _ = write!(page, "\n### {}\n\n{} {who}\n\n", method.name, method.summary);
    if method.params.is_empty() {
        page.push_str("No parameters.\n");
    } else {
        params(page, method.params);
    }
    for answer in method.results {
        let when = if answer.when.is_empty() { String::new() } else { format!(", {}", answer.when) };
        let _ = write!(page, "\nResult{when}:\n\n");
        members(page, answer.members);
    }
    let reasons: Vec<String> = method.reasons.iter().map(|reason| format!("`{}`", reason.name)).collect();
    let codes: Vec<String> = openrpc::errors(method)
        .into_iter()
        .filter(|of| ![code::INVALID_PARAMS, code::RATE_LIMIT].contains(of))
        .map(|of| match of {
            code::GATEWAY => format!("{of} ({})", reasons.join(", ")),
            other => other.to_string(),
        })
        .collect();
    if !codes.is_empty() {
        let _ = write!(page, "\nErrors: {}.\n", codes.join(", "));
    }
    example(page, examples, method.name);
}

fn event(page: &mut String, event: &Kind, examples: &BTreeMap<String, String>) {
    let needs = event.permission.map_or("Needs no permission.".to_owned(), |permission| {
        format!("Needs the permission `{}`.", permission.name())
    });
    let kept = match event.kept {
        Some(Class::Tells) => "Kept with the tells.",
        Some(Class::Channels) => "Kept with the messages of its channel.",
        Some(Class::Answers) => "Kept with the answers.",
        None => "Not kept.",
    };
    let _ = write!(page, "\n### {}\n\n{} {needs} {kept}\n\n", event.name, event.summary);
    members(page, event.members);
    example(page, examples, event.name);
}

/// What a permission allows.
fn permissions() -> String {
    let allows = |permission: Permission| {
        let methods =
            discover::methods().into_iter().filter(|method| method.access == Access::Permitted(permission));
        methods.map(|method| method.name).collect::<Vec<_>>().join(", ")
    };
    let all = Permission::ALL.iter().map(|(name, permission)| (name, allows(*permission)));
    let some = all.filter(|(_, methods)| !methods.is_empty());
    let some: Vec<String> = some.map(|(name, methods)| format!("`{name}` ({methods})")).collect();
    format!("The permissions are {}; `*` means all of them.", some.join(", "))
}

fn reason(reason: &Reason) -> String {
    format!("| `{}` | {} | {} |", reason.name, reason.retryable, reason.summary)
}

/// What stands in the places of the frame.
fn places() -> BTreeMap<&'static str, String> {
    let (api, link) = (ApiSettings::default(), LinkSettings::default());
    let played = scenarios::all();
    let own = |name: &String| name != "api";
    let mut said: Vec<(String, Vec<Said>)> = played;
    said.sort_by_key(|(name, _)| own(name));
    let said: Vec<Said> = said.into_iter().flat_map(|(_, said)| said).collect();
    let examples = examples(&said);
    let mut methods = String::new();
    discover::methods().into_iter().for_each(|one| method(&mut methods, one, &examples));
    let mut events = String::new();
    KINDS.iter().for_each(|one| event(&mut events, one, &examples));
    let mut common = String::new();
    members(&mut common, &COMMON);
    let mut contents = String::new();
    for title in FRAME.lines().filter_map(|line| line.strip_prefix("## ")) {
        let anchor: String = title.to_lowercase().replace(' ', "-");
        let _ = writeln!(contents, "- [{title}](#{anchor})");
    }
    let seconds = |time: std::time::Duration| time.as_secs().to_string();
    let lines = |lines: Vec<String>| lines.join("\n");
    BTreeMap::from([
        ("contents", contents.trim_end().to_owned()),
        ("message_bytes_max", api.message_bytes_max.to_string()),
        ("inflated_times", door::INFLATED_TIMES_MAX.to_string()),
        ("inflated_free", door::INFLATED_BYTES_FREE.to_string()),
        ("deflated_min", door::DEFLATED_BYTES_MIN.to_string()),
        ("ping_interval", seconds(api.ping_interval)),
        ("ping_timeout", seconds(api.ping_timeout)),
        ("permissions", permissions()),
        ("stranger_seconds", seconds(door::STRANGER_MAX)),
        ("early_requests", door::EARLY_REQUESTS_MAX.to_string()),
        ("stranger_text", door::STRANGER_TEXT_BYTES_MAX.to_string()),
        ("stranger_bytes", door::STRANGER_BYTES_MAX.to_string()),
        ("address_bytes", limits::ADDRESS_BYTES_MAX.to_string()),
        ("address_rate", limits::ADDRESS_BYTES_PER_SECOND.to_string()),
        ("wrong_keys", limits::WRONG_KEYS_MAX.to_string()),
        ("wait_min", seconds(limits::WAIT_MIN)),
        ("wait_max", seconds(limits::WAIT_MAX)),
        ("queued_seconds", seconds(limits::QUEUED_PACKET_MAX_AGE)),
        ("answer_within", seconds(limits::ANSWER_WITHIN)),
        ("answer_max", limits::ANSWER_SECONDS_MAX.to_string()),
        ("name_bytes", limits::NAME_BYTES_MAX.to_string()),
        ("codes", lines(code::ALL.iter().map(|(of, meaning)| format!("| {of} | {meaning} |")).collect())),
        ("reasons", lines(REASONS.iter().map(|one| reason(one)).collect())),
        ("batch", door::BATCH_REQUESTS_MAX.to_string()),
        ("id_bytes", door::ID_BYTES_MAX.to_string()),
        ("frame_bytes", link.frame_bytes_max.to_string()),
        ("queue_packets", link.queue_packets_max.to_string()),
        ("waiters_client", limits::WAITERS_PER_CLIENT_MAX.to_string()),
        ("waiters", limits::WAITERS_MAX.to_string()),
        ("channels", limits::CHANNELS_PER_SESSION_MAX.to_string()),
        ("bans", limits::BANS_MAX.to_string()),
        ("history_lines", limits::HISTORY_LINES_MAX.to_string()),
        ("connections", api.connections_max.to_string()),
        ("connections_address", api.connections_per_address_max.to_string()),
        ("session_seconds", seconds(api.session_timeout)),
        ("head_bytes", door::HEAD_BYTES_MAX.to_string()),
        ("headers", door::HEADERS_MAX.to_string()),
        ("handshake_seconds", seconds(api.handshake_timeout)),
        ("idle_seconds", seconds(api.idle_timeout)),
        ("presence_bytes", limits::PRESENCE_PENDING_BYTES_MAX.to_string()),
        ("channel_bytes", limits::CHANNEL_PENDING_BYTES_MAX.to_string()),
        ("pause_bytes", limits::CLIENT_PAUSE_BYTES.to_string()),
        ("pending_bytes", limits::CLIENT_PENDING_BYTES_MAX.to_string()),
        ("stalled_seconds", seconds(limits::CLIENT_STALLED_MAX)),
        ("all_bytes", limits::ALL_PENDING_BYTES_MAX.to_string()),
        ("crowded_bytes", limits::CLIENT_CROWDED_BYTES_MAX.to_string()),
        ("answer_bytes", limits::ANSWER_BYTES_MAX.to_string()),
        ("batch_bytes", door::BATCH_ANSWERS_BYTES_MAX.to_string()),
        ("text_bytes", limits::TEXT_BYTES_MAX.to_string()),
        ("cut_mark", limits::CUT_MARK.to_owned()),
        ("keep_tells", seconds(api.events.keep_tells)),
        ("keep_channels", seconds(api.events.keep_channels)),
        ("keep_answers", seconds(api.events.keep_answers)),
        ("kept_max", api.events.kept_max.to_string()),
        ("clients", limits::CLIENTS_MAX.to_string()),
        ("methods", methods.trim().to_owned()),
        ("common", common.trim_end().to_owned()),
        ("events", events.trim().to_owned()),
    ])
}

fn markdown() -> String {
    // What stands for any value in a pattern.
    let mut page = FRAME.replace("\"*\"", "\"…\"");
    for (name, text) in places() {
        let place = format!("{{{{{name}}}}}");
        assert!(page.contains(&place), "{name} has no place");
        page = page.replace(&place, &text);
    }
    assert!(!page.contains("{{"), "a place without a text");
    page.replace("```exchange with a key", "```text").replace("```exchange", "```text")
}

fn pretty(document: &[u8]) -> String {
    let document: Json = serde_json::from_slice(document).unwrap();
    serde_json::to_string_pretty(&document).unwrap() + "\n"
}

/// The files and what is to be in them.
fn files() -> [(PathBuf, String); 3] {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    [
        (docs.join("API.md"), markdown()),
        (docs.join("openrpc.json"), pretty(&discover::document())),
        (docs.join("asyncapi.json"), pretty(&asyncapi::document())),
    ]
}

#[test]
fn the_documents_are_not_stale() {
    for (path, text) in files() {
        assert!(
            std::fs::read_to_string(&path).unwrap_or_default() == text,
            "{} is not what the tables say: cargo test -p i3-tests --test api -- --ignored",
            path.display()
        );
    }
}

#[test]
#[ignore = "writes docs/API.md, docs/openrpc.json and docs/asyncapi.json"]
fn write_the_documents() {
    for (path, text) in files() {
        std::fs::write(path, text).unwrap();
    }
}

#[test]
fn the_exchanges_of_the_frame_are_had() {
    let mut exchanges = 0;
    for block in FRAME.split("```exchange").skip(1) {
        let (head, rest) = block.split_once('\n').unwrap();
        let mut stage = Stage::new(1, usize::MAX);
        let how = if head.is_empty() { "lines-raw" } else { "lines" };
        for line in
            ["router *net", "gateway Alpha", "mud Sage", "wait 3s", &format!("client game Alpha {how}")]
        {
            stage.line(line).unwrap();
        }
        for line in rest.split("```").next().unwrap().lines().filter(|line| !line.contains("\"welcome\"")) {
            stage.line(&format!("game {line}")).unwrap_or_else(|why| panic!("{line}: {why}"));
        }
        exchanges += 1;
    }
    assert_eq!(exchanges, 4);
}

/// The steps of one game. A comment before an exchange has what others do meanwhile.
#[test]
fn the_exchanges_of_the_guide_for_games_are_had() {
    let guide = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/INTEGRATION.md"))
        .unwrap();
    let mut stage = Stage::new(1, usize::MAX);
    for line in
        ["router *net", "gateway Alpha", "mud Sage", "wait 3s", "client game Alpha lines-raw", "wait 1s"]
    {
        stage.line(line).unwrap();
    }
    let mut exchanges = 0;
    let mut by = None;
    for line in guide.lines() {
        match line {
            "```exchange" => (by, exchanges) = (Some("game "), exchanges + 1),
            "<!-- play" => by = Some(""),
            "```" | "-->" => by = None,
            _ => {
                let Some(by) = by else { continue };
                stage.line(&format!("{by}{line}")).unwrap_or_else(|why| panic!("{line}: {why}"));
            }
        }
    }
    assert_eq!(exchanges, 7);
}

#[test]
fn the_pages_of_the_frame_are_there() {
    let pages: Vec<&str> =
        FRAME.lines().filter_map(|line| line.strip_prefix("| `/")?.split('`').next()).collect();
    assert_eq!(pages.len(), 7);
    let mut siege = Siege::default();
    for page in pages {
        let script = siege.connect(Listener::Http);
        siege.ask(script, &format!("GET /{page} HTTP/1.1\r\nConnection: close\r\n\r"));
        assert_eq!(siege.statuses(script), ["200"], "{page}");
    }
}
