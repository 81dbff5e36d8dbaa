//! Links between documents lead somewhere.

use std::collections::BTreeSet;

use crate::tree::{Source, everything, none, root};

/// The targets of a page's Markdown links, outside blocks and spans of code.
fn links(page: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (number, line) in page.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        // Every second part is a span of code.
        for plain in line.split('`').step_by(2) {
            for part in plain.split("](").skip(1) {
                if let Some(target) = part.split([')', ' ']).next() {
                    found.push((number, target.to_owned()));
                }
            }
        }
    }
    found
}

/// The anchors that GitHub gives a page's headings.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title.chars().filter(|char| char.is_alphanumeric() || " -_".contains(*char));
            kept.map(|char| if char == ' ' { '-' } else { char }).collect()
        })
        .collect()
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    for page in everything().iter().filter(|source| source.path.ends_with(".md")) {
        for (number, link) in
            links(page).into_iter().filter(|(_, link)| !link.contains("://") && !link.starts_with("mailto:"))
        {
            let (file, anchor) = link.split_once('#').unwrap_or((link.as_str(), ""));
            let here = root().join(&page.path);
            let target = if file.is_empty() { here.clone() } else { here.parent().unwrap().join(file) };
            let leads = target.exists()
                && (anchor.is_empty()
                    || std::fs::read_to_string(&target).is_ok_and(|text| anchors(&text).contains(anchor)));
            if !leads {
                broken.push(format!("{}:{number}: {link}", page.path));
            }
        }
    }
    none(broken, "a link leads nowhere");
}

#[test]
fn links_are_found_and_anchors_are_githubs() {
    let text = "# A Heading: with `code`\nsee [one](a.md#b) and `[no](c)`\n```\n[no](d)\n```\n[two](#x)".to_owned();
    let page = Source { path: "x.md".to_owned(), text };
    assert_eq!(links(&page), [(2, "a.md#b".to_owned()), (6, "#x".to_owned())]);
    assert!(anchors(&page.text).contains("a-heading-with-code"));
}
