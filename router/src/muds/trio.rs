//! The muds of a first run.

use super::cast::{DemoLine, DemoMud, DemoUser};

const CHAT: &str = "demo_chat";
const CODE: &str = "demo_code";

/// Three muds, two users each.
pub(super) fn muds() -> Vec<DemoMud> {
    vec![lantern_hollow(), port_meridian(), emberfall()]
}

fn user(name: &str, title: &str, gender: i64, level: &str, gesture: &str, replies: &[&str]) -> DemoUser {
    DemoUser {
        name: name.to_owned(),
        title: title.to_owned(),
        gender,
        level: level.to_owned(),
        gesture: gesture.to_owned(),
        replies: replies.iter().map(|reply| (*reply).to_owned()).collect(),
    }
}

fn line(channel: &str, user: &str, text: &str) -> DemoLine {
    let emote = text.contains("$N");
    DemoLine { channel: channel.to_owned(), user: user.to_owned(), text: text.to_owned(), emote }
}

fn mud(name: &str, mud_type: &str, player_port: u16, users: Vec<DemoUser>, lines: Vec<DemoLine>) -> DemoMud {
    DemoMud {
        name: name.to_owned(),
        mudlib: format!("{name} demo"),
        mud_type: mud_type.to_owned(),
        player_port,
        users,
        channels: vec![CHAT.to_owned(), CODE.to_owned()],
        lines,
    }
}

fn lantern_hollow() -> DemoMud {
    let users = vec![
        user(
            "Marigold",
            "Marigold keeps the Crooked Lantern",
            1,
            "innkeeper",
            "$N slides a mug of cider across the counter to you.",
            &[
                "Welcome, traveller! The soup is hot and the gossip is hotter.",
                "One moment, I have both hands full of plates. There. What were you saying?",
                "Ask Bramble, if you can find him. He was on the roof this morning.",
                "You can hear us all on demo_chat, you know. Pull up a chair.",
            ],
        ),
        user(
            "Bramble",
            "Bramble the hedge wizard",
            0,
            "wizard",
            "$N tips his hat to you, and a moth flies out of it.",
            &[
                "Shh! The hedge is listening. It is a very good listener.",
                "I knew you would say that. Well, I knew you would say something.",
                "The answer is blue. Or seven. Do try both.",
                "Far-speech works, then! I had my doubts about the copper wire.",
            ],
        ),
    ];
    let lines = vec![
        line(CHAT, "Marigold", "Last call for mushroom pie. There are two slices left."),
        line(CHAT, "Marigold", "Has anybody seen my ladder? Bramble, I am looking at the roof."),
        line(CHAT, "Marigold", "$N wipes the counter and hums a harbour song."),
        line(CHAT, "Bramble", "$N mutters to a hedgehog, which mutters back."),
        line(CHAT, "Bramble", "It will rain frogs on Tuesday. Small ones. Bring a net."),
        line(CODE, "Bramble", "A room with no exits is a feature, I keep telling them."),
        line(CODE, "Bramble", "My familiar now reloads itself. It was the last thing that I saw it do."),
    ];
    mud("Lantern Hollow", "LPMud", 4000, users, lines)
}

fn port_meridian() -> DemoMud {
    let users = vec![
        user(
            "Vesper",
            "Vesper, pilot of the northern shoals",
            2,
            "captain",
            "$N salutes you with two fingers.",
            &[
                "Aye, I read you. Wind is fair, what do you need?",
                "Steady. Say again, slower: there is a gull on the signal mast.",
                "If it is passage that you want, we sail with the tide.",
                "Heard. I have put it in the log.",
            ],
        ),
        user(
            "Tamsin",
            "Tamsin draws what nobody has seen",
            1,
            "cartographer",
            "$N looks up from a map, ink on her nose, and waves to you.",
            &[
                "Oh! You are from beyond the edge of my map. Which way is it? I will draw a road.",
                "Hold still while I write you down. How do you spell that?",
                "I have three maps of that place, and they agree on nothing.",
                "Mind the ink. There. Now, where were we, to the nearest mile?",
            ],
        ),
    ];
    let lines = vec![
        line(CHAT, "Vesper", "High water at the sixth bell. All boats, mind the sandbar."),
        line(CHAT, "Vesper", "$N rings the harbour bell twice."),
        line(CHAT, "Vesper", "Strange lights to the north again. Emberfall, is that you?"),
        line(CHAT, "Tamsin", "The map now has a fourth corner. I am as surprised as you are."),
        line(CHAT, "Tamsin", "$N blots a coastline and calls it a bay."),
        line(CODE, "Tamsin", "Breadth first finds the shortest way. Depth first finds the sea monster."),
        line(CODE, "Vesper", "Whoever counted the docks from zero owes me a hull."),
    ];
    mud("Port Meridian", "Diku", 4100, users, lines)
}

fn emberfall() -> DemoMud {
    let users = vec![
        user(
            "Korrin",
            "Korrin of the Deep Forge",
            0,
            "smith",
            "$N nods to you and goes on hammering.",
            &[
                "Speak up! The forge is loud today.",
                "Hm. Can be done. Three days, and bring your own charcoal.",
                "Good steel does not hurry. Neither do I.",
                "Ash! Somebody is asking for us. No, put the anvil down first.",
            ],
        ),
        user(
            "Ash",
            "Ash, apprentice (for now)",
            2,
            "apprentice",
            "$N grins at you through a great deal of soot.",
            &[
                "Hello! You are the first one to call today. Is it true that you have a sky?",
                "Korrin says that I may not answer. This is not an answer.",
                "I made a spoon! It is also a key. It was meant to be a sword.",
                "Wait, I have to see to the fire. All right, it is out. I mean: it is IN the forge.",
            ],
        ),
    ];
    let lines = vec![
        line(CHAT, "Korrin", "Forge is hot. Orders before noon."),
        line(CHAT, "Korrin", "$N quenches a blade; the hiss goes on for a while."),
        line(CHAT, "Ash", "Does anybody need a spoon that opens doors?"),
        line(CHAT, "Ash", "$N sneezes, and the forge answers with a shower of sparks."),
        line(CHAT, "Ash", "Marigold, is the pie gone? Say that the pie is not gone."),
        line(CODE, "Korrin", "Measure it twice, cast it once. It holds for objects and for anvils."),
        line(CODE, "Ash", "I fixed the leak in the bellows! Now there are two."),
    ];
    mud("Emberfall", "LPMud", 4200, users, lines)
}
