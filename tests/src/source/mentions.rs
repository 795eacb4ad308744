//! What a file names outside its tests: paths, macros, methods and imports, each with its line.
//!
//! Paths are as they are written; [`Mentions::full_paths`] puts in what the file's imports stand for.

use crate::source::tokens;
use crate::source::tree::is_test_only;
use std::collections::BTreeSet;
use syn::visit::{self, Visit};
use syn::{
    Attribute, Expr, ExprCall, ExprCast, ExprMethodCall, Field, ImplItem, Item, ItemExternCrate, ItemMod,
    ItemStatic, ItemUse, Lit, Local, Macro, Meta, Path, QSelf, Stmt, TraitItem, Type, UseTree, Variant,
    VisRestricted, Visibility,
};

/// How something is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In an expression, a type, a pattern, an attribute, or the tokens of a macro.
    Path,
    /// A macro that is invoked.
    Macro,
    /// A method that is called: one segment.
    Method,
    /// The type of an `as`: one segment.
    Cast,
}

/// Something that is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// How.
    pub kind: Kind,
    /// Its segments as they are written, without generic arguments. A path that begins with `::` begins with `"::"`.
    pub path: Vec<String>,
    /// The inline modules of the file around it.
    pub scope: Vec<String>,
    /// From 1.
    pub line: usize,
}

/// What an import brings into scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brings {
    /// A name.
    Name,
    /// Nothing that can be named: `as _`.
    Nothing,
    /// Everything that is there: `*`.
    All,
}

/// One leaf of a `use` declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The path that is imported; of a glob, the path before `*`.
    pub path: Vec<String>,
    /// The name under which it is known, if it has one.
    pub name: String,
    /// What it brings into scope.
    pub brings: Brings,
    /// Whether others can name it here: `pub use`, `pub(crate) use`.
    pub is_public: bool,
    /// The inline modules of the file around it.
    pub scope: Vec<String>,
    /// From 1.
    pub line: usize,
}

/// A static item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Static {
    /// Its name.
    pub name: String,
    /// Whether it is a `static mut`.
    pub is_mutable: bool,
    /// The paths that its type consists of, as they are written.
    pub types: Vec<Vec<String>>,
    /// From 1.
    pub line: usize,
}

/// The first arguments of a call that are string literals, and the path that is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What is called, as it is written.
    pub path: Vec<String>,
    /// The literal text of each argument; `None` for any other expression.
    pub texts: Vec<Option<String>>,
}

/// All that a file names.
#[derive(Clone, Debug, Default)]
pub struct Mentions {
    /// Paths, macros, methods, casts.
    pub mentions: Vec<Mention>,
    /// The `use` declarations.
    pub imports: Vec<Import>,
    /// The statics.
    pub statics: Vec<Static>,
    /// The calls of paths.
    pub calls: Vec<Call>,
    /// The string literals in code and in macros, not those of attributes, with their lines.
    pub literals: Vec<(String, usize)>,
    /// `name = literal` and `name: literal` in macros and in struct expressions, as `target: "link"` of the log's macros.
    pub labelled: Vec<(String, String)>,
}

impl Mentions {
    /// What a parsed file names outside its tests.
    pub fn of(file: &syn::File) -> Mentions {
        let mut reader = Reader { found: Mentions::default(), scope: Vec::new() };
        reader.visit_file(file);
        reader.found
    }

    /// The paths that a written path can stand for, with the file's imports put in. Scopes are not told apart: an
    /// import counts in the whole file.
    pub fn full_paths(&self, written: &[String]) -> BTreeSet<Vec<String>> {
        let mut found = BTreeSet::new();
        self.put_in(written.to_vec(), IMPORTS_DEEP, &mut found);
        found
    }

    fn put_in(&self, path: Vec<String>, depth: usize, found: &mut BTreeSet<Vec<String>>) {
        let first = path.first().map(String::as_str).unwrap_or_default();
        if first == "::" {
            found.insert(path[1..].to_vec());
            return;
        }
        let named = |import: &&Import| {
            let is_itself = import.path.len() == 1 && import.path[0] == import.name;
            import.brings == Brings::Name && import.name == first && !is_itself
        };
        let mut is_imported = false;
        for import in self.imports.iter().filter(named) {
            is_imported = true;
            let whole = [&import.path[..], &path[1..]].concat();
            if depth > 0 && import.path.first().is_some_and(|next| next != first) {
                self.put_in(whole, depth - 1, found);
            } else {
                found.insert(whole);
            }
        }
        if !is_imported {
            found.insert(path);
        }
    }
}

/// How many imports of one file may stand for one another in turn, as in `use std as s; use s::fs as f;`.
const IMPORTS_DEEP: usize = 8;

/// The segments of a path.
pub fn segments(path: &Path) -> Vec<String> {
    let leading = path.leading_colon.as_ref().map(|_| "::".to_owned());
    leading.into_iter().chain(path.segments.iter().map(|segment| plain(&segment.ident))).collect()
}

/// A name without the mark of a raw identifier.
pub(super) fn plain(name: &proc_macro2::Ident) -> String {
    let text = name.to_string();
    text.strip_prefix("r#").map(str::to_owned).unwrap_or(text)
}

/// The leaves of a `use` tree: the path, the name, what it brings, and the line.
pub(super) fn leaves(
    tree: &UseTree,
    before: &[String],
    found: &mut Vec<(Vec<String>, String, Brings, usize)>,
) {
    let with = |name: &proc_macro2::Ident| {
        let name = plain(name);
        // `use a::{self}` imports `a`.
        if name == "self" && !before.is_empty() { before.to_vec() } else { [before, &[name]].concat() }
    };
    match tree {
        UseTree::Path(path) => leaves(&path.tree, &[before, &[plain(&path.ident)]].concat(), found),
        UseTree::Name(name) => {
            let path = with(&name.ident);
            let known_as = path.last().cloned().unwrap_or_default();
            found.push((path, known_as, Brings::Name, name.ident.span().start().line));
        }
        UseTree::Rename(rename) => {
            let brings = if rename.rename == "_" { Brings::Nothing } else { Brings::Name };
            let line = rename.ident.span().start().line;
            found.push((with(&rename.ident), plain(&rename.rename), brings, line));
        }
        UseTree::Glob(glob) => {
            found.push((before.to_vec(), String::new(), Brings::All, glob.star_token.span.start().line));
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, before, found)),
    }
}

/// Collects while it visits.
pub(super) struct Reader {
    found: Mentions,
    scope: Vec<String>,
}

impl Reader {
    pub(super) fn mention(&mut self, kind: Kind, path: Vec<String>, line: usize) {
        if !path.is_empty() {
            self.found.mentions.push(Mention { kind, path, scope: self.scope.clone(), line });
        }
    }

    pub(super) fn literal(&mut self, text: String, line: usize) {
        self.found.literals.push((text, line));
    }

    pub(super) fn labelled(&mut self, name: String, text: String) {
        self.found.labelled.push((name, text));
    }

    pub(super) fn import(&mut self, tree: &UseTree, is_absolute: bool, is_public: bool) {
        let before: &[String] = if is_absolute { &["::".to_owned()] } else { &[] };
        let mut found = Vec::new();
        leaves(tree, before, &mut found);
        for (path, name, brings, line) in found {
            let scope = self.scope.clone();
            self.found.imports.push(Import { path, name, brings, is_public, scope, line });
        }
    }

    /// `<char as From<u8>>::from` names what `char::from` does.
    fn qualified(&mut self, qself: Option<&QSelf>, path: &Path) {
        let Some(QSelf { ty, .. }) = qself else { return };
        let (Type::Path(of), Some(last)) = (&**ty, path.segments.last()) else { return };
        let whole = [segments(&of.path), vec![plain(&last.ident)]].concat();
        self.mention(Kind::Path, whole, last.ident.span().start().line);
    }
}

/// The attributes of an item; none of one that the parser does not interpret.
fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether an item is compiled for tests only.
pub fn is_test_item(item: &Item) -> bool {
    is_test_only(attributes(item))
}

/// Whether a part of an impl is compiled for tests only.
pub fn is_test_impl_item(item: &ImplItem) -> bool {
    is_test_only(match item {
        ImplItem::Const(item) => &item.attrs,
        ImplItem::Fn(item) => &item.attrs,
        ImplItem::Type(item) => &item.attrs,
        ImplItem::Macro(item) => &item.attrs,
        _ => &[],
    })
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        if is_test_item(item) {
            return;
        }
        if let Item::Verbatim(tokens) = item {
            tokens::scan(self, tokens);
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        if !is_test_impl_item(item) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_trait_item(&mut self, item: &'ast TraitItem) {
        let attributes: &[Attribute] = match item {
            TraitItem::Const(item) => &item.attrs,
            TraitItem::Fn(item) => &item.attrs,
            TraitItem::Type(item) => &item.attrs,
            TraitItem::Macro(item) => &item.attrs,
            _ => &[],
        };
        if !is_test_only(attributes) {
            visit::visit_trait_item(self, item);
        }
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        let attributes: &[Attribute] = match statement {
            Stmt::Macro(one) => &one.attrs,
            Stmt::Expr(Expr::Block(block), _) => &block.attrs,
            _ => &[],
        };
        if !is_test_only(attributes) {
            visit::visit_stmt(self, statement);
        }
    }

    fn visit_local(&mut self, local: &'ast Local) {
        if !is_test_only(&local.attrs) {
            visit::visit_local(self, local);
        }
    }

    fn visit_field(&mut self, field: &'ast Field) {
        if !is_test_only(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_variant(&mut self, variant: &'ast Variant) {
        if !is_test_only(&variant.attrs) {
            visit::visit_variant(self, variant);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        self.scope.push(plain(&module.ident));
        visit::visit_item_mod(self, module);
        self.scope.pop();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let is_public = !matches!(item.vis, Visibility::Inherited);
        self.import(&item.tree, item.leading_colon.is_some(), is_public);
    }

    fn visit_item_extern_crate(&mut self, item: &'ast ItemExternCrate) {
        let name = item.rename.as_ref().map_or(&item.ident, |(_, rename)| rename);
        self.found.imports.push(Import {
            path: vec!["::".to_owned(), plain(&item.ident)],
            name: plain(name),
            brings: Brings::Name,
            is_public: !matches!(item.vis, Visibility::Inherited),
            scope: self.scope.clone(),
            line: item.ident.span().start().line,
        });
    }

    fn visit_item_static(&mut self, item: &'ast ItemStatic) {
        let mut types = Types(Vec::new());
        types.visit_type(&item.ty);
        self.found.statics.push(Static {
            name: plain(&item.ident),
            is_mutable: !matches!(item.mutability, syn::StaticMutability::None),
            types: types.0,
            line: item.ident.span().start().line,
        });
        visit::visit_item_static(self, item);
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let line = path.segments.first().map_or(0, |segment| segment.ident.span().start().line);
        self.mention(Kind::Path, segments(path), line);
        visit::visit_path(self, path);
    }

    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        self.qualified(path.qself.as_ref(), &path.path);
        visit::visit_expr_path(self, path);
    }

    fn visit_type_path(&mut self, path: &'ast syn::TypePath) {
        self.qualified(path.qself.as_ref(), &path.path);
        visit::visit_type_path(self, path);
    }

    fn visit_macro(&mut self, invoked: &'ast Macro) {
        let line = invoked.path.segments.first().map_or(0, |segment| segment.ident.span().start().line);
        self.mention(Kind::Macro, segments(&invoked.path), line);
        tokens::scan(self, &invoked.tokens);
    }

    fn visit_expr(&mut self, expression: &'ast Expr) {
        if let Expr::Verbatim(tokens) = expression {
            tokens::scan(self, tokens);
        }
        visit::visit_expr(self, expression);
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let Expr::Path(function) = &*call.func {
            let text = |argument: &Expr| match argument {
                Expr::Lit(literal) => match &literal.lit {
                    Lit::Str(text) => Some(text.value()),
                    _ => None,
                },
                _ => None,
            };
            let texts = call.args.iter().map(text).collect();
            self.found.calls.push(Call { path: segments(&function.path), texts });
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        self.mention(Kind::Method, vec![plain(&call.method)], call.method.span().start().line);
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_cast(&mut self, cast: &'ast ExprCast) {
        if let Type::Path(path) = &*cast.ty {
            self.mention(Kind::Cast, segments(&path.path), cast.as_token.span.start().line);
        }
        visit::visit_expr_cast(self, cast);
    }

    fn visit_field_value(&mut self, field: &'ast syn::FieldValue) {
        if let (syn::Member::Named(name), Expr::Lit(literal)) = (&field.member, &field.expr)
            && let Lit::Str(text) = &literal.lit
        {
            self.labelled(plain(name), text.value());
        }
        visit::visit_field_value(self, field);
    }

    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        self.literal(text.value(), text.span().start().line);
    }

    /// Paths stand in attributes as they are (`#[derive(serde::Serialize)]`) and in texts (`#[serde(with = "a::b")]`).
    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        match &attribute.meta {
            Meta::List(list) if !attribute.path().is_ident("cfg") => {
                tokens::scan_attribute(self, &list.tokens);
            }
            _ => {}
        }
    }

    fn visit_vis_restricted(&mut self, _: &'ast VisRestricted) {}
}

/// The paths in a type.
struct Types(Vec<Vec<String>>);

impl<'ast> Visit<'ast> for Types {
    fn visit_path(&mut self, path: &'ast Path) {
        self.0.push(segments(path));
        visit::visit_path(self, path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Mentions {
        Mentions::of(&syn::parse_file(text).unwrap())
    }

    fn full(mentions: &Mentions, path: &str) -> Vec<String> {
        let written: Vec<String> = path.split("::").map(str::to_owned).collect();
        mentions.full_paths(&written).into_iter().map(|path| path.join("::")).collect()
    }

    fn has(mentions: &Mentions, kind: Kind, path: &str) -> bool {
        mentions.mentions.iter().any(|mention| mention.kind == kind && mention.path.join("::") == path)
    }

    #[test]
    fn imports_are_put_in() {
        let mentions = of("use std::{fs, net::{self, TcpStream as T}, io::*};
             use std as s; use s::thread as t; use t::spawn as go;
             use bytes; extern crate std as e; use a::B as _;");
        for (written, whole) in [
            ("fs::read", "std::fs::read"),
            ("net::Ipv4Addr", "std::net::Ipv4Addr"),
            ("T::connect", "std::net::TcpStream::connect"),
            ("t::sleep", "std::thread::sleep"),
            ("go", "std::thread::spawn"),
            ("e::env::var", "std::env::var"),
            ("bytes::Bytes", "bytes::Bytes"),
            ("other::x", "other::x"),
            ("B", "B"),
        ] {
            assert_eq!(full(&mentions, written), [whole.trim_start_matches("::")], "{written}");
        }
        assert!(mentions.imports.iter().any(|import| import.brings == Brings::All
            && import.path == ["std", "io"].map(str::to_owned)));
    }

    #[test]
    fn imports_in_a_circle_end() {
        let mentions = of("use a as b; use b as a;");
        assert!(!full(&mentions, "a::x").is_empty());
    }

    #[test]
    fn names_are_found_wherever_they_stand() {
        let mentions = of("type A = a::A<a::B>;
             struct S { #[serde(with = \"a::attribute\")] field: Box<dyn a::C> }
             #[derive(a::Derived)] enum E { V(a::D) }
             impl a::E for S { fn f(&self) where Self: a::F { a::g(); x.method(a::h); let a::P = y else { return }; } }
             macro_rules! m { ($x:expr) => { $crate::in_rules::f($x); use a::in_rules as z; } }
             fn g() { assert!(if a::in_macro::<u8>::f() { true } else { b.in_macro_method() as char }); 1u8 as char; }
             trait T { fn f() { a::in_trait() } } const C: u8 = a::IN_CONST; mod inner { fn f() { a::in_module() } }
             fn h() { let x = <char as From<u8>>::from(b'x'); println!(\"{}\", format!(\"{}\", a::nested())); }");
        for path in [
            "a::A",
            "a::B",
            "a::attribute",
            "a::C",
            "a::Derived",
            "a::D",
            "a::E",
            "a::F",
            "a::g",
            "a::h",
            "a::P",
            "crate::in_rules::f",
            "a::in_macro",
            "a::in_trait",
            "a::IN_CONST",
            "a::in_module",
            "char::from",
            "a::nested",
        ] {
            assert!(has(&mentions, Kind::Path, path), "{path}");
        }
        assert!(has(&mentions, Kind::Method, "method") && has(&mentions, Kind::Method, "in_macro_method"));
        assert!(has(&mentions, Kind::Macro, "println") && has(&mentions, Kind::Macro, "format"));
        assert_eq!(mentions.mentions.iter().filter(|one| one.kind == Kind::Cast).count(), 2);
        assert!(mentions.imports.iter().any(|import| import.name == "z"));
    }

    #[test]
    fn tests_are_left_out_wherever_they_stand() {
        let mentions = of("#[cfg(test)] use hidden::a; #[cfg(test)] mod tests { fn f() { hidden::b() } }
             struct S { #[cfg(test)] field: hidden::C }
             impl S { #[cfg(test)] fn f() { hidden::d() } fn g() { seen::e() } }
             fn h() { #[cfg(test)] let x = hidden::f(); #[cfg(test)] { use hidden::g; } }
             #[cfg(test)] fn i() { hidden::h() }
             fn after() { seen::last() }");
        let paths: Vec<String> = mentions.mentions.iter().map(|one| one.path.join("::")).collect();
        assert!(paths.iter().all(|path| !path.starts_with("hidden")), "{paths:?}");
        assert!(paths.contains(&"seen::e".to_owned()) && paths.contains(&"seen::last".to_owned()));
    }

    #[test]
    fn statics_calls_and_texts() {
        let mentions = of("static mut A: u8 = 0; static B: [std::cell::Cell<u8>; 2] = x;
             fn f() { Notice::new(level, \"link\", format!(\"text {}\", 1)); log!(target: \"net\", \"other\"); }");
        let statics: Vec<_> =
            mentions.statics.iter().map(|one| (one.name.as_str(), one.is_mutable)).collect();
        assert_eq!(statics, [("A", true), ("B", false)]);
        assert!(mentions.statics[1].types[0].ends_with(&["cell".to_owned(), "Cell".to_owned()]));
        let call =
            mentions.calls.iter().find(|call| call.path == ["Notice", "new"].map(str::to_owned)).unwrap();
        assert_eq!(call.texts, [None, Some("link".to_owned()), None]);
        assert!(mentions.labelled.contains(&("target".to_owned(), "net".to_owned())));
        let texts: Vec<&str> = mentions.literals.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(texts, ["link", "text {}", "net", "other"]);
    }
}
