"""parameter_defaults.yaml: the declared defaults of a system, with every problem at once."""

from __future__ import annotations

from pathlib import Path

from gonogo.errors import Problem
from gonogo.model.flags import AUTOMATION, CHANNELS, SAFE_MODE, TIER2_CHANNELS, TIER2_TAGS
from gonogo.model.parameter_defaults import ParameterDefaults
from gonogo.sources.suggest import quote_value
from gonogo.sources.word_rules import check_word
from gonogo.sources.yaml_file import read_yaml
from gonogo.sources.yaml_model import parse_model

DEFAULTS_FILE = "parameter_defaults.yaml"
_SWITCHES = (SAFE_MODE, AUTOMATION)
_GROUPS = (*_SWITCHES, CHANNELS, "template_enabled", TIER2_CHANNELS, TIER2_TAGS)


def load_defaults(path: Path, name: str, system: str) -> tuple[ParameterDefaults | None, list[Problem]]:
    """Return the declared defaults, or None, with all problems; a system without the file has neither."""
    if not path.is_file():
        return None, []
    file = read_yaml(path, name)
    defaults = parse_model(file, ParameterDefaults)
    if defaults is None:
        return None, file.problems
    if defaults.system != system:
        file.report(("system",), f"is {quote_value(defaults.system)}, but the system is {system!r}. Correct it.")
    for group, value in defaults.flags.items():
        check_word(file, ("flags", group), group, _GROUPS)
        if group in _GROUPS and isinstance(value, bool) != (group in _SWITCHES):
            allowed = "true, false" if group in _SWITCHES else "a list, or null for no restriction"
            file.report(("flags", group), f"is no value of this flag; allowed: {allowed}. Correct it.")
    for switch in _SWITCHES:
        if switch not in defaults.flags:
            file.report(("flags",), f"does not name {switch}, without which no default is safe. Add it.")
    return defaults, file.problems
