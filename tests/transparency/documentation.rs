//! The pages of documentation are the same, with the attribute and without.

use crate::harness::Pair;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// All pages but those that show the source itself.
fn pages(folder: &Path) -> BTreeMap<String, String> {
    let mut pages = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() {
            pages.extend(self::pages(&path).into_iter().map(|(page, text)| (format!("{name}/{page}"), text)));
        } else if path.extension().is_some_and(|extension| extension == "html") {
            pages.insert(name, fs::read_to_string(&path).expect("text"));
        }
    }
    pages
}

#[test]
fn every_page_is_the_same() {
    let pair = Pair::of("documented.rs");
    let args = ["--edition=2024", "--document-private-items", "-o", "documentation"];
    for output in pair.run("rustdoc", &args) {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let [annotated, bare] =
        ["annotated", "bare"].map(|kind| pages(&pair.path(kind).join("documentation/source")));
    assert!(bare.len() >= 15, "{:#?}", bare.keys());
    assert_eq!(annotated.keys().collect::<Vec<_>>(), bare.keys().collect::<Vec<_>>());
    for (page, text) in &bare {
        assert!(&annotated[page] == text, "{page} differs:\n{}\n{text}", annotated[page]);
    }
}
