"""From a text with character spans to words with one tag each.

The words of a text do not depend on any tokenizer or on the spans: they are runs of letters, marks and digits, and
single other characters. Chinese characters are single, too: nothing stands between Chinese words. A span that begins or
ends inside a word takes the whole word, which is counted.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import regex

from clozelab.errors import DataError

# The `regex` package, because the standard library's \w leaves out combining marks and would cut Hindi words apart.
WORD = regex.compile(r"\p{Han}|[\w\u200c\u200d--[\p{Han}_]]+|\S", regex.VERSION1)


@dataclass(frozen=True, slots=True)
class Span:
    """A labelled stretch of a text: characters `start` to `end` - 1."""

    start: int
    end: int
    label: str


def words_of(text: str) -> list[tuple[int, int]]:
    """Returns (start, end) of every word of a text, in characters."""
    return [match.span() for match in WORD.finditer(text)]


def tags_of(text: str, words: Sequence[tuple[int, int]], spans: Sequence[Span], counts: Counter[str]) -> list[str]:
    """Returns an IOB2 tag for every word.

    Args:
        text: the spans are of.
        words: from `words_of`.
        spans: in any order.
        counts: `spans_widened` is raised for a span that begins or ends inside a word, `spans_dropped` for one that
            shares a word with a longer one, or an equally long one before it: one tag a word cannot say both.

    Raises:
        DataError: for a span outside the text or without a word.
    """
    starts, ends = [start for start, _ in words], [end for _, end in words]
    tags = ["O"] * len(words)
    taken = [False] * len(words)
    for span in sorted(spans, key=lambda span: (span.start - span.end, span.start)):
        what = f"span {span.start}-{span.end} ({span.label[:40]})"
        if not 0 <= span.start < span.end <= len(text):
            raise DataError(f"{what} is not within the {len(text)} characters")
        inside = range(bisect_right(ends, span.start), bisect_left(starts, span.end))
        if not inside:
            raise DataError(f"{what} holds no word")
        if any(taken[i] for i in inside):
            counts["spans_dropped"] += 1
            continue
        counts["spans_widened"] += words[inside[0]][0] < span.start or words[inside[-1]][1] > span.end
        for place, i in enumerate(inside):
            tags[i] = f"{'I' if place else 'B'}-{span.label}"
            taken[i] = True
    return tags
