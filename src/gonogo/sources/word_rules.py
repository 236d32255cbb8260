"""Words of a file against the words that are known, and words that stand twice."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from gonogo.sources.suggest import quote_value, suggest
from gonogo.sources.yaml_file import KeyPath, YamlFile


def check_twice(file: YamlFile, at: KeyPath, words: Sequence[str]) -> None:
    """Report every word of a list that stood before."""
    for index, word in enumerate(words):
        if word in words[:index]:
            file.report((*at, index), f"{quote_value(word)} stands twice. Remove one.")


def check_words(file: YamlFile, path: KeyPath, words: Collection[str], allowed: Collection[str]) -> None:
    """Report every word of a list that is not known, with the one that was probably meant."""
    for index, word in enumerate(words):
        check_word(file, (*path, index), word, allowed)


def check_word(file: YamlFile, path: KeyPath, word: str, allowed: Collection[str]) -> None:
    """Report a word that is not known, with the one that was probably meant."""
    if word not in allowed:
        file.report(path, f"is {quote_value(word)}; {suggest(word, allowed)}")
