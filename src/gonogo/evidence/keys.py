"""Ed25519 keys as values: public keys, signing keys, and where the one that signs is found."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from gonogo.errors import EvidenceError, SigningKeyError
from gonogo.evidence.base64_text import decode_base64, encode_base64
from gonogo.model.trust import explain_key_bytes

KEY_VARIABLE = "GONOGO_SIGNING_KEY"
FILE_VARIABLE = "GONOGO_SIGNING_KEY_FILE"
PASSPHRASE_VARIABLE = "GONOGO_SIGNING_KEY_PASSPHRASE"
FOLDER_VARIABLE = "GONOGO_KEY_FOLDER"
_ENCRYPTED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
_BEGIN = b"-----BEGIN "
Ask = Callable[[str], str]


@dataclass(frozen=True, slots=True, order=True)
class PublicKey:
    """An Ed25519 public key by its 32 raw bytes; raises `EvidenceError` for bytes that are no key to rely on."""

    raw: bytes

    def __post_init__(self) -> None:
        problem = explain_key_bytes(self.raw)
        if problem:
            raise EvidenceError(problem)

    @property
    def keyid(self) -> str:
        """Return the hex SHA-256 of the raw key."""
        return hashlib.sha256(self.raw).hexdigest()

    @classmethod
    def from_base64(cls, text: str) -> PublicKey:
        """Return the key of its base64 text; raises `EvidenceError` for any other text."""
        return cls(decode_base64(text, "the public key"))

    def to_base64(self) -> str:
        """Return the raw key as base64, as trust.yaml holds it."""
        return encode_base64(self.raw)

    def is_signature(self, sig: bytes, data: bytes) -> bool:
        """Return whether a signature over the data is this key's."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(sig, data)
        except (InvalidSignature, ValueError):
            return False
        return True


class SigningKey:
    """An Ed25519 key pair that signs; `name` is the printed name that it was made for, empty where unknown."""

    __slots__ = ("_private", "name", "public")

    def __init__(self, private: Ed25519PrivateKey, name: str = "") -> None:
        self._private = private
        self.name = name
        self.public = PublicKey(private.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return f"SigningKey({self.public.keyid})"

    def sign(self, data: bytes) -> bytes:
        """Return the 64 bytes of the signature over the data."""
        return self._private.sign(data)

    @classmethod
    def generate(cls, name: str = "") -> SigningKey:
        """Return a new key."""
        return cls(Ed25519PrivateKey.generate(), name)

    @classmethod
    def from_seed(cls, seed: bytes, name: str = "") -> SigningKey:
        """Return the key of its 32-byte seed; raises `SigningKeyError` for another length."""
        if len(seed) != 32:
            raise SigningKeyError(f"the seed of an Ed25519 key has 32 bytes, this has {len(seed)}")
        return cls(Ed25519PrivateKey.from_private_bytes(seed), name)

    @classmethod
    def from_pem(cls, pem: bytes, passphrase: str | None, name: str = "") -> SigningKey:
        """Return the key of a PKCS#8 PEM; raises `SigningKeyError` where it cannot be read or is of another kind."""
        try:
            private = load_pem_private_key(pem, passphrase.encode() if passphrase is not None else None)
        except TypeError as error:
            why = "is not encrypted, but a passphrase was given" if passphrase is not None else "needs its passphrase"
            raise SigningKeyError(f"the signing key {why}") from error
        except (ValueError, UnsupportedAlgorithm) as error:
            why = "the passphrase is wrong, or the file is damaged" if passphrase is not None else "it is no PKCS#8 PEM"
            raise SigningKeyError(f"the signing key cannot be read: {why}") from error
        if not isinstance(private, Ed25519PrivateKey):
            raise SigningKeyError(f"the signing key is no Ed25519 key: {type(private).__name__}")
        return cls(private, name)

    def to_seed(self) -> bytes:
        """Return the 32-byte seed: the secret itself."""
        return self._private.private_bytes_raw()

    def to_encrypted_pem(self, passphrase: str) -> bytes:
        """Return the key as an encrypted PKCS#8 PEM."""
        encryption = BestAvailableEncryption(passphrase.encode())
        return self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def find_signing_key(name: str | None, environ: Mapping[str, str], *, ask: Ask | None = None) -> SigningKey | None:
    """Return the key that signs, or None where none is configured at all.

    A `name` (a printed name, a keyid, or the path of a key file) beats the environment. Without one the order is
    GONOGO_SIGNING_KEY (PKCS#8 PEM or base64 of the seed), GONOGO_SIGNING_KEY_FILE (encrypted PEM), and the only key of
    the key folder. `ask` prompts for a passphrase. A configured key that cannot be used raises `SigningKeyError`.
    """
    from gonogo.evidence.key_store import KeyStore, read_key_file

    store = KeyStore.from_environ(environ, ask=ask)
    if name is not None:
        path = Path(name)
        if path.suffix in (".pem", ".key") or path.name != name:
            return read_key_file(path, store.passphrase)
        return store.load(name)
    if KEY_VARIABLE in environ:
        return _from_variable(environ)
    if FILE_VARIABLE in environ:
        if not environ[FILE_VARIABLE].strip():
            raise SigningKeyError(f"{FILE_VARIABLE} is set and empty", "Give it the path of a key file, or unset it.")
        return read_key_file(Path(environ[FILE_VARIABLE]), store.passphrase)
    return store.load_only()


def _from_variable(environ: Mapping[str, str]) -> SigningKey:
    text = environ[KEY_VARIABLE].strip()
    if not text:
        # A secret that the CI does not hand out arrives as an empty text; signing must not silently stop then.
        raise SigningKeyError(f"{KEY_VARIABLE} is set and empty", "Give it a key, or unset it.")
    if text.encode().startswith(_BEGIN):
        pem = text.encode()
        return SigningKey.from_pem(pem, environ.get(PASSPHRASE_VARIABLE) if is_encrypted(pem) else None)
    try:
        return SigningKey.from_seed(decode_base64(text, KEY_VARIABLE))
    except (EvidenceError, SigningKeyError) as error:
        text = "is neither a PKCS#8 PEM nor the base64 of a 32-byte seed"
        raise SigningKeyError(f"{KEY_VARIABLE} {text}") from error


def is_encrypted(pem: bytes) -> bool:
    """Return whether a PEM is an encrypted PKCS#8."""
    return _ENCRYPTED in pem


def without_keys(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without the keys that sign: step code and systems under test have no use for them."""
    return {name: value for name, value in environ.items() if not name.startswith(KEY_VARIABLE)}
