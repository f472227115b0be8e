"""The corpus: invented articles about invented companies, the same bytes for the same seed.

An article is about 3.3 KB of ordinary prose. Tickers follow Zipf's law, as in real news: a few companies are
in every edition, most are hardly ever mentioned. Which program reads which notation is left to `sites`.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from . import words

SEED = 1
FIRST_DAY = datetime(2010, 1, 4, tzinfo=UTC)
"""A Monday, so long ago that no article of the largest corpus lies in the future."""
WEEK = (24, 28, 26, 22, 20, 10, 10)
"""Articles a day, Monday to Sunday."""
SIZES = (1900, 3100)
"""Characters that a body must have at least: drawn anew for each between these two."""


class Article(NamedTuple):
    """One article, before any program's notation."""

    slug: str
    date: datetime
    title: str
    summary: str
    tickers: tuple[str, ...]
    tags: tuple[str, ...]
    source: str
    url: str
    """Where the source published it."""
    body: str
    """Markdown, without front matter."""

    @property
    def path(self) -> str:
        """The file's place below the content folder, by day."""
        return f"{self.date:%Y-%m-%d}/{self.slug}.md"


def tickers(size: int) -> int:
    """How many tickers a corpus of `size` articles has: 75 at 1,000, 3,000 at 100,000, never over 10,000."""
    return min(max(75, 3 * size // 100), 10_000)


def articles(size: int, seed: int = SEED) -> Iterator[Article]:
    """The whole corpus of `size` articles, oldest first."""
    return (article(number, size, seed) for number in range(size))


def article(number: int, size: int, seed: int = SEED) -> Article:
    """Article `number`, counted from 0, of a corpus of `size`."""
    dice = _Dice(f"{seed}:{number}")
    count = bisect((0.4, 0.7, 0.9), dice.random()) + 1
    ranks: dict[int, None] = {}
    while len(ranks) < count:
        ranks[_zipf(dice.random(), tickers(size))] = None
    return _compose(dice, number, tuple(ranks))


def addition(turn: int, size: int, seed: int = SEED) -> Article:
    """The article added to a corpus of `size` in repetition `turn`: newest of all, its words new each time.

    It names the most frequent ticker, a middling one and a rare one, so that what it changes can be compared
    between sizes.
    """
    last = tickers(size) - 1
    ranks = (0, last // 8, last - turn % (last // 2))
    return _compose(_Dice(f"{seed}:{size}:{turn}"), size, ranks)


def edited(original: Article, turn: int) -> Article:
    """The article with one more paragraph at its end: its body changes, its card does not."""
    dice = _Dice(f"{original.slug}:{turn}")
    return original._replace(body=original.body + f"\n{_paragraph(dice, original.tickers)}\n")


def write(folder: Path, size: int, notation: Callable[[Article], str], seed: int = SEED) -> None:
    """Write a corpus of `size` articles below `folder`, each in the given notation."""
    made: set[Path] = set()
    for each in articles(size, seed):
        path = folder / each.path
        if path.parent not in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            made.add(path.parent)
        path.write_text(notation(each), encoding="utf-8", newline="\n")


def with_yaml(article: Article) -> str:
    """The article with YAML front matter, as digest and Eleventy read it."""
    return (
        "---\n"
        f'title: "{article.title}"\n'
        f"date: {article.date.isoformat()}\n"
        f"tickers: [{', '.join(article.tickers)}]\n"
        f"tags: [{', '.join(article.tags)}]\n"
        f'summary: "{article.summary}"\n'
        "source:\n"
        f"  name: {article.source}\n"
        f"  url: {article.url}\n"
        "---\n\n"
        f"{article.body}"
    )


def with_terms(article: Article) -> str:
    """The same for Hugo, whose taxonomies want a field of their own for the source."""
    return with_yaml(article).replace("\nsource:\n", f"\nsources: [{article.source}]\nsource:\n", 1)


def with_fields(article: Article) -> str:
    """The article with Pelican's header fields: of those with pages and feeds, `Tags` are tickers, `Authors` tags."""
    return (
        f"Title: {article.title}\n"
        f"Date: {article.date.isoformat()}\n"
        f"Tags: {', '.join(article.tickers)}\n"
        f"Authors: {'; '.join(article.tags)}\n"
        f"Category: {article.source}\n"
        f"Summary: {article.summary}\n"
        f"Link: {article.url}\n\n"
        f"{article.body}"
    )


class _Dice(dict[str, str]):
    """A seeded source of words: looking up a kind of word draws one. Made for `str.format_map`.

    It draws with `random()` alone, the only method whose sequence Python promises to keep between versions.
    """

    def __init__(self, seed: str) -> None:
        super().__init__()
        self.random = random.Random(seed).random

    def __missing__(self, kind: str) -> str:
        if kind in words.WORDS:
            return self.pick(words.WORDS[kind])
        return str(1 + int(self.random() * int(kind.removeprefix("#"))))

    def luck(self, chance: float) -> bool:
        return self.random() < chance

    def pick(self, choices: tuple[str, ...]) -> str:
        return choices[int(self.random() * len(choices))]

    def fill(self, choices: tuple[str, ...]) -> str:
        return self.pick(choices).format_map(self)


def _zipf(chance: float, count: int) -> int:
    """The rank, from 0, that falls on `chance` (0 to 1) when rank k has the weight 1 / (k + 1)."""
    steps = _harmonics(count)
    return bisect(steps, chance * steps[-1])


@cache
def _harmonics(count: int) -> tuple[float, ...]:
    return tuple(accumulate(1 / rank for rank in range(1, count + 1)))


def _company(rank: int) -> tuple[str, str]:
    """The symbol and the name of the company of that rank: `ZBADO`, `Zebado Robotics`."""
    consonants, vowels = "bcdfghjklmnprstvwxyz", "aeiou"
    code = rank * 7919 % 10_000  # a stride prime to 10,000, so that neighbours in rank look unalike
    first, second = divmod(code, 100)
    syllables = "".join(consonants[part // 5] + vowels[part % 5] for part in (first, second))
    return f"Z{syllables.upper()}", f"Ze{syllables} {words.TRADES[code % len(words.TRADES)]}"


def _moment(number: int) -> datetime:
    week, rest = divmod(number, sum(WEEK))
    day = 0
    while rest >= WEEK[day]:
        rest -= WEEK[day]
        day += 1
    return FIRST_DAY + timedelta(weeks=week, days=day, minutes=rest * 1440 // WEEK[day])


def _compose(dice: _Dice, number: int, ranks: tuple[int, ...]) -> Article:
    companies = tuple(_company(rank) for rank in ranks)
    symbols = tuple(symbol for symbol, _ in companies)
    title = f"{companies[0][1]} {dice.fill(words.TITLES)}"
    source = dice.pick(words.SOURCES)
    slug = "-".join((*title.lower().replace("'", "").split(), str(number)))
    opening = " ".join(f"{name} (NASDAQ:{symbol}) {dice.fill(words.NEWS)}" for symbol, name in companies)
    return Article(
        slug=slug,
        date=_moment(number),
        title=title,
        summary=f"{dice.fill(words.SENTENCES)} {dice.fill(words.SENTENCES)}",
        tickers=symbols,
        tags=tuple(dict.fromkeys(dice.pick(words.TAGS) for _ in range(3))),
        source=source,
        url=f"https://{source.lower().replace(' ', '-')}.example/{slug}",
        body=_body(dice, opening, symbols),
    )


def _body(dice: _Dice, opening: str, symbols: tuple[str, ...]) -> str:
    blocks = [opening, _paragraph(dice, symbols), _list(dice)]
    target = SIZES[0] + dice.random() * (SIZES[1] - SIZES[0])
    extras = (_heading, 0.6), (_quote, 0.4), (_table, 0.25)
    blocks += [extra(dice) for extra, chance in extras if dice.luck(chance)]
    while sum(map(len, blocks)) < target:
        blocks.append(_paragraph(dice, symbols))
    return "\n\n".join(blocks) + "\n"


def _paragraph(dice: _Dice, symbols: tuple[str, ...]) -> str:
    sentences = [dice.fill(words.SENTENCES) for _ in range(3 + int(dice.random() * 3))]
    if dice.luck(0.5):
        sentences.append(dice.fill(words.MARKED))
    if dice.luck(0.3):
        sentences.append(f"Shares of ${dice.pick(symbols)} {dice.fill(words.MOVES)}")
    return " ".join(sentences)


def _list(dice: _Dice) -> str:
    return "\n".join(f"- **{dice['subject'].capitalize()}**: {dice.fill(words.SENTENCES)}" for _ in range(3))


def _heading(dice: _Dice) -> str:
    return f"## What it means for {dice['subject']}\n\n{dice.fill(words.SENTENCES)}"


def _quote(dice: _Dice) -> str:
    return f"> {dice.fill(words.SENTENCES)}\n> {dice.fill(words.SENTENCES)}"


def _table(dice: _Dice) -> str:
    rows = "\n".join(dice.fill(("| {quarter} | {#900} | {#40} % |",)) for _ in range(4))
    return f"| Quarter | Sales, $ m | Margin |\n| --- | ---: | ---: |\n{rows}"
