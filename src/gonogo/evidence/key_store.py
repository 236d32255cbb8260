"""Where a person's keys lie: the operating system's keyring, or encrypted files that only the owner reads.

The key folder holds one file a key, `<keyid>.key`: printed name and public key in lines of text, and below them either
the encrypted PKCS#8 PEM or the note that the secret is in the keyring.
"""

from __future__ import annotations

import getpass
import os
import stat
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from gonogo.errors import EvidenceError, SigningKeyError
from gonogo.evidence.base64_text import decode_base64, encode_base64
from gonogo.evidence.keys import (
    FOLDER_VARIABLE,
    PASSPHRASE_VARIABLE,
    Ask,
    PublicKey,
    SigningKey,
    is_encrypted,
)
from gonogo.sources.suggest import suggest

SERVICE = "gonogo"
MIN_PASSPHRASE = 8
MAX_NAME = 100
_BEGIN = b"-----BEGIN "


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What is known of a key without its secret; `place` is "keyring" or "file"."""

    name: str
    public: PublicKey
    place: str
    path: Path


@dataclass(frozen=True, slots=True)
class KeyStore:
    """The key folder of a person, with the way to ask for a passphrase (given the file it is for)."""

    folder: Path
    passphrase: Callable[[str], str]

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], *, ask: Ask | None = None) -> KeyStore:
        """Return the store of GONOGO_KEY_FOLDER, else of the user's configuration folder."""
        base = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME") or Path.home()) / ".config")
        folder = environ.get(FOLDER_VARIABLE) or str(Path(base) / "gonogo" / "keys")
        return cls(Path(folder), _passphrase_source(environ, ask))

    def keys(self) -> list[StoredKey]:
        """Return all keys by printed name; raises `SigningKeyError` for a file that cannot be read."""
        try:
            paths = sorted(self.folder.glob("*.key"))
        except OSError as error:
            raise SigningKeyError(f"{self.folder} cannot be read: {error.strerror}") from error
        return sorted((read_label(path) for path in paths), key=lambda key: (key.name, key.public))

    def find(self, name: str) -> StoredKey:
        """Return the key of a printed name or a keyid; raises `SigningKeyError` for none or several."""
        stored = self.keys()
        found = [key for key in stored if name in (key.name, key.public.keyid)]
        if not found:
            known = suggest(name, [key.name for key in stored])
            raise SigningKeyError(f"there is no key of {name!r}; {known}", 'Make one: gonogo keys new --name "…"')
        return _single(found, f"{name!r} has")

    def load(self, name: str) -> SigningKey:
        """Return the signing key of a printed name or a keyid."""
        return self._open(self.find(name))

    def load_only(self) -> SigningKey | None:
        """Return the only key, or None where there is none; raises `SigningKeyError` for several."""
        stored = self.keys()
        return self._open(_single(stored, "there are")) if stored else None

    def _open(self, stored: StoredKey) -> SigningKey:
        if stored.place == "file":
            return read_key_file(stored.path, self.passphrase)
        secret = _ask_keyring(lambda keyring: keyring.get_password(SERVICE, stored.public.keyid))
        if secret is None:
            raise SigningKeyError(f"the keyring does not hold the key of {stored.name!r} ({stored.public.keyid})")
        try:
            key = SigningKey.from_seed(decode_base64(secret, "the keyring's secret"), stored.name)
        except EvidenceError as error:
            raise SigningKeyError(f"the key of {stored.name!r} in the keyring is damaged") from error
        return _same_key(key, stored)

    def add(self, key: SigningKey) -> StoredKey:
        """Store a key in the keyring; raises `SigningKeyError` where there is none to use."""
        secret = encode_base64(key.to_seed())
        _ask_keyring(lambda keyring: keyring.set_password(SERVICE, key.public.keyid, secret))
        return self._label(key, "keyring", self.folder / f"{key.public.keyid}.key", b"")

    def add_file(self, key: SigningKey, path: Path | None = None) -> StoredKey:
        """Store a key as an encrypted file, in the key folder or at a path."""
        path = path or self.folder / f"{key.public.keyid}.key"
        passphrase = self.passphrase(str(path))
        if len(passphrase) < MIN_PASSPHRASE:
            raise SigningKeyError(f"the passphrase has fewer than {MIN_PASSPHRASE} characters")
        return self._label(key, "file", path, key.to_encrypted_pem(passphrase))

    def _label(self, key: SigningKey, place: str, path: Path, pem: bytes) -> StoredKey:
        text = f"Name: {key.name}\nPublic-Key: {key.public.to_base64()}\nStored: {place}\n"
        _write_private(path, text.encode() + pem)
        return StoredKey(key.name, key.public, place, path)


def check_name(name: str) -> str:
    """Return a printed name as it is stored; raises `SigningKeyError` for one that does not fit on a line."""
    stripped = " ".join(name.split(" ")).strip()
    if not stripped or not stripped.isprintable() or len(stripped) > MAX_NAME:
        raise SigningKeyError(f"a printed name is one line of 1 to {MAX_NAME} printable characters, not {name!r}")
    return stripped


def has_keyring() -> bool:
    """Return whether the operating system offers a keyring that keeps secrets."""
    try:
        import keyring
    except ImportError:
        return False
    # Backends below 1 keep nothing, or keep it in plain text.
    return bool(keyring.get_keyring().priority >= 1)


def read_label(path: Path) -> StoredKey:
    """Return what a key file says above its secret; raises `SigningKeyError`."""
    head, _ = _read_private(path)
    fields = dict(line.split(": ", 1) for line in head.decode("utf-8", "replace").splitlines() if ": " in line)
    try:
        name, public, place = fields["Name"], PublicKey.from_base64(fields["Public-Key"]), fields["Stored"]
    except (KeyError, EvidenceError) as error:
        raise SigningKeyError(f"{path} is no key file of gonogo", "Remove it, or restore it from a backup.") from error
    if place not in ("file", "keyring"):
        raise SigningKeyError(f"{path} says that its key is stored in {place!r}; allowed: file, keyring")
    return StoredKey(name, public, place, path)


def read_key_file(path: Path, passphrase: Callable[[str], str]) -> SigningKey:
    """Return the key of an encrypted PKCS#8 PEM file; raises `SigningKeyError` for any other file."""
    head, pem = _read_private(path)
    if not pem:
        raise SigningKeyError(f"{path} holds no PEM key")
    if not is_encrypted(pem):
        hint = "Encrypt it: openssl pkcs8 -topk8 -in OLD -out NEW"
        raise SigningKeyError(f"{path} is not encrypted: whoever reads it can sign", hint)
    try:
        key = SigningKey.from_pem(pem, passphrase(str(path)))
    except SigningKeyError as error:
        raise SigningKeyError(f"{path}: {error.message}") from error
    if not head.strip():
        return key
    stored = read_label(path)
    key.name = stored.name
    return _same_key(key, stored)


def _single(found: list[StoredKey], what: str) -> StoredKey:
    if len(found) == 1:
        return found[0]
    listed = ", ".join(f"{key.name} ({key.public.keyid})" for key in found)
    raise SigningKeyError(f"{what} {len(found)} keys: {listed}", "Name one by its keyid: --key KEYID")


def _same_key(key: SigningKey, stored: StoredKey) -> SigningKey:
    if key.public != stored.public:
        raise SigningKeyError(f"{stored.path} names another public key than its secret has")
    return key


def _ask_keyring(action: Callable[[ModuleType], str | None]) -> str | None:
    hint = "Install gonogo[keyring], or keep the key in a file: gonogo keys new --file."
    if not has_keyring():
        raise SigningKeyError("there is no keyring to use here", hint)
    import keyring
    from keyring.errors import KeyringError

    try:
        return action(keyring)
    except KeyringError as error:
        raise SigningKeyError(f"the keyring refuses: {error or type(error).__name__}", hint) from error


def _passphrase_source(environ: Mapping[str, str], ask: Ask | None) -> Callable[[str], str]:
    def passphrase(what: str) -> str:
        given = environ.get(PASSPHRASE_VARIABLE)
        if given:
            return given
        if ask is not None:
            return ask(f"Passphrase of {what}: ")
        if not sys.stdin.isatty():
            raise SigningKeyError(f"{what} needs a passphrase and nobody can be asked", f"Set {PASSPHRASE_VARIABLE}.")
        return getpass.getpass(f"Passphrase of {what}: ")

    return passphrase


def _read_private(path: Path) -> tuple[bytes, bytes]:
    """Return the text above the PEM and the PEM of a file that only its owner reads."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(100_000)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise SigningKeyError(f"the key file {path} cannot be read: {why}") from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SigningKeyError(f"{path} is open to others ({stat.filemode(mode)})", f"Close it: chmod 600 {path}")
    head, begin, rest = data.partition(_BEGIN)
    return head, begin + rest


def _write_private(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        raise SigningKeyError(f"{path} exists already; a key is never overwritten") from error
    except OSError as error:
        raise SigningKeyError(f"{path} cannot be written: {error.strerror}") from error
