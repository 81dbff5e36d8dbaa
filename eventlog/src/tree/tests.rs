//! The tree against the naive recursive definitions of RFC 6962, and against published vectors.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeZone, Utc};
use proptest::prelude::*;
use vitne_domain::id::{AccountId, CorrelationId, EventId};
use vitne_domain::{Actor, RetentionClass};

use super::*;
use crate::{Header, Position};

/// MTH of RFC 6962 §2.1, word by word.
fn mth(leaves: &[TreeHash]) -> TreeHash {
    match leaves {
        [] => TreeHash::empty(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            TreeHash::node(mth(left), mth(right))
        }
    }
}

/// PATH of RFC 6962 §2.1.1.
fn path(index: usize, leaves: &[TreeHash]) -> Vec<TreeHash> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let k = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(k);
    let (mut proof, last) = match index < k {
        true => (path(index, left), mth(right)),
        false => (path(index - k, right), mth(left)),
    };
    proof.push(last);
    proof
}

/// SUBPROOF of RFC 6962 §2.1.2.
fn subproof(older: usize, leaves: &[TreeHash], whole: bool) -> Vec<TreeHash> {
    if older == leaves.len() {
        return if whole { Vec::new() } else { vec![mth(leaves)] };
    }
    let k = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(k);
    let (mut proof, last) = match older <= k {
        true => (subproof(older, left, whole), mth(right)),
        false => (subproof(older - k, right, false), mth(left)),
    };
    proof.push(last);
    proof
}

/// A log grown leaf by leaf, with the tiles it left behind.
struct Grown {
    leaves: Vec<TreeHash>,
    full: BTreeMap<(u8, u64), Vec<TreeHash>>,
}

impl TileReader for Grown {
    type Error = ProofError;

    async fn read_tile(&self, tile: Tile) -> Result<Vec<TreeHash>, ProofError> {
        let width = usize::from(tile.width);
        if let Some(full) = self.full.get(&(tile.level, tile.index)) {
            return Ok(full[..width].to_vec());
        }
        let span = 256_usize.pow(u32::from(tile.level));
        let first = usize::try_from(tile.index).unwrap() * 256;
        Ok((first..first + width).map(|n| mth(&self.leaves[n * span..(n + 1) * span])).collect())
    }
}

fn leaves(size: usize) -> Vec<TreeHash> {
    (0..size).map(|n| TreeHash::leaf(&n.to_be_bytes())).collect()
}

fn grow(leaves: Vec<TreeHash>) -> (RightEdge, Grown) {
    let (mut edge, mut full) = (RightEdge::default(), Vec::new());
    for leaf in &leaves {
        edge.push(*leaf, &mut full);
    }
    let full = full.into_iter().map(|tile| ((tile.level, tile.index), tile.hashes)).collect();
    (edge, Grown { leaves, full })
}

fn run<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}

fn hex(hash: TreeHash) -> String {
    hash.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The leaves and roots that the tests of Certificate Transparency and of Trillian use.
#[test]
fn published_roots() {
    let inputs: [&[u8]; 8] = [
        &[],
        &[0x00],
        &[0x10],
        &[0x20, 0x21],
        &[0x30, 0x31],
        &[0x40, 0x41, 0x42, 0x43],
        &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
        &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
    ];
    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let leaves: Vec<TreeHash> = inputs.iter().map(|data| TreeHash::leaf(data)).collect();
    for (size, expected) in roots.iter().enumerate() {
        assert_eq!(&hex(grow(leaves[..size].to_vec()).0.root()), expected, "size {size}");
    }
}

/// The consistency proof from 6 to 8 and the inclusion proof of leaf 5 in 8, as published with them.
#[test]
fn small_proofs_have_the_published_shape() {
    let (edge, grown) = grow(leaves(8));
    let reader = Tiled { tiles: &grown, size: 8 };
    let l = &grown.leaves;
    let pair = |n: usize| TreeHash::node(l[n], l[n + 1]);
    let proof = run(inclusion_proof(&reader, 5, 8)).unwrap();
    assert_eq!(proof, [l[4], pair(6), TreeHash::node(pair(0), pair(2))]);
    assert_eq!(verify_inclusion(l[5], 5, 8, &proof, edge.root()), Ok(()));
    let proof = run(consistency_proof(&reader, 6, 8)).unwrap();
    assert_eq!(proof, [pair(4), pair(6), TreeHash::node(pair(0), pair(2))]);
}

/// All pairs of small sizes: made proofs are the recursive ones, hold, and hold for nothing else.
#[test]
fn every_small_tree() {
    let (_, grown) = grow(leaves(40));
    for newer in 0..=40_usize {
        let reader = Tiled { tiles: &grown, size: newer as u64 };
        let new = (newer as u64, mth(&grown.leaves[..newer]));
        assert_eq!(run(root(&reader, new.0)).unwrap(), new.1);
        for index in 0..newer {
            let proof = run(inclusion_proof(&reader, index as u64, new.0)).unwrap();
            assert_eq!(proof, path(index, &grown.leaves[..newer]));
            for other in 0..newer {
                let holds = verify_inclusion(grown.leaves[index], other as u64, new.0, &proof, new.1).is_ok();
                assert_eq!(holds, other == index, "leaf {index} as {other} of {newer}");
            }
        }
        for older in 1..=newer {
            let proof = run(consistency_proof(&reader, older as u64, new.0)).unwrap();
            assert_eq!(proof, subproof(older, &grown.leaves[..newer], true));
            let old = (older as u64, mth(&grown.leaves[..older]));
            assert_eq!(verify_consistency(old, new, &proof), Ok(()), "{older} to {newer}");
            let other = (older as u64, mth(&grown.leaves[..older - 1]));
            assert!(verify_consistency(other, new, &proof).is_err(), "{older} to {newer}");
        }
    }
}

#[test]
fn proofs_out_of_range_are_refused() {
    let (edge, grown) = grow(leaves(5));
    let reader = Tiled { tiles: &grown, size: 5 };
    assert_eq!(run(inclusion_proof(&reader, 5, 5)), Err(ProofError::OutOfRange { asked: 5, size: 5 }));
    assert_eq!(run(consistency_proof(&reader, 6, 5)), Err(ProofError::OutOfRange { asked: 6, size: 5 }));
    assert_eq!(run(consistency_proof(&reader, 0, 5)), Ok(Vec::new()));
    assert_eq!(verify_consistency((0, TreeHash::empty()), (5, edge.root()), &[]), Ok(()));
    assert!(verify_consistency((0, edge.root()), (5, edge.root()), &[]).is_err());
    assert!(verify_consistency((4, edge.root()), (5, edge.root()), &[]).is_err());
    assert!(verify_consistency((3, edge.root()), (5, edge.root()), &[]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Trees of several levels of tiles agree with the recursion, proof by proof, and a changed byte
    /// in a proof, leaf or root makes it fail.
    #[test]
    fn large_trees(newer in 1_usize..70_000, older: proptest::sample::Index, at: proptest::sample::Index, byte in 0_usize..32) {
        let (edge, grown) = grow(leaves(newer));
        let reader = Tiled { tiles: &grown, size: newer as u64 };
        let new = (newer as u64, edge.root());
        prop_assert_eq!(new.1, mth(&grown.leaves));
        let index = at.index(newer);
        let proof = run(inclusion_proof(&reader, index as u64, new.0)).unwrap();
        prop_assert_eq!(&proof, &path(index, &grown.leaves));
        let leaf = grown.leaves[index];
        prop_assert_eq!(verify_inclusion(leaf, index as u64, new.0, &proof, new.1), Ok(()));
        let older = 1 + older.index(newer);
        let old = (older as u64, mth(&grown.leaves[..older]));
        let consistent = run(consistency_proof(&reader, older as u64, new.0)).unwrap();
        prop_assert_eq!(&consistent, &subproof(older, &grown.leaves, true));
        prop_assert_eq!(verify_consistency(old, new, &consistent), Ok(()));
        for place in 0..proof.len() {
            let mut bad = proof.clone();
            bad[place].0[byte] ^= 1;
            prop_assert!(verify_inclusion(leaf, index as u64, new.0, &bad, new.1).is_err());
        }
        for place in 0..consistent.len() {
            let mut bad = consistent.clone();
            bad[place].0[byte] ^= 1;
            prop_assert!(verify_consistency(old, new, &bad).is_err());
        }
        prop_assert!(verify_inclusion(leaf, index as u64, new.0, &[proof, vec![leaf]].concat(), new.1).is_err());
    }

    /// An edge restored from its unfinished tiles grows as if it had never stopped.
    #[test]
    fn a_restored_edge_goes_on(size in 0_usize..70_000, more in 1_usize..600) {
        let all = leaves(size + more);
        let (edge, grown) = grow(all[..size].to_vec());
        let mut unfinished = Vec::new();
        let mut count = size as u64;
        while count > 0 {
            let level = u8::try_from(unfinished.len()).unwrap();
            let whole = Tile::holding(level, count - 1, size as u64).unwrap();
            let part = !count.is_multiple_of(256);
            unfinished.push(if part { run(grown.read_tile(whole)).unwrap() } else { Vec::new() });
            count /= 256;
        }
        let mut restored = RightEdge::restore(size as u64, unfinished).unwrap();
        prop_assert_eq!(&restored, &edge);
        let mut full = Vec::new();
        for leaf in &all[size..] {
            restored.push(*leaf, &mut full);
        }
        prop_assert_eq!(restored.root(), mth(&all));
        for tile in full {
            prop_assert_eq!(mth(&tile.hashes), tile.root);
            let span = 256_usize.pow(u32::from(tile.level) + 1);
            let first = usize::try_from(tile.index).unwrap() * span;
            prop_assert_eq!(tile.root, mth(&all[first..first + span]));
        }
    }
}

#[test]
fn an_edge_of_the_wrong_size_is_not_restored() {
    assert!(RightEdge::restore(3, vec![leaves(2)]).is_none());
    assert!(RightEdge::restore(256, vec![Vec::new()]).is_none());
    assert!(RightEdge::restore(0, vec![]).is_some());
}

fn signer() -> LogSigner {
    LogSigner::from_seed("log.example/test", &[7; 32]).unwrap()
}

#[test]
fn keys_are_written_and_read() {
    let vkey = signer().verifier().to_string();
    assert_eq!(&vkey.parse::<NoteVerifier>().unwrap(), signer().verifier());
    for bad in ["", "a", "a+b", "a+00000000+AQID", &vkey.replace("test", "tess"), &vkey[1..], &format!("{vkey}A")] {
        assert!(bad.parse::<NoteVerifier>().is_err(), "{bad} was taken");
    }
    assert!(LogSigner::from_seed("two words", &[7; 32]).is_err());
    assert!(LogSigner::from_seed("", &[7; 32]).is_err());
    assert!(LogSigner::from_seed("a+b", &[7; 32]).is_err());
    assert!(!format!("{:?}", signer()).contains("7, 7"), "a signer must not print its seed");
}

/// The vkey and note of the standard's own example (golang.org/x/mod/sumdb/note).
#[test]
fn the_published_note_opens() {
    let vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let note = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n\
        \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    assert!(open_note(note, &vkey.parse().unwrap()).unwrap().starts_with("If you think"));
}

#[test]
fn unknown_signatures_are_ignored_and_false_ones_refused() {
    let point = Checkpoint { origin: "log.example/test".into(), size: 5, root: TreeHash::leaf(b"x") };
    let note = point.sign(&signer());
    assert_eq!(Checkpoint::open(&note, signer().verifier()), Ok(point.clone()));
    let lines: String = (0..40).map(|n| format!("\u{2014} witness{n} {}\n", "AAAAAAAAAAAA")).collect();
    assert_eq!(Checkpoint::open(&format!("{note}{lines}"), signer().verifier()), Ok(point.clone()));
    let stranger = LogSigner::from_seed("log.example/test", &[8; 32]).unwrap();
    let refused = Checkpoint::open(&note, stranger.verifier());
    assert_eq!(refused, Err(NoteError::NotSigned("log.example/test".into()).into()));
    let other = LogSigner::from_seed("log.example/other", &[7; 32]).unwrap();
    let refused = Checkpoint::open(&point.sign(&other), other.verifier());
    assert!(matches!(refused, Err(CheckpointError::Origin { .. })), "{refused:?}");
    for place in 0..note.len() {
        let mut bytes = note.clone().into_bytes();
        bytes[place] ^= 1;
        let Ok(bad) = String::from_utf8(bytes) else { continue };
        assert!(Checkpoint::open(&bad, signer().verifier()).is_err(), "byte {place} does not matter");
    }
}

#[test]
fn malformed_checkpoints_are_refused() {
    let root = TreeHash::empty();
    assert!(Checkpoint::parse(&format!("o\n5\n{root}\nextension\n")).is_ok());
    for bad in [
        "".to_owned(),
        "o\n5\n".to_owned(),
        format!("o\n5\n{root}"),
        format!("\n5\n{root}\n"),
        format!("o\n05\n{root}\n"),
        format!("o\n+5\n{root}\n"),
        format!("o\n-5\n{root}\n"),
        format!("o\n5\n{root}\n\n"),
        format!("o\n5\n{}A\n", root),
        "o\n5\nAAAA\n".to_owned(),
    ] {
        assert_eq!(Checkpoint::parse(&bad), Err(CheckpointError::Malformed), "{bad:?}");
    }
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(super) fn header() -> Header {
    let id = |n: u128| uuid::Uuid::from_u128(n);
    Header {
        position: Position(17),
        aggregate_type: "account".into(),
        aggregate_id: "0193f3c8-5d0e-7c1a-9e55-2f6f0d7f4a10".into(),
        sequence: 3,
        event_type: "PasswordSet".into(),
        event_version: "1".into(),
        event_id: EventId(id(1)),
        subject: Some(AccountId(id(2))),
        actor: Actor::User,
        correlation: CorrelationId(id(3)),
        causation: None,
        ceremony: None,
        session: None,
        device: None,
        occurred_at: at("2026-11-18T21:04:11.482Z"),
        recorded_at: Utc.timestamp_micros(1_795_035_851_497_003).unwrap(),
        class: RetentionClass::Security,
        epoch: chrono::NaiveDate::from_ymd_opt(2026, 11, 1).unwrap(),
        commitment: [0xab; 32],
    }
}

/// The leaf's bytes are for ever: this text may never change.
#[test]
fn the_leaf_is_this_text() {
    let expected = "vitne-leaf/1\nposition 17\naggregate_type account\n\
        aggregate_id 0193f3c8-5d0e-7c1a-9e55-2f6f0d7f4a10\nsequence 3\nevent_type PasswordSet\nevent_version 1\n\
        event_id 00000000-0000-0000-0000-000000000001\nsubject 00000000-0000-0000-0000-000000000002\nactor USER\n\
        correlation 00000000-0000-0000-0000-000000000003\ncausation -\nceremony -\nsession -\ndevice -\n\
        occurred_at 2026-11-18T21:04:11.482000Z\nrecorded_at 2026-11-18T21:04:11.497003Z\nclass security\n\
        epoch 2026-11-01\n\
        commitment abababababababababababababababababababababababababababababababab\n";
    assert_eq!(String::from_utf8(leaf_data(&header())).unwrap(), expected);
}

#[test]
fn hostile_values_cannot_forge_a_line() {
    let mut forged = header();
    forged.aggregate_id = "a\nsequence 4 %\u{e5}".into();
    let text = String::from_utf8(leaf_data(&forged)).unwrap();
    assert!(text.contains("\naggregate_id a%0Asequence%204%20%25%C3%A5\nsequence 3\n"), "{text}");
    let json = header_json(&forged);
    assert_eq!(json["aggregate_id"], "a\nsequence 4 %\u{e5}");
    assert_eq!(json["position"], 17);
    assert_eq!(json["causation"], serde_json::Value::Null);
    assert_eq!(json["commitment"], "ab".repeat(32));
}

#[test]
fn a_proof_text_stands_alone() {
    let data = leaf_data(&header());
    let mut all = leaves(300);
    all[16] = TreeHash::leaf(&data);
    let (edge, grown) = grow(all);
    let point = Checkpoint { origin: signer().origin().to_owned(), size: 300, root: edge.root() };
    let hashes = run(inclusion_proof(&Tiled { tiles: &grown, size: 300 }, 16, 300)).unwrap();
    let proof = TlogProof { leaf_data: Some(data.clone()), index: 16, hashes, checkpoint: point.sign(&signer()) };
    let text = proof.to_string();
    let read: TlogProof = text.parse().unwrap();
    assert_eq!(read, proof);
    assert_eq!(read.verify(signer().verifier(), None), Ok((point, data.clone())));
    assert!(read.verify(signer().verifier(), Some(b"other")).is_err());
    for place in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[place] ^= 1;
        let Ok(bad) = String::from_utf8(bytes) else { continue };
        let verdict = bad.parse::<TlogProof>().and_then(|proof| proof.verify(signer().verifier(), Some(&data)));
        assert!(verdict.is_err(), "byte {place} does not matter");
    }
}
