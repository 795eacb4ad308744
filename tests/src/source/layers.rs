//! The layers of a package: a table in a document, and the imports that go up in it.

use crate::source::graph::Graph;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// A layer. The lowest comes first in a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Its number or name.
    pub name: String,
    /// Its folders (`i3/`, which holds `i3.rs` too) and files (`time.rs`).
    pub entries: Vec<String>,
}

/// The layers that a document lists: the first table under the heading `heading`. The first column names the layer, the
/// second has its folders and files as inline code. `None` if there is no such heading or no table under it.
pub fn read(markdown: &str, heading: &str) -> Option<Vec<Layer>> {
    let mut events = Parser::new_ext(markdown, Options::ENABLE_TABLES);
    loop {
        if let Event::Start(Tag::Heading { .. }) = events.next()? {
            let words = events.by_ref().take_while(|event| !matches!(event, Event::End(TagEnd::Heading(_))));
            if plain(words).trim() == heading {
                break;
            }
        }
    }
    loop {
        match events.next()? {
            Event::Start(Tag::Heading { .. }) => return None,
            Event::End(TagEnd::TableHead) => break,
            _ => {}
        }
    }
    let (mut layers, mut column) = (Vec::new(), 0);
    for event in events.take_while(|event| !matches!(event, Event::End(TagEnd::Table))) {
        match event {
            Event::Start(Tag::TableRow) => {
                column = 0;
                layers.push(Layer { name: String::new(), entries: Vec::new() });
            }
            Event::End(TagEnd::TableCell) => column += 1,
            event => {
                let layer: &mut Layer = layers.last_mut()?;
                match event {
                    Event::Code(text) | Event::Text(text) if column == 0 => layer.name.push_str(&text),
                    Event::Code(text) if column == 1 => layer.entries.push(text.into_string()),
                    _ => {}
                }
            }
        }
    }
    Some(layers)
}

fn plain<'e>(events: impl Iterator<Item = Event<'e>>) -> String {
    let texts = events.filter_map(|event| match event {
        Event::Text(text) | Event::Code(text) => Some(text.into_string()),
        _ => None,
    });
    texts.collect()
}

/// Whether an entry holds a file.
fn holds(entry: &str, file: &str) -> bool {
    match entry.strip_suffix('/') {
        Some(folder) => file.strip_prefix(folder).is_some_and(|rest| rest == ".rs" || rest.starts_with('/')),
        None => entry == file,
    }
}

/// What is wrong with the files of a graph, seen from these layers: files in no layer or in several, entries without a
/// file, imports of a file in a higher layer. `sources` is the folder of the files, which entries may begin with.
pub fn check(layers: &[Layer], graph: &Graph, sources: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let entries: Vec<(usize, &str)> = layers
        .iter()
        .enumerate()
        .flat_map(|(at, layer)| layer.entries.iter().map(move |entry| (at, entry.as_str())))
        .map(|(at, entry)| (at, entry.strip_prefix(sources).unwrap_or(entry).trim_start_matches('/')))
        .collect();
    for (at, entry) in &entries {
        if !graph.imports.keys().any(|file| holds(entry, file)) {
            problems.push(format!("layer {} lists {entry}, which holds no file", layers[*at].name));
        }
    }
    // An entry within another one counts more: a file of a folder may be in a layer of its own.
    let layer_of = |file: &str| {
        let mut of: Vec<&(usize, &str)> = entries.iter().filter(|(_, entry)| holds(entry, file)).collect();
        let longest = of.iter().map(|(_, entry)| entry.len()).max()?;
        of.retain(|(_, entry)| entry.len() == longest);
        Some(of.into_iter().map(|(at, _)| *at).collect::<Vec<usize>>())
    };
    for (file, imports) in &graph.imports {
        let own = match layer_of(file).as_deref() {
            Some([one]) => *one,
            Some(several) => {
                let names: Vec<&str> = several.iter().map(|at| layers[*at].name.as_str()).collect();
                problems.push(format!("{file} is in several layers: {}", names.join(", ")));
                continue;
            }
            None => {
                problems.push(format!("{file} is in no layer"));
                continue;
            }
        };
        for (imported, places) in imports {
            if let Some([other]) = layer_of(imported).as_deref()
                && *other > own
            {
                let (from, to) = (&layers[own].name, &layers[*other].name);
                for place in places {
                    problems.push(format!(
                        "{file}:{} (layer {from}) names {} of {imported} (layer {to}, which is higher)",
                        place.line, place.path
                    ));
                }
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::tree::planted;

    const DOCUMENT: &str = "# Title\n\n| a | b |\n|---|---|\n| other | `x` |\n\n## The `Layers`\n\nnone\n\n## Layers\n\nLowest first.\n\n\
         | layer | files | holds |\n|---|---|---|\n| 1 ground | `time.rs`, `core/src/text/` | `a` |\n\
         | 2 middle | `net/` and `net/deep.rs`'s friends | |\n| 3 top | `lib.rs` | |\n\n## After\n\n| 9 | `z` |\n|---|---|\n| 9 | `z` |\n";

    fn layer(name: &str, entries: &[&str]) -> Layer {
        Layer { name: name.to_owned(), entries: entries.iter().map(|entry| (*entry).to_owned()).collect() }
    }

    #[test]
    fn the_table_under_the_heading_is_read() {
        let layers = read(DOCUMENT, "Layers").unwrap();
        assert_eq!(
            layers,
            [
                layer("1 ground", &["time.rs", "core/src/text/"]),
                layer("2 middle", &["net/", "net/deep.rs"]),
                layer("3 top", &["lib.rs"]),
            ]
        );
        assert_eq!(read(DOCUMENT, "Absent"), None);
        assert_eq!(read(DOCUMENT, "The Layers"), None, "it has no table before the next heading");
    }

    fn problems(layers: &[Layer]) -> Vec<String> {
        let graph = Graph::of(&planted(&[
            ("lib.rs", "mod time; mod text; mod net; pub use net::Net;"),
            ("time.rs", "pub struct Time;\nuse crate::text::Text;"),
            ("text.rs", "pub struct Text; mod more;"),
            ("text/more.rs", "use super::Text;"),
            ("net/mod.rs", "mod deep; pub struct Net; use crate::time::Time;"),
            ("net/deep.rs", "fn f(time: crate::time::Time) {}"),
        ]));
        check(layers, &graph, "core/src")
    }

    #[test]
    fn imports_go_down_or_stay_in_their_layer() {
        let all =
            [layer("1", &["time.rs", "text/"]), layer("2", &["core/src/net/"]), layer("3", &["lib.rs"])];
        assert_eq!(problems(&all), Vec::<String>::new());
        let upside_down = [layer("1", &["net/", "time.rs"]), layer("2", &["text/"]), layer("3", &["lib.rs"])];
        assert_eq!(
            problems(&upside_down),
            ["time.rs:2 (layer 1) names crate::text::Text of text.rs (layer 2, which is higher)"]
        );
        let own_layer = [
            layer("1", &["net/deep.rs"]),
            layer("2", &["time.rs", "text/"]),
            layer("3", &["net/", "lib.rs"]),
        ];
        assert_eq!(
            problems(&own_layer),
            ["net/deep.rs:1 (layer 1) names crate::time::Time of time.rs (layer 2, which is higher)"]
        );
    }

    #[test]
    fn each_file_is_in_one_layer() {
        let layers = [layer("1", &["time.rs", "text/", "gone.rs"]), layer("2", &["net/", "time.rs"])];
        assert_eq!(
            problems(&layers),
            [
                "layer 1 lists gone.rs, which holds no file",
                "lib.rs is in no layer",
                "time.rs is in several layers: 1, 2"
            ]
        );
    }
}
