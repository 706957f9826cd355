"""Datasets of the Hugging Face hub, or a local folder in the same layout: each split as one Parquet file.

What a repository means (its configurations, which files are which split, the names of its labels) is left to the
`datasets` library. Code that a repository may bring is never executed; the hub converts such repositories to Parquet
under the revision `refs/convert/parquet`.
"""

from pathlib import Path
from typing import Any, final

from clozelab.errors import ConfigError, DataError, require
from clozelab.store.cache import build_once, cache_dir
from clozelab.store.hashing import digest
from clozelab.store.local import Local
from clozelab.store.repository import Repository, check_name, is_local

ENDINGS = ("parquet", "json", "jsonl", "csv", "tsv", "txt", "arrow", "gz", "zip")
"""Of the files that are fetched: data, no code."""


@final
class Dataset:
    """A dataset repository or a local folder. What a configuration names as files are the names of its splits.

    Args:
        path: hub name or local folder.
        config: configuration of the dataset, where it has several.
        folder: sub-folder of the repository to look into; of a converted one, the configuration's.
        revision: branch, tag or commit on the hub; a local folder has none.
        offline: never ask the network; also set by `HF_HUB_OFFLINE=1`.
    """

    def __init__(
        self,
        *,
        path: str,
        config: str | None = None,
        folder: str | None = None,
        revision: str = "main",
        offline: bool = False,
    ) -> None:
        inside = folder is None or not {"", ".", ".."} & set(folder.split("/"))
        require("folder", folder, inside, "null or a folder of the repository")
        places = f"{folder}/**/*" if folder else "*"
        patterns = ("README.md", *(f"{places}.{ending}" for ending in ENDINGS))
        if folder:
            patterns += tuple(f"{folder}/*.{ending}" for ending in ENDINGS)
        self._repository = Repository(kind="dataset", revision=revision, offline=offline, patterns=patterns)
        try:
            Local().check(path) if is_local(path) else check_name(path, "eriktks/conll2003")
        except ConfigError as error:
            raise ConfigError(f"path={error}", key="path") from error
        self.path = path
        self.config = config
        self.folder = folder

    def check(self, split: str) -> None:
        """Refuses what is no name of a split; which there are is known only once the dataset is here.

        Raises:
            ConfigError: naming it.
        """
        if not split or not all(character.isalnum() or character in "_.-" for character in split):
            raise ConfigError(f"{split!r}: not the name of a split, such as 'train'")

    def fingerprint(self, split: str) -> str:
        """Returns the digest of a local folder, or the repository's name and commit, with configuration and split."""
        self.check(split)
        if is_local(self.path):
            content = Local().fingerprint(self.path)
        else:
            content = f"{self.path}@{self._repository.commit(self.path)}"
        return f"dataset:{content}/{self.config}/{self.folder}/{split}"

    def locate(self, split: str) -> Path:
        """Returns a split as a Parquet file, in whose schema the names of the labels stand.

        Raises:
            DataError: if the dataset cannot be had, or has no such configuration or split.
        """
        entry = cache_dir() / "splits" / f"{digest(self.fingerprint(split))[:32]}.parquet"
        return build_once(entry, lambda temporary: self._convert(split, temporary))

    def _convert(self, split: str, target: Path) -> None:
        place = Local().locate(self.path) if is_local(self.path) else self._repository.snapshot(self.path)
        datasets = _library()
        try:
            names = datasets.get_dataset_config_names(str(place), data_dir=self.folder)
            if self.config is None and len(names) > 1 and "default" not in names:  # the library would take the first
                raise DataError(f"{self.path!r}: which configuration? data.source.config says it: {', '.join(names)}")
            rows = datasets.load_dataset(str(place), self.config, data_dir=self.folder, split=split, streaming=True)
            rows.to_parquet(str(target))
        except (ValueError, OSError, datasets.exceptions.DatasetsError) as error:
            first_line = (str(error).splitlines() or [type(error).__name__])[0]
            raise DataError(f"{self.path!r}, split {split!r}: {first_line}") from error


def _library() -> Any:
    """Returns the `datasets` library, quiet.

    Raises:
        DataError: if it is not installed.
    """
    try:
        import datasets  # imported here: it takes a second, and brings pandas
    except ImportError as error:
        raise DataError("datasets of the hub need the package `datasets`: pip install 'clozelab[hub]'") from error
    datasets.disable_progress_bars()
    return datasets
