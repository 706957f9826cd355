"""Tag schemes: how a corpus writes its entities, recognised or declared, and turned into IOB2.

IOB1 (Ramshaw & Marcus 1995) begins an entity with B- only where one of the same type stands before it; IOB2
(Tjong Kim Sang & Veenstra 1999) begins every entity with B-; BIOES and BILOU also mark its end and single words. Tags
that are not of the form prefix-type are plain: every word's tag stands for itself.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal, get_args

from clozelab.data.lines import shown
from clozelab.errors import DataError
from clozelab.types import Sentence

log = logging.getLogger(__name__)

Scheme = Literal["iob1", "iob2", "bioes", "bilou", "plain"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
PREFIXES: dict[str, str] = {"iob1": "BI", "iob2": "BI", "bioes": "BIES", "bilou": "BILU"}
"""Prefixes of each scheme beside O."""

INSIDE = "IEL"
"""Prefixes that continue an entity of the same type that stands right before."""


def recognise(sentences: Iterable[Sequence[str]]) -> Scheme:
    """Returns the scheme of a corpus.

    With B- and I- only, it is IOB1 if some entity begins with I- and every B- follows an entity of its own type, as
    IOB1 demands; otherwise IOB2, where an entity that begins with I- is a flaw of the corpus. Tags of which some only
    look like a scheme's are plain, with a warning: it may be one slip of the pen that costs all entities.

    Args:
        sentences: tags of every sentence.
    """
    prefixes: set[str] = set()
    leading_inside = redundant_begin = False
    bare = ""  # the first tag without a prefix, and where
    for number, tags in enumerate(sentences, 1):
        previous = ""
        for tag in tags:
            prefix, kind = split_tag(tag)
            if prefix is None:
                bare = bare or f"{shown(tag)} (sentence {number}) has no prefix"
                continue
            prefixes.add(prefix)
            leading_inside |= prefix == "I" and kind != previous
            redundant_begin |= prefix == "B" and kind != previous
            previous = kind
    prefixes.discard("O")
    if not prefixes:
        return "plain"
    if prefixes <= set("BI") and not bare:
        return "iob1" if leading_inside and not redundant_begin else "iob2"
    for scheme in () if bare else ("bioes", "bilou"):
        if prefixes <= set(PREFIXES[scheme]):
            return scheme
    reason = bare or f"no scheme has all of the prefixes {', '.join(sorted(prefixes))}"
    log.warning("tags stand for themselves and make no entities, for %s; data.scheme says which is meant", reason)
    return "plain"


def to_iob2(tags: Sequence[str], scheme: Scheme, counts: Counter[str]) -> list[str]:
    """Returns the tags of one sentence in IOB2; plain tags as they are.

    A tag that continues nothing of its type begins an entity, as conlleval reads it.

    Args:
        tags: of the words.
        scheme: they are written in.
        counts: `tags_repaired` is raised for every tag that the scheme itself does not allow where it stands.

    Raises:
        DataError: for a tag that the scheme does not have.
    """
    if scheme == "plain":
        return list(tags)
    result = []
    previous, open_entity = "", False
    for tag in tags:
        if not is_tag_of(tag, scheme):
            raise DataError(f"{shown(tag)} is no tag of the scheme {scheme}")
        prefix, kind = split_tag(tag)
        assert prefix is not None, f"plain tag {tag!r}"
        joins = prefix in INSIDE and kind == previous and (open_entity or scheme in ("iob1", "iob2"))
        counts["tags_repaired"] += prefix in INSIDE and not joins and scheme != "iob1"
        result.append("O" if prefix == "O" else f"{'I' if joins else 'B'}-{kind}")
        previous, open_entity = kind, prefix in "BI"
    return result


def convert(sentences: Sequence[Sentence], scheme: Scheme, file: str, counts: Counter[str]) -> list[list[str]]:
    """Returns the tags of every sentence in IOB2, or plain; see `to_iob2`.

    Raises:
        DataError: naming file and line, for a tag that the scheme does not have.
    """
    result = []
    for sentence in sentences:
        try:
            result.append(to_iob2(sentence.tags, scheme, counts))
        except DataError as error:
            wrong = next(i for i, tag in enumerate(sentence.tags) if not is_tag_of(tag, scheme))
            raise DataError(f"{file}:{sentence.line_of(wrong)}: {error}; data.scheme says which it is") from error
    return result


def is_tag_of(tag: str, scheme: Scheme) -> bool:
    """Says whether a scheme has such a tag."""
    prefix, _ = split_tag(tag)
    return scheme == "plain" or (prefix is not None and (prefix == "O" or prefix in PREFIXES[scheme]))


def split_tag(tag: str) -> tuple[str | None, str]:
    """Returns prefix and type of a tag: (`B`, `PER`), (`O`, ``), or (None, ``) for a plain tag."""
    if tag == "O":
        return "O", ""
    prefix, dash, kind = tag.partition("-")
    return (prefix, kind) if dash and kind and prefix in tuple("BIESLU") else (None, "")
