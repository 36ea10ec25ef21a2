//! Paths that a source file uses, read from its syntax tree: grouped imports, `super::super::` and
//! paths in expressions alike.

use syn::visit::{self, Visit};

/// Paths of this crate that a file uses, without its tests; each from the crate root, such as
/// `["store", "Store"]`.
pub fn paths(module: &[String], text: &str) -> Vec<Vec<String>> {
    let file = syn::parse_file(text).expect("the file is Rust");
    let mut collector = Collector { module: module.to_vec(), found: Vec::new() };
    collector.visit_file(&file);
    collector.found
}

/// Names of other crates that a file uses as the first segment of a path, without its tests.
struct Collector {
    module: Vec<String>,
    found: Vec<Vec<String>>,
}

impl Collector {
    /// Resolves a path that begins with `crate`, `self` or `super`; other paths keep a leading
    /// empty segment, which stands for "another crate, or a name in scope".
    fn add(&mut self, path: &[String]) {
        let (mut resolved, mut rest) = match path.first().map(String::as_str) {
            Some("crate") => (Vec::new(), &path[1..]),
            Some("self") => (self.module.clone(), &path[1..]),
            Some("super") => (self.module.clone(), path),
            _ => (vec![String::new()], path),
        };
        while rest.first().is_some_and(|segment| segment == "super") {
            resolved.pop();
            rest = &rest[1..];
        }
        resolved.extend(rest.iter().cloned());
        self.found.push(resolved);
    }

    fn add_tree(&mut self, prefix: &[String], tree: &syn::UseTree) {
        let with = |name: String| prefix.iter().cloned().chain([name]).collect::<Vec<_>>();
        match tree {
            syn::UseTree::Path(path) => self.add_tree(&with(path.ident.to_string()), &path.tree),
            syn::UseTree::Name(name) => self.add(&with(name.ident.to_string())),
            syn::UseTree::Rename(rename) => self.add(&with(rename.ident.to_string())),
            syn::UseTree::Glob(_) => self.add(prefix),
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.add_tree(prefix, tree));
            }
        }
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|argument| argument == "test")
    })
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if is_test(&module.attrs) {
            return;
        }
        self.module.push(module.ident.to_string());
        visit::visit_item_mod(self, module);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_test(&item.attrs) {
            self.add_tree(&[], &item.tree);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !is_test(&item.attrs) {
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.add(
            &path.segments.iter().map(|segment| segment.ident.to_string()).collect::<Vec<_>>(),
        );
        visit::visit_path(self, path);
    }

    /// Returns a macro's arguments are only tokens; every run of `a::b::c` in them is taken for a
    /// path.
    fn visit_macro(&mut self, invoked: &'ast syn::Macro) {
        self.visit_path(&invoked.path);
        let text = invoked.tokens.to_string();
        let mut path: Vec<String> = Vec::new();
        let mut joined = false;
        for word in text.split_whitespace().flat_map(|word| word.split_inclusive("::")) {
            let (name, joins) = word.strip_suffix("::").map_or((word, false), |name| (name, true));
            let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
            if !joined && !name.is_empty() && !path.is_empty() {
                self.add(&std::mem::take(&mut path));
            }
            if is_name {
                path.push(name.to_owned());
            }
            joined = joins;
            if !is_name && !joins && !path.is_empty() {
                self.add(&std::mem::take(&mut path));
            }
        }
        if !path.is_empty() {
            self.add(&path);
        }
    }
}

#[test]
fn grouped_and_relative_imports_are_resolved() {
    let text = "use crate::{a::B, c};
        use super::super::d::{self, E as F};
        mod inner { use super::g; fn h() { crate::i::j(); let _ = vec![crate::k::L]; } }
        #[cfg(test)] mod tests { use crate::ignored; }";
    let module = ["x".to_owned(), "y".to_owned()];
    let found: Vec<String> = paths(&module, text)
        .into_iter()
        .map(|path| path.join("::"))
        .filter(|path| !path.starts_with("::"))
        .collect();
    let expected = ["a::B", "c", "d::self", "d::E", "x::y::g", "i::j", "k::L"];
    for path in expected {
        assert!(found.iter().any(|other| other == path), "{path} is missing in {found:?}");
    }
    assert!(!found.iter().any(|path| path.contains("ignored")));
}
