"""The endpoint that switches faults while the system runs, so that something can break under a watch."""

from __future__ import annotations

import json
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gonogo.sandbox.richpanel.faults import FaultSet, UnknownFaultError
from gonogo.sandbox.richpanel.ingress import Authenticator, RefusedError


@dataclass
class FaultApi:
    """Serves `PUT /faults`, which needs the token of the webhook."""

    faults: FaultSet
    authenticator: Authenticator

    async def put_faults(self, request: Request) -> Response:
        """Switch on exactly the faults of the list `active`; answer with them."""
        try:
            self.authenticator.require(request)
            names = json.loads(await request.body())["active"]
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise TypeError("active is no list of names")
            self.faults.switch(names)
        except RefusedError as rejection:
            return rejection.response()
        except (UnknownFaultError, ValueError, KeyError, TypeError) as error:
            return JSONResponse({"error": "invalid_faults", "detail": str(error)}, 400)
        return JSONResponse({"active": self.faults.names})
