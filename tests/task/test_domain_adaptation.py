"""Domain adaptation: masked tokens of a domain, from any encoder."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForMaskedLM

from clozelab.errors import ConfigError
from clozelab.task.domain_adaptation import DomainAdaptation
from clozelab.types import DataSpec

Run = Callable[..., tuple[int, str, str]]
ENCODER = "bert.encoder.layer.0.attention.self.query.weight"
HEAD = "cls.predictions.transform.dense.weight"


class Killed(BaseException):
    """Nothing catches it, as nothing catches a power cut."""


def train(clozelab: Run, arguments: list[str], output: Path, *, general: bool = False) -> Path:
    corpora = [] if general else ["data.general=null"]
    code, _, err = clozelab("train", "task=domain_adaptation", *corpora, *arguments, f"output_dir={output}")
    assert code == 0, err
    (run,) = output.glob("*/*/seed-*")
    return run


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "model/model.safetensors")


def test_an_encoder_without_a_head_gets_one_that_is_tied_to_its_embeddings(
    clozelab: Run, corpus: list[str], tmp_path: Path
) -> None:
    run = train(clozelab, corpus, tmp_path)
    model, loading = AutoModelForMaskedLM.from_pretrained(run / "model", output_loading_info=True)
    assert not loading["missing_keys"]
    assert model.cls.predictions.decoder.weight is model.bert.embeddings.word_embeddings.weight
    assert json.loads((run / "metrics.json").read_text())["val/perplexity"] > 1


def test_the_encoder_waits_until_the_head_is_warm(
    clozelab: Run, corpus: list[str], tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = load_file(tiny_model / "model.safetensors")[ENCODER.removeprefix("bert.")]
    same: dict[int, tuple[bool, bool]] = {}
    step = DomainAdaptation.on_train_batch_start

    def look(self: DomainAdaptation, batch: object, batch_idx: int) -> None:
        state = self.model.state_dict()
        first.setdefault("head", state[HEAD].clone())
        same[self.global_step] = (torch.equal(state[ENCODER], start), torch.equal(state[HEAD], first["head"]))
        step(self, batch, batch_idx)  # type: ignore[arg-type]

    first: dict[str, torch.Tensor] = {}
    monkeypatch.setattr(DomainAdaptation, "on_train_batch_start", look)
    train(clozelab, [*corpus, "task.head_steps=4"], tmp_path)
    assert all(encoder == (number <= 4) for number, (encoder, _) in same.items())
    assert [head for _, head in same.values()].count(True) == 2, "the first step of a warm-up is one of rate 0"
    assert len(same) > 6


def test_a_head_that_would_be_warmed_up_to_the_end_is_refused(clozelab: Run, corpus: list[str], tmp_path: Path) -> None:
    arguments = ["task=domain_adaptation", "data.general=null", *corpus, "task.head_steps=1000"]
    code, _, err = clozelab("train", *arguments)
    assert code == 2
    assert "task.head_steps=1000: the run has" in err


def test_steps_of_the_head_beside_a_frozen_encoder_are_refused(clozelab: Run, corpus: list[str]) -> None:
    arguments = ["task=domain_adaptation", "data.general=null", *corpus, "task.head_steps=4", "model.freeze=all"]
    code, _, err = clozelab("train", *arguments)
    assert code == 2
    assert "task.head_steps=4: model.freeze=all leaves the whole run to the head" in err


@pytest.mark.slow
def test_a_run_that_dies_while_its_head_is_warmed_up_continues_to_the_same_bits(
    clozelab: Run, corpus: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = [*corpus, "task.head_steps=4", "callbacks.checkpoint.every_n_steps=1"]
    whole = weights(train(clozelab, options, tmp_path / "whole"))
    step = DomainAdaptation.on_train_batch_start

    for dies in (2, 5):

        def die(self: DomainAdaptation, batch: object, batch_idx: int, dies: int = dies) -> None:
            if self.global_step == dies:
                raise Killed
            step(self, batch, batch_idx)  # type: ignore[arg-type]

        output = tmp_path / f"killed-{dies}"
        with monkeypatch.context() as patch:
            patch.setattr(DomainAdaptation, "on_train_batch_start", die)
            with pytest.raises(Killed):
                train(clozelab, options, output)
        again = weights(train(clozelab, options, output))
        assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_pairs_are_refused() -> None:
    task = DomainAdaptation()
    task.spec = DataSpec(kind="documents", labels=(), num_examples={}, pad_token_id=0, next_sentence=True)
    with pytest.raises(ConfigError, match=r"data.next_sentence=true: task=domain_adaptation learns from no pairs"):
        task.check_model(torch.nn.Linear(1, 1))  # type: ignore[arg-type]


def test_steps_of_the_head_are_a_number() -> None:
    with pytest.raises(ConfigError, match="head_steps=-1: must be an integer >= 0"):
        DomainAdaptation(head_steps=-1)


def test_perplexity_is_measured_before_and_after_in_the_domain_and_on_a_general_corpus(
    clozelab: Run, corpus: list[str], articles: Path, tmp_path: Path
) -> None:
    general = [
        "data@data.general=plain_files", f"data.general.train={articles}", f"data.general.test={articles / '00.txt'}",
    ]  # fmt: skip
    run = train(clozelab, ["trainer.max_epochs=4", *general, *corpus], tmp_path, general=True)
    metrics = json.loads((run / "metrics.json").read_text())
    for split in ("val", "test", "general"):
        assert metrics[f"{split}/perplexity"] < metrics[f"{split}/perplexity_before"]
    assert (run / "predictions/general.parquet").exists()
    assert json.loads((run / "run.json").read_text())["before"]["general/perplexity_before"] > 1
    _, out, _ = clozelab("evaluate", str(run))
    assert "general" in out.splitlines()[0]
    assert clozelab("evaluate", str(run), "data.eval_batch_size=7")[0] == 0


@pytest.mark.slow
def test_what_was_measured_before_survives_an_interruption(
    clozelab: Run, corpus: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = [*corpus, "callbacks.checkpoint.every_n_steps=1"]

    def die(self: DomainAdaptation, batch: object, batch_idx: int) -> None:
        if self.global_step == 3:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(DomainAdaptation, "on_train_batch_start", die)
        with pytest.raises(Killed):
            train(clozelab, options, tmp_path / "killed")
    again = json.loads((train(clozelab, options, tmp_path / "killed") / "metrics.json").read_text())
    whole = json.loads((train(clozelab, options, tmp_path / "whole") / "metrics.json").read_text())
    assert again == whole
    assert "val/perplexity_before" in whole


def test_a_general_corpus_is_any_dataset_and_part_of_a_run_s_identity(clozelab: Run, corpus: list[str]) -> None:
    from clozelab.config.compose import compose
    from clozelab.identity import identify

    line = ["task=domain_adaptation", *corpus]
    hashes = {
        identify(compose([*line, *more])).hash
        for more in (["data.general=null"], [], ["data@data.general=bbc_news"], ["data.general.limit=5"])
    }
    assert len(hashes) == 4
    code, _, err = clozelab("train", *line, "data@data.general=bbc_nws")
    assert (code, "Did you mean 'bbc_news'?" in err) == (2, True)
    code, _, err = clozelab("train", *line, "data.general.limt=3")
    assert (code, "data.general.limt: Documents has no such key. Did you mean 'limit'?" in err) == (2, True)
