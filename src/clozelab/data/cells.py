"""What one cell of a row holds: a text, a list however it is written, a tag, the spans of a text.

All raise `ValueError` with a reason; who knows file and line puts them before it.
"""

import ast
import io
import json
import re
import tokenize
import warnings
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from clozelab.data.spans import Span

NEIGHBOURS = re.compile(r"""['"]\s*['"]""")
"""Where two strings may stand side by side without a comma: a first look, which the empty string passes, too."""


def brief(value: Any) -> str:
    """Returns a value as a message shows it: as Python writes it, and short."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def text_in(cell: Any, column: str) -> str:
    """Returns a text that every later step can write down.

    Args:
        cell: its value.
        column: its name, for messages.
    """
    if not isinstance(cell, str):
        raise ValueError(f"{column} must be text, is {brief(cell)}")
    if "\0" in cell:
        raise ValueError(f"NUL character in {column}: {brief(cell)}")
    if any("\ud800" <= character <= "\udfff" for character in cell):
        raise ValueError(f"half of a surrogate pair in {column}: {brief(cell)}")
    return cell


def list_in(cell: Any, column: str) -> list[Any]:
    """Returns the list in a cell: one, one that was written as text, or words with blanks between them.

    Args:
        cell: its value.
        column: its name, for messages.
    """
    if isinstance(cell, list):
        return cell
    if not isinstance(cell, str):
        raise ValueError(f"{column} must be a list, is {brief(cell)}")
    if _is_tuple(cell.strip()):
        raise ValueError(f"{column} is a tuple, must be a list: {brief(cell)}")
    if not cell.lstrip().startswith("["):
        # Not str.split(), which also splits at U+00A0 (as in "10\u00a0000"), U+2028 and the like.
        return [word for word in re.split(r"[ \t\r\n]+", cell) if word]
    try:
        value = json.loads(cell)
    except (ValueError, RecursionError):
        value = _python_list(cell.strip(), column)
    if not isinstance(value, list):
        raise ValueError(f"{column} is not a list: {brief(cell)}")
    return value


def _is_tuple(cell: str) -> bool:
    """Says whether a cell is a tuple as Python writes it, and not a sentence that begins with a bracket."""
    if not cell.startswith(("('", '("')):
        return False
    try:
        return repr(ast.literal_eval(cell)) == cell
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False


def tag_in(cell: Any, column: str, names: Sequence[str] | None) -> str:
    """Returns a tag.

    Args:
        cell: its value.
        column: its name, for messages.
        names: of the labels, where tags are integers (in csv: integers written as text).
    """
    if isinstance(cell, str) and names is not None and cell not in names and re.fullmatch(r"-?\d{1,9}", cell):
        cell = int(cell)
    if isinstance(cell, str) and cell.endswith(","):  # words with commas between them: the words would keep theirs
        raise ValueError(f"tag {brief(cell)} ends with a comma; a list of words has blanks between them")
    if isinstance(cell, str) and cell:
        return text_in(cell, column)
    if isinstance(cell, bool) or not isinstance(cell, int):
        raise ValueError(f"a tag must be text or an integer, is {brief(cell)}")
    if names is None:
        raise ValueError(f"tag {brief(cell)} is an integer; data.format.names says what the integers mean")
    if not 0 <= cell < len(names):
        raise ValueError(f"tag {brief(cell)} is not among the {len(names)} label names")
    return names[cell]


def spans_in(cell: Any, column: str) -> list[Span]:
    """Returns the spans of a text.

    Args:
        cell: a list of `[start, end, label]` or of objects with these keys.
        column: its name, for messages.
    """
    found = []
    for item in list_in(cell, column):
        if isinstance(item, Mapping):
            if missing := [key for key in ("start", "end") if key not in item]:
                raise ValueError(f"a span must be start, end, label; missing {missing[0]!r}: {brief(item)}")
            label = next((item[key] for key in ("label", "type", "tag") if key in item), None)
            values = (item["start"], item["end"], label)
        else:
            values = tuple(item) if isinstance(item, list | tuple) and len(item) == 3 else (None, None, None)
        start, end, label = values
        if type(start) is not int or type(end) is not int or not isinstance(label, str) or label in ("", "O"):
            raise ValueError(f"a span must be start, end, label, is {brief(item)}")
        found.append(Span(start, end, text_in(label, column)))
    return found


def _python_list(cell: str, column: str) -> Any:
    """Returns a list as Python writes it, and as pandas therefore writes it into csv."""
    kinds: list[int] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of backslashes in what somebody wrote by hand
            value = ast.literal_eval(cell)
        if NEIGHBOURS.search(cell):
            tokens = tokenize.generate_tokens(io.StringIO(cell).readline)
            kinds = [token.type for token in tokens if token.type != tokenize.NL]
    except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError) as error:  # also of depth
        raise ValueError(f"{column} is not a list: {brief(cell)}") from error
    if (tokenize.STRING, tokenize.STRING) in pairwise(kinds):  # Python makes one word of them
        raise ValueError(f"{column} is a list without commas, as numpy writes one: {brief(cell)}")
    return value
