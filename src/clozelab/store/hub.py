"""Models of the Hugging Face hub, or a local folder in the same layout. Code from the hub is never executed."""

from pathlib import Path
from typing import final

from clozelab.errors import ConfigError
from clozelab.store.local import Local
from clozelab.store.repository import Repository, check_name, is_local

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
        self._repository = Repository(kind="model", revision=revision, offline=offline, patterns=PATTERNS)

    def check(self, path: str) -> None:
        """Refuses a local folder that is not there, and what is neither a folder nor a repository name.

        Raises:
            ConfigError: naming the path.
        """
        if is_local(path):
            Local().check(path)
            if not (Path(path).expanduser() / "config.json").exists():
                raise ConfigError(f"{path!r}: not a model folder, it has no config.json")
        else:
            check_name(path, "bert-base-uncased")

    def fingerprint(self, path: str) -> str:
        """Returns the digest of a local folder, or the repository's name and commit."""
        if is_local(path):
            self.check(path)
            return Local().fingerprint(path)
        return f"hub:{path}@{self._repository.commit(path)}"

    def locate(self, path: str) -> Path:
        """Returns the local folder, downloading the repository into the hub's own cache if need be.

        Raises:
            DataError: if the hub does not answer and the cache has no copy.
        """
        if is_local(path):
            return Local().locate(path)
        return self._repository.snapshot(path)
