"""Does a plain value from a config fit the annotation of a constructor argument? And how to say what would."""

import types
import typing
from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError

NAMES = {int: "an integer", float: "a number", str: "text", bool: "true or false", type(None): "null"}


def annotations(target: Callable[..., Any]) -> dict[str, Any]:
    """Returns the annotations of a class's constructor; none if they cannot be resolved."""
    try:
        return typing.get_type_hints(target.__init__, include_extras=True)  # type: ignore[misc]
    except (NameError, TypeError):  # some libraries annotate with names that exist for type checkers only
        return {}


def type_problem(value: Any, hint: Any) -> str:
    """Returns what a plain value must be to fit an annotation, or an empty string if it does."""
    if hint is Any:
        return ""
    if getattr(hint, "_is_protocol", False):  # only an object fits, and a plain value is none
        return f"must be {describe(hint)}"
    try:
        adapter = TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True))
    except (PydanticUserError, PydanticSchemaGenerationError):
        return ""
    try:
        # Strict for scalars, or "3" would pass for 3; lax for lists, which stand for tuples too.
        adapter.validate_python(value, strict=not isinstance(value, list | dict))
    except ValidationError:
        return f"must be {describe(hint)}"
    return ""


def fits(target: type, hint: Any) -> bool:
    """Says whether an object of class `target` fits an annotation."""
    if get_origin(hint) in (typing.Union, types.UnionType):
        return any(fits(target, part) for part in get_args(hint))
    if getattr(hint, "_is_protocol", False):
        return all(hasattr(target, name) for name in vars(hint) if not name.startswith("_"))
    return hint is Any or (isinstance(hint, type) and issubclass(target, hint))


def describe(hint: Any) -> str:
    """Returns an annotation in words, leaving out what no config file can say."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint in NAMES:
        return NAMES[hint]
    if origin is Literal:
        return f"one of {', '.join(map(repr, inner))}"
    if origin in (typing.Union, types.UnionType):
        said = [part for part in dict.fromkeys(map(describe, inner)) if not part.endswith(" node")]
        return " or ".join(said) or describe(inner[0])
    if origin is tuple and Ellipsis not in inner:
        return f"a list of {len(inner)} values"
    if isinstance(origin, type) and issubclass(origin, dict):
        return "a mapping"
    if origin is not None and inner:
        return f"a list of which each is {describe(inner[0])}"
    return f"a {getattr(hint, '__name__', hint)} node"
