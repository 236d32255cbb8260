"""Reports of pytest and results of allure-pytest, redacted before any plugin or file gets them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from gonogo.evidence.redact import Redactor

# By these a report finds its files and times; nothing of the system is in them.
_STRUCTURE = frozenset({"uuid", "historyId", "testCaseId", "start", "stop", "status", "stage", "source", "type"})


def refuse_raw_files(config: pytest.Config) -> None:
    """Refuse options by which pytest itself writes what tests print or log, before anybody can redact it."""
    if config.option.capture == "fd":
        raise pytest.UsageError("pytest would keep what is printed in a temporary file. Add --capture=sys.")
    for name, option in (("debug", "--debug"), ("log_file", "--log-file"), ("pastebin", "--pastebin")):
        if getattr(config.option, name, None):
            raise pytest.UsageError(f"{option} writes what the system answered as it is. Leave it out.")


class ReportGuard:
    """Redacts every report before other plugins see it."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Redact tracebacks, captured output and properties."""
        report = yield
        report.longrepr = self._redact(report.longrepr)
        report.sections = [(name, self._redactor.text(content)) for name, content in report.sections]
        report.user_properties = [(name, self._redactor.value(value)) for name, value in report.user_properties]
        return report

    def _redact(self, shown: Any) -> Any:
        """Return what pytest shows of an exception with its texts redacted; its objects are changed in place."""
        if isinstance(shown, str):
            return self._redactor.text(shown)
        if isinstance(shown, tuple | list):
            return type(shown)(self._redact(item) for item in shown)
        if dataclasses.is_dataclass(shown) and not isinstance(shown, type):
            for name, value in vars(shown).items():
                object.__setattr__(shown, name, self._redact(value))
        return shown


def guard_allure(redactor: Redactor) -> None:
    """Have the results and attachments that allure-pytest writes pass through a redactor."""
    import allure_commons
    from allure_commons.logger import AllureFileLogger

    hooks = allure_commons.plugin_manager.hook
    for hook in (
        hooks.report_result,
        hooks.report_container,
        hooks.report_globals,
        hooks.report_attached_file,
        hooks.report_attached_data,
    ):
        for implementation in hook.get_hookimpls():
            if isinstance(implementation.plugin, AllureFileLogger):
                writer = _AllureWriter(Path(implementation.plugin._report_dir), redactor)
                implementation.function = getattr(writer, hook.name)


class _AllureWriter:
    """Writes what allure-pytest reports; an attachment that is no text cannot be redacted and is left out."""

    def __init__(self, folder: Path, redactor: Redactor) -> None:
        self._folder = folder
        self._redactor = redactor

    def report_result(self, result: Any) -> None:
        self._write_item(result)

    def report_container(self, container: Any) -> None:
        self._write_item(container)

    def report_globals(self, globals_item: Any) -> None:
        self._write_item(globals_item)

    def report_attached_file(self, source: Any, file_name: str) -> None:
        self._write(file_name, self._redact_bytes(Path(source).read_bytes()))

    def report_attached_data(self, body: str | bytes, file_name: str) -> None:
        self._write(file_name, self._redact_bytes(body.encode("utf-8", "replace") if isinstance(body, str) else body))

    def _redact_bytes(self, body: bytes) -> bytes:
        try:
            return self._redactor.text(body.decode()).encode("utf-8", "replace")
        except UnicodeDecodeError:
            return b"[redacted:attachment]"

    def _write_item(self, item: Any) -> None:
        from attr import asdict

        data = asdict(item, filter=lambda _, value: value or value is False)
        text = json.dumps(self._redact(data), ensure_ascii=False)
        self._write(item.file_pattern.format(prefix=uuid4()), text.encode("utf-8", "replace"))

    def _redact(self, data: Any) -> Any:
        if isinstance(data, dict):
            return {key: value if key in _STRUCTURE else self._redact(value) for key, value in data.items()}
        if isinstance(data, list | tuple):
            return [self._redact(item) for item in data]
        return self._redactor.text(data) if isinstance(data, str) else data

    def _write(self, name: str, content: bytes) -> None:
        temporary = self._folder / f"{name}.tmp"
        temporary.write_bytes(content)
        temporary.replace(self._folder / name)
