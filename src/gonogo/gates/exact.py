"""Numbers compared as the decimals that people see, and shown so that no edge is hidden by rounding."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

from gonogo.model.gate import Number

_FAR = 300


def to_exact(value: Number) -> Fraction | None:
    """Return a number as the fraction that its shortest notation stands for, or None where it is not finite.

    0.85 becomes 17/20 and not the binary fraction beside it, so that 0.90 → 0.85 is a drop of exactly 0.05.
    """
    if isinstance(value, Fraction):
        return value
    if isinstance(value, Decimal):
        usable = value.is_finite() and (not value or abs(value.adjusted()) <= _FAR)
        return Fraction(value) if usable else None
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Fraction(value)
    # float() first: numpy's scalars write their type into their repr.
    return Fraction(Decimal(repr(float(value)))) if math.isfinite(value) else None


def show_number(value: Number, *, full: bool = False) -> str:
    """Return a number as people read it: thousands apart, at most six significant digits unless `full`."""
    exact = to_exact(value)
    if exact is None:
        return str(value)
    if exact.denominator == 1 and abs(exact) < 10**15:
        return f"{exact.numerator:,}"
    try:
        near = float(exact)
    except OverflowError:
        return f"{Decimal(exact.numerator) / Decimal(exact.denominator):.5e}"
    shown = repr(near) if full else f"{near:.6g}"
    return shown if "e" in shown else f"{Decimal(shown):,f}"


def show_apart(first: Number, second: Number) -> tuple[str, str]:
    """Return two numbers so that they look different wherever they are."""
    shown = show_number(first), show_number(second)
    if shown[0] == shown[1] and to_exact(first) != to_exact(second):
        shown = show_number(first, full=True), show_number(second, full=True)
        if shown[0] == shown[1]:
            return str(first), str(second)
    return shown
