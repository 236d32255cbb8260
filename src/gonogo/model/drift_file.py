"""Thresholds of drift as a file has them: the defaults, and what a tenant agreed to instead."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field

from gonogo.model.gate import parse_decimal
from gonogo.model.vocabulary import Frozen, Word

Level = Annotated[Decimal, Field(ge=0, le=1000, allow_inf_nan=False), BeforeValidator(parse_decimal)]


class DriftLevels(Frozen):
    """The values above which drift is critical, high, medium and low."""

    critical: Level
    high: Level
    medium: Level
    low: Level


PSI_LEVELS = DriftLevels(critical=Decimal("0.3"), high=Decimal("0.25"), medium=Decimal("0.2"), low=Decimal("0.1"))
JS_LEVELS = DriftLevels(critical=Decimal("0.15"), high=Decimal("0.12"), medium=Decimal("0.1"), low=Decimal("0.05"))


class DriftThresholds(Frozen):
    """What PSI and JS values mean for one tenant; exactly at a threshold is still the milder severity."""

    psi: DriftLevels = PSI_LEVELS
    js: DriftLevels = JS_LEVELS
    min_samples: int = Field(default=100, ge=2, le=10**9)


class DriftFile(Frozen):
    """drift.yaml: thresholds for everybody, and by tenant."""

    default: DriftThresholds = DriftThresholds()
    tenants: dict[Word, DriftThresholds] = Field(default_factory=dict)

    def of_tenant(self, tenant: str | None) -> DriftThresholds:
        """Return a tenant's thresholds, or the default ones."""
        return self.default if tenant is None else self.tenants.get(tenant, self.default)
