"""What a model is asked about: a text, a pair of texts, or the words of a sentence."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from clozelab.data.cells import brief, text_in
from clozelab.errors import DataError


@dataclass(frozen=True, slots=True)
class Item:
    """One question.

    Attributes:
        segments: the text, or the two texts of a pair; of a sentence its words with blanks between them.
        place: where it stands, for messages: `file:line`, or its number.
        line: of its file, from 1; 0 if it is of none.
        words: of a sentence that comes in words; None leaves it to the model's task to find them.
        document: number of the document a sentence belongs to; None stands alone.
    """

    segments: tuple[str, ...]
    place: str
    line: int = 0
    words: tuple[str, ...] | None = None
    document: int | None = None

    @property
    def is_pair(self) -> bool:
        """Whether it is a pair of texts."""
        return len(self.segments) == 2


def make_item(
    segments: tuple[Any, ...], words: Any, place: str, *, line: int = 0, document: int | None = None
) -> Item | DataError:
    """Returns an item, or what is wrong with it.

    Args:
        segments: the text or texts; not looked at where there are words.
        words: a list of words, or None.
        place: for messages.
        line: of its file.
        document: of the sentence.
    """
    try:
        if words is not None:
            words = tuple(text_in(word, "a word") for word in words)
            if not words or any(not word.strip() for word in words):
                raise ValueError("no words" if not words else f"an empty word in {brief(list(words))}")
            segments = (" ".join(words),)
        segments = tuple(text_in(segment, "the text") for segment in segments)
        if not any(segment.strip() for segment in segments):
            raise ValueError("the text is empty")
    except ValueError as error:
        return DataError(f"{place}: {error}")
    return Item(segments, place, line, words, document)


def items_in(values: Any) -> Iterator[Item | DataError]:
    """Yields what Python code asks about.

    Args:
        values: an iterable of texts, of pairs of texts `(text, text)`, of sentences `["a", "list", "of", "words"]`, or
            of `{"text": ..., "text_pair": ...}` as pipelines take it.

    Raises:
        DataError: if it is a single text.
    """
    if isinstance(values, str):
        raise DataError(f"a list of texts is needed, not one text: [{brief(values)}]")
    for number, value in enumerate(values, 1):
        place = f"item {number}"
        if isinstance(value, Mapping) and {"text"} <= set(value) <= {"text", "text_pair"}:
            yield make_item(tuple(value[key] for key in ("text", "text_pair") if key in value), None, place)
        elif isinstance(value, list):
            yield make_item((), value, place)
        elif isinstance(value, tuple) and len(value) == 2:
            yield make_item(value, None, place)
        else:
            yield make_item((value,), None, place)
