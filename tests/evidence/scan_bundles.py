# ruff: noqa: E501
"""Clean synthetic bundles of every kind, full of what looks like personal data and is none."""

from __future__ import annotations

import base64
import io
import json
import random
import struct
import uuid
import zipfile
import zlib
from pathlib import Path

INTENTS = ("order_status_tracking", "refund_request", "billing_issue", "legal_threat", "promo_discount_issue")
WORDS = (
    "the reply is held where this stage allows it and no card was charged twice while the tracking page of the parcel "
    "was down so please call the team on monday at nine or track it yourself with the token from the mail"
).split()


def sentence(rng: random.Random) -> str:
    return " ".join(rng.choices(WORDS, k=rng.randint(4, 30)))


def hex_digest(rng: random.Random) -> str:
    return rng.randbytes(32).hex()


def long_id(rng: random.Random) -> str:
    return str(rng.randrange(10 ** rng.randint(12, 18), 10**19))[: rng.randint(13, 19)]


def moment(rng: random.Random) -> str:
    return f"2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}T{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:07.{rng.randint(0, 999999):06}+00:00"


def run_id(rng: random.Random) -> str:
    return f"2026{rng.randint(1, 12):02}{rng.randint(1, 28):02}T{rng.randint(0, 235959):06}Z-{rng.randbytes(3).hex()}"


def outcome(rng: random.Random, number: int) -> dict[str, object]:
    return {
        "case": f"ST-{number:03}",
        "check": rng.choice(["template", "intent", "tags", "no-reply"]),
        "outcome": rng.choice(["PASSED", "WARNED", "FAILED", "INCONCLUSIVE"]),
        "class": "required",
        "reasons": [f"p95 {rng.randint(100, 999)} ms > 500 ms (limit), n={rng.randint(40, 99999)}", sentence(rng)],
        "expected": "t_order_status_ask_order_number, or none where card payments stand at " + str(rng.randint(0, 9)),
        "observed": sentence(rng),
        "source": {"file": "smoke_cases/richpanel/smoke.csv", "line": number},
        "at": rng.uniform(1.79e9, 1.80e9),
        "id": int(long_id(rng)),
        "ticket": f"tkt-{uuid.UUID(bytes=rng.randbytes(16))}",
        "started_ns": rng.randrange(17 * 10**17, 18 * 10**17),
    }


def exchange(rng: random.Random) -> dict[str, object]:
    return {
        "at": round(rng.uniform(1.79e9, 1.80e9), rng.randint(0, 6)),
        "method": rng.choice(["GET", "PUT", "POST"]),
        "route": rng.choice(["/tickets/{ticket_id}/replies", "/webhooks/orders/track/{id}", "/flags/{name}"]),
        "status": rng.choice([200, 401, 429]),
        "request_id": rng.randbytes(8).hex(),
        "trace": hex_digest(rng)[:32],
        "body_hmac": "hmac-sha256:" + hex_digest(rng),
        "headers": {
            "content-type": "application/json",
            "authorization": "[redacted]",
            "set-cookie": "[redacted]",
            "x-card-count": long_id(rng)[:2],
        },
        "ms": rng.uniform(0.1, 900),
        "sent_bytes": rng.randint(0, 32768),
        "token_env": "GONOGO_SANDBOX_TOKEN",
    }


def envelope(rng: random.Random) -> bytes:
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
        "subject": [
            {"name": f"{name}.json", "digest": {"sha256": hex_digest(rng)}} for name in ("manifest", "decision")
        ],
        "predicate": {
            "result": "PASSED",
            "passedTests": [f"ST-{rng.randint(0, 999):03}" for _ in range(60)],
            "at": moment(rng),
        },
    }
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    signatures = [{"keyid": hex_digest(rng), "sig": base64.b64encode(rng.randbytes(64)).decode()} for _ in range(3)]
    return json.dumps(
        {"payload": payload, "payloadType": "application/vnd.in-toto+json", "signatures": signatures}
    ).encode()


def allure(rng: random.Random, number: int) -> bytes:
    start = rng.randrange(1_790_000_000_000, 1_800_000_000_000)
    result = {
        "uuid": str(uuid.UUID(bytes=rng.randbytes(16))),
        "historyId": rng.randbytes(16).hex(),
        "name": f"[ST-{number:03}] {sentence(rng)}",
        "status": "passed",
        "start": start,
        "stop": start + rng.randint(1, 9999),
        "labels": [
            {"name": "host", "value": f"runner-{rng.randint(0, 99)}"},
            {"name": "thread", "value": f"{rng.randrange(10**15)}-MainThread"},
        ],
        "steps": [
            {"name": sentence(rng), "status": "passed", "start": start, "stop": start + 1, "attachments": []}
            for _ in range(6)
        ],
        "fullName": "features/richpanel/other.feature#Scenario",
        "testCaseId": hex_digest(rng)[:32],
    }
    return json.dumps(result, indent=1).encode()


def junit(rng: random.Random) -> bytes:
    cases = "".join(
        f'  <testcase name="[ST-{number:03}] {sentence(rng)} &quot;Hi&quot; &#10;&amp; more &lt;b&gt; &#39;x&#39;" classname="gonogo.richpanel.stage-0" '
        f'line="{number}" time="{rng.uniform(0, 9)}"><failure message="p95 612 ms &gt; 500 ms" type="failed">n={rng.randint(20, 99)}'
        f"</failure></testcase>\n"
        for number in range(20)
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<testsuite timestamp="{moment(rng)}">\n{cases}</testsuite>\n'.encode()
    )


def svg(rng: random.Random) -> bytes:
    def path() -> str:
        parts = [f"{rng.choice('MLCQlcqhvHV')}{rng.uniform(-900, 900):.{rng.randint(0, 6)}f}" for _ in range(3)]
        parts += [
            f"{rng.randint(200, 999)}{rng.choice(' -,')}{rng.randint(200, 999)}{rng.choice(' -,')}{rng.randint(1000, 9999)}"
            for _ in range(6)
        ]
        parts += [f"{rng.randint(0, 9999)} {rng.randint(0, 9999)}" for _ in range(8)]
        parts += ["-".join(str(rng.randint(1000, 9999)) for _ in range(4)) for _ in range(2)]
        return rng.choice([" ", "", ","]).join(parts) if rng.random() < 0.5 else " ".join(parts)

    shapes = "".join(f'<path d="M{path()}" id="p{rng.randbytes(5).hex()}"/>' for _ in range(20))
    points = " ".join(f"{rng.randint(200, 999)} {rng.randint(200, 999)} {rng.randint(1000, 9999)}" for _ in range(30))
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1200 400">{shapes}<polyline points="{points}"/></svg>'.encode()


def table(rng: random.Random) -> bytes:
    lines = ["at,value,count,trace,id"]
    for _ in range(60):
        lines.append(
            f"{rng.randrange(1_790_000_000_000, 1_800_000_000_000)},{rng.random()},{rng.randint(30, 99)},{rng.random() * 10 ** rng.randint(-9, 12)},{long_id(rng)}"
        )
        lines.append(
            ",".join(str(rng.randint(10, 99)) for _ in range(12))
            + " "
            + " ".join(f"{rng.uniform(-500, 5000):.3f}" for _ in range(6))
        )
    return "\n".join(lines).encode()


def prometheus(rng: random.Random) -> bytes:
    lines = ["# HELP ack_seconds Time to acknowledge.", "# TYPE ack_seconds histogram"]
    for bound in (0.005, 0.1, 0.5, 1, 2.5):
        lines.append(
            f'ack_seconds_bucket{{le="{bound}",instance="127.0.0.1:{rng.randint(1024, 65535)}",pod="mw-{rng.randbytes(5).hex()}-{rng.randbytes(3).hex()}"}} {rng.randint(0, 10**9)} {rng.randrange(1_790_000_000_000, 1_800_000_000_000)}'
        )
    lines += [
        f'tokens_per_decision{{token_type="prompt"}} {rng.uniform(100, 3000)}',
        f"card_fields_total {long_id(rng)[:6]}",
        "process_start_time_seconds 1.79523017e+09",
    ]
    return "\n".join(lines).encode()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(rng: random.Random, *chunks: bytes, trailing: bytes = b"", side: int = 40) -> bytes:
    rows = b"".join(b"\x00" + rng.randbytes(side) for _ in range(side))
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    pixels = png_chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + pixels + png_chunk(b"IEND", b"") + trailing


def zipped(members: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, 21, 4, 4, 0)), data, method)
    return buffer.getvalue()


def html(rng: random.Random) -> bytes:
    rows = "".join(
        f"<tr><td>ST-{number:03}</td><td>{sentence(rng)}&nbsp;&#8212; {rng.randint(100, 999)}&nbsp;ms &#34;x&#34;</td></tr>"
        for number in range(20)
    )
    image = base64.b64encode(png(rng)).decode()
    return (
        f'<!doctype html><meta charset="utf-8"><style>a{{color:#{rng.randbytes(3).hex()}}}@media print{{a{{margin:0}}}}</style>'
        f'<script type="application/json">{{"at":{rng.randrange(10**12, 2 * 10**12)},"run":"{run_id(rng)}"}}</script>'
        f'<a href="https://example.test/runs/{run_id(rng)}?tab=checks%20all#ST-001">run</a><table>{rows}</table>'
        f'<img alt="" src="data:image/png;base64,{image}">{svg(rng).decode()}'
    ).encode()


def feature(rng: random.Random) -> bytes:
    scenarios = "".join(
        f'  @ST-{number:03} @tier1_automation @livechat\n  Scenario: [ST-{number:03}] {sentence(rng)}\n    When a customer writes on "email"\n'
        f'      """\n      {sentence(rng)} €5 @shop_example 40k <x> {{{{x}}}} | \\ 💕\n      """\n    Then the tags are "mw-intent-{rng.choice(INTENTS)}"\n\n'
        for number in range(15)
    )
    return f"# source: smoke_cases/richpanel/smoke.csv\n# digest: sha256:{hex_digest(rng)}\nFeature: other\n\n{scenarios}".encode()


def log(rng: random.Random) -> bytes:
    lines = [
        f"{moment(rng)} INFO gonogo.run[{rng.randint(100, 99999)}]: state 'safe_mode=false, automation_enabled=true' sent={rng.randint(0, 99)} attempt=20 timeout=40.0 "
        f"pytest-9.2.1 allure@2.16.0 0x{rng.randbytes(8).hex()} {rng.uniform(0, 1e9)} 192.168.{rng.randint(0, 255)}.{rng.randint(0, 255)}:8080 {run_id(rng)}"
        for _ in range(30)
    ]
    return "\n".join([*lines, "=" * 70, "....F...E" * 20, "66 passed in 13.15s", ""]).encode()


def clean_bundle(seed: int, cases: int = 12) -> dict[str, bytes]:
    """Return path to bytes of one clean bundle."""
    rng = random.Random(seed)
    outcomes = [outcome(rng, number) for number in range(cases)]
    ascii_too = bool(seed % 2)
    bundle = {
        "decision.json": json.dumps(
            {
                "schema": "gonogo/decision/1",
                "runs": [run_id(rng)],
                "started": moment(rng),
                "release": hex_digest(rng)[:40],
                "note": "Grüße 💕",
                "checks": outcomes,
            },
            indent=1,
            ensure_ascii=ascii_too,
        ).encode(),
        "outcomes.jsonl": b"".join(json.dumps(one).encode() + b"\n" for one in outcomes),
        "exchanges.jsonl": b"".join(json.dumps(exchange(rng)).encode() + b"\n" for _ in range(cases * 3)),
        "statement.dsse.json": envelope(rng),
        "manifest.json": json.dumps(
            {
                "files": [
                    {
                        "path": f"allure-results/{uuid.UUID(bytes=rng.randbytes(16))}-result.json",
                        "size": rng.randint(1, 10**7),
                        "sha256": hex_digest(rng),
                    }
                    for _ in range(cases)
                ]
            }
        ).encode(),
        "junit.xml": junit(rng),
        "decision.md": f"# GO: richpanel\n\n- t\\_order\\_status\\_ask\\_order\\_number: ST-001\n\n| p95 | n |\n|---|---|\n| {rng.random()} | {long_id(rng)} |\n".encode(),
        "load/latencies.csv": table(rng),
        "load/metrics.txt": prometheus(rng),
        "report.html": html(rng),
        "plots/p95.svg": svg(rng),
        "features/other.feature": feature(rng),
        "pytest.log": log(rng),
        "pytest.ini": b"[pytest]\n",
        "plan.yaml": b"stages:\n- name: route_only\n  minutes: 60\n  cards: 12\n",
        "attachments/page.png": png(
            rng,
            png_chunk(b"tEXt", b"Software\x00Chromium 141.0.7390.54"),
            png_chunk(b"zTXt", b"Comment\x00\x00" + zlib.compress(sentence(rng).encode())),
        ),
    }
    bundle |= {
        f"allure-results/{uuid.UUID(bytes=rng.randbytes(16))}-result.json": allure(rng, number)
        for number in range(cases)
    }
    bundle["attachments/inner.zip"] = zipped(
        {"a/log.txt": log(rng), "b.zip": zipped({"table.csv": table(rng), "page.png": png(rng)})}
    )
    return bundle


def write_bundle(folder: Path, bundle: dict[str, bytes]) -> list[str]:
    for name, data in bundle.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return list(bundle)
