//! The data of the benchmarks: made up, with the shape of what was seen on the network.

use i3_core::i3::{Packet, Value, frame};
use serde_json::Value as Json;

/// The muds of the mudlist: what a large public router had on one day.
const MUDS: usize = 164;

/// A channel line of 200 bytes.
pub fn channel_message() -> Vec<u8> {
    let text = r#"({"channel-m",5,"Dead Souls Dev","cratylus",0,0,"imud_gossip","Cratylus","I think the mudlist is sent twice, once in groups of ten and then again one by one, but the ids tell you nothing about that.",})"#;
    debug_assert!((195..=205).contains(&text.len()), "{} bytes", text.len());
    text.as_bytes().to_vec()
}

/// A mudlist of 164 muds and about 60 KB.
pub fn mudlist() -> Vec<u8> {
    let words = [
        "Shadow", "Crystal", "Ancient", "Dragon", "Realm", "Tower", "Legend", "Dawn", "Ember", "Storm",
        "Raven",
    ];
    let libs = [
        ("Dead Souls 3.9", "Dead Souls 3.9", "FluffOS v2019.2401", "LPMud"),
        ("CoffeeMud v5.10.1.0", "CoffeeMud v5.10.1.0", "CoffeeMud v5.10.1.0", "CoffeeMud"),
        ("LIMA 1.0a4", "LIMA 1.0a4", "FluffOS 2.9-ds2.08", "LP"),
        ("SmaugFUSS 1.9", "Smaug", "SmaugFUSS 1.9", "Diku"),
        ("Custom", "Nightmare IV", "MudOS v22.2b14", "LPMud"),
    ];
    let states = ["mudlib development", "open for public", "beta testing", "restricted access"];
    let mut text = String::from(r#"({"mudlist",5,"*dalet",0,"Bench Mud",0,73041485,(["#);
    for at in 0..MUDS {
        let (first, second) = (words[at % words.len()], words[at / words.len() % words.len()]);
        let (lib, base, driver, kind) = libs[at % libs.len()];
        let name = if at % 7 == 3 { format!("{first}'s {second}") } else { format!("{first}{second}") };
        let up = if at % 3 == 0 { "-1" } else { "0" };
        let port = 4000 + at * 10;
        text += &format!(
            r#""{name} {at}":({{{up},"{}.{}.{}.{}",{port},{},{},"{lib}","{base}","{driver}","{kind}","{}","admin@{}{}.example.org",(["#,
            at % 190 + 20,
            at * 7 % 250,
            at * 13 % 250,
            at + 1,
            port + 8,
            port + 8,
            states[at % states.len()],
            first.to_lowercase(),
            second.to_lowercase(),
        );
        let services =
            ["channel", "tell", "emoteto", "who", "finger", "locate", "auth", "ucache", "mail", "file"];
        for service in &services[..9 + at % 2] {
            text += &format!("\"{service}\":1,");
        }
        if at % 3 != 1 {
            text += &format!("\"http\":{},\"ftp\":{},", port + 1, port - 1);
        }
        text += "]),";
        match at % 4 {
            0 => text += "0",
            1 => text += "([])",
            2 => {
                text += r#"(["url":"http://www.example.org/","time":"Mon Nov 23 05:43:00 2026","Written in":"LPC","ip":"192.0.2.17",])"#;
            }
            _ => {
                text += r#"(["native version":"3.9","os build":"Linux","architecture":"x86-64","upsince":"Sat Nov 21 17:20:11 2026","next boot":"Sat Nov 28 17:20:11 2026","oob port":26672,])"#;
            }
        }
        text += ",}),";
    }
    text += "]),})";
    text.into_bytes()
}

/// The same data as JSON: arrays as arrays, mappings as objects.
pub fn to_json(text: &[u8]) -> Vec<u8> {
    fn convert(value: &Value<'_>) -> Json {
        match value {
            Value::Int(int) => (*int).into(),
            Value::Float(float) => (*float).into(),
            Value::Str(text) => String::from_utf8_lossy(text).into(),
            Value::Array(elements) | Value::Class(elements) => elements.iter().map(convert).collect(),
            Value::Map(entries) => {
                let key = |key: &Value<'_>| match key {
                    Value::Str(text) => String::from_utf8_lossy(text).into_owned(),
                    other => format!("{other:?}"),
                };
                Json::Object(entries.iter().map(|(k, v)| (key(k), convert(v))).collect())
            }
        }
    }
    let value = Value::parse(text).unwrap_or(Value::Int(0));
    serde_json::to_vec(&convert(&value)).unwrap_or_default()
}

/// The text as a frame.
pub fn framed(text: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    frame::append(&mut frame, |into| into.extend_from_slice(text));
    frame
}

/// The named texts, each checked to be a packet of a known type.
pub fn texts() -> [(&'static str, Vec<u8>); 2] {
    let texts = [("channel-m 200 B", channel_message()), ("mudlist 164 muds", mudlist())];
    for (name, text) in &texts {
        let known = Packet::decode(text).is_ok_and(|(packet, _)| {
            let mut again = Vec::new();
            packet.encode(&mut again);
            again == *text
        });
        assert!(known, "{name} is a packet that is written as it was read");
    }
    texts
}
