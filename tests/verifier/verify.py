#!/usr/bin/env python3
"""Checks a Vitne log from outside: needs the log's public key, hashlib and an Ed25519 library.

It shares no code with Vitne; docs/verify.md specifies everything it does. It exits with 0 and says
what it has checked, or exits with 1 and says in a sentence what does not hold.

  verify.py --vkey KEY checkpoint CHECKPOINT                 a signature
  verify.py --vkey KEY proof PROOF [--header HEADER.json]    an event is in the log
  verify.py --vkey KEY consistency OLD NEW --tiles BASE      the log has only grown
  verify.py --self-test DIRECTORY                            all of it on fixtures, and on flipped bytes

CHECKPOINT, PROOF, OLD and NEW are files or http(s) URLs. BASE is a directory or URL under which
the tiles are: BASE/tile/0/000 and so on. KEY is a verifier key, or a file that holds one.
"""

import argparse
import base64
import binascii
import hashlib
import json
import os
import sys
import urllib.error
import urllib.request


class Refused(Exception):
    """Something does not hold. Its text is the sentence to show."""


# --- Ed25519, by whichever library is there -------------------------------------------------------

def ed25519_verifies(key, signature, message):
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        try:
            from nacl.exceptions import BadSignatureError
            from nacl.signing import VerifyKey
        except ImportError:
            sys.exit("no Ed25519 library: install python3-cryptography (or python3-nacl)")
        try:
            VerifyKey(key).verify(message, signature)
            return True
        except (BadSignatureError, ValueError):
            return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        return True
    except (InvalidSignature, ValueError):
        return False


# --- Reading -------------------------------------------------------------------------------------

def read(place):
    """The bytes of a file or URL."""
    try:
        if place.startswith(("http://", "https://")):
            with urllib.request.urlopen(place, timeout=30) as answer:
                return answer.read()
        with open(place, "rb") as file:
            return file.read()
    except (OSError, urllib.error.URLError) as error:
        raise Refused(f"{place} cannot be read: {error}") from None


def text_of(data, what):
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(f"{what} is not UTF-8") from None


def unbase64(text, what):
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(f"{what} is not base64") from None
    if base64.b64encode(data).decode() != text:
        raise Refused(f"{what} is not canonical base64")
    return data


def number(text, what):
    if not text.isascii() or not text.isdigit() or text != str(int(text)):
        raise Refused(f"{what} is not a plain decimal number")
    return int(text)


def hash_of(text, what):
    data = unbase64(text, what)
    if len(data) != 32:
        raise Refused(f"{what} is not 32 bytes")
    return data


# --- Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint) -------------------------------

class Key:
    """A verifier key: name+hash+base64(0x01 || Ed25519 public key)."""

    def __init__(self, vkey):
        parts = vkey.strip().split("+", 2)
        if len(parts) != 3 or not parts[0]:
            raise Refused("the verifier key is malformed")
        self.name, given, encoded = parts
        data = unbase64(encoded, "the verifier key")
        if len(data) != 33 or data[0] != 1:
            raise Refused("the verifier key is not an Ed25519 key")
        self.key = data[1:]
        self.hash = hashlib.sha256(self.name.encode() + b"\n" + data).digest()[:4]
        if given != self.hash.hex():
            raise Refused("the verifier key's hash is not that of its name and key")


def open_note(note, key):
    """The text that the key has signed."""
    if any(ord(c) < 32 and c != "\n" for c in note):
        raise Refused("the note contains control characters")
    end = note.rfind("\n\n")
    if end < 0 or not note.endswith("\n"):
        raise Refused("this is not a signed note")
    text, lines = note[: end + 1], note[end + 2 : -1].split("\n")
    signed = False
    for line in lines:
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "\u2014" or not parts[1]:
            raise Refused("a signature line is malformed")
        data = unbase64(parts[2], "a signature")
        if len(data) < 5:
            raise Refused("a signature is too short")
        if parts[1] != key.name or data[:4] != key.hash or signed:
            continue  # Somebody else's: witnesses may sign too.
        if not ed25519_verifies(key.key, data[4:], text.encode()):
            raise Refused(f"the signature that claims to be by {key.name} does not verify")
        signed = True
    if not signed:
        raise Refused(f"the note is not signed by {key.name}")
    return text


def open_checkpoint(note, key):
    """The size and root that the log has signed."""
    text = open_note(note, key)
    lines = text[:-1].split("\n")
    if len(lines) < 3 or not all(lines):
        raise Refused("the checkpoint is malformed")
    if lines[0] != key.name:
        raise Refused(f"the checkpoint is of the log {lines[0]}, not of {key.name}")
    return number(lines[1], "the checkpoint's size"), hash_of(lines[2], "the checkpoint's root")


# --- The tree (RFC 6962) --------------------------------------------------------------------------

def leaf_hash(data):
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def check_inclusion(leaf, index, size, proof, root):
    """RFC 9162, section 2.1.3.2."""
    if index >= size:
        raise Refused(f"the checkpoint covers {size} events and not the event at position {index + 1}")
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        if sn == 0:
            raise Refused("the inclusion proof is too long")
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0 or r != root:
        raise Refused("the inclusion proof does not lead to the signed root: the event is not the one in the log")


def check_consistency(old, new, proof):
    """RFC 9162, section 2.1.4.2. Old and new are (size, root)."""
    (first, first_root), (second, second_root) = old, new
    broken = Refused(f"the log of {second} events does not begin with the log of {first} events: it was changed")
    if first == 0 or first == second:
        empty = hashlib.sha256(b"").digest()
        if proof or (first == second and first_root != second_root) or (first == 0 and first_root != empty):
            raise broken
        return
    if first & (first - 1) == 0:
        proof = [first_root] + proof
    if not proof:
        raise broken
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = proof[0]
    for c in proof[1:]:
        if sn == 0:
            raise broken
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0 or fr != first_root or sr != second_root:
        raise broken


class Tiles:
    """The hashes of a tree of `size` leaves, out of its tiles (C2SP tlog-tiles)."""

    def __init__(self, base, size):
        self.base, self.size, self.read = base.rstrip("/"), size, {}

    @staticmethod
    def path(level, index, width):
        groups = [f"{index % 1000:03d}"]
        while index >= 1000:
            index //= 1000
            groups.insert(0, f"x{index % 1000:03d}")
        partial = f".p/{width}" if width < 256 else ""
        return f"tile/{level}/{'/'.join(groups)}{partial}"

    def tile(self, level, index):
        if (level, index) not in self.read:
            width = min(256, (self.size >> (8 * level)) - 256 * index)
            path = self.path(level, index, width)
            data = read(f"{self.base}/{path}")
            if len(data) != 32 * width:
                raise Refused(f"{path} has {len(data)} bytes and not {32 * width}")
            self.read[level, index] = [data[i : i + 32] for i in range(0, len(data), 32)]
        return self.read[level, index]

    def node(self, level, index):
        """The hash of the perfect subtree over the leaves index * 2^level and on."""
        within = level % 8
        first = index << within
        row = self.tile(level // 8, first >> 8)[first & 255 : (first & 255) + (1 << within)]
        while len(row) > 1:
            row = [node_hash(row[i], row[i + 1]) for i in range(0, len(row), 2)]
        return row[0]

    def root(self, start, end):
        """The root over the leaves start to end, exclusive: RFC 6962, section 2.1."""
        level = (end - start - 1).bit_length()
        if end - start == 1 << level:
            return self.node(level, start >> level)
        middle = start + (1 << (level - 1))
        return node_hash(self.root(start, middle), self.root(middle, end))

    def consistency(self, first):
        """RFC 6962, section 2.1.2."""
        proof, start, end = [], 0, self.size
        while first != end:
            middle = start + (1 << ((end - start - 1).bit_length() - 1))
            if first <= middle:
                proof.insert(0, self.root(middle, end))
                end = middle
            else:
                proof.insert(0, self.root(start, middle))
                start = middle
        return ([self.root(start, end)] if start else []) + proof


# --- Leaf data and proofs --------------------------------------------------------------------------

ESCAPED = ("aggregate_type", "aggregate_id", "event_type", "event_version")
FIELDS = (
    "position", "aggregate_type", "aggregate_id", "sequence", "event_type", "event_version", "event_id", "subject",
    "actor", "correlation", "causation", "ceremony", "session", "device", "occurred_at", "recorded_at", "class",
    "epoch", "commitment",
)


def escape(text):
    return "".join(chr(b) if 0x20 < b < 0x7F and b != 0x25 else f"%{b:02X}" for b in text.encode("utf-8"))


def leaf_data(header):
    """The leaf data of a header given as JSON."""
    if not isinstance(header, dict) or set(header) != set(FIELDS):
        raise Refused("the header does not have exactly the fields of vitne-leaf/1")
    lines = ["vitne-leaf/1"]
    for name in FIELDS:
        value = header[name]
        value = "-" if value is None else escape(value) if name in ESCAPED else str(value)
        if "\n" in value:
            raise Refused(f"the header's {name} contains a line feed")
        lines.append(f"{name} {value}")
    return "".join(line + "\n" for line in lines).encode("utf-8")


def check_proof(proof, key, header=None):
    """Checks a tlog-proof; gives the size of its checkpoint and the leaf data that it proves."""
    head, empty, checkpoint = proof.partition("\n\n")
    lines = head.split("\n")
    if not empty or lines[0] != "c2sp.org/tlog-proof@v1":
        raise Refused("this is not a c2sp.org/tlog-proof@v1")
    lines = lines[1:]
    data = None
    if lines and lines[0].startswith("extra "):
        data = unbase64(lines.pop(0)[6:], "the extra line")
    if not lines or not lines[0].startswith("index "):
        raise Refused("the proof has no index line")
    index = number(lines.pop(0)[6:], "the index")
    hashes = [hash_of(line, "a hash of the proof") for line in lines]
    if header is not None:
        rebuilt = leaf_data(header)
        if data is not None and data != rebuilt:
            raise Refused("the header is not the one that the proof is about")
        data = rebuilt
    if data is None:
        raise Refused("the proof carries no leaf data: give the header")
    size, root = open_checkpoint(checkpoint, key)
    check_inclusion(leaf_hash(data), index, size, hashes, root)
    if f"\nposition {index + 1}\n".encode() not in data:
        raise Refused("the leaf data does not name the position at which it stands")
    return size, data


# --- Commands ---------------------------------------------------------------------------------------

def command_checkpoint(args, key):
    size, root = open_checkpoint(text_of(read(args.checkpoint), "the checkpoint"), key)
    print(f"{key.name} has signed its first {size} events, root {root.hex()}.")


def command_proof(args, key):
    header = None
    if args.header:
        try:
            header = json.loads(read(args.header))
        except ValueError:
            raise Refused("the header is not JSON") from None
    size, data = check_proof(text_of(read(args.proof), "the proof"), key, header)
    print(f"This event is among the first {size} events of {key.name}:")
    print(data.decode("utf-8"), end="")


def command_consistency(args, key):
    old = open_checkpoint(text_of(read(args.old), "the older checkpoint"), key)
    new = open_checkpoint(text_of(read(args.new), "the newer checkpoint"), key)
    if old[0] > new[0]:
        raise Refused(f"the older checkpoint covers {old[0]} events and the newer one only {new[0]}: the log was cut")
    proof = Tiles(args.tiles, new[0]).consistency(old[0]) if 0 < old[0] < new[0] else []
    check_consistency(old, new, proof)
    print(f"The first {old[0]} of {new[0]} events of {key.name} are as they were: the log has only grown.")


def self_test(directory):
    """Fixtures hold; with any byte flipped they do not. The directory has vkey, proof.tlog-proof,
    header.json, old and new (checkpoints) and the tiles of new under tile/."""
    place = lambda name: os.path.join(directory, name)
    key = Key(text_of(read(place("vkey")), "the key"))
    proof, header = read(place("proof.tlog-proof")), json.loads(read(place("header.json")))
    old, new = read(place("old")), read(place("new"))
    held = refused = 0

    def must_refuse(what, check):
        nonlocal refused
        try:
            check()
        except Refused:
            refused += 1
            return
        raise Refused(f"the self-test took {what}")

    def flips(data, step=1):
        for at in range(0, len(data), step):
            yield at, data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

    def consistency(old, new, base=directory):
        old, new = open_checkpoint(text_of(old, "old"), key), open_checkpoint(text_of(new, "new"), key)
        check_consistency(old, new, Tiles(base, new[0]).consistency(old[0]))

    check_proof(text_of(proof, "the proof"), key)
    check_proof(text_of(proof, "the proof"), key, header)
    consistency(old, new)
    held += 3
    for at, bad in flips(proof):
        must_refuse(f"a proof with byte {at} flipped", lambda: check_proof(text_of(bad, "the proof"), key))
    for at, bad in flips(old):
        must_refuse(f"an older checkpoint with byte {at} flipped", lambda: consistency(bad, new))
    for at, bad in flips(new):
        must_refuse(f"a newer checkpoint with byte {at} flipped", lambda: consistency(old, bad))
    for name in FIELDS:
        value = header[name]
        changed = 1 if value is None else value + 1 if isinstance(value, int) else value[:-1] + chr(ord(value[-1]) ^ 1)
        bad = dict(header, **{name: changed})
        must_refuse(f"a header with another {name}", lambda: check_proof(text_of(proof, "the proof"), key, bad))
    # Every tile that the consistency proof needs, with one byte flipped in memory.
    (first, first_root), second = open_checkpoint(old.decode(), key), open_checkpoint(new.decode(), key)
    tiles = Tiles(directory, second[0])
    good = tiles.consistency(first)
    for at in range(len(good)):
        for byte in range(32):
            bad = list(good)
            bad[at] = bad[at][:byte] + bytes([bad[at][byte] ^ 1]) + bad[at][byte + 1 :]
            must_refuse("a flipped consistency proof", lambda: check_consistency((first, first_root), second, bad))
    print(f"self-test: {held} checks held, {refused} forgeries were refused.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vkey", help="the log's verifier key, or a file that holds it")
    parser.add_argument("--self-test", metavar="DIRECTORY", help="check fixtures and refuse forgeries of them")
    commands = parser.add_subparsers(dest="command")
    checkpoint = commands.add_parser("checkpoint", help="check a checkpoint's signature")
    checkpoint.add_argument("checkpoint")
    proof = commands.add_parser("proof", help="check that an event is in the log")
    proof.add_argument("proof")
    proof.add_argument("--header", help="the event's header as JSON, if you have it from elsewhere")
    consistency = commands.add_parser("consistency", help="check that the log has only grown")
    consistency.add_argument("old")
    consistency.add_argument("new")
    consistency.add_argument("--tiles", required=True, metavar="BASE", help="where tile/ is")
    args = parser.parse_args()
    try:
        if args.self_test:
            return self_test(args.self_test)
        if not args.vkey or not args.command:
            parser.error("give --vkey and a command, or --self-test")
        key = Key(text_of(read(args.vkey), "the key") if os.path.exists(args.vkey) else args.vkey)
        run = {"checkpoint": command_checkpoint, "proof": command_proof, "consistency": command_consistency}
        return run[args.command](args, key)
    except Refused as reason:
        print(f"refused: {reason}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
