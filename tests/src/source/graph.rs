//! Which file of a package imports which, and the circles among them.
//!
//! An import is what a file names of another one: in a `use` declaration or by a whole path. It leads to the file that
//! defines the name. A `mod` declaration is none, neither is the `use` of a module as the beginning of longer paths: those
//! paths are followed.

use crate::source::mentions::{Brings, Kind, Mentions};
use crate::source::resolve::{Resolver, Target};
use crate::source::tree::{File, Tree};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Where a file names another one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// What is named, as it is written.
    pub path: String,
}

/// The files of a package and their imports.
pub struct Graph {
    /// Every file, with the files that it imports and where.
    pub imports: BTreeMap<String, BTreeMap<String, Vec<Place>>>,
}

impl Graph {
    /// Reads the imports of a tree.
    pub fn of(tree: &Tree) -> Graph {
        let mentions: BTreeMap<String, Mentions> =
            tree.files.iter().map(|(path, file)| (path.clone(), Mentions::of(&file.syntax))).collect();
        let resolver = Resolver::new(tree, &mentions);
        let imports = tree.files.iter().map(|(path, file)| {
            let found = of_file(&resolver, file, &mentions[path]);
            (path.clone(), found)
        });
        Graph { imports: imports.collect() }
    }

    /// The largest sets of files of which each leads to each other one, in order.
    pub fn circles(&self) -> Vec<Vec<String>> {
        let reached: BTreeMap<&str, BTreeSet<&str>> =
            self.imports.keys().map(|file| (file.as_str(), self.reached_from(file))).collect();
        let mut circles: Vec<Vec<String>> = Vec::new();
        for (file, reaches) in &reached {
            let is_known = circles.iter().flatten().any(|known| known == file);
            if is_known || !reaches.contains(file) {
                continue;
            }
            let back = reaches.iter().filter(|other| reached[*other].contains(file));
            circles.push(back.map(|other| (*other).to_owned()).collect());
        }
        circles
    }

    fn reached_from<'g>(&'g self, file: &str) -> BTreeSet<&'g str> {
        let mut reached = BTreeSet::new();
        let mut waiting: Vec<&str> = self.imports[file].keys().map(String::as_str).collect();
        while let Some(next) = waiting.pop() {
            if reached.insert(next) {
                waiting.extend(self.imports[next].keys().map(String::as_str));
            }
        }
        reached
    }

    /// The shortest ways from a file back to itself, one for each file of a circle, each told once and from its first
    /// name on: `["a.rs", "b.rs", "a.rs"]`.
    pub fn ways_round(&self, circle: &[String]) -> Vec<Vec<String>> {
        let ways: BTreeSet<Vec<String>> = circle
            .iter()
            .filter_map(|file| self.way_back(file))
            .map(|mut way| {
                way.pop();
                let first = (0..way.len()).min_by_key(|&at| way[at].clone()).unwrap_or_default();
                way.rotate_left(first);
                way.push(way[0].clone());
                way
            })
            .collect();
        let mut ways: Vec<Vec<String>> = ways.into_iter().collect();
        ways.sort_by_key(Vec::len);
        ways
    }

    /// The shortest way from a file back to itself.
    fn way_back(&self, start: &str) -> Option<Vec<String>> {
        let mut before: BTreeMap<&str, &str> = BTreeMap::new();
        let mut waiting = VecDeque::from([start]);
        while let Some(file) = waiting.pop_front() {
            for next in self.imports[file].keys().map(String::as_str) {
                if next == start {
                    let mut way = vec![start.to_owned(), file.to_owned()];
                    let mut at = file;
                    while at != start {
                        at = before[at];
                        way.push(at.to_owned());
                    }
                    way.reverse();
                    return Some(way);
                }
                if !before.contains_key(next) {
                    before.insert(next, file);
                    waiting.push_back(next);
                }
            }
        }
        None
    }

    /// A line for each circle and each shortest way round it, with the place of each import.
    pub fn report(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for circle in self.circles() {
            lines.push(format!("{} files import each other: {}", circle.len(), circle.join(", ")));
            for way in self.ways_round(&circle) {
                lines.push(format!("  {}", way.join(" -> ")));
                for pair in way.windows(2) {
                    let place = &self.imports[&pair[0]][&pair[1]][0];
                    lines.push(format!("    {}:{} names {}", pair[0], place.line, place.path));
                }
            }
        }
        lines
    }
}

/// The imports of one file.
fn of_file(resolver: &Resolver, file: &File, mentions: &Mentions) -> BTreeMap<String, Vec<Place>> {
    let mut found: BTreeMap<String, Vec<Place>> = BTreeMap::new();
    let mut add = |target: &str, line: usize, path: &[String]| {
        if target != file.path {
            let place = Place { line, path: path.join("::") };
            let places = found.entry(target.to_owned()).or_default();
            if !places.contains(&place) {
                places.push(place);
            }
        }
    };
    for import in &mentions.imports {
        for target in resolver.resolve(file, &import.scope, &import.path) {
            let is_beginning = import.brings == Brings::Name && !import.is_public;
            if !(matches!(target, Target::Module { .. }) && is_beginning) {
                add(target.file(), import.line, &import.path);
            }
        }
    }
    for mention in &mentions.mentions {
        match mention.kind {
            Kind::Path => {}
            Kind::Macro => {
                // Macros of `macro_rules!` are known by their order in the text, not by a path.
                let name = mention.path.last().map(String::as_str).unwrap_or_default();
                resolver.macro_files(name).for_each(|target| add(target, mention.line, &mention.path));
            }
            Kind::Method | Kind::Cast => continue,
        }
        for target in resolver.resolve(file, &mention.scope, &mention.path) {
            if let Target::Item { file, .. } = &target {
                add(file, mention.line, &mention.path);
            }
        }
    }
    found.values_mut().for_each(|places| places.sort());
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::tree::planted;

    fn imports(files: &[(&str, &str)]) -> Vec<String> {
        let graph = Graph::of(&planted(files));
        let pairs =
            graph.imports.iter().flat_map(|(file, to)| to.keys().map(move |to| format!("{file} > {to}")));
        pairs.collect()
    }

    #[test]
    fn imports_lead_to_the_file_that_defines() {
        let found = imports(&[
            ("lib.rs", "mod a; mod b; mod c; mod d; pub use d::D;"),
            ("a.rs", "use crate::D; fn f() { crate::b::g(); }"),
            ("b.rs", "pub fn g() { let x = vec![crate::c::C]; }"),
            ("c.rs", "use crate::d; pub struct C; fn f() { d::D; }"),
            ("d.rs", "pub struct D; #[cfg(test)] use crate::a; #[cfg(test)] mod tests { use crate::b::g; }"),
        ]);
        assert_eq!(found, ["a.rs > b.rs", "a.rs > d.rs", "b.rs > c.rs", "c.rs > d.rs", "lib.rs > d.rs"]);
    }

    #[test]
    fn parents_and_children() {
        let found = imports(&[
            ("lib.rs", "mod a;"),
            ("a/mod.rs", "mod up; mod down; mod aside; pub(crate) use down::*; pub struct A;"),
            ("a/up.rs", "use super::A;"),
            ("a/down.rs", "pub struct Down;"),
            ("a/aside.rs", "use super::down::Down; use super::Down as Again;"),
        ]);
        assert_eq!(found, ["a/aside.rs > a/down.rs", "a/mod.rs > a/down.rs", "a/up.rs > a/mod.rs"]);
    }

    #[test]
    fn macros_of_the_package_are_imports() {
        let found = imports(&[
            ("lib.rs", "#[macro_use] mod rules; mod a; mod b;"),
            (
                "rules.rs",
                "macro_rules! rule { () => { $crate::b::B } } macro_rules! other { () => {} } pub(crate) use other;",
            ),
            ("a.rs", "use crate::rules; fn f() { rule!(); }"),
            ("b.rs", "pub struct B; rules::vec!(crate::rules::other!());"),
        ]);
        assert_eq!(found, ["a.rs > rules.rs", "b.rs > rules.rs", "rules.rs > b.rs"]);
    }

    #[test]
    fn a_program_of_the_name_of_its_library_is_a_crate_of_its_own() {
        let texts = [
            ("lib.rs", "mod a; pub mod b;"),
            ("a.rs", "pub struct A; use crate::b::B;"),
            ("b.rs", "pub struct B; use crate::a::A;"),
            ("main.rs", "mod own; fn main() { planted::b::B; own::f(); }"),
            ("own.rs", "pub fn f() { crate::main(); }"),
        ];
        let texts = texts.map(|(path, text)| (path.to_owned(), text.to_owned()));
        let roots =
            [("planted", "lib.rs"), ("bin:planted", "main.rs")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        let graph = Graph::of(&Tree::parse(&texts.into(), &roots).unwrap());
        assert_eq!(graph.circles(), [vec!["a.rs", "b.rs"], vec!["main.rs", "own.rs"]]);
        assert!(graph.imports["main.rs"].contains_key("b.rs"));
    }

    #[test]
    fn circles_are_told_with_their_ways() {
        let graph = Graph::of(&planted(&[
            ("lib.rs", "mod a; mod b; mod c; mod d; mod e; mod f;"),
            ("a.rs", "pub struct A; use crate::b::B;"),
            ("b.rs", "pub struct B;\nuse crate::c::C; use crate::a::A;"),
            ("c.rs", "pub struct C; fn f(a: crate::a::A) {}"),
            ("d.rs", "pub struct D; use crate::e::E; use crate::a::A;"),
            ("e.rs", "pub struct E; use crate::d::D;"),
            ("f.rs", "use crate::a::A; use crate::e::E;"),
        ]));
        assert_eq!(graph.circles(), [vec!["a.rs", "b.rs", "c.rs"], vec!["d.rs", "e.rs"]]);
        let report = graph.report();
        for line in [
            "3 files import each other: a.rs, b.rs, c.rs",
            "  a.rs -> b.rs -> a.rs",
            "  a.rs -> b.rs -> c.rs -> a.rs",
            "  d.rs -> e.rs -> d.rs",
            "    b.rs:2 names crate::a::A",
        ] {
            assert!(report.iter().any(|one| one == line), "{line} is not in {report:#?}");
        }
    }

    #[test]
    fn a_tree_without_circles_has_none() {
        let graph = Graph::of(&planted(&[
            ("lib.rs", "mod a; mod b; pub use a::A;"),
            ("a.rs", "pub struct A; use crate::b::B; impl A { fn f(&self) -> Self { self::A } }"),
            ("b.rs", "pub struct B; #[cfg(test)] mod tests { use super::*; use crate::a::A; }"),
        ]));
        assert_eq!((graph.circles(), graph.report()), (Vec::<Vec<String>>::new(), Vec::new()));
    }
}
