"""What a load, a watch, a rollback or a stage's gathering left in a bundle, with its plots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gonogo.reports.html.files import BundleFiles
from gonogo.reports.html.loose import as_line, as_list, as_map, as_text, show_number
from gonogo.reports.html.page import Measured, Picture, Table
from gonogo.reports.html.picture import clean_picture

# Their own tables show these, or the decision repeats them.
_SHOWN_ELSEWHERE = ("gates.json", "triggers.json", "measurements.json")
_TITLES = {
    "load": "Load",
    "watch": "Watch",
    "rollback": "This rollback",
    "drill": "Rollback drill",
    "gathered": "What this decision was gathered from",
    "canary": "Canary",
    "metrics": "Regression",
}
# The page's own sections show these already.
_OWN = "schema checks gates triggers run id watch system stage environment release build counts_for_stage phase folder"
_SKIPPED = frozenset((*_OWN.split(), "before", "after"))
# Beyond this a figure of seconds is a moment, and not a length.
_EPOCH = 1_000_000_000
_MOST_ROWS = 200
_DEEPEST = 3


def build_measured(files: BundleFiles) -> tuple[Measured, ...]:
    """Return a section for each file of measurements; plots stand with the file whose name theirs begins with."""
    pictures = {name: clean_picture(name, text) for name, text in sorted(files.pictures.items())}
    shown = []
    # A load takes every plot that no other file has claimed by its name.
    for name in sorted(files.documents, key=lambda one: (one == "load.json", one)):
        if name in _SHOWN_ELSEWHERE:
            continue
        stem = name.removesuffix(".json")
        own = tuple(pictures.pop(one) for one in list(pictures) if stem == "load" or _stem(one).startswith(stem))
        shown.append(_measured(stem, name, as_map(files.documents[name]), own))
    if pictures:
        shown.append(Measured("plots", "Plots", "", (), (), tuple(pictures.values())))
    return tuple(shown)


def _stem(name: str) -> str:
    return name.rsplit("/", 1)[-1].removesuffix(".svg")


def _measured(stem: str, name: str, data: Mapping[str, Any], pictures: tuple[Picture, ...]) -> Measured:
    facts: list[tuple[str, str]] = []
    tables: list[Table] = []
    for path, value in _walk(data, (), _DEEPEST):
        title = " › ".join(_words(part) for part in path)
        if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            tables.append(build_table(title, value))
        else:
            facts.append((title, _show(value)))
    return Measured(stem, _TITLES.get(stem, _words(stem)), name, tuple(facts), tuple(tables), pictures)


def _walk(data: Mapping[str, Any], path: tuple[str, ...], depth: int) -> Iterator[tuple[tuple[str, ...], object]]:
    for key, value in data.items():
        if not path and key in _SKIPPED:
            continue
        here = (*path, str(key))
        if isinstance(value, Mapping) and value and all(_is_row(one) for one in value.values()):
            value = [{"which": name, **row} for name, row in value.items()]
        if isinstance(value, Mapping) and depth and value and not _is_interval(value):
            yield from _walk(value, here, depth - 1)
        else:
            yield here, value


def build_table(title: str, rows: list[Mapping[str, Any]]) -> Table:
    """Return objects as rows, with a column for each key that one of them has; the first rows of very many."""
    columns = tuple(dict.fromkeys(str(key) for row in rows for key in row))[:12]
    cells = tuple(tuple(_show(row.get(key)) for key in columns) for row in rows[:_MOST_ROWS])
    if len(rows) > _MOST_ROWS:
        title += " (the first rows; the file holds them all)"
    return Table(title, tuple(map(_words, columns)), cells)


def _is_row(value: object) -> bool:
    return isinstance(value, Mapping) and not _is_interval(value)


def _is_interval(value: Mapping[str, Any]) -> bool:
    return {"low", "high"} <= set(value)


def _show(value: object) -> str:
    if isinstance(value, float) and value > _EPOCH:
        return str(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return show_number(value)
    if isinstance(value, Mapping) and _is_interval(value):
        return f"{_show(value['low'])} to {_show(value['high'])}"
    if isinstance(value, Mapping) and not value:
        return ""
    items = as_list(value)
    if len(items) > 1 and all(isinstance(one, str) for one in items) and any(" " in one for one in items):
        return "\n".join(map(as_text, items))
    if items and all(isinstance(one, int | float) and not isinstance(one, bool) for one in items):
        return ", ".join(map(show_number, items[:_MOST_ROWS]))
    return as_text(value)


def _words(name: str) -> str:
    return as_line(name).replace("_", " ")
