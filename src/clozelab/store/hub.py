"""Models of the Hugging Face hub, or a local folder in the same layout. Code from the hub is never executed."""

import os
import re
import socket
from pathlib import Path
from typing import final
from urllib.parse import urlsplit

from clozelab.errors import ConfigError, DataError, require
from clozelab.store.local import Local

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
        self.offline = offline or os.environ.get("HF_HUB_OFFLINE", "") in {"1", "true", "TRUE", "yes"}

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

        only_cached = self.offline or not _answers(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
        try:
            folder = hub.snapshot_download(
                path, revision=self.revision, allow_patterns=list(PATTERNS), local_files_only=only_cached
            )
        except (OSError, ValueError) as error:  # the hub's own errors are OSErrors or ValueErrors
            state = "not asked (offline)" if only_cached else "asked"
            raise DataError(f"{path!r} is not in the local hub cache, and the hub was {state}: {error}") from error
        return Path(folder)


def _is_local(path: str) -> bool:
    return path.startswith(("/", "./", "../", "~")) or path.count("/") > 1 or Path(path).exists()


def _answers(endpoint: str) -> bool:
    """Says within two seconds whether a server answers: the hub's own client would hang for half a minute."""
    address = urlsplit(endpoint)
    try:
        port = address.port or (80 if address.scheme == "http" else 443)
        socket.create_connection((address.hostname or "", port), timeout=2).close()
    except OSError:
        return False
    return True
