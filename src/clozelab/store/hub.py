"""Models of the Hugging Face hub, or a local folder in the same layout. Code from the hub is never executed."""

import os
import re
from pathlib import Path
from typing import Any, final

from clozelab.errors import ConfigError, DataError, require
from clozelab.store.local import Local
from clozelab.store.reach import answers

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
        return f"hub:{path}@{self.locate(path).name}"  # a snapshot's folder is named by its commit

    def locate(self, path: str) -> Path:
        """Returns the local folder, downloading the repository into the hub's own cache if need be.

        Raises:
            DataError: if the hub does not answer and the cache has no copy.
        """
        if _is_local(path):
            return Local().locate(path)
        import huggingface_hub as hub  # imported here: it takes half a second that most runs need not pay
        from huggingface_hub.errors import HfHubHTTPError

        endpoint = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
        asked = not self.offline and answers(endpoint)
        # The hub's own errors are OSErrors or ValueErrors. Those of its HTTP client (requests, httpx or httpx2, by
        # version) pass through: their root is the base of the hub's own HTTP error.
        errors: Any = (OSError, ValueError, HfHubHTTPError.__bases__[0])
        try:
            folder = hub.snapshot_download(
                path, revision=self.revision, allow_patterns=list(PATTERNS), local_files_only=not asked
            )
        except errors as error:
            first_line = (str(error).splitlines() or [type(error).__name__])[0]
            answer = f"{endpoint} says: {first_line}" if asked else f"{endpoint} does not answer"
            reason = "offline is set" if self.offline else answer
            raise DataError(f"{path!r} (revision {self.revision!r}) is not in the hub's cache, and {reason}") from error
        return Path(folder)


def _is_local(path: str) -> bool:
    return path.startswith(("/", "./", "../", "~")) or path.count("/") > 1 or os.path.exists(path)
