"""Models of the Hugging Face hub, or a local folder in the same layout. Code from the hub is never executed."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, final

from clozelab.errors import ConfigError, DataError, require
from clozelab.store.local import Local
from clozelab.store.reach import answers

T = TypeVar("T")
PATTERNS = ("*.json", "*.txt", "*.model", "*.safetensors")
"""What is fetched of a model repository: no Python, no pickles."""


@final
class Hub:
    """A hub repository or a local folder.

    Args:
        revision: branch, tag or commit on the hub; a local folder has none.
        offline: never ask the network; also set by `HF_HUB_OFFLINE=1`.
    """

    def __init__(self, *, revision: str = "main", offline: bool = False) -> None:
        require("revision", revision, bool(revision), "a branch, tag or commit")
        self.revision = revision
        self.offline = offline or os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}

    def check(self, path: str) -> None:
        """Refuses a local folder that is not there, and what is neither a folder nor a repository name.

        Raises:
            ConfigError: naming the path.
        """
        if _is_local(path):
            Local().check(path)
            if not (Path(path).expanduser() / "config.json").exists():
                raise ConfigError(f"{path!r}: not a model folder, it has no config.json")
        elif not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", path):
            raise ConfigError(f"{path!r}: neither a local folder nor a hub name like 'bert-base-uncased'")

    def fingerprint(self, path: str) -> str:
        """Returns the digest of a local folder, or the repository's name and commit."""
        if _is_local(path):
            self.check(path)
            return Local().fingerprint(path)
        if re.fullmatch(r"[0-9a-f]{40}", self.revision):
            return f"hub:{path}@{self.revision}"
        return f"hub:{path}@{self._commit(path)}"

    def locate(self, path: str) -> Path:
        """Returns the local folder, downloading the repository into the hub's own cache if need be.

        Raises:
            DataError: if the hub does not answer and the cache has no copy.
        """
        if _is_local(path):
            return Local().locate(path)
        return self._ask(path, lambda asked: self._snapshot(path, asked))

    def _commit(self, path: str) -> str:
        """Returns the commit of the revision: the hub's if it answers (nothing is downloaded), else the cached one."""
        import huggingface_hub as hub

        def commit(asked: bool) -> str:
            if not asked:
                return self._snapshot(path, asked).name  # a snapshot's folder is named by its commit
            return str(hub.HfApi(endpoint=_endpoint()).model_info(path, revision=self.revision, timeout=10).sha)

        return self._ask(path, commit)

    def _snapshot(self, path: str, asked: bool) -> Path:
        import huggingface_hub as hub  # imported here: it takes half a second that most runs need not pay

        return Path(
            hub.snapshot_download(
                path, revision=self.revision, allow_patterns=list(PATTERNS), local_files_only=not asked
            )
        )

    def _ask(self, path: str, question: Callable[[bool], T]) -> T:
        """Returns the answer to a question, which is told whether the hub may be asked, or only the cache.

        Raises:
            DataError: if neither has one.
        """
        from huggingface_hub.errors import HfHubHTTPError

        asked = not self.offline and answers(_endpoint())
        # The hub's own errors are OSErrors or ValueErrors. Those of its HTTP client (requests, httpx or httpx2, by
        # version) pass through: their root is the base of the hub's own HTTP error.
        errors: Any = (OSError, ValueError, HfHubHTTPError.__bases__[0])
        try:
            return question(asked)
        except errors as error:
            first_line = (str(error).splitlines() or [type(error).__name__])[0]
            answer = f"{_endpoint()} says: {first_line}" if asked else f"{_endpoint()} does not answer"
            reason = "offline is set" if self.offline else answer
            raise DataError(f"{path!r} (revision {self.revision!r}) is not in the hub's cache, and {reason}") from error


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT") or "https://huggingface.co"


def _is_local(path: str) -> bool:
    return path.startswith(("/", "./", "../", "~")) or path.count("/") > 1 or os.path.exists(path)
