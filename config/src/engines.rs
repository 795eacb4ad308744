//! What a mud is made with, and the type that it announces for that.

/// An engine: its key in the settings, its own name, and the type of muds that are made with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Engine {
    key: &'static str,
    /// The driver and the mudlib, where the settings name none.
    pub(crate) name: &'static str,
    /// The type, as other muds of the network write it.
    pub(crate) mud_type: &'static str,
}

/// The type of what is not a game: a bot, a directory, a bridge.
const NO_GAME: &str = "not a game";

/// The services of what is not a game, where the settings name none. Routers drop the login of a mud without services.
pub(crate) const NO_GAME_SERVICES: &[&str] = &["auth", "channel", "tell", "who"];

/// The type of a mud whose engine is unknown, as the Python gateway announced it.
pub(crate) const UNKNOWN_TYPE: &str = "LP";

const fn engine(key: &'static str, name: &'static str, mud_type: &'static str) -> Engine {
    Engine { key, name, mud_type }
}

const ENGINES: &[Engine] = &[
    engine("none", "i3-gateway", NO_GAME),
    engine("circle", "CircleMUD", "Circle"),
    engine("tbamud", "tbaMUD", "Circle"),
    engine("luminari", "LuminariMUD", "Circle"),
    engine("diku", "DikuMUD", "Diku"),
    engine("merc", "Merc", "Diku"),
    engine("rom", "ROM", "Diku"),
    engine("smaug", "SMAUG", "Diku"),
    engine("swr", "SWR", "Diku"),
    engine("afkmud", "AFKMud", "Diku"),
    engine("envy", "Envy", "Diku"),
    engine("godwars", "GodWars", "Diku"),
    engine("coffeemud", "CoffeeMud", "CoffeeMud"),
    engine("fluffos", "FluffOS", "LP"),
    engine("mudos", "MudOS", "LP"),
    engine("ldmud", "LDMud", "LP"),
    engine("dgd", "DGD", "LP"),
    engine("lima", "LIMA", "LP"),
    engine("deadsouls", "Dead Souls", "LP"),
    engine("lpmud", "LPMud", "LP"),
    engine("moo", "LambdaMOO", "MOO"),
    engine("mush", "MUSH", "MUSH"),
    engine("mux", "TinyMUX", "MUSH"),
    engine("muck", "MUCK", "MUCK"),
    engine("evennia", "Evennia", "Evennia"),
    engine("ranvier", "Ranvier", "Ranvier"),
];

/// Other words for an engine.
const ALIASES: &[(&str, &str)] = &[
    ("notagame", "none"),
    ("bot", "none"),
    ("directory", "none"),
    ("circlemud", "circle"),
    ("tba", "tbamud"),
    ("luminarimud", "luminari"),
    ("dikumud", "diku"),
    ("lambdamoo", "moo"),
    ("pennmush", "mush"),
    ("tinymush", "mush"),
    ("rhostmush", "mush"),
    ("tinymux", "mux"),
    ("fuzzball", "muck"),
];

impl Engine {
    /// Whether it is a game at all.
    pub(crate) fn is_game(self) -> bool {
        self.mud_type != NO_GAME
    }

    /// Returns the engine that a setting names, in any case, with blanks or hyphens or without.
    pub(crate) fn named(text: &str) -> Option<Engine> {
        let key: String =
            text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        let key = ALIASES.iter().find(|(alias, _)| *alias == key).map_or(key.as_str(), |(_, key)| key);
        ENGINES.iter().copied().find(|engine| engine.key == key)
    }

    /// Returns the engine that a driver or a mudlib is a version of, such as `tbaMUD 2023` or `ROM2.4b6`.
    pub(crate) fn of_version(text: &str) -> Option<Engine> {
        let joined = text.to_ascii_lowercase().replace("dead souls", "deadsouls");
        let mut words = joined.split(|c: char| !c.is_ascii_alphanumeric());
        words.find_map(|word| {
            let version = word.find(|c: char| c.is_ascii_digit()).unwrap_or(word.len());
            Engine::named(&word[..version]).filter(|engine| engine.is_game())
        })
    }

    /// Returns the keys of all engines, for messages.
    pub(crate) fn keys() -> String {
        ENGINES.iter().map(|engine| engine.key).collect::<Vec<_>>().join(", ")
    }
}

/// Returns the key of the engine that a person names. The error is for people.
pub fn engine_key(text: &str) -> Result<&'static str, String> {
    let engine = Engine::named(text);
    engine
        .map(|engine| engine.key)
        .ok_or_else(|| format!("{text:?} is no engine that the gateway knows: {}", Engine::keys()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_are_known_by_their_versions() {
        for (text, mud_type) in [
            ("tbaMUD 2023", Some("Circle")),
            ("ROM2.4b6", Some("Diku")),
            ("SMAUG 1.4a", Some("Diku")),
            ("FluffOS v2019", Some("LP")),
            ("Dead Souls 3.8", Some("LP")),
            ("CoffeeMud v5.11", Some("CoffeeMud")),
            ("PennMUSH 1.8.8", Some("MUSH")),
            ("Romania", None),
            ("unknown", None),
            ("none", None),
            ("", None),
        ] {
            assert_eq!(Engine::of_version(text).map(|engine| engine.mud_type), mud_type, "{text}");
        }
        for text in ["none", "Not a game", "not-a-game", "BOT"] {
            assert!(!Engine::named(text).unwrap().is_game(), "{text}");
        }
        assert!(Engine::named("CircleMUD").is_some() && Engine::named("nothing").is_none());
    }
}
