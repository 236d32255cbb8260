"""What cannot be searched forbids the seal as much as what was found."""

from __future__ import annotations

import gzip
import io
import os
import random
import struct
import zipfile
from pathlib import Path

import pytest
from scan_bundles import clean_bundle, png, png_chunk, write_bundle, zipped

from gonogo.evidence.scan import Finding, Needle, scan_folder, scanner
from gonogo.evidence.scan.scanner import scan_bytes

NEEDLE = Needle("word", "qx71ab93kdLm20")


def rules(name: str, data: bytes) -> set[str]:
    return {finding.rule for finding in scan_bytes(name, data, [NEEDLE])}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.exe", b"text"),
        ("a", b"text"),
        ("a.jpeg", b"\xff\xd8\xff"),
        ("a.txt", b"\x89PNG\r\n\x1a\n"),
        ("a.txt", b"a\x00b"),
        ("a.json", b"<html>"),
        ("a.svg", b"{}"),
        ("a.log", "Grüße".encode("latin-1")),
        ("a.md", "\ud800".encode("utf-8", "surrogatepass")),
        ("a.zip", zipped({"b.bin": b"text"})),
        ("a.dat.gz", gzip.compress(b"text", mtime=0)),
    ],
)
def test_an_unknown_type_is_a_finding(name: str, data: bytes) -> None:
    assert rules(name, data) == {"unknown-type"}


def broken_zip() -> bytes:
    data = bytearray(zipped({"b.txt": b"hello " * 50}))
    data[45] ^= 0xFF
    return bytes(data)


def twice_named() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("b.txt", b"one")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("b.txt", b"two")
    return buffer.getvalue()


def other_local_name() -> bytes:
    return zipped({"b.txt": b"hello"}).replace(b"b.txt", b"c.txt", 1)


IMAGE = png(random.Random(1))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.zip", b"PK\x03\x04 no archive"),
        ("a.zip", b""),
        ("a.zip", broken_zip()),
        ("a.zip", zipped({"b.txt": b"hello"})[:-10]),
        ("a.zip", twice_named()),
        ("a.zip", other_local_name()),
        ("a.zip", zipped({"b.png": IMAGE[:-5]})),
        ("a.png", IMAGE[:-5]),
        ("a.png", b"GIF89a"),
        ("a.png", b""),
        ("a.png", IMAGE.replace(b"IDAT", b"IDAX", 1)),
        ("a.png", png(random.Random(1), png_chunk(b"zTXt", b"Comment\x00\x00no deflate"))),
        ("a.txt.gz", gzip.compress(b"hello", mtime=0)[:-4]),
        ("a.txt.gz", gzip.compress(b"hello", mtime=0) + b"behind"),
    ],
)
def test_a_corrupt_container_is_a_finding(name: str, data: bytes) -> None:
    assert rules(name, data) == {"corrupt"}


def test_an_encrypted_member_is_a_finding() -> None:
    data = bytearray(zipped({"b.txt": b"hello"}))
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(signature) + place
        struct.pack_into("<H", data, at, struct.unpack_from("<H", data, at)[0] | 1)
    assert scan_bytes("a.zip", bytes(data)) == [Finding("a.zip!b.txt", 0, "encrypted")]


def test_a_link_inside_an_archive_is_a_finding() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        member = zipfile.ZipInfo("b.txt")
        member.external_attr = 0o120777 << 16
        archive.writestr(member, "/etc/hostname")
    assert "symlink" in rules("a.zip", buffer.getvalue())


def test_archives_in_archives_end_somewhere() -> None:
    data, name = zipped({"x.txt": b"hello"}), "0.zip"
    for level in range(1, scanner.DEEPEST_CONTAINER):
        data = zipped({name: data})
        name = f"{level}.zip"
    assert rules("a.zip", data) == set()
    assert rules("a.zip", zipped({name: data})) == {"too-deep"}


def test_encodings_in_encodings_end_somewhere() -> None:
    text = "the value is qx71ab93kdLm20 and that is all"
    for _ in range(8):
        text = "".join(f"%{byte:02x}" for byte in text.encode())[:60_000]
    assert "too-deep" in rules("a.txt", text.encode())


@pytest.mark.parametrize("name", ["a.zip", "a.txt.gz"])
def test_what_unpacks_to_too_much_is_a_finding(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanner, "LARGEST_CONTAINER", 1 << 20)
    monkeypatch.setattr(scanner, "MOST_UNPACKED", 1 << 20)
    bomb = b"a" * (2 << 20)
    assert rules(name, zipped({"b.txt": bomb}) if name == "a.zip" else gzip.compress(bomb, mtime=0)) == {"too-large"}


def test_bytes_between_and_behind_members_are_searched() -> None:
    plain = zipped({"b.txt": b"hello"})
    behind = bytearray(plain)
    struct.pack_into("<H", behind, len(behind) - 2, 20)
    assert "canary/word" in rules("a.zip", bytes(behind) + b"note: qx71ab93kdLm20")
    assert "email" in rules("a.zip", b"zoe@example.com " + plain) | rules(
        "a.zip", bytes(behind) + b"see zoe@example.com "
    )


def planted_folder(folder: Path) -> list[str]:
    (folder / "sub").mkdir()
    (folder / "sub" / "a.txt").write_text("fine")
    (folder / "b.txt").write_text("zoe@example.com")
    (folder / "link.txt").symlink_to("b.txt")
    (folder / "linked").symlink_to("sub")
    os.mkfifo(folder / "pipe.txt")
    return [
        "sub/a.txt",
        "b.txt",
        "link.txt",
        "linked/a.txt",
        "pipe.txt",
        "gone.txt",
        "../b.txt",
        "/etc/hostname",
        "sub",
        "nul\x00.txt",
    ]


def test_every_file_that_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    found = scan_folder(tmp_path, planted_folder(tmp_path), [NEEDLE], [])
    assert {(finding.file, finding.rule) for finding in found} == {
        ("b.txt", "email"),
        ("link.txt", "symlink"),
        ("linked/a.txt", "symlink"),
        ("pipe.txt", "unreadable"),
        ("gone.txt", "unreadable"),
        ("../b.txt", "unreadable"),
        ("/etc/hostname", "unreadable"),
        ("sub", "unreadable"),
        ("nul\x00.txt", "unreadable"),
    }


def test_a_fault_of_the_scanner_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("fine")
    (tmp_path / "b.txt").write_text("zoe@example.com")
    assert [finding.rule for finding in scan_folder(tmp_path, ["a.txt", "b.txt"], [], [])] == ["email"]

    def fail(*_: object) -> None:
        raise RuntimeError("zoe@example.com")

    monkeypatch.setattr(scanner.Scan, "_scan_text", fail)
    found = scan_folder(tmp_path, ["a.txt", "b.txt"], [], [])
    assert [finding.rule for finding in found] == ["scanner-fault", "scanner-fault"]
    monkeypatch.setattr(scanner, "TextSearch", fail)
    assert [finding.rule for finding in scan_folder(tmp_path, ["a.txt"], [], [])] == ["scanner-fault"]


def test_a_clean_folder_has_no_finding(tmp_path: Path) -> None:
    assert scan_folder(tmp_path, write_bundle(tmp_path, clean_bundle(3)), [NEEDLE], []) == []


@pytest.mark.parametrize("block", [64, 97, 256])
def test_nothing_is_lost_where_blocks_meet(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanner, "BLOCK", block)
    monkeypatch.setattr(scanner, "LEAD", 60)
    monkeypatch.setattr(scanner, "TAIL", 200)
    scan = scanner.Scan([NEEDLE], [])
    planted = {
        b"qx71ab93kdLm20": "canary/word",
        b"cXg3MWFiOTNrZExtMjA": "canary/word",
        b"zoe@example.com": "email",
        b"card 4539 1488 0343 6467": "card",
    }
    for text, rule in planted.items():
        for place in range(0, 400, 3):
            data = b"." * place + b" " + text + b" " + b"." * 500
            scan.findings.clear()
            scan.scan_bytes("a.txt", data)
            start = place + 1 + (5 if rule == "card" else 0)
            assert scan.findings == {Finding("a.txt", start, rule)}, (text, place)


def test_text_that_breaks_between_blocks_is_still_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanner, "BLOCK", 64)
    monkeypatch.setattr(scanner, "LEAD", 16)
    monkeypatch.setattr(scanner, "TAIL", 33)
    assert scan_bytes("a.txt", "ä€💕".encode() * 300) == []
    assert scan_bytes("a.txt", "ä€💕".encode() * 300 + b"\xff")[0].rule == "unknown-type"


def test_the_package_loads_the_pattern_library_only_for_a_scan() -> None:
    import subprocess
    import sys

    code = "import sys, gonogo.evidence.scan as scan; sys.exit('hyperscan' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
