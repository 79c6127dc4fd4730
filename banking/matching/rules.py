"""Which of an owner's rules says what a row of cash was for: the first, in their order, whose conditions all hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from banking.matching.words import words

MOST_KEPT = 100_000  # texts whose words are remembered
Phrase = tuple[str, ...]


class Row(NamedTuple):
    """What rules look at. ``amount`` is signed: positive came in. ``iban`` is the counterparty's, empty without one."""

    text: str
    amount: Decimal
    account: int
    section: str
    counterparty: int | None = None
    iban: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions, of which those that are empty do not count, and what rows that fit become.

    ``words``: the text holds any of them, whole, whatever the case, accents and punctuation. One of several words
    stands for them in this order. ``least`` and ``most``: limits, both included, of the size of the amount, or with
    ``signed`` of the amount itself. Ids name the rest; ``key`` is the rule's own.
    """

    key: int = 0
    words: tuple[str, ...] = ()
    least: Decimal | None = None
    most: Decimal | None = None
    signed: bool = False
    account: int | None = None
    section: str = ""
    counterparty: int | None = None
    iban: str = ""
    category: int | None = None
    sets_counterparty: int | None = None
    tags: tuple[int, ...] = ()

    def fits_beside_words(self, row: Row) -> bool:
        """Whether all conditions hold but that on words."""
        if (self.section and row.section != self.section) or (self.account is not None and row.account != self.account):
            return False
        if self.counterparty is not None and row.counterparty != self.counterparty:
            return False
        if self.iban and row.iban != self.iban:
            return False
        return self._sized(row.amount)

    def _sized(self, amount: Decimal) -> bool:
        if self.least is None and self.most is None:
            return True
        size = amount if self.signed else abs(amount)
        return (self.least is None or size >= self.least) and (self.most is None or size <= self.most)


@dataclass(slots=True)
class RuleBook:
    """Rules in their order, prepared so that a row costs about the same whether they are two or two hundred."""

    rules: Sequence[Rule]
    _phrases: dict[str, list[tuple[Phrase, int]]] = field(init=False)
    _wordless: tuple[int, ...] = field(init=False)
    _kept: dict[str, tuple[int, ...]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        phrases: dict[str, list[tuple[Phrase, int]]] = defaultdict(list)
        for place, rule in enumerate(self.rules):
            for phrase in filter(None, map(words, rule.words)):
                phrases[phrase[0]].append((phrase, place))
        self._phrases = dict(phrases)
        self._wordless = tuple(place for place, rule in enumerate(self.rules) if not rule.words)

    def first_match(self, row: Row) -> Rule | None:
        """The first rule that fits, or None."""
        for place in self._worded(row.text):
            rule = self.rules[place]
            if rule.fits_beside_words(row):
                return rule
        return None

    def _worded(self, text: str) -> tuple[int, ...]:
        """The places, in order, of the rules whose words ``text`` holds, and of those that ask for none."""
        known = self._kept.get(text)
        if known is None:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            known = self._kept[text] = self._found(words(text))
        return known

    def _found(self, spoken: Phrase) -> tuple[int, ...]:
        found: set[int] = set()
        for at, word in enumerate(spoken):
            for phrase, place in self._phrases.get(word, ()):
                if len(phrase) == 1 or spoken[at : at + len(phrase)] == phrase:
                    found.add(place)
        return tuple(sorted(found.union(self._wordless))) if found else self._wordless


def first_match(rules: Iterable[Rule], row: Row) -> Rule | None:
    """The first of ``rules`` that fits ``row``, or None. Keep a ``RuleBook`` for many rows."""
    return RuleBook(tuple(rules)).first_match(row)
