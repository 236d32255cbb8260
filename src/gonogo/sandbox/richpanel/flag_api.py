"""The endpoints of the flag store: read all, write one with an optional compare-and-swap, remove one."""

from __future__ import annotations

import json
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gonogo.sandbox.richpanel.faults import FaultSet
from gonogo.sandbox.richpanel.flags import FlagError, FlagStore, check_name, check_value
from gonogo.sandbox.richpanel.ingress import Authenticator, RefusedError


@dataclass
class FlagApi:
    """Serves `/flags`; writes need the token of the webhook."""

    store: FlagStore
    authenticator: Authenticator
    faults: FaultSet

    async def list_flags(self, _request: Request) -> Response:
        """Answer with the flags of the store, which the worker may not have seen yet."""
        return JSONResponse({"flags": self.store.current})

    async def put_flag(self, request: Request) -> Response:
        """Write one flag; 409 when `expected` is given and differs from the current value."""
        name = request.path_params["name"]
        try:
            self.authenticator.require(request)
            body = _parse_write(await request.body())
            value = check_value(name, body["value"])
        except RefusedError as rejection:
            return rejection.response()
        except FlagError as error:
            return JSONResponse({"error": "invalid_flag", "detail": str(error)}, 400)
        previous = self.store.current.get(name)
        if "expected" in body and not _same(body["expected"], previous):
            return JSONResponse({"error": "conflict", "name": name, "current": previous}, 409)
        if not self.faults.active("flag_write_lost"):
            self.store.put(name, value)
        return JSONResponse({"name": name, "value": value, "previous": previous})

    async def delete_flag(self, request: Request) -> Response:
        """Remove one flag from the store; 404 when it is not there."""
        name = request.path_params["name"]
        try:
            self.authenticator.require(request)
            check_name(name)
        except RefusedError as rejection:
            return rejection.response()
        except FlagError as error:
            return JSONResponse({"error": "invalid_flag", "detail": str(error)}, 400)
        current = self.store.current
        if name not in current:
            return JSONResponse({"error": "not_found", "name": name}, 404)
        self.store.delete(name)
        return JSONResponse({"name": name, "previous": current[name]})


def _parse_write(raw: bytes) -> dict[str, object]:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise FlagError("the body is not JSON") from error
    if not isinstance(body, dict):
        raise FlagError("the body is not a JSON object")
    if "value" not in body:
        raise FlagError("the body needs the key 'value'")
    return body


def _same(expected: object, current: object) -> bool:
    # In Python 1 == True; in JSON they differ.
    return type(expected) is type(current) and expected == current
