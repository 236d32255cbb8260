"""The trust file with its signature checked: who signs, with which key, and what a stage asks for."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import rfc8785

from gonogo.errors import EvidenceError, SourceError, UsageError
from gonogo.evidence.bundle import strict_json
from gonogo.evidence.dsse import Envelope, misleading_keyids, sign_envelope, verified_keys
from gonogo.evidence.keys import PublicKey, SigningKey
from gonogo.model.trust import Identity, StageRule, TrustFile, TrustKey, fold_name
from gonogo.sources.trust_file import load_trust_file

ROOT_VARIABLE = "GONOGO_TRUST_ROOT"
PAYLOAD_TYPE = "application/vnd.gonogo.trust+json"
SCHEMA = "gonogo/trust/v1"
_KEYID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose key it is."""

    identity: Identity
    key: TrustKey
    is_machine: bool


@dataclass(frozen=True, slots=True)
class Trust:
    """What a signed trust file says; `sha256` is that of its bytes, the policy digest of approvals."""

    file: TrustFile
    sha256: str
    root: PublicKey

    @property
    def people(self) -> tuple[Identity, ...]:
        """Return the people, each with roles and keys."""
        return self.file.people

    @property
    def machines(self) -> tuple[Identity, ...]:
        """Return the machines, such as the CI."""
        return self.file.machines

    @property
    def expires(self) -> datetime:
        """Return when the trust file ends."""
        return self.file.expires

    @property
    def keys(self) -> tuple[PublicKey, ...]:
        """Return every key of people and machines, revoked ones too."""
        listed = (*self.file.people, *self.file.machines)
        return tuple(PublicKey.from_base64(key.public) for one in listed for key in one.keys)

    def owner_of(self, key: PublicKey) -> Owner | None:
        """Return whose key it is, or None for a key that is not in the file."""
        text = key.to_base64()
        for listed, is_machine in ((self.file.people, False), (self.file.machines, True)):
            for identity in listed:
                for known in identity.keys:
                    if known.public == text:
                        return Owner(identity, known, is_machine)
        return None

    def person_named(self, name: str) -> Identity | None:
        """Return the person of a printed name, however it is spaced or capitalised."""
        folded = fold_name(name)
        return next((person for person in self.file.people if fold_name(person.name) == folded), None)

    def key_of(self, keyid: str) -> PublicKey | None:
        """Return the key of a keyid, or None."""
        return next((key for key in self.keys if key.keyid == keyid), None)

    def rule_for(self, system: str, stage: str, environment: str) -> StageRule | None:
        """Return what a stage in an environment asks for, or None where nothing is laid down."""
        return self.file.rule_for(system, stage, environment)

    def explain_key(self, key: PublicKey, at: datetime, now: datetime) -> str:
        """Return why what a key signed at a time does not count now, or nothing.

        A revoked key counts for nothing, whatever time stands beside its signature: whoever has it writes any time.
        """
        owner = self.owner_of(key)
        if owner is None:
            return "is signed by a key that trust.yaml does not know"
        name, known = owner.identity.name, owner.key
        if known.revoked_at is not None and known.revoked_at <= now:
            return f"is signed by a key of {name} that was revoked on {known.revoked_at:%Y-%m-%d}: {known.reason}"
        for what, start, end in (
            (f"the key of {name}", known.valid_from, known.valid_until),
            (name, owner.identity.valid_from, owner.identity.valid_until),
        ):
            if start is not None and at < start:
                return f"was signed before {what} was valid: from {start:%Y-%m-%d %H:%M} UTC"
            if end is not None and at >= end:
                return f"was signed after {what} was valid: until {end:%Y-%m-%d %H:%M} UTC"
        return ""


def signature_path(path: Path) -> Path:
    """Return where the signature of a trust file lies: beside it."""
    return path.with_name(f"{path.name}.dsse.json")


def find_root(option: str | None, environ: Mapping[str, str], configured: str | None) -> str | None:
    """Return the keyid of the pinned root key.

    The option beats GONOGO_TRUST_ROOT, which beats `[tool.gonogo] trust_root`. Raises `UsageError` for
    a pin that is no keyid: a typing error must not quietly mean that nothing is pinned.
    """
    given = ((option, "--root"), (environ.get(ROOT_VARIABLE), ROOT_VARIABLE), (configured, "[tool.gonogo] trust_root"))
    for value, where in given:
        if value is None:
            continue
        if not _KEYID.fullmatch(value):
            hint = "Copy it from whoever keeps the root key; 'gonogo keys show NAME' prints it."
            raise UsageError(f"{where} is {value!r}, which is no keyid of 64 small hex digits", hint)
        return value
    return None


def load_trust(path: Path, *, now: datetime, root: str | None) -> Trust:
    """Return a trust file that is signed by the pinned root key and not expired.

    `root` is that key's keyid, given out of band. Raises `SourceError` with every problem of the file, and
    `EvidenceError` where it is unsigned, changed, expired, signed by another root, or no root is pinned.
    """
    if root is None:
        hint = f"Give its keyid: --root, {ROOT_VARIABLE}, or trust_root under [tool.gonogo]."
        raise EvidenceError(f"no root key is pinned, so nobody vouches for {path}", hint)
    file, digest = _read(path)
    key = PublicKey.from_base64(file.root)
    if key.keyid != root:
        raise EvidenceError(f"{path} names the root key {key.keyid}; pinned is {root}")
    _check_signature(path, file, digest, key)
    if now >= file.expires:
        hint = "Write a later date into it and sign it anew: gonogo trust sign."
        raise EvidenceError(f"{path} expired on {file.expires:%Y-%m-%d %H:%M} UTC", hint)
    return Trust(file, digest, key)


def _check_signature(path: Path, file: TrustFile, digest: str, root: PublicKey) -> None:
    beside = signature_path(path)
    hint = "Sign it with the root key: gonogo trust sign."
    try:
        data = beside.read_bytes()
    except OSError as error:
        raise EvidenceError(f"{path} is unsigned: {beside.name} cannot be read ({error.strerror})", hint) from error
    try:
        envelope = Envelope.from_bytes(data)
        if verified_keys(envelope, [root], payload_type=PAYLOAD_TYPE) != (root,) or misleading_keyids(envelope, [root]):
            raise EvidenceError("it is not signed by the pinned root key")
        signed = strict_json(envelope.payload)
    except (EvidenceError, ValueError, RecursionError) as error:
        raise EvidenceError(f"{beside}: {getattr(error, 'message', error)}", hint) from error
    wanted = _payload(file, digest)
    if signed != wanted:
        changed = sorted(name for name in wanted if not isinstance(signed, dict) or signed.get(name) != wanted[name])
        text = f"{path} is not the file that was signed: {', '.join(changed) or 'members'} differ"
        raise EvidenceError(text, "Restore it, or look at every change and sign it anew: gonogo trust sign.")


def describe_trust(path: Path) -> str:
    """Return in words what signing a trust file would sign; raises `SourceError` with every problem of the file."""
    file, digest = _read(path)
    lines = [f"Trust file {path}, version {file.version}, until {file.expires:%Y-%m-%d %H:%M} UTC", f"sha256 {digest}"]
    for what, listed in (("person", file.people), ("machine", file.machines)):
        lines += [f"{what} {one.name}: {', '.join(one.roles)}; {len(one.keys)} key(s)" for one in listed]
    for system, rules in file.systems.items():
        for rule in rules:
            asked = "; ".join(f"{one.count} of {' or '.join(one.roles)}" for one in rule.approvals)
            lines.append(f"{system} stages {', '.join(rule.stages)} in {', '.join(rule.environments)}: {asked}")
    return "\n".join(lines)


def sign_trust(path: Path, key: SigningKey) -> Path:
    """Sign a trust file with its root key and return the signature's path.

    Raises `SourceError` with every problem of the file, `UsageError` where the key is not the root that it names, or
    where the version is not later than that of another content signed before.
    """
    file, digest = _read(path)
    if file.root != key.public.to_base64():
        named = PublicKey.from_base64(file.root).keyid
        raise UsageError(f"{path} names the root key {named}, and this key is {key.public.keyid}")
    beside = signature_path(path)
    _refuse_same_version(beside, file, digest, key.public)
    envelope = sign_envelope(rfc8785.dumps(_payload(file, digest)), PAYLOAD_TYPE, [key])
    half = beside.with_name(f"{beside.name}.half")
    with half.open("wb") as out:
        out.write(envelope.to_bytes())
        out.flush()
        os.fsync(out.fileno())
    half.replace(beside)
    return beside


def _refuse_same_version(beside: Path, file: TrustFile, digest: str, root: PublicKey) -> None:
    """Refuse two contents of one version: nobody could say which is the later one."""
    try:
        envelope = Envelope.from_bytes(beside.read_bytes())
        before: Any = strict_json(envelope.payload)
        if verified_keys(envelope, [root], payload_type=PAYLOAD_TYPE) != (root,):
            return
        version, other = int(before["version"]), before["sha256"] != digest
    except (OSError, EvidenceError, ValueError, KeyError, TypeError):
        return
    if other and file.version <= version:
        raise UsageError(f"version {version} was signed before with another content", f"Write version: {version + 1}.")


def _read(path: Path) -> tuple[TrustFile, str]:
    """Return the data and the digest of one and the same content."""
    before = _digest(path)
    file, problems = load_trust_file(path, str(path))
    if problems or file is None:
        raise SourceError(problems, "Correct the lines above.")
    if before != _digest(path):
        raise EvidenceError(f"{path} changed while it was read", "Try again.")
    return file, before


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""  # reading it as YAML says why


def _payload(file: TrustFile, digest: str) -> dict[str, Any]:
    return {"schema": SCHEMA, "sha256": digest, "version": file.version, "expires": file.expires.isoformat()}
