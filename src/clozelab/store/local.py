"""Files and folders on this machine."""

import os
from pathlib import Path
from typing import final

from clozelab.errors import ConfigError
from clozelab.store.hashing import file_digest, folder_digest


@final
class Local:
    """Paths on this machine, relative to the working directory or absolute; `~` is the home directory."""

    def check(self, path: str) -> None:
        """Refuses a path that does not exist.

        Raises:
            ConfigError: naming the path.
        """
        # Not Path.exists, which raises for an unknown `~user`, a folder that may not be entered, a name too long.
        if not os.path.exists(os.path.expanduser(path)):
            raise ConfigError(f"{path!r}: no such file or folder")

    def fingerprint(self, path: str) -> str:
        """Returns the digest of a folder's bytes, or of a file's with its ending, which may say what the bytes mean."""
        self.check(path)
        place = Path(path).expanduser()
        return folder_digest(place) if place.is_dir() else file_digest(place) + place.suffix.lower()

    def locate(self, path: str) -> Path:
        """Returns the path itself."""
        self.check(path)
        return Path(path).expanduser()
