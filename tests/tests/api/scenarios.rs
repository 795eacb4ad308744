//! Every scenario once more: all that any client was told is as the documents say.

use crate::contract::{Contract, Seen};
use i3_core::fault::reason::REASONS;
use i3_core::machine::Listener;
use i3_tests::hostile::Siege;
use i3_tests::scenario::{Said, play};
use std::collections::BTreeSet;
use std::path::Path;

/// What comes of a router and a client that no scenario has: somebody else logs in under the mud's name, and a client does
/// not read while a channel is busy, or asks for far too much.
fn siege() -> Vec<Said> {
    let mut siege = Siege::default();
    let sleeper = siege.connect(Listener::Lines);
    siege.ask(sleeper, r#"{"id":1,"method":"authenticate","params":["alpha-key"]}"#);
    siege.ask(sleeper, r#"{"jsonrpc":"2.0","id":2,"method":"channel_join","params":["chat"]}"#);
    siege.read(sleeper);
    siege.world.stall(sleeper);
    for at in 0..2000 {
        siege.frame(&format!(r#"({{"channel-m",5,"Sage","bob",0,0,"chat","Bob","line {at}",}})"#));
    }
    siege.world.resume(sleeper);
    siege.frame(r#"({"error",5,"*net",0,"Alpha",0,"bad-mojo","Somebody else is Alpha",0,})"#);
    // More questions than one client may wait for, then more packets than may wait for the router.
    let mut said = Vec::new();
    for id in 0..2000 {
        let (method, params) =
            if id < 100 { ("who", r#"["Sage","Ann",null,true]"#) } else { ("tell", r#"["Sage","Bob","x"]"#) };
        let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#);
        siege.ask(sleeper, &text);
        said.push(Said { client: "sleeper".to_owned(), sent: true, text });
    }
    // The answer to all who wait takes more room than there is for one client.
    let rows = r#"({"bob",0,"x"}),"#.repeat(5000);
    siege.frame(&format!(r#"({{"who-reply",5,"Sage",0,"Alpha","ann",({{{rows}}}),}})"#));
    let received = siege.read(sleeper).into_iter();
    said.extend(received.map(|message| Said {
        client: "sleeper".to_owned(),
        sent: false,
        text: message.to_string(),
    }));
    said
}

/// All scenarios, by name, with what clients said.
pub(crate) fn all() -> Vec<(String, Vec<Said>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let played = files.into_iter().map(|file| {
        let said = play(&std::fs::read_to_string(&file).unwrap(), 1, usize::MAX).said;
        (file.file_stem().unwrap().to_string_lossy().into_owned(), said)
    });
    played.chain([("siege".to_owned(), siege()), ("nodes".to_owned(), crate::nodes::said())]).collect()
}

#[test]
fn what_clients_are_told_is_as_documented() {
    let contract = Contract::new();
    let mut seen = Seen::default();
    for (name, said) in all() {
        if let Err(why) = contract.check(&said, &mut seen) {
            panic!("{name}: {why}");
        }
    }
    let unseen = |all: BTreeSet<String>, seen: &BTreeSet<String>| -> Vec<String> {
        all.difference(seen).cloned().collect()
    };
    assert_eq!(unseen(contract.methods(), &seen.results), [""; 0], "methods that no scenario calls");
    assert_eq!(unseen(contract.events(), &seen.events), [""; 0], "events that no scenario sees");
    let reasons = REASONS.iter().map(|reason| reason.name.to_owned()).collect();
    assert_eq!(unseen(reasons, &seen.reasons), [""; 0], "reasons that no scenario meets");
}
