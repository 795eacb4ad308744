//! The file that defines what a path names, within one package.
//!
//! Re-exports are followed to the definition. Names that a macro of the package makes are taken to be in the module
//! that invokes it. What other crates define has no file here.

use crate::source::mentions::{Brings, Import, Mentions, is_test_item, plain};
use crate::source::tree::{File, Tree};
use std::collections::{BTreeMap, BTreeSet};
use syn::Item;

/// How many re-exports may lead from one name to its definition.
const REEXPORTS_DEEP: usize = 16;

/// A module: the crate and the path from its root.
type Key = (String, Vec<String>);

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// An item, and the file that defines it.
    Item {
        /// The file.
        file: String,
        /// Its name.
        name: String,
    },
    /// A module, and the file that it is in.
    Module {
        /// The file.
        file: String,
    },
}

impl Target {
    /// The file of either.
    pub fn file(&self) -> &str {
        match self {
            Target::Item { file, .. } | Target::Module { file } => file,
        }
    }
}

/// A module, whether it is a file or within one.
#[derive(Default)]
struct Module {
    file: String,
    items: BTreeSet<String>,
    children: BTreeSet<String>,
    imports: Vec<Import>,
    /// Whether items are made here by a macro, whose names the parser does not see.
    has_item_macros: bool,
}

/// The modules of a package.
pub struct Resolver {
    modules: BTreeMap<Key, Module>,
    /// The files that define each macro of `macro_rules!`, by its name.
    macros: BTreeMap<String, BTreeSet<String>>,
    crates: BTreeSet<String>,
}

impl Resolver {
    /// Reads the modules of a tree; `mentions` are those of each of its files.
    pub fn new(tree: &Tree, mentions: &BTreeMap<String, Mentions>) -> Resolver {
        let mut resolver =
            Resolver { modules: BTreeMap::new(), macros: BTreeMap::new(), crates: BTreeSet::new() };
        for file in tree.files.values() {
            resolver.crates.insert(file.krate.clone());
            resolver.read(file, &file.syntax.items, &file.module);
            for import in &mentions[&file.path].imports {
                let module = [&file.module[..], &import.scope[..]].concat();
                let module = resolver.modules.get_mut(&(file.krate.clone(), module));
                module.expect("the module of an import was read").imports.push(import.clone());
            }
        }
        resolver
    }

    fn read(&mut self, file: &File, items: &[Item], path: &[String]) {
        let mut module = Module { file: file.path.clone(), ..Module::default() };
        for item in items.iter().filter(|item| !is_test_item(item)) {
            let name = match item {
                Item::Mod(inner) => {
                    let name = plain(&inner.ident);
                    if let Some((_, items)) = &inner.content {
                        self.read(file, items, &[path, std::slice::from_ref(&name)].concat());
                    }
                    module.children.insert(name);
                    continue;
                }
                Item::Macro(item) => match &item.ident {
                    Some(name) => {
                        self.macros.entry(plain(name)).or_default().insert(file.path.clone());
                        name
                    }
                    None => {
                        module.has_item_macros = true;
                        continue;
                    }
                },
                Item::Const(item) => &item.ident,
                Item::Enum(item) => &item.ident,
                Item::Fn(item) => &item.sig.ident,
                Item::Static(item) => &item.ident,
                Item::Struct(item) => &item.ident,
                Item::Trait(item) => &item.ident,
                Item::TraitAlias(item) => &item.ident,
                Item::Type(item) => &item.ident,
                Item::Union(item) => &item.ident,
                _ => continue,
            };
            module.items.insert(plain(name));
        }
        self.modules.insert((file.krate.clone(), path.to_vec()), module);
    }

    /// What a path in a file names: nothing if that is not in this package, several if imports of the same name stand
    /// in different functions. `scope` are the inline modules around the path.
    pub fn resolve(&self, file: &File, scope: &[String], path: &[String]) -> BTreeSet<Target> {
        let module = (file.krate.clone(), [&file.module[..], scope].concat());
        let mut found = BTreeSet::new();
        self.follow(&module, path, REEXPORTS_DEEP, &mut found);
        found
    }

    /// The files that define a macro of this name.
    pub fn macro_files(&self, name: &str) -> impl Iterator<Item = &str> {
        self.macros.get(name).into_iter().flatten().map(String::as_str)
    }

    fn follow(&self, from: &Key, path: &[String], depth: usize, found: &mut BTreeSet<Target>) {
        let Some(first) = path.first().map(String::as_str) else { return };
        if depth == 0 {
            return;
        }
        let (krate, module) = from;
        match first {
            "crate" => self.within(&(krate.clone(), Vec::new()), &path[1..], depth, found),
            "Self" => {}
            "self" => self.within(from, &path[1..], depth, found),
            "super" => {
                let Some((_, above)) = module.split_last() else { return };
                let above = (krate.clone(), above.to_vec());
                match path.get(1).map(String::as_str) {
                    Some("super") => self.follow(&above, &path[1..], depth, found),
                    _ => self.within(&above, &path[1..], depth, found),
                }
            }
            "::" => {
                if path.get(1).is_some_and(|name| self.is_other_crate(name, krate)) {
                    self.within(&(path[1].clone(), Vec::new()), &path[2..], depth, found);
                }
            }
            _ if self.knows(from, first) => self.within(from, path, depth, found),
            _ if self.is_other_crate(first, krate) => {
                self.within(&(first.to_owned(), Vec::new()), &path[1..], depth, found);
            }
            _ => self.by_globs(from, path, depth, found),
        }
    }

    fn is_other_crate(&self, name: &str, own: &str) -> bool {
        name != own && self.crates.contains(name)
    }

    /// Whether a module names something itself: a child, an item or an import.
    fn knows(&self, key: &Key, name: &str) -> bool {
        self.modules.get(key).is_some_and(|module| {
            module.children.contains(name)
                || module.items.contains(name)
                || module.imports.iter().any(|import| names(import, name))
        })
    }

    /// Follows a path whose first segment is in a module.
    fn within(&self, key: &Key, path: &[String], depth: usize, found: &mut BTreeSet<Target>) {
        let Some(module) = self.modules.get(key) else { return };
        let Some((first, rest)) = path.split_first() else {
            found.insert(Target::Module { file: module.file.clone() });
            return;
        };
        if module.items.contains(first) {
            found.insert(Target::Item { file: module.file.clone(), name: first.clone() });
        }
        if module.children.contains(first) {
            let child = (key.0.clone(), [&key.1[..], std::slice::from_ref(first)].concat());
            self.within(&child, rest, depth, found);
            return;
        }
        let mut is_imported = false;
        for import in module.imports.iter().filter(|import| names(import, first)) {
            is_imported = true;
            let whole = [&import.path[..], rest].concat();
            // `use bytes;` and `use x::x;` name another crate first.
            if import.path.first() != Some(first) {
                self.follow(key, &whole, depth - 1, found);
            }
        }
        if !is_imported && !module.items.contains(first) {
            self.by_globs(key, path, depth, found);
            if found.is_empty() && module.has_item_macros {
                found.insert(Target::Item { file: module.file.clone(), name: first.clone() });
            }
        }
    }

    /// Follows a path whose first segment may come from a glob import of the module.
    fn by_globs(&self, key: &Key, path: &[String], depth: usize, found: &mut BTreeSet<Target>) {
        let Some(module) = self.modules.get(key) else { return };
        for import in module.imports.iter().filter(|import| import.brings == Brings::All) {
            let whole = [&import.path[..], path].concat();
            self.follow(key, &whole, depth - 1, found);
        }
    }
}

/// Whether an import brings this name into scope.
fn names(import: &Import, name: &str) -> bool {
    import.brings == Brings::Name && import.name == name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::tree::planted;

    fn resolved(files: &[(&str, &str)], file: &str, path: &str) -> Vec<String> {
        let tree = planted(files);
        let mentions = tree.files.iter().map(|(name, file)| (name.clone(), Mentions::of(&file.syntax)));
        let resolver = Resolver::new(&tree, &mentions.collect());
        let path: Vec<String> = path.split("::").map(str::to_owned).collect();
        let found = resolver.resolve(&tree.files[file], &[], &path);
        found
            .into_iter()
            .map(|target| match target {
                Target::Item { file, name } => format!("{file} {name}"),
                Target::Module { file } => file,
            })
            .collect()
    }

    const FILES: &[(&str, &str)] = &[
        ("lib.rs", "pub mod a; mod b; pub use a::inner::Deep; pub use self::b::B as Renamed;"),
        (
            "a/mod.rs",
            "pub mod inner; pub struct A; mod inline { pub struct I; pub(crate) use super::A; } pub use inner::*;",
        ),
        ("a/inner.rs", "use super::A; use crate::b; pub struct Deep; pub fn f() {} made! { Made }"),
        ("b.rs", "use crate::a::{self, inner as i}; pub struct B; pub enum E { V } use std::fmt;"),
    ];

    #[test]
    fn paths_lead_to_the_file_that_defines() {
        for (file, path, expected) in [
            ("b.rs", "crate::Deep", &["a/inner.rs Deep"][..]),
            ("b.rs", "crate::Deep::new", &["a/inner.rs Deep"]),
            ("b.rs", "crate::Renamed", &["b.rs B"]),
            ("b.rs", "a::A", &["a/mod.rs A"]),
            ("b.rs", "a::f", &["a/inner.rs f"]),
            ("b.rs", "i::Deep", &["a/inner.rs Deep"]),
            ("b.rs", "super::a::inline::I", &["a/mod.rs I"]),
            ("b.rs", "super::a::inline::A", &["a/mod.rs A"]),
            ("b.rs", "E::V", &["b.rs E"]),
            ("b.rs", "fmt::Display", &[]),
            ("b.rs", "crate::a::inner", &["a/inner.rs"]),
            ("b.rs", "i::Made", &["a/inner.rs Made"]),
            ("a/inner.rs", "super::super::b::B", &["b.rs B"]),
            ("a/inner.rs", "b::B", &["b.rs B"]),
            ("a/inner.rs", "A", &["a/mod.rs A"]),
            ("a/inner.rs", "self::f", &["a/inner.rs f"]),
            ("lib.rs", "a::A", &["a/mod.rs A"]),
        ] {
            assert_eq!(resolved(FILES, file, path), expected, "{path} in {file}");
        }
    }

    #[test]
    fn reexports_in_a_circle_end() {
        let files = [
            ("lib.rs", "pub mod a; pub mod b;"),
            ("a.rs", "pub use crate::b::*;"),
            ("b.rs", "pub use crate::a::*; pub use x::x;"),
        ];
        assert_eq!(resolved(&files, "a.rs", "crate::a::Missing"), Vec::<String>::new());
        assert_eq!(resolved(&files, "b.rs", "x::y"), Vec::<String>::new());
    }
}
