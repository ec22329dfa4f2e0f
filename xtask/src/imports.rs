//! Which files of a step a file imports.
//!
//! The source is parsed, not searched: `use crate::{a, b::c}`, `super::x` and a
//! path in the middle of an expression are all imports, and so is a path inside
//! a macro's arguments. Code that only tests compile is left out, because a test
//! may look at anything.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Ident, Path, UseTree};

use crate::pairs::module_name;
use crate::steps::Files;

/// One file that imports another; both are named like `commands/string`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// The file that imports.
    pub from: String,
    /// The file that is imported.
    pub to: String,
    /// The path as written, like `crate::store::Store`.
    pub written: String,
}

/// Which files of a step's `src/` import which: each pair of files once, with the
/// first of the paths that lead from one to the other.
pub fn imports(files: &Files) -> Result<BTreeSet<Import>> {
    let modules = Modules::of(files);
    let mut found = BTreeSet::new();
    let mut only_for_tests = BTreeSet::new();
    for (path, content) in files {
        let Some(name) = module_name(path) else {
            continue;
        };
        let source = String::from_utf8_lossy(content);
        let parsed = parse(path, &source)?;
        if only_in_tests(&parsed.attrs) {
            only_for_tests.insert(segments(name));
            continue;
        }
        let mut collector = Collector::new(segments(name), &parsed);
        collector.visit_file(&parsed);
        only_for_tests.extend(collector.test_modules);
        for (target, written) in collector.found {
            let from = name.to_owned();
            let to = modules.file_of(&target).to_owned();
            found.insert(Import { from, to, written });
        }
    }
    found.retain(|it: &Import| it.from != it.to && !only_for_tests.contains(&segments(&it.from)));
    let mut pairs = BTreeSet::new();
    found.retain(|it| pairs.insert((it.from.clone(), it.to.clone())));
    Ok(found)
}

/// A module's place in the tree of modules: `commands/string` is `[commands, string]`,
/// `commands/mod` is `[commands]` and `lib` is the top, `[]`.
type ModulePath = Vec<String>;

fn segments(name: &str) -> ModulePath {
    match name {
        "main" | "lib" => Vec::new(),
        _ => {
            let name = name.strip_suffix("/mod").unwrap_or(name);
            name.split('/').map(str::to_owned).collect()
        }
    }
}

/// The modules of a step and the files that they are in.
struct Modules(BTreeMap<ModulePath, String>);

impl Modules {
    fn of(files: &Files) -> Self {
        // The top is `lib.rs`: in this order it takes the place of `main.rs`.
        let names = files.keys().rev().filter_map(|path| module_name(path));
        Modules(names.map(|it| (segments(it), it.to_owned())).collect())
    }

    /// The file that defines what the path names: that of its longest known prefix.
    fn file_of(&self, path: &[String]) -> &str {
        let prefixes = (0..=path.len()).rev().map(|length| &path[..length]);
        let mut files = prefixes.filter_map(|prefix| self.0.get(prefix));
        files.next().map_or("lib", String::as_str)
    }
}

fn parse(path: &str, source: &str) -> Result<syn::File> {
    syn::parse_file(source)
        .with_context(|| format!("{path} does not parse; `cargo check` names the line"))
}

/// Walks one file and collects the paths that lead into this crate.
struct Collector {
    here: ModulePath,
    /// The inline modules (`mod a { … }`) that the walk is inside of.
    inline: ModulePath,
    /// The modules that this file declares (`mod a;`), which it names without `self::`.
    children: BTreeSet<String>,
    test_modules: BTreeSet<ModulePath>,
    found: Vec<(ModulePath, String)>,
}

impl Collector {
    fn new(here: ModulePath, file: &syn::File) -> Self {
        let children = file.items.iter().filter_map(|item| match item {
            syn::Item::Mod(module) if module.content.is_none() => Some(module.ident.to_string()),
            _ => None,
        });
        Collector {
            here,
            inline: Vec::new(),
            children: children.collect(),
            test_modules: BTreeSet::new(),
            found: Vec::new(),
        }
    }

    /// Notes a path as it is written, if it leads into this crate.
    fn note(&mut self, written: &[String]) {
        if let Some(target) = self.absolute(written) {
            self.found.push((target, written.join("::")));
        }
    }

    /// The path from the crate's top; `None` if it leads to another crate or stays here.
    fn absolute(&self, written: &[String]) -> Option<ModulePath> {
        let (first, rest) = written.split_first()?;
        let mut base = [self.here.clone(), self.inline.clone()].concat();
        match first.as_str() {
            "crate" => base.clear(),
            "self" => {}
            "super" => {
                base.pop();
            }
            child if self.inline.is_empty() && self.children.contains(child) => {
                base.push(child.to_owned());
            }
            _ => return None,
        }
        for segment in rest {
            match segment.as_str() {
                "super" => drop(base.pop()),
                "self" => {}
                name => base.push(name.to_owned()),
            }
        }
        Some(base)
    }

    /// Every path that a `use` brings in, one by one.
    fn note_use(&mut self, prefix: &[String], tree: &UseTree) {
        let with = |ident: &Ident| [prefix, &[ident.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.note_use(&with(&path.ident), &path.tree),
            UseTree::Name(name) => self.note(&with(&name.ident)),
            UseTree::Rename(rename) => self.note(&with(&rename.ident)),
            UseTree::Glob(_) => self.note(prefix),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.note_use(prefix, tree);
                }
            }
        }
    }

    /// A macro's arguments are tokens; the paths in them begin with a keyword.
    fn note_tokens(&mut self, tokens: TokenStream) {
        let mut path: ModulePath = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) if path.is_empty() || colons != 2 => {
                    self.note_if_long(&path);
                    path = vec![ident.to_string()];
                    colons = 0;
                }
                TokenTree::Ident(ident) => {
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                other => {
                    self.note_if_long(&path);
                    path.clear();
                    if let TokenTree::Group(group) = other {
                        self.note_tokens(group.stream());
                    }
                }
            }
        }
        self.note_if_long(&path);
    }

    fn note_if_long(&mut self, path: &[String]) {
        if path.len() > 1 {
            self.note(path);
        }
    }

    fn visit_inline_module(&mut self, module: &syn::ItemMod) {
        self.inline.push(module.ident.to_string());
        visit::visit_item_mod(self, module);
        self.inline.pop();
    }
}

/// Visits these nodes as usual unless only tests compile them.
macro_rules! skip_what_only_tests_compile {
    ($($visit:ident: $node:ident,)*) => {
        $(fn $visit(&mut self, node: &'ast syn::$node) {
            if !only_in_tests(&node.attrs) {
                visit::$visit(self, node);
            }
        })*
    };
}

impl<'ast> Visit<'ast> for Collector {
    skip_what_only_tests_compile! {
        visit_arm: Arm,
        visit_expr_block: ExprBlock,
        visit_field: Field,
        visit_impl_item_const: ImplItemConst,
        visit_impl_item_fn: ImplItemFn,
        visit_item_const: ItemConst,
        visit_item_enum: ItemEnum,
        visit_item_fn: ItemFn,
        visit_item_impl: ItemImpl,
        visit_item_macro: ItemMacro,
        visit_item_static: ItemStatic,
        visit_item_struct: ItemStruct,
        visit_item_trait: ItemTrait,
        visit_item_type: ItemType,
        visit_local: Local,
        visit_trait_item_fn: TraitItemFn,
        visit_variant: Variant,
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        match (only_in_tests(&module.attrs), &module.content) {
            (false, Some(_)) => self.visit_inline_module(module),
            (true, None) => {
                let name = module.ident.to_string();
                self.test_modules.insert([&self.here[..], &[name]].concat());
            }
            _ => {}
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !only_in_tests(&item.attrs) {
            self.note_use(&[], &item.tree);
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let written: ModulePath = path
            .segments
            .iter()
            .map(|it| it.ident.to_string())
            .collect();
        self.note_if_long(&written);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.note_tokens(item.tokens.clone());
        visit::visit_macro(self, item);
    }

    /// `pub(crate)` and `pub(super)` say who may look in; they import nothing.
    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}
}

/// `#[cfg(test)]` and `#[cfg(all(test, …))]`, but not `#[cfg(not(test))]`.
fn only_in_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) => list.path.is_ident("cfg") && needs_test(list.tokens.clone()),
        _ => false,
    })
}

fn needs_test(condition: TokenStream) -> bool {
    let mut tokens = condition.into_iter();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(ident) if ident == "test" => return true,
            TokenTree::Ident(ident) if ident == "not" || ident == "any" => drop(tokens.next()),
            TokenTree::Group(group) if needs_test(group.stream()) => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `file` with that source imports, in a step that also has the usual files.
    fn imported(file: &str, source: &str) -> Vec<String> {
        let mut files: Files = ["lib", "store", "resp", "commands/mod", "commands/key"]
            .map(|name| (format!("src/{name}.rs"), Vec::new()))
            .into();
        files.insert(format!("src/{file}.rs"), source.into());
        let imports = imports(&files).unwrap().into_iter();
        imports
            .filter(|it| it.from == file)
            .map(|it| it.to)
            .collect()
    }

    #[test]
    fn every_form_of_import_is_seen() {
        for source in [
            "use crate::store::Store;",
            "use crate::{store::{self, Store}};",
            "use super::store;",
            "fn f() { crate::store::go() }",
            "fn f(it: &super::store::Store) {}",
            "fn f() { use crate::store::*; }",
            "fn f() { assert_eq!(1, [crate::store::ONE]) }",
            "mod inline { use super::super::store; }",
            "pub use crate::store as other;",
        ] {
            assert_eq!(imported("resp", source), ["store"], "{source}");
        }
    }

    #[test]
    fn a_path_within_a_folder_is_resolved() {
        assert_eq!(
            imported("commands/key", "use super::TABLE;"),
            ["commands/mod"]
        );
        assert_eq!(
            imported("commands/mod", "mod key; static A: u8 = key::A;"),
            ["commands/key"]
        );
        assert_eq!(
            imported("resp", "use crate::commands::key::get;"),
            ["commands/key"]
        );
    }

    #[test]
    fn what_lies_at_the_top_is_in_lib() {
        assert_eq!(imported("resp", "use crate::Config;"), ["lib"]);
    }

    #[test]
    fn other_crates_and_visibility_are_no_imports() {
        let source = "use std::sync::Arc; pub(crate) fn f() { tokio::spawn(g()); self::h() }";
        assert!(imported("resp", source).is_empty());
    }

    #[test]
    fn tests_may_import_anything() {
        for source in [
            "#[cfg(test)] mod tests { use crate::store::Store; }",
            "#[cfg(all(test, unix))] use crate::store::Store;",
            "struct A; impl A { #[cfg(test)] fn f() { crate::store::go() } }",
        ] {
            assert!(imported("resp", source).is_empty(), "{source}");
        }
        let live = "#[cfg(not(test))] use crate::store::Store;";
        assert_eq!(imported("resp", live), ["store"]);
    }

    #[test]
    fn a_file_that_only_tests_compile_may_too() {
        let file = |name: &str, source: &str| (format!("src/{name}.rs"), source.into());
        let mut files: Files = [
            file("resp", "#[cfg(test)] mod tests;"),
            file("resp/tests", "use crate::store::Store;"),
            file("store", ""),
        ]
        .into();
        assert!(imports(&files).unwrap().is_empty());
        files.insert("src/resp.rs".to_owned(), "mod tests;".into());
        let found = imports(&files).unwrap();
        assert!(
            found
                .iter()
                .any(|it| it.from == "resp/tests" && it.to == "store")
        );
    }
}
