//! Measures of a package: its longest functions, and how many functions outside a struct's own file take it as `&mut`.

use crate::source::mentions::{Mentions, is_test_impl_item, is_test_item, plain, segments};
use crate::source::resolve::{Resolver, Target};
use crate::source::tree::{File, Tree, is_test_only};
use std::collections::BTreeMap;
use syn::visit::{self, Visit};
use syn::{
    FnArg, ImplItemFn, Item, ItemFn, ItemImpl, ItemMod, ItemStruct, Signature, TraitItemFn, Type,
    TypeReference,
};

/// A struct of more fields than this is a large one.
pub const FIELDS_MAX: usize = 12;

/// A function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// The type whose impl it is in, if any, and its name.
    pub name: String,
    /// Its file.
    pub file: String,
    /// The line of its `fn`, from 1.
    pub line: usize,
    /// From its `fn` to its closing brace.
    pub lines: usize,
}

/// A struct of more than [`FIELDS_MAX`] fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Large {
    /// Its name.
    pub name: String,
    /// The file that defines it.
    pub file: String,
    /// How many fields it has.
    pub fields: usize,
    /// The functions in other files that take it as `&mut`, as a parameter or as `&mut self`.
    pub taken_by: Vec<Function>,
}

/// What was measured of a package.
#[derive(Debug, Default)]
pub struct Measures {
    /// Every function that has a body, the longest first.
    pub functions: Vec<Function>,
    /// The large structs, the one that most functions take first.
    pub large: Vec<Large>,
}

/// Measures a tree, without its tests.
pub fn measure(tree: &Tree) -> Measures {
    let mentions: BTreeMap<String, Mentions> =
        tree.files.iter().map(|(path, file)| (path.clone(), Mentions::of(&file.syntax))).collect();
    let resolver = Resolver::new(tree, &mentions);
    let (mut measures, mut taken) = (Measures::default(), Vec::new());
    for file in tree.files.values() {
        let mut reader = Reader {
            file,
            resolver: &resolver,
            scope: Vec::new(),
            owner: None,
            measures: &mut measures,
            taken: &mut taken,
        };
        reader.visit_file(&file.syntax);
    }
    for (target, function) in taken {
        let Target::Item { file, name } = target else { continue };
        let large = measures.large.iter_mut().find(|large| large.file == file && large.name == name);
        if let Some(large) = large.filter(|large| large.file != function.file) {
            large.taken_by.push(function);
        }
    }
    measures.functions.sort_by_key(|function| std::cmp::Reverse(function.lines));
    measures.large.sort_by_key(|large| std::cmp::Reverse(large.taken_by.len()));
    measures
}

struct Reader<'r> {
    file: &'r File,
    resolver: &'r Resolver,
    scope: Vec<String>,
    /// The type of the impl around.
    owner: Option<&'r Type>,
    measures: &'r mut Measures,
    taken: &'r mut Vec<(Target, Function)>,
}

impl<'r> Reader<'r> {
    /// What a type is, without its references and generic arguments.
    fn target(&self, ty: &Type) -> Option<Target> {
        match ty {
            Type::Path(path) => {
                let segments = segments(&path.path);
                if segments == ["Self"] {
                    return self.target(self.owner?);
                }
                self.resolver.resolve(self.file, &self.scope, &segments).into_iter().next()
            }
            Type::Paren(inner) => self.target(&inner.elem),
            Type::Group(inner) => self.target(&inner.elem),
            _ => None,
        }
    }

    fn function(&mut self, signature: &'r Signature, end: Option<usize>) {
        let line = signature.fn_token.span.start().line;
        let owner = match self.owner {
            Some(Type::Path(path)) => {
                path.path.segments.last().map(|last| plain(&last.ident) + "::").unwrap_or_default()
            }
            _ => String::new(),
        };
        let function = Function {
            name: owner + &plain(&signature.ident),
            file: self.file.path.clone(),
            line,
            lines: end.map_or(0, |end| end + 1 - line),
        };
        let mut targets: Vec<Target> = Vec::new();
        for input in &signature.inputs {
            match input {
                FnArg::Receiver(receiver) => {
                    let is_lent = matches!(receiver.kind, syn::ReceiverKind::Reference(_, _, Some(_)));
                    if let Some(owner) = self.owner.filter(|_| is_lent) {
                        targets.extend(self.target(owner));
                    }
                }
                FnArg::Typed(typed) => {
                    let mut lent = Lent(Vec::new());
                    lent.visit_type(&typed.ty);
                    targets.extend(lent.0.iter().filter_map(|ty| self.target(ty)));
                }
            }
        }
        targets.sort();
        targets.dedup();
        self.taken.extend(targets.into_iter().map(|target| (target, function.clone())));
        if end.is_some() {
            self.measures.functions.push(function);
        }
    }
}

/// The types that are lent as `&mut` in a type: `&mut T`, `Option<&mut T>`.
struct Lent<'ast>(Vec<&'ast Type>);

impl<'ast> Visit<'ast> for Lent<'ast> {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        if reference.mutability.is_some() {
            self.0.push(&reference.elem);
        }
        visit::visit_type_reference(self, reference);
    }
}

impl<'r> Visit<'r> for Reader<'r> {
    fn visit_item(&mut self, item: &'r Item) {
        if !is_test_item(item) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &'r ItemMod) {
        self.scope.push(plain(&module.ident));
        visit::visit_item_mod(self, module);
        self.scope.pop();
    }

    fn visit_item_struct(&mut self, item: &'r ItemStruct) {
        let fields = item.fields.iter().filter(|field| !is_test_only(&field.attrs)).count();
        if fields > FIELDS_MAX {
            let (name, file) = (plain(&item.ident), self.file.path.clone());
            self.measures.large.push(Large { name, file, fields, taken_by: Vec::new() });
        }
    }

    fn visit_item_impl(&mut self, item: &'r ItemImpl) {
        let outer = self.owner.replace(&item.self_ty);
        for part in item.items.iter().filter(|part| !is_test_impl_item(part)) {
            self.visit_impl_item(part);
        }
        self.owner = outer;
    }

    fn visit_item_fn(&mut self, item: &'r ItemFn) {
        // A function within a method belongs to no type.
        let outer = self.owner.take();
        self.function(&item.sig, Some(item.block.brace_token.span.close().end().line));
        visit::visit_item_fn(self, item);
        self.owner = outer;
    }

    fn visit_impl_item_fn(&mut self, item: &'r ImplItemFn) {
        self.function(&item.sig, Some(item.block.brace_token.span.close().end().line));
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'r TraitItemFn) {
        let outer = self.owner.take();
        self.function(
            &item.sig,
            item.default.as_ref().map(|block| block.brace_token.span.close().end().line),
        );
        visit::visit_trait_item_fn(self, item);
        self.owner = outer;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::tree::planted;

    #[test]
    fn functions_have_their_lines() {
        let tree = planted(&[(
            "lib.rs",
            "/// Doc.\n#[inline]\npub fn a(\n    x: u8,\n) {\n    fn inner() {}\n}\n\
             struct S;\nimpl S {\n    fn b(&self) {\n    }\n    #[cfg(test)]\n    fn hidden() {}\n}\n\
             trait T {\n    fn without();\n    fn with() {\n        x();\n        y();\n    }\n}\n\
             #[cfg(test)]\nmod tests {\n    fn c() {}\n}\n",
        )]);
        let measured = measure(&tree);
        let lines: Vec<(&str, usize, usize)> =
            measured.functions.iter().map(|one| (one.name.as_str(), one.line, one.lines)).collect();
        assert_eq!(lines, [("a", 3, 5), ("with", 17, 4), ("S::b", 10, 2), ("inner", 6, 1)]);
    }

    #[test]
    fn large_structs_are_counted_where_others_take_them() {
        let fields = |count: usize| (0..count).map(|at| format!("f{at}: u8,")).collect::<String>();
        let large = format!(
            "pub struct Large {{ {} }} pub struct Small {{ {} }} impl Large {{ fn own(&mut self) {{}} }}",
            fields(FIELDS_MAX + 1),
            fields(FIELDS_MAX)
        );
        let tree = planted(&[
            ("lib.rs", "mod large; mod other; pub use large::Large as Known;"),
            ("large.rs", &large),
            (
                "other.rs",
                "use crate::{Known, large::{self, Small}};
                 fn a(x: &mut Known, y: &mut Known) {}
                 fn b(x: Option<&mut large::Large>) {}
                 fn shared(x: &Known, y: Known, z: &mut Small, v: &mut Vec<Known>) {}
                 impl Known { fn c(&mut self) {} fn d(&self, f: &mut Self) {} fn e(&self) {} }
                 trait T { fn f(&mut self, x: &mut Known); }
                 impl Small { fn g(&mut self, x: &'static mut Known) {} }
                 #[cfg(test)] fn hidden(x: &mut Known) {}",
            ),
        ]);
        let measured = measure(&tree);
        assert_eq!(measured.large.len(), 1, "{:?}", measured.large);
        let large = &measured.large[0];
        let taken: Vec<&str> = large.taken_by.iter().map(|one| one.name.as_str()).collect();
        assert_eq!((large.name.as_str(), large.fields), ("Large", FIELDS_MAX + 1));
        assert_eq!(taken, ["a", "b", "Known::c", "Known::d", "f", "Small::g"]);
    }
}
