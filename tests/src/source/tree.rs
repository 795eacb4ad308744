//! The files of a package, found as the compiler finds them: from the root of each target along its `mod` declarations.

use proc_macro2::{TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use syn::{Attribute, Item, Meta};

/// Paths of files, relative to the folder of the sources and with `/`, and their texts.
pub type Texts = BTreeMap<String, String>;

/// A parsed file.
pub struct File {
    /// Relative to the folder of the sources, such as `link/mod.rs`.
    pub path: String,
    /// The crate that it is part of, as `use` spells it.
    pub krate: String,
    /// The module that it is, from the root of the crate; empty for the root itself.
    pub module: Vec<String>,
    /// What is in it, with its tests.
    pub syntax: syn::File,
}

/// The files of a package.
pub struct Tree {
    /// Those that are compiled without `cfg(test)`, by path.
    pub files: BTreeMap<String, File>,
    /// Those that only tests reach.
    pub tests: BTreeSet<String>,
    /// Those that no `mod` declaration reaches.
    pub unreached: BTreeSet<String>,
}

impl Tree {
    /// Parses what is reached from the roots, each with the name of its crate and its file.
    ///
    /// # Errors
    ///
    /// A file that does not parse, a `mod` declaration without a file, two crates of one name.
    pub fn parse(texts: &Texts, roots: &[(String, String)]) -> Result<Tree, String> {
        let mut tree = Tree { files: BTreeMap::new(), tests: BTreeSet::new(), unreached: BTreeSet::new() };
        for (at, (krate, path)) in roots.iter().enumerate() {
            if roots[..at].iter().any(|(other, _)| other == krate) {
                return Err(format!("two crates are called {krate}"));
            }
            tree.add(texts, krate, path.clone(), Vec::new(), false)?;
        }
        let known = |path: &String| tree.files.contains_key(path) || tree.tests.contains(path);
        tree.unreached = texts.keys().filter(|path| !known(path)).cloned().collect();
        Ok(tree)
    }

    fn add(
        &mut self,
        texts: &Texts,
        krate: &str,
        path: String,
        module: Vec<String>,
        is_test: bool,
    ) -> Result<(), String> {
        let text = texts.get(&path).ok_or_else(|| format!("{path}: there is no such file"))?;
        let syntax = syn::parse_file(text)
            .map_err(|error| format!("{path}:{}: {error}", error.span().start().line))?;
        for declared in declared_modules(&syntax.items, &path, module.is_empty(), texts)? {
            let module = [module.clone(), declared.module].concat();
            self.add(texts, krate, declared.path, module, is_test || declared.is_test)?;
        }
        if is_test {
            self.tests.insert(path);
        } else {
            self.files.insert(path.clone(), File { path, krate: krate.to_owned(), module, syntax });
        }
        Ok(())
    }
}

/// A file that a `mod` declaration names.
struct Declared {
    path: String,
    module: Vec<String>,
    is_test: bool,
}

fn declared_modules(
    items: &[Item],
    path: &str,
    is_root: bool,
    texts: &Texts,
) -> Result<Vec<Declared>, String> {
    let (folder, name) = path.rsplit_once('/').map_or(("", path), |(folder, name)| (folder, name));
    let own = if is_root || name == "mod.rs" { "" } else { name.trim_end_matches(".rs") };
    let mut found = Vec::new();
    within(items, &joined(folder, own), &[], false, texts, &mut found)
        .map_err(|problem| format!("{path}: {problem}"))?;
    Ok(found)
}

/// The declarations among these items, whose files are in `folder`, and those in inline modules.
fn within(
    items: &[Item],
    folder: &str,
    module: &[String],
    is_test: bool,
    texts: &Texts,
    found: &mut Vec<Declared>,
) -> Result<(), String> {
    for item in items {
        let Item::Mod(declared) = item else { continue };
        let name = declared.ident.to_string();
        let module = [module, std::slice::from_ref(&name)].concat();
        let is_test = is_test || is_test_only(&declared.attrs);
        if declared.attrs.iter().any(|attribute| attribute.path().is_ident("path")) {
            // Tests may share files of other folders; what is shipped does not.
            if is_test {
                continue;
            }
            return Err(format!("mod {name}: an attribute `path` is not understood here"));
        }
        if let Some((_, items)) = &declared.content {
            within(items, &joined(folder, &name), &module, is_test, texts, found)?;
            continue;
        }
        let files = [format!("{name}.rs"), format!("{name}/mod.rs")].map(|file| joined(folder, &file));
        let path = files.into_iter().find(|file| texts.contains_key(file));
        let path = path.ok_or_else(|| format!("mod {name}: there is no file for it"))?;
        found.push(Declared { path, module, is_test });
    }
    Ok(())
}

fn joined(folder: &str, name: &str) -> String {
    let parts: Vec<&str> = [folder, name].into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("/")
}

/// Whether what has these attributes is compiled for tests only.
pub fn is_test_only(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) => list.path.is_ident("cfg") && needs_test(&list.tokens),
        Meta::NameValue(_) => false,
    })
}

/// Whether a predicate of `cfg` can only be true with `test`.
fn needs_test(predicate: &TokenStream) -> bool {
    let tokens: Vec<TokenTree> = predicate.clone().into_iter().collect();
    match &tokens[..] {
        [TokenTree::Ident(name)] => name == "test",
        [TokenTree::Ident(name), TokenTree::Group(inside)] if name == "all" => {
            alternatives(&inside.stream()).iter().any(needs_test)
        }
        [TokenTree::Ident(name), TokenTree::Group(inside)] if name == "any" => {
            let all = alternatives(&inside.stream());
            !all.is_empty() && all.iter().all(needs_test)
        }
        _ => false,
    }
}

/// What stands between commas.
fn alternatives(tokens: &TokenStream) -> Vec<TokenStream> {
    let mut parts = vec![Vec::new()];
    for token in tokens.clone() {
        match &token {
            TokenTree::Punct(mark) if mark.as_char() == ',' => parts.push(Vec::new()),
            _ => parts.last_mut().expect("one at least").push(token),
        }
    }
    parts.into_iter().filter(|part| !part.is_empty()).map(|part| part.into_iter().collect()).collect()
}

/// The texts of the `.rs` files under a folder.
///
/// # Errors
///
/// What the system says, with the file.
pub fn read_texts(folder: &Path) -> Result<Texts, String> {
    let mut texts = Texts::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let entries = std::fs::read_dir(&next).map_err(|error| format!("{}: {error}", next.display()))?;
        for entry in entries {
            let path = entry.map_err(|error| format!("{}: {error}", next.display()))?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text =
                    std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
                let name = path.strip_prefix(folder).expect("it is under the folder");
                texts.insert(name.to_string_lossy().replace('\\', "/"), text);
            }
        }
    }
    Ok(texts)
}

/// A tree from texts in memory, whose root is `lib.rs`, for the tests of this module's neighbours.
#[cfg(test)]
pub(crate) fn planted(files: &[(&str, &str)]) -> Tree {
    let texts = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    Tree::parse(&texts, &[("planted".to_owned(), "lib.rs".to_owned())]).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_along_their_declarations() {
        let tree = planted(&[
            ("lib.rs", "mod a; mod b { mod c; } #[cfg(test)] mod tests;"),
            ("a.rs", "mod d;"),
            ("a/d.rs", "#[cfg(all(test, unix))] mod helpers;"),
            ("a/d/helpers.rs", "mod more;"),
            ("a/d/helpers/more.rs", ""),
            ("b/c/mod.rs", "pub mod e;"),
            ("b/c/e.rs", ""),
            ("tests.rs", ""),
            ("forgotten.rs", ""),
        ]);
        let modules: Vec<(&str, String)> =
            tree.files.values().map(|file| (file.path.as_str(), file.module.join("::"))).collect();
        let expected = [
            ("a.rs", "a"),
            ("a/d.rs", "a::d"),
            ("b/c/e.rs", "b::c::e"),
            ("b/c/mod.rs", "b::c"),
            ("lib.rs", ""),
        ];
        assert_eq!(modules, expected.map(|(path, module)| (path, module.to_owned())));
        let tests: Vec<&str> = tree.tests.iter().map(String::as_str).collect();
        assert_eq!(tests, ["a/d/helpers.rs", "a/d/helpers/more.rs", "tests.rs"]);
        assert_eq!(tree.unreached, BTreeSet::from(["forgotten.rs".to_owned()]));
    }

    #[test]
    fn a_declaration_without_a_file_is_an_error() {
        let texts = Texts::from([("lib.rs".to_owned(), "mod a;".to_owned())]);
        let error = Tree::parse(&texts, &[("x".to_owned(), "lib.rs".to_owned())]).err();
        assert_eq!(error.as_deref(), Some("lib.rs: mod a: there is no file for it"));
    }

    #[test]
    fn only_tests_may_name_the_path_of_a_file() {
        let lib = |text: &str| Texts::from([("lib.rs".to_owned(), text.to_owned())]);
        let roots = [("x".to_owned(), "lib.rs".to_owned())];
        let tree = Tree::parse(&lib("#[cfg(test)] #[path = \"../tests/a.rs\"] mod a;"), &roots).unwrap();
        assert_eq!(tree.files.keys().collect::<Vec<_>>(), ["lib.rs"]);
        let error = Tree::parse(&lib("#[path = \"../tests/a.rs\"] mod a;"), &roots).err();
        assert_eq!(error.as_deref(), Some("lib.rs: mod a: an attribute `path` is not understood here"));
    }

    #[test]
    fn only_what_needs_test_is_a_test() {
        for (attribute, is_test) in [
            ("#[cfg(test)]", true),
            ("#[test]", true),
            ("#[cfg(all(test, unix))]", true),
            ("#[cfg(any(test, all(unix, test)))]", true),
            ("#[cfg(any(test, fuzzing))]", false),
            ("#[cfg(not(test))]", false),
            ("#[cfg(feature = \"test\")]", false),
            ("#[cfg(unix)]", false),
            ("#[cfg(any())]", false),
        ] {
            let file = syn::parse_file(&format!("{attribute} fn f() {{}}")).unwrap();
            let Item::Fn(function) = &file.items[0] else { panic!("a function") };
            assert_eq!(is_test_only(&function.attrs), is_test, "{attribute}");
        }
    }
}
