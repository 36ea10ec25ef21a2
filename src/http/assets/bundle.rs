//! Bundling of the component: its modules share one namespace, so they are concatenated without the
//! imports between them.

/// Modules in the order of their imports.
const MODULES: [&str; 19] = [
    "sign-in.js",
    "options.js",
    "messages.js",
    "time.js",
    "inbox.js",
    "link.js",
    "tabs.js",
    "client.js",
    "feed.js",
    "styles.js",
    "icons.js",
    "toasts.js",
    "row.js",
    "list.js",
    "settings.js",
    "place.js",
    "panel.js",
    "bell.js",
    "lonceng.js",
];

/// Concatenates the modules. `source` returns the text of a module.
pub(super) fn bundle(source: impl Fn(&str) -> Option<String>) -> String {
    let mut whole = String::from("// Lonceng, a notification hub. MIT OR Apache-2.0.\n");
    for name in MODULES {
        let last = name == "lonceng.js";
        for line in source(name).unwrap_or_default().lines() {
            if is_comment(line) {
                continue;
            }
            let import = line.starts_with("import ") && line.contains(" from './");
            if import || line.starts_with("export {") && !last {
                continue;
            }
            let line = if last { line } else { line.strip_prefix("export ").unwrap_or(line) };
            whole.push_str(without_types(line).trim());
            whole.push('\n');
        }
    }
    whole
}

/// Removes type casts such as `/** @type {Foo} */ (bar)` from a line.
fn without_types(line: &str) -> String {
    let mut rest = line;
    let mut kept = String::with_capacity(line.len());
    while let Some((before, after)) = rest.split_once("/** @") {
        let Some((_, after)) = after.split_once("*/") else { break };
        kept.push_str(before);
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    kept.push_str(rest);
    kept
}

/// Returns whether a line is only a comment, which the bundle omits.
fn is_comment(line: &str) -> bool {
    let code = line.trim();
    let whole = code.starts_with("/*") && code.find("*/").is_none_or(|end| end + 2 == code.len());
    code.is_empty()
        || whole
        || code.starts_with("//")
        || code.starts_with("* ")
        || code == "*"
        || code == "*/"
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn file(name: &str) -> Option<String> {
        std::fs::read_to_string(format!("{}/web/src/{name}", env!("CARGO_MANIFEST_DIR"))).ok()
    }

    #[test]
    fn every_module_is_in_the_bundle_and_imports_only_earlier_ones() {
        let mut earlier = HashSet::new();
        for name in MODULES {
            let text = file(name).unwrap_or_else(|| panic!("web/src/{name} is not there"));
            for line in text.lines().filter(|line| line.starts_with("import ")) {
                let from = line.split("from './").nth(1).and_then(|rest| rest.split('\'').next());
                let from = from
                    .unwrap_or_else(|| panic!("{name}: an import must fit on one line: {line}"));
                assert!(
                    earlier.contains(from),
                    "{name} imports {from}, which is not earlier in the bundle"
                );
            }
            earlier.insert(name);
        }
        let folder = std::fs::read_dir(format!("{}/web/src", env!("CARGO_MANIFEST_DIR")))
            .expect("it is there");
        for entry in folder {
            let name =
                entry.expect("it can be read").file_name().into_string().expect("a name is text");
            assert!(
                earlier.contains(name.as_str())
                    || std::path::Path::new(&name).extension().is_none_or(|ending| ending != "js"),
                "{name} is not in the bundle"
            );
        }
    }

    #[test]
    fn bundle_omits_comments_only() {
        for comment in [
            "",
            "  ",
            "/** One line. */",
            "/**",
            " * more",
            " */",
            " *",
            "// so",
            "/** @type {X} */",
        ] {
            assert!(is_comment(comment), "{comment}");
        }
        for code in [
            "/** @type {X} */ (a.b).focus();",
            "a(); // so",
            "*, ::before { }",
            "a * b",
            "const a = '/* */';",
        ] {
            assert!(!is_comment(code), "{code}");
        }
    }

    #[test]
    fn bundle_omits_type_casts() {
        assert_eq!(without_types("a(/** @type {X} */ (b), /** @type {Y} */ c);"), "a((b), c);");
        assert_eq!(without_types("const a = '/** no';"), "const a = '/** no';");
    }

    #[test]
    fn no_import_is_left_and_no_name_is_defined_twice() {
        assert!(!bundle(file).contains("from './"), "an import is left");
        let mut names = HashSet::new();
        // Names defined at the top level, which is not indented.
        let sources: Vec<String> = MODULES.iter().filter_map(|name| file(name)).collect();
        for line in sources.iter().flat_map(|source| source.lines()) {
            let line = line.strip_prefix("export ").unwrap_or(line);
            let name = ["const ", "let ", "class ", "function ", "async function "]
                .iter()
                .find_map(|word| line.strip_prefix(word))
                .and_then(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next());
            if let Some(name) = name.filter(|name| !name.is_empty()) {
                assert!(names.insert(name.to_owned()), "{name} is defined twice");
            }
        }
    }
}
