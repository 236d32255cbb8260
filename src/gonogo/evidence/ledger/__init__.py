"""The ledger of a system: an append-only, chained index of runs, bundles, approvals and rollbacks."""

from gonogo.evidence.ledger.book import Ledger, open_ledger
from gonogo.evidence.ledger.entries import Entry, Kind
from gonogo.evidence.ledger.location import ledger_location

__all__ = ["Entry", "Kind", "Ledger", "ledger_location", "open_ledger"]
