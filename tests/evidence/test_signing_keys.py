"""Keys: where they lie, which one signs, and what keeps one from being used."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring

from gonogo.errors import EvidenceError, SigningKeyError
from gonogo.evidence.key_store import KeyStore, check_name, has_keyring
from gonogo.evidence.keys import PublicKey, SigningKey, find_signing_key
from gonogo.model.trust import explain_key_bytes

PASSPHRASE = "correct horse"


class MemoryKeyring(KeyringBackend):  # type: ignore[misc]
    """A keyring of the test; `priority` tells that it keeps what it is given."""

    priority = 5

    def __init__(self) -> None:
        self.secrets: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.secrets.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.secrets[service, username] = password


@pytest.fixture
def memory() -> Iterator[MemoryKeyring]:
    before = keyring.get_keyring()
    ring = MemoryKeyring()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


@pytest.fixture(autouse=True)
def no_keyring() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())
    yield
    keyring.set_keyring(before)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"GONOGO_KEY_FOLDER": str(tmp_path / "keys"), "GONOGO_SIGNING_KEY_PASSPHRASE": PASSPHRASE}


def pem_of(key: SigningKey) -> str:
    private = Ed25519PrivateKey.from_private_bytes(key.to_seed())
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_no_key_at_all_is_none(environ: dict[str, str]) -> None:
    assert find_signing_key(None, environ) is None


def test_the_keyid_is_the_digest_of_the_raw_key() -> None:
    key = SigningKey.from_seed(bytes(32))

    assert key.public.to_base64() == "O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik="
    assert key.public.keyid == "139e3940e64b5491722088d9a0d741628fc826e09475d341a780acde3c4b8070"


@pytest.mark.parametrize("y", [0, 1, 2**255 - 20, 2**255 - 19, 2**255 - 18, 2**255 - 1])
@pytest.mark.parametrize("sign", [0, 1])
def test_keys_under_which_one_signature_fits_many_messages_are_refused(y: int, sign: int) -> None:
    with pytest.raises(EvidenceError, match="not one that an Ed25519 key pair has"):
        PublicKey((y | sign << 255).to_bytes(32, "little"))


def test_a_key_of_another_length_is_refused() -> None:
    assert "32 bytes, this has 31" in explain_key_bytes(bytes(31))


def test_a_key_kept_in_a_file_signs_again(environ: dict[str, str]) -> None:
    key = SigningKey.generate("Ana Ferreira")
    stored = KeyStore.from_environ(environ).add_file(key)

    assert stored.path.stat().st_mode & 0o777 == 0o600
    assert b"ENCRYPTED PRIVATE KEY" in stored.path.read_bytes()
    for name in (None, "Ana Ferreira", key.public.keyid, str(stored.path)):
        found = find_signing_key(name, environ)
        assert found is not None
        assert (found.public, found.name) == (key.public, "Ana Ferreira")


def test_a_key_kept_in_the_keyring_signs_again_and_is_not_on_disk(
    environ: dict[str, str], memory: MemoryKeyring
) -> None:
    keyring.set_keyring(memory)
    key = SigningKey.generate("Ana Ferreira")
    stored = KeyStore.from_environ(environ).add(key)

    assert list(memory.secrets) == [("gonogo", key.public.keyid)]
    assert base64.b64encode(key.to_seed()) not in stored.path.read_bytes()
    found = find_signing_key("Ana Ferreira", environ)
    assert found is not None
    assert found.public == key.public


def test_a_keyring_that_keeps_nothing_is_not_used(environ: dict[str, str]) -> None:
    assert not has_keyring()
    with pytest.raises(SigningKeyError, match="no keyring"):
        KeyStore.from_environ(environ).add(SigningKey.generate("Ana"))


def test_a_key_that_left_the_keyring_is_an_error_and_not_no_key(environ: dict[str, str], memory: MemoryKeyring) -> None:
    keyring.set_keyring(memory)
    KeyStore.from_environ(environ).add(SigningKey.generate("Ana"))
    memory.secrets.clear()
    with pytest.raises(SigningKeyError, match="does not hold the key of 'Ana'"):
        find_signing_key(None, environ)


def test_another_secret_in_the_keyring_than_the_label_says_is_refused(
    environ: dict[str, str], memory: MemoryKeyring
) -> None:
    keyring.set_keyring(memory)
    key = SigningKey.generate("Ana")
    KeyStore.from_environ(environ).add(key)
    memory.secrets["gonogo", key.public.keyid] = base64.b64encode(bytes(32)).decode()
    with pytest.raises(SigningKeyError, match="another public key"):
        find_signing_key("Ana", environ)


def test_of_several_keys_one_must_be_named(environ: dict[str, str]) -> None:
    store = KeyStore.from_environ(environ)
    for name in ("Ana", "Bob"):
        store.add_file(SigningKey.generate(name))

    with pytest.raises(SigningKeyError, match="there are 2 keys: Ana"):
        find_signing_key(None, environ)
    with pytest.raises(SigningKeyError, match=r"no key of 'Bop'.*Did you mean 'Bob'"):
        find_signing_key("Bop", environ)


@pytest.mark.parametrize("form", ["pem", "seed"])
def test_ci_signs_with_a_key_from_the_environment(environ: dict[str, str], form: str) -> None:
    key = SigningKey.generate()
    text = pem_of(key) if form == "pem" else base64.b64encode(key.to_seed()).decode()
    found = find_signing_key(None, {**environ, "GONOGO_SIGNING_KEY": text + "\n"})

    assert found is not None
    assert found.public == key.public


def test_a_named_key_beats_the_environment(environ: dict[str, str]) -> None:
    key = SigningKey.generate("Ana")
    KeyStore.from_environ(environ).add_file(key)
    found = find_signing_key("Ana", {**environ, "GONOGO_SIGNING_KEY": base64.b64encode(bytes(32)).decode()})

    assert found is not None
    assert found.public == key.public


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "set and empty"),
        ("  \n", "set and empty"),
        ("hello", "neither a PKCS#8 PEM nor the base64"),
        (base64.b64encode(bytes(31)).decode(), "neither a PKCS#8 PEM nor the base64"),
        (base64.urlsafe_b64encode(b"\xff" * 32).decode(), "neither a PKCS#8 PEM nor the base64"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "no PKCS#8 PEM"),
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----", "passphrase is wrong"),
    ],
)
def test_a_configured_key_that_cannot_be_used_is_an_error(environ: dict[str, str], text: str, says: str) -> None:
    with pytest.raises(SigningKeyError, match=says) as caught:
        find_signing_key(None, {**environ, "GONOGO_SIGNING_KEY": text})

    assert not text.strip() or text.strip() not in str(caught.value), "the secret is not shown"


def test_a_key_of_another_kind_is_refused(environ: dict[str, str]) -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    pem = curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with pytest.raises(SigningKeyError, match="no Ed25519 key"):
        find_signing_key(None, {**environ, "GONOGO_SIGNING_KEY": pem})


def test_a_key_file_of_openssl_signs(environ: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "ci.pem"
    command = ["openssl", "genpkey", "-algorithm", "ed25519", "-aes256", "-pass", f"pass:{PASSPHRASE}", "-out", path]
    subprocess.run(command, check=True, capture_output=True)
    path.chmod(0o600)

    assert find_signing_key(None, {**environ, "GONOGO_SIGNING_KEY_FILE": str(path)}) is not None


def test_a_key_file_is_used_only_where_it_is_closed_encrypted_and_whole(
    environ: dict[str, str], tmp_path: Path
) -> None:
    key = SigningKey.generate("Ana")
    path = KeyStore.from_environ(environ).add_file(key, tmp_path / "ana.pem").path
    use = {**environ, "GONOGO_SIGNING_KEY_FILE": str(path)}
    whole = path.read_bytes()

    for mode in (0o640, 0o604, 0o660):
        path.chmod(mode)
        with pytest.raises(SigningKeyError, match="open to others"):
            find_signing_key(None, use)
    path.chmod(0o600)
    with pytest.raises(SigningKeyError, match="passphrase is wrong"):
        find_signing_key(None, {**use, "GONOGO_SIGNING_KEY_PASSPHRASE": "something else"})
    path.write_text(pem_of(key))
    with pytest.raises(SigningKeyError, match="whoever reads it can sign"):
        find_signing_key(None, use)
    path.write_bytes(whole[:-60])
    with pytest.raises(SigningKeyError, match="damaged"):
        find_signing_key(None, use)
    path.write_bytes(whole.replace(key.public.to_base64().encode(), SigningKey.generate().public.to_base64().encode()))
    with pytest.raises(SigningKeyError, match="another public key"):
        find_signing_key(None, use)
    path.unlink()
    with pytest.raises(SigningKeyError, match="cannot be read: No such file"):
        find_signing_key(None, use)
    with pytest.raises(SigningKeyError, match="set and empty"):
        find_signing_key(None, {**use, "GONOGO_SIGNING_KEY_FILE": ""})


def test_nobody_to_ask_for_a_passphrase_is_an_error(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    KeyStore.from_environ(environ).add_file(SigningKey.generate("Ana"))
    del environ["GONOGO_SIGNING_KEY_PASSPHRASE"]
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(SigningKeyError, match="nobody can be asked"):
        find_signing_key(None, environ)

    asked: list[str] = []
    found = find_signing_key(None, environ, ask=lambda prompt: asked.append(prompt) or PASSPHRASE)  # type: ignore[func-returns-value]
    assert found is not None
    assert len(asked) == 1


def test_a_key_is_never_overwritten_nor_its_passphrase_short(environ: dict[str, str], tmp_path: Path) -> None:
    store, path = KeyStore.from_environ(environ), tmp_path / "ana.pem"
    store.add_file(SigningKey.generate("Ana"), path)
    with pytest.raises(SigningKeyError, match="exists already"):
        store.add_file(SigningKey.generate("Ana"), path)
    short = KeyStore.from_environ({**environ, "GONOGO_SIGNING_KEY_PASSPHRASE": "short"})
    with pytest.raises(SigningKeyError, match="fewer than 8"):
        short.add_file(SigningKey.generate("Ana"))


@pytest.mark.parametrize("name", ["", "  ", "Ana\nName: Bob", "A\u202ena", "x" * 101])
def test_a_printed_name_fits_on_one_honest_line(name: str) -> None:
    with pytest.raises(SigningKeyError, match="printed name"):
        check_name(name)


def test_a_key_never_shows_its_secret() -> None:
    key = SigningKey.generate("Ana")

    assert key.to_seed().hex() not in repr(key)
    assert repr(key) == f"SigningKey({key.public.keyid})"
