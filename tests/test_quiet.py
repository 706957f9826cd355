"""The terminal belongs to the user; what libraries say goes through logging."""

import logging
from collections.abc import Iterator

import pytest
import pytorch_lightning as pl
from transformers.utils import logging as transformers_logging

from clozelab.quiet import only, quiet_libraries

NAMES = ("lightning.pytorch", "pytorch_lightning", "lightning.fabric", "lightning_fabric")


@pytest.fixture
def talkative(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Lightning as it is after its import: with handlers of its own that write to the terminal."""
    saved = {name: (list(logging.getLogger(name).handlers), logging.getLogger(name).propagate) for name in NAMES}
    for name in NAMES:
        logging.getLogger(name).handlers[:] = [logging.StreamHandler()]
        logging.getLogger(name).propagate = False
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "true")
    yield
    for name, (handlers, propagate) in saved.items():
        logging.getLogger(name).handlers[:] = handlers
        logging.getLogger(name).propagate = propagate


@pytest.mark.usefixtures("talkative")
def test_libraries_talk_to_the_log_and_not_to_the_terminal(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    quiet_libraries()
    with caplog.at_level(logging.INFO):
        pl.Trainer(logger=False, enable_checkpointing=False)
    assert any("lightning" in record.name for record in caplog.records)
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("talkative")
def test_loading_a_model_draws_no_bar_and_warns_of_nothing() -> None:
    quiet_libraries()
    assert not transformers_logging.is_progress_bar_enabled()
    assert transformers_logging.get_verbosity() == transformers_logging.ERROR


def test_only_what_matters_is_said_meanwhile(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("clozelab.data.module")
    with caplog.at_level(logging.INFO), only(logging.ERROR, "clozelab.data"):
        logger.warning("hidden")
        logger.error("shown")
    with caplog.at_level(logging.INFO):
        logger.info("said again")
    assert [record.message for record in caplog.records] == ["shown", "said again"]
