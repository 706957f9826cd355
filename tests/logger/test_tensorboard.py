"""TensorBoard for real: what was logged is read back with its own reader, and its table with its own plugin."""

import builtins
import importlib.util
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clozelab.callbacks.checkpoint import Checkpoint
from clozelab.config.check import check
from clozelab.config.compose import compose
from clozelab.errors import ConfigError
from clozelab.logger.dashboard import About, Outcome
from clozelab.logger.history import History
from clozelab.logger.tensorboard import TensorBoard

Run = Callable[..., tuple[int, str, str]]
Curves = dict[str, dict[int, float]]


def with_tensorboard(overrides: list[str]) -> list[str]:
    return ["logger=tensorboard" if o == "logger=none" else o for o in overrides]


def read(folder: Path) -> Curves:
    """Returns tag -> step -> value, as TensorBoard reads a folder; a value logged twice fails."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    reader = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    reader.Reload()
    curves: Curves = {}
    for tag in reader.Tags()["scalars"]:
        points = reader.Scalars(tag)
        curves[tag] = {point.step: point.value for point in points}
        assert len(curves[tag]) == len(points), f"{tag} is doubled"
    return curves


def rows(curves: Curves) -> dict[int, dict[str, float]]:
    """Returns curves as rows of optimizer steps."""
    steps = sorted({step for points in curves.values() for step in points})
    return {step: {tag: points[step] for tag, points in curves.items() if step in points} for step in steps}


def table(folder: Path) -> list[dict[str, Any]]:
    """Returns the rows of the HParams table as the plugin lists them: run, status, hyperparameters, metrics."""
    from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
    from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
    from tensorboard.context import RequestContext
    from tensorboard.plugins.base_plugin import TBContext
    from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups

    files = EventMultiplexer()
    files.AddRunsFromDirectory(str(folder))
    files.Reload()
    provider = MultiplexerDataProvider(files, str(folder))
    backend = backend_context.Context(TBContext(data_provider=provider))
    metadata = backend.hparams_metadata(RequestContext(), "")
    columns = backend.experiment_from_metadata(RequestContext(), "", True, metadata, provider.list_hyperparameters)
    wanted = [api_pb2.ColParams(metric=info.name) for info in columns.metric_infos]
    statuses = [api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE, api_pb2.STATUS_UNKNOWN, api_pb2.STATUS_RUNNING]
    request = api_pb2.ListSessionGroupsRequest(
        col_params=wanted, allowed_statuses=statuses, slice_size=100, include_metrics=True
    )
    listed = list_session_groups.Handler(RequestContext(), backend, "", request).run()
    return [
        {
            "run": group.sessions[0].name,
            "status": api_pb2.Status.Name(group.sessions[0].status),
            "hyperparameters": {
                name: getattr(value, str(value.WhichOneof("kind"))) for name, value in group.hparams.items()
            },
            "metrics": {m.name.tag: m.value for m in group.metric_values},
        }
        for group in listed.session_groups
    ]


def only_run(output: Path) -> Path:
    (run,) = output.glob("default/*/seed-*")
    return run


def logged(run: Path) -> Path:
    """Returns the folder of a run's curves."""
    output = run.parents[2]
    return output / "tensorboard" / run.relative_to(output)


def assert_same_as_history(run: Path) -> None:
    """Compares names, steps and values with history.csv and timings.csv; TensorBoard keeps 32 bits."""
    expected = History(folder=run).all_rows()
    found = rows(read(logged(run)))
    assert found.keys() == expected.keys()
    for step, values in expected.items():
        assert found[step] == pytest.approx(values, rel=1e-6, nan_ok=True), step


def test_curves_have_the_names_the_steps_and_the_values_of_history_csv(
    clozelab: Run, overrides: list[str], tmp_path: Path
) -> None:
    code, out, err = clozelab("train", *with_tensorboard(overrides), "callbacks.curves.every_n_steps=3")
    assert code == 0, err
    run = only_run(tmp_path / "outputs")
    assert_same_as_history(run)
    names = set(read(logged(run)))
    assert {"train/loss", "val/loss", "progress/examples", "progress/tokens", "perf/tokens_per_second"} <= names
    assert f"tensorboard --logdir {tmp_path / 'outputs' / 'tensorboard'}" in out
    (row,) = table(tmp_path / "outputs" / "tensorboard")
    metrics = json.loads((run / "metrics.json").read_text())
    assert row["metrics"] == pytest.approx(metrics, rel=1e-6), "all final metrics, and nothing else"
    assert row["status"] == "STATUS_SUCCESS"
    assert row["hyperparameters"]["optimizer.lr"] == 1e-3
    assert row["hyperparameters"]["seed"] == 42


def test_a_sweep_is_one_table_whose_first_column_is_what_differs(about: Callable[..., About], tmp_path: Path) -> None:
    for seed, lr in enumerate((1e-5, 3e-5)):
        logger = TensorBoard()
        logger.open(
            about(
                folder=tmp_path / "study" / f"cell-{lr}" / f"seed-{seed}",
                hyperparameters={"lr": lr, "data.train": "a.txt", "fold": None, "flag": True, "names": ["a", "b"]},
            )
        )
        logger.close(Outcome(metrics={"test/f1/<b>a/b</b>": lr}, finished=seed == 1))
    found = {row["run"]: row for row in table(tmp_path / "tensorboard")}
    assert set(found) == {"study/cell-1e-05/seed-0/final", "study/cell-3e-05/seed-1/final"}
    first, second = (found[name] for name in sorted(found))
    assert (first["status"], second["status"]) == ("STATUS_FAILURE", "STATUS_SUCCESS")
    expected = {"lr": 3e-5, "data.train": "a.txt", "flag": True, "names": "['a', 'b']"}
    assert second["hyperparameters"] == expected
    assert second["metrics"] == pytest.approx({"test/f1/<b>a/b</b>": 3e-5})


def test_a_run_that_dies_and_goes_on_has_each_point_once(
    clozelab: Run, overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = [*with_tensorboard(overrides), "callbacks.curves.every_n_steps=1", "callbacks.checkpoint.every_n_steps=3"]
    save = Checkpoint.on_train_batch_end

    def dies(self: Checkpoint, trainer: Any, *args: Any) -> None:
        save(self, trainer, *args)
        if trainer.global_step == 5:  # two steps after the checkpoint: their points come again
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "on_train_batch_end", dies)
        assert clozelab("train", *options)[0] == 130
    run = only_run(tmp_path / "outputs")
    assert max(rows(read(logged(run)))) >= 4
    (row,) = table(tmp_path / "outputs" / "tensorboard")
    assert row["status"] == "STATUS_FAILURE"
    code, _, err = clozelab("train", *options)
    assert code == 0, err
    assert json.loads((run / "run.json").read_text())["resumed_from_step"] == 3
    assert_same_as_history(run)
    (row,) = table(tmp_path / "outputs" / "tensorboard")
    assert row["status"] == "STATUS_SUCCESS"


def test_what_a_killed_process_had_logged_is_on_the_disk(about: Callable[..., About], tmp_path: Path) -> None:
    logger = TensorBoard()
    logger.open(about())
    logger.log_metrics({"train/loss": 1.0}, 10)  # and never closed
    assert read(tmp_path / "tensorboard" / "study" / "cell" / "seed-1") == {"train/loss": {10: 1.0}}
    assert [row["status"] for row in table(tmp_path / "tensorboard")] != ["STATUS_SUCCESS"]
    logger.close(Outcome())


def test_a_run_begun_anew_forgets_its_earlier_curves(about: Callable[..., About], tmp_path: Path) -> None:
    for history, step in (({}, 7), ({}, 3), ({3: {"train/loss": 0.5}}, 5)):
        logger = TensorBoard()
        logger.open(about(history=history))
        logger.log_metrics({"train/loss": 0.25}, step)
        logger.close(Outcome(finished=True))
    assert read(tmp_path / "tensorboard" / "study" / "cell" / "seed-1") == {"train/loss": {3: 0.5, 5: 0.25}}


def test_values_that_are_no_numbers_are_kept_as_such(about: Callable[..., About], tmp_path: Path) -> None:
    logger = TensorBoard()
    logger.open(about())
    logger.log_metrics({"train/loss": math.nan, "val/perplexity": math.inf}, 1)
    logger.close(Outcome(metrics={"test/loss": math.nan}))
    found = read(tmp_path / "tensorboard" / "study" / "cell" / "seed-1")
    assert math.isnan(found["train/loss"][1])
    assert found["val/perplexity"][1] == math.inf


def test_a_directory_that_cannot_be_written_costs_the_dashboard_and_not_the_run(
    clozelab: Run, overrides: list[str], tmp_path: Path
) -> None:
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / "tensorboard").write_text("a file where a directory should be")
    assert clozelab("train", *with_tensorboard(overrides))[0] == 0
    run = only_run(tmp_path / "outputs")
    assert json.loads((run / "run.json").read_text())["status"] == "completed"
    assert "no more curves" in (run / "run.log").read_text()


def test_a_full_disk_ends_the_curves_and_not_the_run(
    about: Callable[..., About], caplog: pytest.LogCaptureFixture
) -> None:
    logger = TensorBoard()
    logger.open(about())
    assert logger._curves is not None
    with open("/dev/full", "wb", buffering=0) as full:
        logger._curves._file.close()
        logger._curves._records._writer = full
        logger.log_metrics({"train/loss": 1.0}, 1)
        logger.log_metrics({"train/loss": 1.0}, 2)
        logger.close(Outcome())
    assert caplog.text.count("No space left") == 1


def test_without_the_package_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    gone = lambda name, *args: None if name == "tensorboard" else find(name, *args)  # noqa: E731
    monkeypatch.setattr("clozelab.logger.tensorboard.find_spec", gone)
    with pytest.raises(ConfigError, match=r"logger\.tensorboard\._target_=.*pip install 'clozelab\[tensorboard\]'"):
        check(compose(["logger=tensorboard"]))


def test_nothing_of_it_is_imported_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        assert not name.startswith("tensorboard"), name
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    TensorBoard()
    check(compose(["logger=none"]))
