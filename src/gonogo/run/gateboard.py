"""The gates of a run: measured once, when the first of them is judged, and kept with the evidence."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gonogo.gates.evaluate import evaluate_gates
from gonogo.gates.report import gates_json
from gonogo.model.gate import GateResult, Measurement
from gonogo.model.gate_pack import GatePack
from gonogo.model.measurements import FILE, measurements_json
from gonogo.model.metric import GatesFile, SourceKind
from gonogo.run.measure import measure_gates, open_sources

RESULTS = "gates.json"


class GateBoard:
    """Measures and judges the gates files of one stage.

    `clean` takes out of a sentence what may not be kept, since it may quote a page of the system. `flush` puts the
    run's own records on disk before they are measured.
    """

    def __init__(
        self,
        packs: Sequence[GatePack],
        *,
        root: Path,
        folder: Path,
        base_url: str,
        clean: Callable[[Any], Any],
        flush: Callable[[], None],
    ) -> None:
        self._packs = packs
        self._root = root
        self._folder = folder
        self._base_url = base_url.rstrip("/")
        self._clean = clean
        self._flush = flush
        self._results: dict[str, GateResult] | None = None

    def result(self, gate: str) -> GateResult:
        """Return what a gate came to; raises `LookupError` for one that no gates file of the stage has."""
        if self._results is None:
            self._results = self._measure()
        if gate not in self._results:
            raise LookupError(f"no gates file of this stage has a gate {gate!r}")
        return self._results[gate]

    def _measure(self) -> dict[str, GateResult]:
        self._flush()
        now = datetime.now(UTC)
        measured: dict[str, Measurement] = {}
        results: list[GateResult] = []
        for pack in self._packs:
            sources = open_sources(pack.content, self._root, os.environ, self._places(pack.content))
            try:
                found = measure_gates(pack.content, sources, now)
            finally:
                for source in sources.values():
                    source.close()
            # Two files may use one name for different metrics; the first keeps it bare.
            measured.update({(key if key not in measured else f"{pack.name}:{key}"): one for key, one in found.items()})
            results += evaluate_gates(pack.gates, found)
        kept = measurements_json(measured, now)
        for one in kept["measurements"].values():
            one["problems"] = [{**flaw, "text": self._clean(flaw["text"])} for flaw in one["problems"]]
        judged = gates_json(results)
        for one in judged["gates"]:
            one.update(sentence=self._clean(one["sentence"]), reasons=self._clean(one["reasons"]))
        judged["reasons"] = self._clean(judged["reasons"])
        self._write(FILE, kept)
        self._write(RESULTS, judged)
        return {result.id: result for result in results}

    def _places(self, gates: GatesFile) -> Mapping[str, str]:
        """Return where the sources of this run are: its own folder, and the pages of its target."""
        places = {}
        for name, spec in gates.sources.items():
            if spec.kind is SourceKind.RUN:
                places[name] = str(self._folder)
            elif spec.kind is SourceKind.EXPOSITION and spec.path is not None:
                places[name] = f"{self._base_url}/{spec.path.lstrip('/')}"
        return places

    def _write(self, name: str, data: Mapping[str, Any]) -> None:
        text = json.dumps(data, ensure_ascii=False, indent=1)
        (self._folder / name).write_text(text + "\n", "utf-8")
