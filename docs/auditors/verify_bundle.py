"""A second verifier of gonogo's bundles, for auditors: standard library and `cryptography`, nothing of gonogo's.

    python verify_bundle.py BUNDLE --key KEYID

Checks the signature, the closed set, every digest, that the planned set was signed, and recomputes the decision. KEYID
is the SHA-256 of the signer's raw public key, given out of band; without it the signature shows only that nothing
changed. Prints every fault; exits 4 on any, else 0 GO, 1 NO-GO, 3 HOLD. Approvals and waivers are `gonogo verify`'s.
"""

import argparse
import base64
import hashlib
import json
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
RESULT_TYPE = "https://in-toto.io/attestation/test-result/v0.1"
PLANNED_TYPE = "https://gonogo.invalid/attestation/planned-set/v1"
ORDER = ["PASSED", "WARNED", "PENDING", "INCONCLUSIVE", "NOT_RUN", "ERROR", "FAILED"]
WEIGHT = ["safety", "privacy", "required", "advisory"]
CODES = {"GO": 0, "NO_GO": 1, "HOLD": 3}


class Refused(ValueError):
    pass


def once(pairs):
    if len({key for key, _ in pairs}) != len(pairs):
        raise Refused("a key stands twice")
    return dict(pairs)


def load(data):
    return json.loads(data, object_pairs_hook=once)


def decode(text):
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise Refused("the base64 is not in its one standard form")
    return data


def open_envelope(path, predicate_type, wanted):
    """Return the statement of a DSSE envelope whose one signature is of the key that it names."""
    data = path.read_bytes()
    envelope = load(data)
    kind, canonical = "application/vnd.in-toto+json", json.dumps(envelope, sort_keys=True, separators=(",", ":"))
    if envelope["payloadType"] != kind or len(envelope["signatures"]) != 1 or canonical.encode() != data:
        raise Refused("it is no in-toto envelope with one signature, in its canonical form")
    payload = decode(envelope["payload"])
    statement = load(payload)
    if statement["_type"] != STATEMENT_TYPE or statement["predicateType"] != predicate_type:
        raise Refused("it is a statement of another kind")
    facts = statement["predicate"]["gonogo"] if predicate_type == RESULT_TYPE else statement["predicate"]
    raw = decode(facts["publicKey"])
    keyid = hashlib.sha256(raw).hexdigest()
    if keyid != facts["runner"] or envelope["signatures"][0]["keyid"] != keyid or wanted not in (None, keyid):
        raise Refused(f"it is signed by {keyid}, not by the key that it names or that you expect")
    pae = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    Ed25519PublicKey.from_public_bytes(raw).verify(decode(envelope["signatures"][0]["sig"]), pae)
    return statement, facts


def subject(statement, name):
    found = [one["digest"]["sha256"] for one in statement["subject"] if one["name"] == name]
    if len(found) != 1:
        raise Refused(f"it does not name {name} once")
    return found[0]


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def is_beside(name):
    return name in ("manifest.json", "statement.dsse.json") or name.startswith("approvals/")


def check_set(folder, faults):
    """Compare the files with the manifest, both ways."""
    listed = load((folder / "manifest.json").read_bytes())["files"]
    expected = {one["path"]: (one["size"], one["sha256"]) for one in listed}
    if len(expected) != len(listed) or any(is_beside(name) for name in expected):
        faults.append(("manifest.json", "lists a path twice, or one that cannot be in the set"))
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            faults.append((name, "is no regular file"))
        elif path.is_file():
            found[name] = path
    folded = sorted(name.casefold() for name in {*found, *expected})
    faults += [(name, "differs from another name in case only") for name in set(folded) if folded.count(name) > 1]
    for name in sorted(set(found) - set(expected)):
        if not is_beside(name):
            faults.append((name, "is not in the manifest"))
    for name, (size, sha256) in sorted(expected.items()):
        if name not in found:
            faults.append((name, "is missing"))
        elif found[name].stat().st_size != size or digest(found[name]) != sha256:
            faults.append((name, "was changed"))


def outcomes(folder):
    """Return the worst outcome and the class of every planned check, by id; what has no record is NOT_RUN."""
    planned = load((folder / "planned.json").read_bytes())["checks"]
    recorded, raised, strange = {}, {}, False
    *lines, _ = (folder / "outcomes.jsonl").read_bytes().split(b"\n")
    keys = {(one["case"], one["check"], one["part"]) for one in planned}
    for line in lines:
        try:
            one = json.loads(line)
            key, outcome = (one["case"], one["check"], one.get("part", "")), ORDER.index(one["outcome"])
            raised[key] = min(one["class"], raised.get(key, "advisory"), key=WEIGHT.index)
        except (ValueError, KeyError, TypeError):
            strange = True
            continue
        strange = strange or key not in keys
        recorded[key] = max(outcome, recorded.get(key, 0))
    merged = {"RUN/planned-set": (ORDER.index("ERROR"), "required")} if strange or not planned else {}
    for one in planned:
        name = f"{one['case']}/{one['check']}"
        key, before = (one["case"], one["check"], one["part"]), merged.get(name, (0, "advisory"))
        outcome = recorded.get(key, ORDER.index("NOT_RUN"))
        kind = min(one["class"], before[1], raised.get(key, "advisory"), key=WEIGHT.index)
        merged[name] = (max(outcome, before[0]), kind)
    return merged


def decide(merged, fired):
    binding = [(ORDER[outcome], kind) for outcome, kind in merged.values() if kind != "advisory"]
    if "immediate" in fired or any(outcome == "FAILED" for outcome, _ in binding):
        return "NO_GO"
    if fired or any(outcome != "PASSED" for outcome, _ in binding) or ("PASSED", "required") not in binding:
        return "HOLD"
    return "GO"


def verify(folder, wanted):
    """Return the recomputed decision, where it can be told, and every fault as file and sentence."""
    faults, decision, facts = [], None, {}

    def attempt(name, check):
        try:
            return check()
        except (InvalidSignature, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as why:
            faults.append((name, f"cannot be believed: {str(why) or type(why).__name__}"))
        return None

    result = attempt("statement.dsse.json", lambda: open_envelope(folder / "statement.dsse.json", RESULT_TYPE, wanted))
    if result:
        statement, facts = result
        signed = attempt("statement.dsse.json", lambda: subject(statement, "manifest.json"))
        if signed != attempt("manifest.json", lambda: digest(folder / "manifest.json")):
            faults.append(("manifest.json", "is not the one that was signed"))
    attempt("manifest.json", lambda: check_set(folder, faults))
    signer = facts.get("runner", wanted)
    planned = attempt("planned.dsse.json", lambda: open_envelope(folder / "planned.dsse.json", PLANNED_TYPE, signer))
    if planned and attempt(
        "planned.json", lambda: subject(planned[0], "planned.json") != digest(folder / "planned.json")
    ):
        faults.append(("planned.json", "is not the one that was signed before the run"))
    merged = attempt("outcomes.jsonl", lambda: outcomes(folder))
    record = attempt("decision.json", lambda: load((folder / "decision.json").read_bytes()))
    if merged and record:
        path = folder / "triggers.json"
        triggers = attempt(path.name, lambda: load(path.read_bytes())["triggers"] if path.exists() else []) or []
        decision = decide(merged, {one["kind"] for one in triggers if one["fired"]})
        if triggers != record["triggers"]:
            faults.append(("decision.json", "tells other triggers than triggers.json"))
        shown = {f"{one['case']}/{one['check']}": one["outcome"] for one in record["checks"]}
        for name in sorted(set(shown) | set(merged)):
            told = ORDER[merged[name][0]] if name in merged else "not planned"
            if shown.get(name) != told:
                faults.append(("decision.json", f"{name} is {shown.get(name)} there and {told} by the outcomes"))
        for name, told in (("decision.json", record["decision"]), ("statement.dsse.json", facts.get("decision"))):
            if told != decision:
                faults.append((name, f"says {told}; the outcomes make it {decision}"))
    return decision, sorted(set(faults))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--key", help="keyid of the signer, given out of band")
    arguments = parser.parse_args()
    decision, faults = verify(arguments.bundle, arguments.key)
    for name, detail in faults:
        print(f"FAULT {name}: {detail}")
    print(f"{decision} by the outcomes; {len(faults)} fault(s)" + ("" if arguments.key else "; the signer is unknown"))
    raise SystemExit(4 if faults or decision is None else CODES[decision])


if __name__ == "__main__":
    main()
