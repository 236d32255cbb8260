"""YAML as data with the line of every key, stricter than YAML itself.

Duplicate keys, anchors, merge keys, tags, directives and numbers in unusual notations are problems: each makes a file
mean something else than a reader sees.
"""

from __future__ import annotations

import math
import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from gonogo.errors import Problem
from gonogo.sources.suggest import quote_value

MAX_BYTES = 1_000_000
MAX_DEPTH = 40
_TAG = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?")
_DIRECTIVE = re.compile(r"(?:[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n))*%")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
KeyPath = tuple[str | int, ...]


@dataclass
class YamlFile:
    """The data of one YAML file; `places` maps the path of every key and item to its line.

    `unread` holds the paths whose value could not be read, so that nothing more is said about them.
    """

    name: str
    data: Any = None
    places: dict[KeyPath, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unread: set[KeyPath] = field(default_factory=set)

    def report(self, path: KeyPath, text: str) -> None:
        """Add a problem at the line of a key, or of the nearest key above it."""
        self.report_at(self.line_of(path), path, text)

    def report_at(self, line: int, path: KeyPath, text: str) -> None:
        """Add a problem at a line; line 0 is the whole file."""
        self.problems.append(Problem(self.name, line, show_path(path), text))

    def line_of(self, path: KeyPath) -> int:
        """Return the line of a key, or of the nearest key above it."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, 1)


def show_path(path: KeyPath) -> str:
    """Return the path of a key as people write it, such as `stages.0.id`, in one printable line."""
    return ".".join(part if part.isprintable() and len(part) <= 80 else quote_value(part) for part in map(str, path))


def read_yaml(path: Path, name: str) -> YamlFile:
    """Return a YAML file's data with all problems of its text; raises nothing for bad content."""
    file = YamlFile(name)
    text = _read_text(path, file)
    if text is None:
        return file
    directive = _DIRECTIVE.match(text)
    if directive:
        line = len(re.findall(r"\r\n|\r|\n", directive[0])) + 1
        file.report_at(line, (), "a line that starts with '%' changes how YAML is read. Remove it.")
        return file
    node = _compose(text, file)
    if node is not None:
        file.data = _build(node, (), file, set())
        if file.data is None and not file.problems:
            file.report_at(0, (), "the file is empty. Write its keys, or remove it.")
    elif not file.problems:
        file.report_at(0, (), "the file is empty. Write its keys, or remove it.")
    return file


def _compose(text: str, file: YamlFile) -> Node | None:
    """Return the tree of a YAML text, or None where it is empty or after reporting why it is no YAML."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what ruamel warns of, an anchor defined twice, is reported as a problem
            node: Node | None = YAML(typ="safe", pure=True).compose(text)
            return node
    except RecursionError:
        file.report_at(0, (), f"nested more than {MAX_DEPTH} levels deep. Flatten it.")
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(part for part in (error.context, error.problem) if part)
        file.report_at(mark.line + 1 if mark else 0, (), f"not YAML: {_explain_syntax(what)}")
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        seen = quote_value(text[error.position : error.position + 1])
        file.report_at(line, (), f"the character {seen} is not allowed in YAML. Remove it.")
    except (YAMLError, ValueError, AttributeError, TypeError, LookupError, AssertionError) as error:
        # Some broken texts make the scanner stumble over itself instead of saying where.
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        file.report_at(0, (), f"not YAML: {first}. Correct the syntax.")
    return None


def _explain_syntax(what: str) -> str:
    if "\\t" in what:
        return "a tab stands where YAML wants blanks. Indent with blanks."
    if "single document" in what:
        return "a second document begins here ('---'); only one is read. Remove the line or the document."
    if "mapping values are not allowed" in what:
        return f"{what}; a text that holds ': ' needs quotes. Correct the syntax."
    return f"{what}. Correct the syntax."


def _read_text(path: Path, file: YamlFile) -> str | None:
    try:
        raw = path.read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        file.report_at(0, (), f"cannot be read: {why}. Create it or name another.")
        return None
    if len(raw) > MAX_BYTES:
        file.report_at(0, (), f"{len(raw)} bytes; at most {MAX_BYTES} are read. Split it.")
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        seen = raw[error.start : error.start + 1].hex()
        file.report_at(line, (), f"byte 0x{seen} is not UTF-8. Save the file as UTF-8.")
        return None


def _build(node: Node, path: KeyPath, file: YamlFile, seen: set[int]) -> Any:
    file.places.setdefault(path, node.start_mark.line + 1)
    if len(path) > MAX_DEPTH:
        file.report(path[:4], f"nested more than {MAX_DEPTH} levels deep. Flatten it.")
        file.unread.add(path[:4])
        return None
    if node.anchor is not None:
        if id(node) in seen:
            file.unread.add(path)  # an alias; its anchor is reported where it stands
            return None
        seen.add(id(node))
        file.report(path, f"anchor {quote_value(node.anchor)}; anchors and aliases are not read. Write it out.")
    if isinstance(node, MappingNode) and node.tag == f"{_TAG}map":
        return _build_mapping(node, path, file, seen)
    if isinstance(node, SequenceNode) and node.tag == f"{_TAG}seq":
        return tuple(_build(item, (*path, index), file, seen) for index, item in enumerate(node.value))
    if isinstance(node, ScalarNode):
        return _build_scalar(node, path, file)
    return _refuse(file, path, f"has the tag {quote_value(str(node.tag))}; tags are not read. Remove the tag.")


def _build_mapping(node: MappingNode, path: KeyPath, file: YamlFile, seen: set[int]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        wrong = _explain_key(key_node)
        if wrong:
            file.report_at(line, path, wrong)
            continue
        key = key_node.value
        here = (*path, key)
        if key in data:
            first = file.places.get(here, 0)
            file.report_at(line, here, f"key {quote_value(key)} stands twice, first in line {first}. Remove one.")
            continue
        file.places[here] = line
        data[key] = _build(value_node, here, file, seen)
    return data


def _explain_key(node: Node) -> str:
    """Return what is wrong with a key, or an empty text."""
    if not isinstance(node, ScalarNode):
        return "a key is a list or a mapping; allowed: plain text. Write one word before the colon."
    if node.tag == f"{_TAG}merge":
        return "merge key '<<'; merge keys are not read. Write the keys out."
    if node.anchor is not None:
        return f"anchor {quote_value(node.anchor)}; anchors and aliases are not read. Write the key out."
    if _SURROGATE.search(node.value):
        return f"key {quote_value(node.value)} holds half a character. Correct it."
    if node.tag != f"{_TAG}str":
        return f"key {quote_value(node.value)} is not plain text. Put it in quotes."
    return ""


def _build_scalar(node: ScalarNode, path: KeyPath, file: YamlFile) -> Any:
    kind, text = str(node.tag).removeprefix(_TAG), str(node.value)
    plain = node.style is None
    if kind == "str" or (kind == "timestamp" and plain):
        if _SURROGATE.search(text):
            return _refuse(file, path, f"is {quote_value(text)}, which holds half a character. Correct it.")
        return text
    if kind == "null" and plain:
        return None
    if kind == "bool" and plain and text.casefold() in ("true", "false"):
        return text.casefold() == "true"
    if kind in ("int", "float") and plain:
        return _read_number(kind, text, path, file)
    return _refuse(
        file, path, f"{quote_value(text)} has the tag {quote_value(kind)}; tags are not read. Remove the tag."
    )


def _read_number(kind: str, text: str, path: KeyPath, file: YamlFile) -> Any:
    if kind == "int" and _INTEGER.fullmatch(text):
        return int(text)
    if kind == "float" and _DECIMAL.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    what = "allowed: plain decimal numbers such as 15 or 0.5. Write it so, or put it in quotes if it is a word."
    return _refuse(file, path, f"is {text if len(text) <= 40 else quote_value(text)}; {what}")


def _refuse(file: YamlFile, path: KeyPath, text: str) -> None:
    file.report(path, text)
    file.unread.add(path)
