"""Production that does not show what it runs: only a signed answer of a person lets a run begin."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from production_project import RELEASE, ROUTING_ONLY, VARIABLES, CaptureServer, ProductionProject, invoke, middleware
from ruamel.yaml import YAML

from gonogo.errors import GonogoError
from gonogo.evidence.keys import SigningKey
from gonogo.evidence.trust import sign_trust
from gonogo.sources.checklist.reader import parse_checklist

LIST = "# Team\n\n### M1) The version page shows the release\n- Look at it.\n"
ROOT = SigningKey.from_seed(hashlib.sha256(b"tests: root of the unshown release").digest(), "Root")
DANA = SigningKey.from_seed(base64.b64decode(VARIABLES["GONOGO_SIGNING_KEY"]), "Dana Desk")
# A run that got past the release stops here: the flags are another stage's.
ENVIRON = {**VARIABLES, "GONOGO_TRUST_ROOT": ROOT.public.keyid}
FURTHER = "[stage-not-entered]"


@dataclass
class Unshown:
    """A project whose production shows neither build nor release, and names the item that stands for them."""

    project: ProductionProject
    server: CaptureServer

    def refusal(self, release: str = RELEASE, *edits: tuple[str, str]) -> str:
        self.server.requests.clear()
        path = self.project.vary((r"kind: production\n", "kind: production\n    identity_item: M1\n"), *edits)
        words = ("--environments", path)
        confirm = f"production/{release}"
        arguments = self.project.arguments("listed", *words, release=release, confirm=confirm)
        done = invoke(self.project, arguments, ENVIRON)
        assert isinstance(done.exception, GonogoError), done.output
        assert [one.method for one in self.server.requests if one.method != "GET"] == []
        return done.exception.message

    def attest(self, *more: str) -> Any:
        words = ["attest", "richpanel", "M1", "--result", "passed", "--by", "Dana Desk", "--role", "desk"]
        words += ["--note", "it does", "--env", "production", "--release", RELEASE, *more]
        return invoke(self.project, words, ENVIRON)


@pytest.fixture(scope="module")
def unshown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unshown]:
    with CaptureServer(middleware(version=None, flags={"flags": {"safe_mode": False}})) as server:
        project = ProductionProject(tmp_path_factory.mktemp("unshown"), server.url)
        (project.sources / "team.md").write_text(LIST, "utf-8")
        item = parse_checklist(LIST, "team.md", "").by_id["M1"]
        (project.sources / "team.bindings.yaml").write_text(
            f'items:\n  M1:\n    words: "{item.digest[:16]}"\n    manual: {{role: desk, evidence: [note]}}\n', "utf-8"
        )
        plan = project.sources / "plan.yaml"
        stage = f"  - id: listed{ROUTING_ONLY}    checklists: [team.md]\n    after: []\n"
        plan.write_text(plan.read_text("utf-8") + stage, "utf-8")
        assert invoke(project, ["compile"]).exit_code == 0
        yield Unshown(project, server)


def write_trust(project: ProductionProject) -> None:
    data = {
        "version": 1,
        "expires": f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}",
        "root": ROOT.public.to_base64(),
        "people": [{"name": "Dana Desk", "roles": ["desk"], "keys": [{"public": DANA.public.to_base64()}]}],
        "systems": {"richpanel": [{"stages": ["listed"], "environments": ["production"],
                                   "approvals": [{"roles": ["desk"], "count": 1}],
                                   "fresh_for": {"evidence": "48h", "approval": "24h"}}]},
    }  # fmt: skip
    path = project.root / "trust.yaml"
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe", pure=True).dump(data, file)
    sign_trust(path, ROOT)


def test_only_a_signed_answer_for_this_release_stands_for_the_build(unshown: Unshown) -> None:
    assert "M1 would have to be signed, and there is no trust.yaml" in unshown.refusal()
    assert unshown.attest().exit_code == 0, "without a trust file records are not signed"

    write_trust(unshown.project)
    refused = unshown.refusal()
    assert refused.startswith("[release-unproven] M1 does not say that"), "an unsigned answer does not count"

    assert unshown.attest().exit_code == 0
    assert unshown.refusal().startswith(FURTHER)
    assert unshown.refusal("r2").startswith("[release-unproven] M1 does not say that r2 is deployed")


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        ((r"    identity_item: M1\n", ""), "the environment names no identity_item"),
        ((r"identity_item: M1", "identity_item: M9"), "the environment names M9, which no checklist holds"),
    ],
)
def test_an_item_that_is_not_there_proves_nothing(unshown: Unshown, edit: tuple[str, str], says: str) -> None:
    refused = unshown.refusal(RELEASE, edit)
    assert refused.startswith("[release-unproven] nothing shows which release is deployed")
    assert says in refused


def test_a_version_page_that_breaks_is_no_lack_of_one(unshown: Unshown) -> None:
    from production_project import Reply

    handler = unshown.server.handler
    unshown.server.handler = middleware(version=Reply(500))
    try:
        assert unshown.refusal().startswith("[release-unproven] the build cannot be read: GET /version answered 500")
    finally:
        unshown.server.handler = handler
