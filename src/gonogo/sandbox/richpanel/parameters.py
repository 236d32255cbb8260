"""The parameters that the middleware shows of itself, without those that only time it, such as the cache of flags."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gonogo.sandbox.richpanel.ingress import MAX_BODY_BYTES
from gonogo.sandbox.richpanel.policy import MAX_AUTOMATIC_REPLIES
from gonogo.sandbox.richpanel.settings import Settings

DRIFTED_REPLIES = 10


@dataclass
class Parameters:
    """Serves `/config`."""

    settings: Settings

    async def show(self, _request: Request) -> Response:
        """Answer with every parameter as a plain value."""
        drifted = self.settings.faults.active("config_drift")
        return JSONResponse(
            {
                "webhook_requests_per_second": round(self.settings.admitted_rate),
                "webhook_burst": round(self.settings.admitted_burst),
                "webhook_max_bytes": MAX_BODY_BYTES,
                "automatic_replies_per_conversation": DRIFTED_REPLIES if drifted else MAX_AUTOMATIC_REPLIES,
                "verified_replies_need_a_match": True,
            }
        )
