"""The values of environment variables that a target needs, and that no message ever shows."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from gonogo.errors import TargetError
from gonogo.model.http_interface import HttpInterface


@dataclass(frozen=True, slots=True)
class Secrets:
    """Where a target finds the values of its environment variables; tests and embedded sandboxes bring their own."""

    values: Mapping[str, str]

    @classmethod
    def from_environ(cls, extra: Mapping[str, str] | None = None) -> Secrets:
        """Return the process's environment with `extra` on top."""
        return cls({**os.environ, **(extra or {})})


def read_token(interface: HttpInterface, secrets: Secrets) -> str | None:
    """Return the header's whole value, or None where no token is declared; no message ever shows any of it."""
    token = interface.token
    if token is None:
        return None
    value = secrets.values.get(token.env, "")
    if not value:
        raise TargetError(f"environment variable {token.env} is not set", f"Set {token.env} to the webhook's token.")
    if not value.isascii() or not value.isprintable() or value != value.strip():
        raise TargetError(
            f"environment variable {token.env} holds what no header can carry",
            f"Set {token.env} to printable ASCII without spaces or a line end around it.",
        )
    return token.prefix + value
