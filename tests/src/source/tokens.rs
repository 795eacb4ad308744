//! What is named in tokens that have no grammar of their own: the arguments of macros, the bodies of `macro_rules`, and
//! attributes.

use crate::source::mentions::{Kind, Reader, plain};
use proc_macro2::{TokenStream, TokenTree};
use syn::{Lit, UseTree};

/// Gives the reader every path, macro, method, cast, import and text in the tokens.
pub(super) fn scan(reader: &mut Reader, tokens: &TokenStream) {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        at = match &tokens[at] {
            TokenTree::Group(group) => {
                scan(reader, &group.stream());
                at + 1
            }
            TokenTree::Literal(literal) => {
                if let Lit::Str(text) = Lit::new(literal.clone()) {
                    if let Some(name) = label(&tokens[..at]) {
                        reader.labelled(name, text.value());
                    }
                    reader.literal(text.value(), text.span().start().line);
                }
                at + 1
            }
            // A lifetime.
            TokenTree::Punct(mark) if mark.as_char() == '\'' => at + 2,
            TokenTree::Ident(name) if name == "use" => import(reader, &tokens, at),
            TokenTree::Ident(_) => named(reader, &tokens, at),
            TokenTree::Punct(_) => at + 1,
        };
    }
}

/// As [`scan`], and texts that are paths count as paths.
pub(super) fn scan_attribute(reader: &mut Reader, tokens: &TokenStream) {
    for token in tokens.clone() {
        match token {
            TokenTree::Group(group) => scan_attribute(reader, &group.stream()),
            TokenTree::Literal(literal) => {
                let Lit::Str(text) = Lit::new(literal) else { continue };
                if let Ok(path) = text.parse::<syn::Path>()
                    && path.segments.len() > 1
                {
                    let segments = super::mentions::segments(&path);
                    reader.mention(Kind::Path, segments, text.span().start().line);
                }
            }
            _ => {}
        }
    }
    paths(reader, tokens);
}

/// The paths of two segments or more among tokens.
fn paths(reader: &mut Reader, tokens: &TokenStream) {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        let (path, end) = path(&tokens, at);
        if path.len() > 1 {
            reader.mention(Kind::Path, path, tokens[at].span().start().line);
        }
        at = end.max(at + 1);
    }
}

fn is_mark(token: Option<&TokenTree>, mark: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == mark)
}

/// `name:` or `name =` at the end of these tokens.
fn label(before: &[TokenTree]) -> Option<String> {
    match before {
        [.., TokenTree::Ident(name), TokenTree::Punct(mark)] if matches!(mark.as_char(), ':' | '=') => {
            Some(plain(name))
        }
        _ => None,
    }
}

/// The path that begins at an identifier, and where it ends.
fn path(tokens: &[TokenTree], start: usize) -> (Vec<String>, usize) {
    let mut found = Vec::new();
    let mut at = start;
    while let Some(TokenTree::Ident(name)) = tokens.get(at) {
        found.push(plain(name));
        let goes_on = is_mark(tokens.get(at + 1), ':') && is_mark(tokens.get(at + 2), ':');
        if !goes_on || !matches!(tokens.get(at + 3), Some(TokenTree::Ident(_))) {
            return (found, at + 1);
        }
        at += 3;
    }
    (found, at)
}

/// An identifier, with what stands before and after it.
fn named(reader: &mut Reader, tokens: &[TokenTree], at: usize) -> usize {
    let line = tokens[at].span().start().line;
    let before = |back: usize| at.checked_sub(back).and_then(|at| tokens.get(at));
    let (mut path, end) = path(tokens, at);
    let is_method = is_mark(before(1), '.') && !is_mark(before(2), '.');
    if is_method {
        reader.mention(Kind::Method, path, line);
    } else if is_mark(tokens.get(end), '!') && !is_mark(tokens.get(end + 1), '=') {
        reader.mention(Kind::Macro, path, line);
    } else {
        if matches!(before(1), Some(TokenTree::Ident(name)) if name == "as") {
            reader.mention(Kind::Cast, path.clone(), line);
        }
        // `::std::fs`, unless it goes on after generic arguments: `Vec::<u8>::new`.
        let is_absolute = is_mark(before(1), ':') && is_mark(before(2), ':') && !is_mark(before(3), '>');
        if is_absolute {
            path.insert(0, "::".to_owned());
        }
        reader.mention(Kind::Path, path, line);
    }
    end
}

/// A `use` declaration among the tokens, up to its `;`.
fn import(reader: &mut Reader, tokens: &[TokenTree], at: usize) -> usize {
    let end = (at..tokens.len()).find(|&at| is_mark(tokens.get(at), ';'));
    let Some(end) = end else { return at + 1 };
    let is_absolute = is_mark(tokens.get(at + 1), ':');
    let from = if is_absolute { at + 3 } else { at + 1 };
    // `$crate` is the crate itself.
    let tree: TokenStream =
        tokens[from.min(end)..end].iter().filter(|token| !is_mark(Some(token), '$')).cloned().collect();
    let Ok(tree) = syn::parse2::<UseTree>(tree) else { return at + 1 };
    let is_public = at > 0 && !is_mark(tokens.get(at - 1), ';');
    reader.import(&tree, is_absolute, is_public);
    end + 1
}
