"""The shape of every profile: the arrivals are in the profile's schedule, so Locust only places the dispatchers."""

from gonogo.loadtest.generator.entry import OneDispatcherPerWorker

__all__ = ["OneDispatcherPerWorker"]
