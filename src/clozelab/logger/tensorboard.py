"""TensorBoard: curves, and the table and parallel coordinates of hyperparameters with the final metrics."""

import logging
import os
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, final

from pytorch_lightning.loggers import Logger

from clozelab.errors import ConfigError
from clozelab.logger.dashboard import About, Outcome
from clozelab.store.cache import remove

log = logging.getLogger(__name__)

FINAL = "final"
"""Folder of a run's row in the table. Apart from the curves, so that a column is a final metric under its own name."""


@final
class TensorBoard(Logger):
    """One folder a run, below `output_dir/tensorboard`: `tensorboard --logdir` of that shows every run of a sweep.

    Raises:
        ConfigError: if the package is not installed.
    """

    def __init__(self) -> None:
        super().__init__()
        if find_spec("tensorboard") is None:
            name = f"{type(self).__module__}.{type(self).__name__}"
            raise ConfigError(
                f"_target_={name!r}: needs the package tensorboard: pip install 'clozelab[tensorboard]'", key="_target_"
            )
        self._folder: Path | None = None
        self._step = 0
        self._row: dict[str, Any] = {}
        self._curves: EventFile | None = None
        self._table: EventFile | None = None

    @property
    def name(self) -> str:
        """Name of the logger."""
        return "tensorboard"

    @property
    def version(self) -> str | None:
        """Folder of the run, once it is open."""
        return None if self._folder is None else str(self._folder)

    def open(self, about: About) -> None:
        """Begins the run's folder anew: what an earlier attempt logged after the step it resumes from is gone.

        Args:
            about: the run.
        """
        self._folder = about.output_dir / "tensorboard" / about.folder.relative_to(about.output_dir)
        try:
            remove(self._folder)
            self._curves, self._table = EventFile(self._folder), EventFile(self._folder / FINAL)
            self._table.begin(about.hyperparameters)
        except OSError as error:
            self._give_up(error)
        for step in sorted(about.history):
            self.log_metrics(about.history[step], step)

    def log_metrics(self, metrics: dict[str, Any], step: int | None = None) -> None:
        """Adds values at an optimizer step, each once: a validation repeats the progress of the training row."""
        if self._curves is not None:
            assert step is not None, "every curve has an x-axis"
            known = self._row if step == self._step else {}
            self._step, self._row = step, {**known, **metrics}
            try:
                self._curves.scalars({name: v for name, v in metrics.items() if known.get(name) != v}, step)
            except OSError as error:
                self._give_up(error)

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Nothing to do: `open` got them."""

    def close(self, outcome: Outcome) -> None:
        """Ends the row of the table, with the status that TensorBoard shows.

        Args:
            outcome: final metrics, and whether the run came to its end.
        """
        if self._table is not None:
            try:
                self._table.scalars(outcome.metrics, self._step)
                self._table.end(finished=outcome.finished)
            except OSError as error:
                self._give_up(error)
        self._close_files()

    def _close_files(self) -> None:
        for file in (self._curves, self._table):
            if file is not None:
                file.close()
        self._curves = self._table = None

    def _give_up(self, error: OSError) -> None:
        """A full disk or a read-only directory costs the dashboard, not the run."""
        self._close_files()
        log.warning("tensorboard: %s: %s; no more curves of this run go there", self._folder, error.strerror or error)


@final
class EventFile:
    """A file of TensorBoard's events. Each is written at once, so a killed process loses none.

    Args:
        folder: made for it.
    """

    def __init__(self, folder: Path) -> None:
        # Imported here, as the package is an extra.
        from tensorboard.compat.proto import event_pb2
        from tensorboard.summary.writer.record_writer import RecordWriter

        folder.mkdir(parents=True, exist_ok=True)
        # Without a buffer, so that closing it has nothing left to write, and nothing to fail at.
        self._file: BinaryIO = open(folder / f"events.out.tfevents.{int(time.time())}.{os.getpid()}", "wb", buffering=0)  # noqa: SIM115
        self._records = RecordWriter(self._file)
        self._event = event_pb2.Event
        self._write(file_version="brain.Event:2")

    def scalars(self, values: dict[str, Any], step: int) -> None:
        """Writes values at a step."""
        self._write(step=step, summary={"value": [{"tag": n, "simple_value": float(v)} for n, v in values.items()]})

    def begin(self, hyperparameters: dict[str, Any]) -> None:
        """Writes the hyperparameters of a row; TensorBoard makes the columns of all rows, those that differ first."""
        from tensorboard.plugins.hparams import metadata, plugin_data_pb2

        start = plugin_data_pb2.SessionStartInfo(start_time_secs=time.time())
        for key, value in hyperparameters.items():
            if isinstance(value, bool):
                start.hparams[key].bool_value = value
            elif isinstance(value, int | float):
                start.hparams[key].number_value = value
            elif value is not None:
                start.hparams[key].string_value = str(value)
        self._hparams(metadata.SESSION_START_INFO_TAG, plugin_data_pb2.HParamsPluginData(session_start_info=start))

    def end(self, *, finished: bool) -> None:
        """Writes how the row ended; without this TensorBoard takes it for one that still runs."""
        from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

        status = api_pb2.STATUS_SUCCESS if finished else api_pb2.STATUS_FAILURE
        end = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=time.time())
        self._hparams(metadata.SESSION_END_INFO_TAG, plugin_data_pb2.HParamsPluginData(session_end_info=end))

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _hparams(self, tag: str, data: Any) -> None:
        from tensorboard.plugins.hparams import metadata

        data.version = metadata.PLUGIN_DATA_VERSION
        plugin = {"plugin_name": metadata.PLUGIN_NAME, "content": data.SerializeToString()}
        self._write(summary={"value": [{"tag": tag, "metadata": {"plugin_data": plugin}}]})

    def _write(self, **event: Any) -> None:
        self._records.write(self._event(wall_time=time.time(), **event).SerializeToString())
        self._records.flush()
