"""vocabulary.yaml, plan.yaml and environments.yaml gone wrong: every problem with its file, line and key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from richpanel_texts import SOURCES, VOCABULARY

from gonogo.errors import Problem
from gonogo.model.vocabulary import Template
from gonogo.sources.system_files import load_environments, load_plan, load_vocabulary

FILES = ("vocabulary", "plan", "environments")
MORE = ("release_conditions.md", "tier2_gates.yaml")
LOADERS: dict[str, Callable[..., tuple[Any, list[Problem]]]] = {
    "vocabulary": lambda path, name: load_vocabulary(path, name),
    "plan": lambda path, name: load_plan(path, name, VOCABULARY),
    "environments": lambda path, name: load_environments(path, name, VOCABULARY),
}
TEXTS = {name: (SOURCES / f"{name}.yaml").read_text("utf-8") for name in FILES}


def write_beside(folder: Path) -> None:
    """Write the files that the plan names: only that they are there is looked at."""
    for name in ("smoke.csv", "gates.yaml", "manual_qa.md", "go_no_go.md", "deploy_runbook.md", *MORE):
        (folder / name).write_text("")


@pytest.fixture
def load(tmp_path: Path) -> Callable[[str, str | bytes], tuple[Any, list[Problem]]]:
    write_beside(tmp_path)

    def load_text(file: str, content: str | bytes) -> tuple[Any, list[Problem]]:
        path = tmp_path / f"{file}.yaml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return LOADERS[file](path, f"{file}.yaml")

    return load_text


def spoil(file: str, old: str, new: str) -> tuple[str, int]:
    """Return a real file with its first `old` replaced, and the line of it."""
    text = TEXTS[file]
    assert old in text, f"{old!r} is not in {file}.yaml"
    return text.replace(old, new, 1), text.count("\n", 0, text.index(old)) + 1


@pytest.mark.parametrize("file", FILES)
def test_the_real_files_have_no_problems(load: Any, file: str) -> None:
    data, problems = load(file, TEXTS[file])
    assert not problems
    assert data.system == "richpanel"


# File, what is replaced, by what; then of each problem: lines below that, or texts that lead to its line; key; said.
Expected = list[tuple[int | str, str, str]]
SPOILED: dict[str, tuple[str, str, str, Expected]] = {
    # Structure
    "duplicate key": (
        "plan",
        "    purpose:",
        "    name: Again\n    purpose:",
        [(0, "stages.0.name", "stands twice, first in line")],
    ),
    "duplicate key at the top": (
        "plan",
        "stages:",
        "system: q2q\nstages:",
        [(0, "system", "stands twice, first in line")],
    ),
    "duplicate key in a flow mapping": (
        "environments",
        "{rate: 18,",
        "{rate: 18, rate: 20,",
        [(0, "environments.sandbox.limits.rate", "stands twice")],
    ),
    "duplicate template": (
        "vocabulary",
        "  t_order_status_ask_order_number: {tier: 1}",
        "  t_order_status_ask_order_number: {tier: 1}\n  t_order_status_ask_order_number: {tier: 2}",
        [(1, "templates.t_order_status_ask_order_number", "stands twice")],
    ),
    "anchor and alias": (
        "plan",
        "channels: [livechat, email, social]",
        "channels: &c [livechat]\n    tier2: {channels: *c}",
        [(0, "stages.0.channels", "anchors and aliases are not read")],
    ),
    "merge key": (
        "plan",
        "    name: Preconditions",
        "    name: Preconditions\n    <<: {purpose: x}",
        [(1, "stages.0", "merge key '<<'")],
    ),
    "python object": (
        "plan",
        "    name: Preconditions",
        "    name: !!python/object/apply:os.system [id]",
        [(0, "stages.0.name", "tags are not read")],
    ),
    "python name in quotes": (
        "plan",
        "    name: Preconditions",
        '    name: !!python/name:os.system ""',
        [(0, "stages.0.name", "tags are not read")],
    ),
    "tag on quoted text": (
        "plan",
        "    name: Preconditions",
        '    name: !!int "5"',
        [(0, "stages.0.name", "tags are not read")],
    ),
    "tag on a mapping": ("plan", "tier2:\n", "tier2: !other\n", [(0, "stages.3.tier2", "has the tag '!other'")]),
    "set": ("plan", "templates: []", "templates: !!set {a, b}", [(0, "stages.1.templates", "has the tag")]),
    "binary": (
        "plan",
        "    name: Preconditions",
        "    name: !!binary aGk=",
        [(0, "stages.0.name", "tags are not read")],
    ),
    "number for a key": (
        "plan",
        "    purpose:",
        "    1: x\n    purpose:",
        [(0, "stages.0", "key '1' is not plain text")],
    ),
    "nothing for a key": (
        "plan",
        "    purpose:",
        "    ~: x\n    purpose:",
        [(0, "stages.0", "key '~' is not plain text")],
    ),
    "list for a key": (
        "plan",
        "    purpose:",
        "    ? [a]\n    : x\n    purpose:",
        [(0, "stages.0", "a key is a list")],
    ),
    "tab": ("plan", "    name: Precond", "\tname: Precond", [(0, "", "a tab stands where YAML wants blanks")]),
    "second document": ("plan", "stages:", "---\nstages:", [(0, "", "a second document begins here")]),
    "directive": ("plan", "# The ladder", "%YAML 1.1\n---\n# The ladder", [(0, "", "a line that starts with '%'")]),
    "directive below a comment": (
        "plan",
        "system:",
        "%YAML 1.1\n---\nsystem:",
        [(0, "", "a line that starts with '%'")],
    ),
    "colon in plain text": ("plan", "name: Preconditions", "name: a: b", [(0, "", "needs quotes")]),
    "control character": (
        "plan",
        "name: Preconditions",
        "name: a\x07b",
        [(0, "", r"the character '\x07' is not allowed")],
    ),
    "half a character": ("plan", "name: Preconditions", r'name: "\ud83d"', [(0, "stages.0.name", "half a character")]),
    "deep nesting": (
        "environments",
        "      customer_id: cust-without-order",
        f"      x: {'[' * 60}{']' * 60}",
        [(0, "environments.sandbox.variables.x", "nested more than 40 levels deep")],
    ),
    # Types
    "yes": (
        "plan",
        "automation_enabled: true",
        "automation_enabled: yes",
        [(0, "stages.0.automation_enabled", "is 'yes', which YAML reads as text; allowed: true, false")],
    ),
    "on": ("plan", "safe_mode: false", "safe_mode: on", [(0, "stages.0.safe_mode", "is 'on'")]),
    "number for a switch": (
        "plan",
        "safe_mode: false",
        "safe_mode: 0",
        [(0, "stages.0.safe_mode", "is 0; allowed: true, false")],
    ),
    "quoted switch": (
        "plan",
        "safe_mode: false",
        'safe_mode: "false"',
        [(0, "stages.0.safe_mode", "is 'false'; allowed: true, false. Write one without quotes")],
    ),
    "text for a list": (
        "plan",
        "templates: []",
        "templates: t_x",
        [(0, "stages.1.templates", "is 't_x'; allowed: a list")],
    ),
    "list for a mapping": (
        "plan",
        "tier2:\n      channels: [livechat]",
        "tier2: [livechat]",
        [(0, "stages.3.tier2", "is a list; allowed: keys with values")],
    ),
    "nothing for a list": (
        "plan",
        "templates: []",
        "templates:",
        [(0, "stages.1.templates", "is empty; allowed: a list")],
    ),
    "switch for a text": (
        "plan",
        "name: Preconditions",
        "name: true",
        [(0, "stages.0.name", "is true; allowed: text. Put it in quotes.")],
    ),
    "no packs": (
        "plan",
        "packs: [smoke.csv]",
        "packs: []",
        [(0, "stages.0.packs", "is an empty list; allowed: at least 1")],
    ),
    "empty id": ("plan", "id: 0", 'id: ""', [(0, "stages.0.id", "is ''; allowed: text that is not empty")]),
    "id with a fraction": (
        "plan",
        "id: 0",
        "id: 0.5",
        [(0, "stages.0.id", "is 0.5; allowed: text. Put it in quotes.")],
    ),
    "quotes in a word": (
        "plan",
        "name: Preconditions",
        """name: 'a "b"'""",
        [(0, "stages.0.name", "text without double quotes")],
    ),
    "tier out of range": (
        "vocabulary",
        "tier: 1}",
        "tier: 4}",
        [(0, "templates.t_order_status_ask_order_number.tier", "is 4; allowed: at most 3")],
    ),
    "tier in words": (
        "vocabulary",
        "tier: 1}",
        "tier: one}",
        [(0, "templates.t_order_status_ask_order_number.tier", "is 'one'; allowed: a whole number")],
    ),
    "system with blanks": (
        "vocabulary",
        "system: richpanel",
        "system: rich panel",
        [(0, "system", "is 'rich panel'; allowed: letters, digits")],
    ),
    # Numbers
    "negative seconds": (
        "environments",
        "quiet_period: 1,",
        "quiet_period: -1,",
        [(0, "environments.sandbox.timing.quiet_period", "is -1; allowed: at least 0")],
    ),
    "no seconds": (
        "environments",
        "decision_deadline: 10",
        "decision_deadline: 0",
        [(0, "environments.sandbox.timing.decision_deadline", "is 0; allowed: more than 0")],
    ),
    "too many seconds": (
        "environments",
        "decision_deadline: 10",
        "decision_deadline: 1000000",
        [(0, "environments.sandbox.timing.decision_deadline", "is 1000000; allowed: at most 86,400")],
    ),
    "quoted seconds": (
        "environments",
        "decision_deadline: 10",
        'decision_deadline: "10"',
        [(0, "environments.sandbox.timing.decision_deadline", "is '10'; allowed: a number")],
    ),
    **{
        f"number written {text}": (
            "environments",
            "decision_deadline: 10",
            f"decision_deadline: {text}",
            [(0, "environments.sandbox.timing.decision_deadline", f"is {text}; allowed: plain decimal numbers")],
        )
        for text in (".nan", ".inf", "-.inf", "1e999", "0x10", "0o17", "010", "1_000", "+5", "1" * 30)
    },
    "a number of 5,000 digits": (
        "plan",
        "id: 0",
        f"id: {'9' * 5000}",
        [(0, "stages.0.id", "allowed: plain decimal numbers")],
    ),
    "infinite number where anything goes": (
        "environments",
        'customer_name: "Synthetic Customer {canary}"',
        "customer_name: .inf",
        [(0, "environments.sandbox.variables.customer_name", "plain decimal")],
    ),
    # Unknown and missing keys, at every level
    "unknown key at the top": (
        "plan",
        "stages:",
        "stagse: 1\nstages:",
        [(0, "stagse", "Did you mean 'stages'?")],
    ),
    "unknown key of a stage": (
        "plan",
        "    purpose: Ev",
        "    purposes: Ev",
        [(0, "stages.0.purposes", "Did you mean 'purpose'?")],
    ),
    "unknown key of tier2": (
        "plan",
        "      channels: [livechat]",
        "      chanels: [livechat]",
        [(0, "stages.3.tier2.chanels", "allowed: channels, tags. Did you mean 'channels'?")],
    ),
    "unknown key of an intent": (
        "vocabulary",
        "    reply: t_cancel_sub",
        "    replies: t_cancel_sub",
        [(0, "intents.cancel_subscription.replies", "Did you mean 'reply'?")],
    ),
    "unknown key of a template": (
        "vocabulary",
        "tier: 2, order: tracked",
        "tier: 2, oder: tracked",
        [(0, "templates.t_order_status_verified.oder", "Did you mean 'order'?")],
    ),
    "unknown key of an environment": (
        "environments",
        "    probe: {ch",
        "    prob: {ch",
        [(0, "environments.sandbox.prob", "Did you mean 'probe'?")],
    ),
    "unknown key of an optional part": (
        "environments",
        "      system: richpanel",
        "      sytem: richpanel",
        [
            (0, "environments.sandbox.embedded.sytem", "Did you mean 'system'?"),
            (-1, "environments.sandbox.embedded.system", "key 'system' is missing"),
        ],
    ),
    "unknown key of limits": (
        "environments",
        "burst: 45",
        "brust: 45",
        [(0, "environments.sandbox.limits.brust", "Did you mean 'burst'?")],
    ),
    "unknown key of a control": (
        "environments",
        "reply: ctrl-reply-livechat",
        "reply: a, repy: b",
        [(0, "environments.sandbox.controls.livechat.repy", "Did you mean 'reply'?")],
    ),
    "unknown key of an interface": (
        "environments",
        "    health: {",
        "    heatlh: {",
        [(0, "interfaces.middleware.heatlh", "Did you mean 'health'?")],
    ),
    "unknown key of a request": (
        "environments",
        "ok: ok}",
        "ok: ok, autorised: true}",
        [(0, "interfaces.middleware.health.autorised", "Did you mean 'authorised'?")],
    ),
    "unknown field of a decision": (
        "environments",
        "        intent: intent",
        "        intnet: intent",
        [
            (0, "interfaces.middleware.decisions.fields.intnet", "unknown key 'intnet'; allowed: decision_id"),
        ],
    ),
    "missing key": ("plan", "    name: Preconditions\n", "", [(-1, "stages.0.name", "key 'name' is missing. Add it.")]),
    "unknown kind": (
        "environments",
        "kind: staging",
        "kind: stagging",
        [
            (
                0,
                "environments.staging.kind",
                "is 'stagging'; allowed: production, sandbox, staging. Did you mean 'staging'?",
            )
        ],
    ),
    "broken expression": (
        "environments",
        "ok: ok}",
        'ok: "a["}',
        [(0, "interfaces.middleware.health.ok", "not a JMESPath expression")],
    ),
    "broken request": (
        "environments",
        "GET /health",
        "FETCH /health",
        [(0, "interfaces.middleware.health.request", "allowed: a method and a path")],
    ),
    "broken URL": (
        "environments",
        "https://middleware.staging.example.com",
        "ftp://x",
        [(0, "environments.staging.base_url", "is 'ftp://x'; allowed: a URL such as")],
    ),
    "URL with a broken port": (
        "environments",
        "https://middleware.staging.example.com",
        "https://x:99999",
        [(0, "environments.staging.base_url", "is not a URL")],
    ),
    # Across files
    "unknown channel of a stage": (
        "plan",
        "channels: [livechat, email]",
        "channels: [livechat, emial]",
        [(0, "stages.1.channels.1", "is 'emial'; allowed: email,")],
    ),
    "unknown template of a stage": (
        "plan",
        "      - t_order_status_ask_order_number",
        "      - t_order_status_ask",
        [(0, "stages.0.templates.0", "Did you mean 't_order_status_ask_order_number'?")],
    ),
    "template twice": (
        "plan",
        "      - t_cancel_order_ack_intake",
        "      - t_order_status_ask_order_number",
        [(0, "stages.0.templates.1", "stands twice")],
    ),
    "unknown channel for tier 2": (
        "plan",
        "channels: [livechat]\n",
        "channels: [fax]\n",
        [(0, "stages.3.tier2.channels.0", "is 'fax'")],
    ),
    "unknown tag for tier 2": (
        "plan",
        "      channels: [livechat]\n",
        "      tags: [mw-vip]\n",
        [(0, "stages.3.tier2.tags.0", "is 'mw-vip'")],
    ),
    "duplicate stage": ("plan", "id: 1", 'id: "0"', [(0, "stages.1.id", "stage '0' stands in line")]),
    "missing pack": (
        "plan",
        "[smoke.csv]",
        "[smok.csv]",
        [(0, "stages.0.packs.0", "pack 'smok.csv' is not here; allowed: smoke.csv. Did you mean 'smoke.csv'?")],
    ),
    "pack elsewhere": (
        "plan",
        "[smoke.csv]",
        "[../richpanel/smoke.csv]",
        [(0, "stages.0.packs.0", "a path; packs lie beside the plan")],
    ),
    "pack that is the folder above": ("plan", "[smoke.csv]", '[".."]', [(0, "stages.0.packs.0", "no .csv file")]),
    "pack that is another file": (
        "plan",
        "[smoke.csv]",
        "[plan.yaml]",
        [(0, "stages.0.packs.0", "is 'plan.yaml', which is no .csv file")],
    ),
    "pack twice": ("plan", "[smoke.csv]", "[smoke.csv, smoke.csv]", [(0, "stages.0.packs.1", "stands twice")]),
    "another system's plan": (
        "plan",
        "system: richpanel",
        "system: q2q",
        [(0, "system", "vocabulary.yaml says 'richpanel'")],
    ),
    "another system's environments": (
        "environments",
        "system: richpanel",
        "system: q2q",
        [(0, "system", "vocabulary.yaml says 'richpanel'")],
    ),
    "instead of an unknown template": (
        "plan",
        "    packs:",
        "    instead: {t_x: t_order_status_ask_order_number}\n    packs:",
        [(0, "stages.0.instead.t_x", "is 't_x'")],
    ),
    "instead what is not on the whitelist": (
        "plan",
        "templates: []",
        "templates: []\n    instead: {t_order_status_verified: t_order_status_ask_order_number}",
        [(1, "stages.1.instead.t_order_status_verified", "is not on this stage's whitelist")],
    ),
    "instead a tier 2 reply": (
        "plan",
        "templates: []",
        "templates: [t_order_status_verified]\n    instead: {t_shipping_delay_verified: t_order_status_verified}",
        [(1, "stages.1.instead.t_shipping_delay_verified", "only tier 1 may stand in")],
    ),
    "instead of what is on the whitelist": (
        "plan",
        "    packs:",
        "    instead: {t_refund_request_intake: t_exchange_request_intake}\n    packs:",
        [(0, "stages.0.instead.t_refund_request_intake", "is on this stage's whitelist")],
    ),
    "unknown interface": (
        "environments",
        "interface: middleware",
        "interface: midleware",
        [(0, "environments.sandbox.interface", "Did you mean 'middleware'?")],
    ),
    "no place": (
        "environments",
        "    base_url: https://middleware.staging.example.com\n",
        "",
        [("  staging:", "environments.staging", "needs either base_url or embedded")],
    ),
    "embedded staging": (
        "environments",
        "base_url: https://middleware.staging.example.com",
        "embedded: {system: richpanel}",
        [(0, "environments.staging.embedded", "for kind sandbox only")],
    ),
    "unknown channel of the probe": (
        "environments",
        "probe: {channel: livechat",
        "probe: {channel: chat",
        [(0, "environments.sandbox.probe.channel", "is 'chat'")],
    ),
    "unknown channel of a control": (
        "environments",
        "      livechat: {ticket",
        "      chat: {ticket",
        [(0, "environments.sandbox.controls.chat", "is 'chat'")],
    ),
    "unknown order": (
        "environments",
        "      tracked: {",
        "      trackd: {",
        [(0, "environments.sandbox.orders.trackd", "Did you mean 'tracked'?")],
    ),
    # The vocabulary with itself
    "unknown reply": (
        "vocabulary",
        "reply: t_cancel_order_ack_intake",
        "reply: t_cancel",
        [(0, "intents.cancel_order.reply", "is 't_cancel'")],
    ),
    "reply for an escalation": (
        "vocabulary",
        "tags: [mw-intent-legal]",
        "tags: [mw-intent-legal], reply: t_promo_discount_info",
        [(0, "intents.legal_threat.reply", "is tier 0 and is never answered")],
    ),
    "tier 2 for a reply": (
        "vocabulary",
        "reply: t_cancel_order_ack_intake",
        "reply: t_order_status_verified",
        [(0, "intents.cancel_order.reply", "reply holds tier 1, verified tier 2")],
    ),
    "tier 3 among the verified": (
        "vocabulary",
        "{tier: 2, order: tracked}",
        "{tier: 3}",
        [
            ("  order_status_tracking:…verified:", "intents.order_status_tracking.verified", "of tier 3"),
            ("  shipping_delay_not_shipped:…verified:", "intents.shipping_delay_not_shipped.verified", "of tier 3"),
        ],
    ),
    "unknown team of an intent": (
        "vocabulary",
        "team: Leadership Team",
        "team: Leaders",
        [(0, "intents.legal_threat.team", "is 'Leaders'; allowed")],
    ),
    "team twice": (
        "vocabulary",
        "  - Leadership Team",
        "  - Leadership Team\n  - Leadership Team",
        [(1, "teams.2", "stands twice")],
    ),
    "neutral tag of an intent": (
        "vocabulary",
        "neutral_tags: []",
        "neutral_tags: [mw-intent-legal]",
        [("  legal_threat:", "intents.legal_threat.tags", "among neutral_tags too")],
    ),
    "tier 2 without an order": (
        "vocabulary",
        "{tier: 2, order: tracked}",
        "{tier: 2}",
        [(0, "templates.t_order_status_verified", "tier 2 needs the name of an order")],
    ),
    "tier 1 with an order": (
        "vocabulary",
        "{tier: 1}",
        "{tier: 1, order: late}",
        [(0, "templates.t_order_status_ask_order_number", "other tiers have none")],
    ),
    "template called None": (
        "vocabulary",
        "templates:",
        "templates:\n  None: {tier: 1}",
        [(1, "templates.None", "a template cannot be called 'None'")],
    ),
}


@pytest.mark.parametrize(("file", "old", "new", "expected"), SPOILED.values(), ids=SPOILED)
def test_spoiled_file(load: Any, file: str, old: str, new: str, expected: Expected) -> None:
    content, line = spoil(file, old, new)
    _, problems = load(file, content)
    wanted = {(find_line(content, line, place), key): said for place, key, said in expected}
    assert {(problem.line, problem.column) for problem in problems} == set(wanted), list(map(str, problems))
    assert len(problems) == len(wanted)
    for problem in problems:
        assert wanted[problem.line, problem.column] in problem.text
        assert problem.file == f"{file}.yaml"
        assert len(str(problem)) < 500


def find_line(content: str, line: int, place: int | str) -> int:
    """Return a line so many below another, or the one to which texts lead, each found after the one before."""
    if isinstance(place, int):
        return line + place
    at = 0
    for text in place.split("…"):
        at = content.index(f"\n{text}" if text.startswith("  ") else text, at + 1) + 1
    return content.count("\n", 0, at) + 1


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("content", ["", "\n\n", "# a comment\n", "---\n", "~\n", "null", "\ufeff", "---\n...\n"])
def test_empty_file_is_a_problem(load: Any, file: str, content: str) -> None:
    data, problems = load(file, content)
    assert data is None
    assert [str(problem) for problem in problems] == [f"{file}.yaml: the file is empty. Write its keys, or remove it."]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("content", ["- a\n- b\n", "text", "5", "[1, 2]", "true"])
def test_file_that_is_no_mapping_is_a_problem(load: Any, file: str, content: str) -> None:
    data, problems = load(file, content)
    assert data is None
    assert len(problems) == 1
    assert "not a mapping of keys to values" in problems[0].text


@pytest.mark.parametrize("content", ["[" * 10_000, "{a: " * 10_000, "- " * 10_000, "? " * 10_000, "[" * 400_000])
def test_bottomless_nesting_is_a_problem(load: Any, content: str) -> None:
    data, problems = load("plan", content)
    assert data is None
    assert len(problems) == 1


def test_repeated_aliases_do_not_multiply(load: Any) -> None:
    lines = ["a0: &a0 [x, x]", *(f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 9)}]" for at in range(1, 30))]
    _, problems = load("plan", "\n".join(lines))
    assert sum("anchors and aliases" in problem.text for problem in problems) == 30


@pytest.mark.parametrize("content", ["a: &x 1\nb: &x 2\n", "&a a: &a b\n", "&a [*a]\n"])
def test_anchors_named_twice_and_in_circles(load: Any, content: str) -> None:
    _, problems = load("plan", content)
    assert any("anchors and aliases are not read" in problem.text for problem in problems)


def test_bytes_that_are_not_utf8_are_named(load: Any) -> None:
    purpose = TEXTS["plan"].count("\n", 0, TEXTS["plan"].index("purpose: E")) + 1
    for encoding, line in (("latin-1", purpose), ("utf-16", 1)):
        content = TEXTS["plan"].replace("purpose: E", "purpose: \u00e9", 1).encode(encoding)
        _, problems = load("plan", content)
        assert [problem.line for problem in problems] == [line]
        assert "is not UTF-8. Save the file as UTF-8." in problems[0].text


def test_oversized_file_is_not_read(load: Any) -> None:
    _, problems = load("plan", "# " + "x" * 1_000_000)
    assert "at most 1000000 are read" in problems[0].text


def test_missing_file_is_a_problem(tmp_path: Path) -> None:
    for file, loader in LOADERS.items():
        for path in (tmp_path / f"{file}.yaml", tmp_path):
            data, problems = loader(path, f"{file}.yaml")
            assert data is None
            assert "cannot be read" in str(problems[0])


def test_all_problems_of_a_file_at_once(load: Any) -> None:
    content = TEXTS["plan"].replace("    safe_mode: false", "    safe_mode: no").replace("    purpose:", "    purpse:")
    _, problems = load("plan", content)
    assert len(problems) == content.count("safe_mode: no\n") + content.count("purpse:")
    lines = content.split("\n")
    assert all(problem.column.split(".")[-1] in lines[problem.line - 1] for problem in problems)


def test_problems_of_text_and_of_meaning_come_together(load: Any) -> None:
    content = TEXTS["plan"].replace("    name: Pre", "    name: x\n    name: Pre").replace("livechat, email]", "fax]")
    _, problems = load("plan", content)
    assert [problem.column for problem in problems] == [
        "stages.0.name", "stages.1.channels.0", "stages.2.channels.0", "stages.3.channels.0"
    ]  # fmt: skip


def test_secrets_written_by_mistake_are_not_shown(load: Any) -> None:
    content = TEXTS["environments"].replace("env: RICHPANEL_WEBHOOK_TOKEN", "env: sk-live-abcdef")
    content = content.replace("https://middleware.staging", "https://bot:hunter2@middleware.staging")
    _, problems = load("environments", content)
    assert [problem.column for problem in problems] == [
        "interfaces.middleware.token.env",
        "environments.staging.base_url",
    ]
    assert not any("sk-live" in str(problem) or "hunter2" in str(problem) for problem in problems)


def test_whole_number_works_as_stage_id(load: Any) -> None:
    plan, problems = load("plan", TEXTS["plan"])
    assert not problems
    assert plan.by_id["1"].name == "Deploy, routing only"
    quoted, problems = load("plan", TEXTS["plan"].replace("id: 1", 'id: "1"'))
    assert not problems
    assert quoted == plan


def test_words_that_look_like_something_else_stay_text(load: Any) -> None:
    text = TEXTS["environments"].replace('customer_name: "Synthetic Customer {canary}"', "customer_name: 2026-01-31", 1)
    environments, problems = load("environments", text)
    assert not problems
    assert environments.environments["sandbox"].variables["customer_name"] == "2026-01-31"


def test_without_vocabulary_a_file_is_still_checked_alone(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    write_beside(tmp_path)
    path.write_text(TEXTS["plan"].replace("id: 1", "id: 0").replace("smoke.csv", "../x.csv"))
    _, problems = load_plan(path, "plan.yaml", None)
    assert [problem.column for problem in problems] == [
        "stages.0.packs.0", "stages.1.id", *(f"stages.{index}.packs.0" for index in range(1, 5))
    ]  # fmt: skip


def test_no_stage_enables_an_action(tmp_path: Path) -> None:
    actions = Template(tier=3)
    vocabulary = VOCABULARY.model_copy(update={"templates": {**VOCABULARY.templates, "t_cancel_now": actions}})
    write_beside(tmp_path)
    path = tmp_path / "plan.yaml"
    path.write_text(TEXTS["plan"].replace("templates: []", "templates: [t_cancel_now]"))
    _, problems = load_plan(path, "plan.yaml", vocabulary)
    assert [problem.column for problem in problems] == ["stages.1.templates.0"]
    assert "t_cancel_now is of tier 3, an action; no stage may enable it." in problems[0].text
