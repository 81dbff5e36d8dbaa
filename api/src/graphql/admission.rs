//! What a request must be before anything of it is executed.
//!
//! The limits of the schema (depth, complexity) are checked by walking the selections, fragments unfolded.
//! A small document can unfold into a huge one, and deep nesting can exhaust the parser's stack, so the
//! text is measured before it is parsed, and the document before it is validated.

use std::collections::HashMap;

use async_graphql::Request;
use async_graphql::parser::types::{ExecutableDocument, OperationType, Selection, SelectionSet};
use axum::http::StatusCode;

use super::catalogue;

/// The most tokens of a document.
const MAX_TOKENS: usize = 4_000;
/// The deepest nesting of brackets.
const MAX_NESTING: usize = 64;
/// The most fields, fragments unfolded.
const MAX_FIELDS: u64 = 1_000;
/// The most aliases, fragments unfolded.
const MAX_ALIASES: u64 = 30;
/// The most mutations of one request.
const MAX_MUTATIONS: u64 = 5;
/// The most operations and fragments of a document.
const MAX_DEFINITIONS: usize = 50;

/// Why a request is not executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// The HTTP status.
    pub(super) status: StatusCode,
    /// A stable code.
    pub(super) code: &'static str,
    /// What to do.
    pub(super) message: &'static str,
}

const fn refused(status: StatusCode, code: &'static str, message: &'static str) -> Refused {
    Refused { status, code, message }
}

const fn bad(code: &'static str, message: &'static str) -> Refused {
    refused(StatusCode::BAD_REQUEST, code, message)
}

/// Only POST carries a request (GraphQL over HTTP §6.2: GET is optional, and ends in logs and caches).
pub(super) const NOT_POST: Refused =
    refused(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "send requests with POST");
/// The body is not declared as JSON.
pub(super) const NOT_JSON: Refused =
    refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", "send application/json");
/// The answer would be of a type that the client does not take.
pub(super) const NOT_ACCEPTABLE: Refused = refused(
    StatusCode::NOT_ACCEPTABLE,
    "NOT_ACCEPTABLE",
    "accept application/graphql-response+json or application/json",
);
const BATCH: Refused = bad("BATCHING_NOT_SUPPORTED", "send one request, not an array");
const MALFORMED: Refused =
    bad("MALFORMED_REQUEST", "send a JSON object with `query`, and `variables` and `operationName` where needed");
const TOO_MANY_TOKENS: Refused = bad("TOO_MANY_TOKENS", "the document is too long");
const TOO_DEEP: Refused = bad("TOO_DEEP", "the document is nested too deeply");
const SYNTAX: Refused = bad("SYNTAX", "the document is not valid GraphQL");
const TOO_LARGE: Refused = bad("TOO_COMPLEX", "the document selects too many fields");
const TOO_MANY_ALIASES: Refused = bad("TOO_MANY_ALIASES", "the document has too many aliases");
const TOO_MANY_MUTATIONS: Refused = bad("TOO_MANY_MUTATIONS", "send fewer mutations at once");
const ONE_PROOF: Refused = bad("ONE_PROOF_PER_REQUEST", "send each proof in a request of its own");

/// Reads a request's body and refuses what must not be executed.
pub(super) fn admit(body: &[u8]) -> Result<Request, Refused> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if first == Some(&b'[') {
        return Err(BATCH);
    }
    let request: Request = serde_json::from_slice(body).map_err(|_| MALFORMED)?;
    if request.query.trim().is_empty() {
        return Err(MALFORMED);
    }
    measured(request)
}

/// Refuses a request that is too large, however it came.
pub(super) fn measured(mut request: Request) -> Result<Request, Refused> {
    scan(&request.query)?;
    let document = request.parsed_query().map_err(|_| SYNTAX)?;
    weigh(document)?;
    Ok(request)
}

/// Whether the operation to be executed is a subscription.
pub(super) fn is_subscription(request: &mut Request) -> bool {
    let name = request.operation_name.clone();
    let Ok(document) = request.parsed_query() else { return false };
    let mut operations = document.operations.iter();
    operations.any(|(found, operation)| {
        (name.is_none() || found.map(|found| found.as_str()) == name.as_deref())
            && operation.node.ty == OperationType::Subscription
    })
}

/// Counts tokens and nesting by the lexical grammar (GraphQL §2.1), without building anything.
fn scan(text: &str) -> Result<(), Refused> {
    let (mut tokens, mut nesting) = (0_usize, 0_usize);
    let mut rest = text;
    let mut in_word = false;
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        let word = c == '_' || c.is_alphanumeric();
        match c {
            '#' => taken = rest.find(['\n', '\r']).unwrap_or(rest.len()),
            '"' => {
                taken = string_length(rest);
                tokens += 1;
            }
            '{' | '(' | '[' => {
                nesting += 1;
                tokens += 1;
            }
            '}' | ')' | ']' => {
                nesting = nesting.saturating_sub(1);
                tokens += 1;
            }
            ',' | '\u{FEFF}' => {}
            c if c.is_whitespace() => {}
            _ if word && in_word => {}
            _ => tokens += 1,
        }
        in_word = word;
        if tokens > MAX_TOKENS {
            return Err(TOO_MANY_TOKENS);
        }
        if nesting > MAX_NESTING {
            return Err(TOO_DEEP);
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    Ok(())
}

/// The length of the string that the text begins with, quotes included.
fn string_length(text: &str) -> usize {
    if let Some(block) = text.strip_prefix("\"\"\"") {
        let mut from = 0;
        while let Some(end) = block.get(from..).and_then(|rest| rest.find("\"\"\"")) {
            let at = from + end;
            if !block.get(..at).is_some_and(|before| before.ends_with('\\')) {
                return 3 + at + 3;
            }
            from = at + 3;
        }
        return text.len();
    }
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            '\n' | '\r' => return at,
            _ => {}
        }
    }
    text.len()
}

/// What a selection comes to, fragments unfolded.
#[derive(Clone, Copy, Debug, Default)]
struct Weight {
    fields: u64,
    aliases: u64,
    roots: u64,
    proofs: u64,
}

impl Weight {
    fn add(&mut self, other: Self) {
        self.fields = self.fields.saturating_add(other.fields);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.roots = self.roots.saturating_add(other.roots);
        self.proofs = self.proofs.saturating_add(other.proofs);
    }
}

/// Weighs fragments once each, so that unfolding costs nothing.
struct Scales<'d> {
    document: &'d ExecutableDocument,
    /// `None` while being weighed: a fragment within itself weighs nothing, and validation refuses it.
    fragments: HashMap<&'d str, Option<Weight>>,
}

impl<'d> Scales<'d> {
    fn selections(&mut self, set: &'d SelectionSet) -> Weight {
        let mut weight = Weight::default();
        for item in &set.items {
            match &item.node {
                Selection::Field(field) => {
                    let within = self.selections(&field.node.selection_set.node);
                    weight.add(Weight { roots: 0, proofs: 0, ..within });
                    let proof = catalogue::gives_proof(&field.node.name.node);
                    let alias = field.node.alias.is_some();
                    weight.add(Weight { fields: 1, aliases: u64::from(alias), roots: 1, proofs: u64::from(proof) });
                }
                Selection::InlineFragment(inline) => {
                    weight.add(self.selections(&inline.node.selection_set.node));
                }
                Selection::FragmentSpread(spread) => {
                    weight.add(self.fragment(&spread.node.fragment_name.node));
                }
            }
        }
        weight
    }

    fn fragment(&mut self, name: &str) -> Weight {
        let Some((name, fragment)) = self.document.fragments.get_key_value(name) else { return Weight::default() };
        if let Some(known) = self.fragments.get(name.as_str()) {
            return known.unwrap_or_default();
        }
        self.fragments.insert(name, None);
        let weight = self.selections(&fragment.node.selection_set.node);
        self.fragments.insert(name, Some(weight));
        weight
    }
}

/// Refuses a document that unfolds into too much, or gives more than one proof. `@skip` and `@include` are
/// not looked at: what may be executed counts.
fn weigh(document: &ExecutableDocument) -> Result<(), Refused> {
    if document.operations.iter().count() + document.fragments.len() > MAX_DEFINITIONS {
        return Err(TOO_LARGE);
    }
    let mut scales = Scales { document, fragments: HashMap::new() };
    let mut total = Weight::default();
    for (_, operation) in document.operations.iter() {
        let weight = scales.selections(&operation.node.selection_set.node);
        total.add(weight);
        if operation.node.ty == OperationType::Mutation {
            match weight {
                Weight { proofs: 2.., .. } => return Err(ONE_PROOF),
                Weight { roots, .. } if roots > MAX_MUTATIONS => return Err(TOO_MANY_MUTATIONS),
                _ => {}
            }
        }
    }
    if total.fields > MAX_FIELDS {
        return Err(TOO_LARGE);
    }
    if total.aliases > MAX_ALIASES {
        return Err(TOO_MANY_ALIASES);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(query: &str) -> Option<&'static str> {
        measured(Request::new(query)).err().map(|refused| refused.code)
    }

    #[test]
    fn documents_are_measured_before_they_are_parsed() {
        let deep = format!("{{{}", "a{".repeat(30_000));
        let lists = format!("{{a(b:{}", "[".repeat(60_000));
        let long = format!("{{{}}}", "a ".repeat(4_001));
        let hidden = format!("{{a(b:\"{}\")}}", "[".repeat(1_000));
        let block = format!("{{a(b:\"\"\"{}\\\"\"\"{}\"\"\")}}", "[".repeat(500), "[".repeat(500));
        let comment = format!("{{a #{}\n}}", "{".repeat(1_000));
        let after = format!("{{a(b:\"\\\\\") {}", "{".repeat(1_000));
        let cases = [
            (deep.as_str(), Some("TOO_DEEP")),
            (lists.as_str(), Some("TOO_DEEP")),
            (long.as_str(), Some("TOO_MANY_TOKENS")),
            (hidden.as_str(), None),
            (block.as_str(), None),
            (comment.as_str(), None),
            (after.as_str(), Some("TOO_DEEP")),
            ("{", Some("SYNTAX")),
            ("{a", Some("SYNTAX")),
            ("hello", Some("SYNTAX")),
        ];
        for (query, expected) in cases {
            assert_eq!(code(query), expected, "{query:.60}");
        }
    }

    #[test]
    fn fragments_count_as_often_as_they_are_spread() {
        let mut bomb = "query{...f0}".to_owned();
        for n in 0..40 {
            bomb.push_str(&format!("fragment f{n} on Query{{...f{0} ...f{0}}}", n + 1));
        }
        bomb.push_str("fragment f40 on Query{a}");
        let cycle = "query{...f} fragment f on Query{a ...f}";
        let aliases = format!("{{{}}}", (0..31).map(|n| format!("a{n}:a ")).collect::<String>());
        assert_eq!(code(&bomb), Some("TOO_COMPLEX"));
        assert_eq!(code(cycle), None, "validation refuses it");
        assert_eq!(code(&aliases), Some("TOO_MANY_ALIASES"));
    }

    #[test]
    fn one_request_gives_one_proof() {
        let proof = "submitTotp(input:{ceremony:\"t\",code:\"1\"}){status}";
        let one = format!("mutation{{{proof}}}");
        let aliased = format!("mutation{{a:{proof} b:{proof}}}");
        let twice = format!("mutation{{{proof} {proof}}}");
        let mixed = format!("mutation{{{proof} submitPassword(input:{{ceremony:\"t\",password:\"p\"}}){{status}}}}");
        let fragments = format!("mutation{{...f ...f}} fragment f on Mutation{{{proof}}}");
        let inline = format!("mutation{{...on Mutation{{{proof}}} ...{{b:{proof}}}}}");
        let skipped = format!(
            "mutation($s:Boolean!){{a:{proof} b:submitTotp(input:{{ceremony:\"t\",code:\"2\"}}) @skip(if:$s){{status}}}}"
        );
        let many = format!("mutation{{{}}}", (0..6).map(|n| format!("a{n}:signOut{{status}} ")).collect::<String>());
        let operations = format!("mutation A{{{proof}}} mutation B{{{proof}}}");
        for (query, expected) in [
            (&one, None),
            (&aliased, Some("ONE_PROOF_PER_REQUEST")),
            (&twice, Some("ONE_PROOF_PER_REQUEST")),
            (&mixed, Some("ONE_PROOF_PER_REQUEST")),
            (&fragments, Some("ONE_PROOF_PER_REQUEST")),
            (&inline, Some("ONE_PROOF_PER_REQUEST")),
            (&skipped, Some("ONE_PROOF_PER_REQUEST")),
            (&many, Some("TOO_MANY_MUTATIONS")),
            (&operations, None),
        ] {
            assert_eq!(code(query), expected, "{query}");
        }
    }

    #[test]
    fn bodies_are_one_request_each() {
        for (body, expected) in [
            (&b"[]"[..], Some("BATCHING_NOT_SUPPORTED")),
            (b" \n[{\"query\":\"{log{size}}\"}]", Some("BATCHING_NOT_SUPPORTED")),
            (b"", Some("MALFORMED_REQUEST")),
            (b"null", Some("MALFORMED_REQUEST")),
            (b"{}", Some("MALFORMED_REQUEST")),
            (b"{\"query\":\"\"}", Some("MALFORMED_REQUEST")),
            (b"{\"query\":7}", Some("MALFORMED_REQUEST")),
            (b"{\"query\":\"{log{size}}\",\"variables\":[1]}", Some("MALFORMED_REQUEST")),
            (b"{\"query\":\"\xff\"}", Some("MALFORMED_REQUEST")),
            (b"{\"query\":\"{log{size}}\"", Some("MALFORMED_REQUEST")),
            (b"{\"query\":\"{log{size}}\",\"variables\":null,\"operationName\":null}", None),
        ] {
            assert_eq!(admit(body).err().map(|refused| refused.code), expected, "{}", String::from_utf8_lossy(body));
        }
        let deep = format!("{{\"query\":\"{{log{{size}}}}\",\"variables\":{{\"a\":{}1}}}}", "[".repeat(20_000));
        assert_eq!(admit(deep.as_bytes()).err().map(|refused| refused.code), Some("MALFORMED_REQUEST"));
    }
}
