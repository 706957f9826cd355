"""Repositories of the Hugging Face hub: which commit a revision is, and a local copy. Nothing of one is executed."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar, final

from clozelab.errors import ConfigError, DataError, require
from clozelab.store.reach import answers

T = TypeVar("T")
Kind = Literal["model", "dataset"]


@final
class Repository:
    """How to ask the hub for repositories of one kind. A hub that does not answer is no obstacle to what its cache has.

    Args:
        kind: `model` or `dataset`.
        revision: branch, tag or commit.
        offline: never ask the network; also set by `HF_HUB_OFFLINE=1`.
        patterns: of the files to fetch.
    """

    def __init__(self, *, kind: Kind, revision: str, offline: bool, patterns: tuple[str, ...]) -> None:
        require("revision", revision, bool(revision), "a branch, tag or commit")
        self.kind: Kind = kind
        self.revision = revision
        self.offline = offline or is_offline()
        self.patterns = patterns

    def commit(self, path: str) -> str:
        """Returns the commit of the revision: the hub's if it answers (nothing is downloaded), else the cached one.

        Raises:
            DataError: if neither knows it.
        """
        if re.fullmatch(r"[0-9a-f]{40}", self.revision):
            return self.revision
        import huggingface_hub as hub

        def commit(asked: bool) -> str:
            if not asked:
                return self._download(path, asked).name  # a snapshot's folder is named by its commit
            api = hub.HfApi(endpoint=endpoint())
            return str(api.repo_info(path, repo_type=self.kind, revision=self.revision, timeout=10).sha)

        return self._ask(path, commit)

    def snapshot(self, path: str) -> Path:
        """Returns a local folder with the repository's files, downloaded into the hub's own cache if need be.

        Raises:
            DataError: if the hub does not answer and the cache has no copy.
        """
        return self._ask(path, lambda asked: self._download(path, asked))

    def _download(self, path: str, asked: bool) -> Path:
        import huggingface_hub as hub  # imported here: it takes half a second that most runs need not pay

        return Path(
            hub.snapshot_download(
                path, repo_type=self.kind, revision=self.revision, allow_patterns=list(self.patterns),
                local_files_only=not asked,
            )
        )  # fmt: skip

    def _ask(self, path: str, question: Callable[[bool], T]) -> T:
        """Returns the answer to a question, which is told whether the hub may be asked, or only the cache.

        Raises:
            DataError: if neither has one.
        """
        from huggingface_hub.errors import HfHubHTTPError

        asked = not self.offline and answers(endpoint())
        # The hub's own errors are OSErrors or ValueErrors. Those of its HTTP client (requests, httpx or httpx2, by
        # version) pass through: their root is the base of the hub's own HTTP error.
        errors: Any = (OSError, ValueError, HfHubHTTPError.__bases__[0])
        try:
            return question(asked)
        except errors as error:
            first_line = (str(error).splitlines() or [type(error).__name__])[0]
            answer = f"{endpoint()} says: {first_line}" if asked else f"{endpoint()} does not answer"
            reason = "offline is set" if self.offline else answer
            raise DataError(f"{path!r} (revision {self.revision!r}) is not in the hub's cache, and {reason}") from error


def is_local(path: str) -> bool:
    """Says whether a path means a folder on this machine, not a repository."""
    return path.startswith(("/", "./", "../", "~")) or path.count("/") > 1 or os.path.exists(path)


def check_name(path: str, example: str) -> None:
    """Refuses what cannot be a repository's name.

    Raises:
        ConfigError: naming it.
    """
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", path):
        raise ConfigError(f"{path!r}: neither a local folder nor a hub name like {example!r}")


def is_offline() -> bool:
    """Says whether the environment forbids to ask the hub."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}


def endpoint() -> str:
    """Returns the hub's address."""
    return os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
