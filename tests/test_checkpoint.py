"""Weights back in, a plain folder out, and a card that says where a model comes from."""

from pathlib import Path

import torch
import yaml
from transformers import AutoModelForTokenClassification

from clozelab.checkpoint import export, last_step, load_weights, model_card
from clozelab.model.pretrained import Pretrained
from clozelab.store.hub import Hub

ABOUT = {"license": "research use", "citation": "Somebody 2003"}


def card() -> str:
    metrics = {"val/f1_strict": 0.5, "test/f1_strict": 0.25, "test/f1_strict/PER": 0.1}
    return model_card(
        name="n", data="train.conll", about=ABOUT, model_license="Apache-2.0", metrics=metrics, identity="id", base="b",
        use="pipeline(...)", note="Read otherwise.", ancestry=("parent", "grandparent"),
        pipeline="token-classification",
    )  # fmt: skip


def test_the_card_names_data_metrics_and_licences_and_its_head_is_yaml() -> None:
    _, head, text = card().split("---", 2)
    assert yaml.safe_load(head)["license"] == "apache-2.0"
    for said in (
        "train.conll",
        "| test/f1_strict | 0.2500 |",
        "research use",
        "Somebody 2003",
        "`id`",
        "`b`",
        "Read otherwise.",
        "Ancestry: run `parent`, from run `grandparent`.",
    ):
        assert said in text
    assert "PER" not in text, "types are in metrics.json"


def test_an_exported_folder_replaces_an_older_one_and_loads_plainly(tiny_model: Path, tmp_path: Path) -> None:
    node = Pretrained(path=str(tiny_model), source=Hub())
    model = node.build(head="AutoModelForTokenClassification", labels=("A", "B"))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "old").touch()
    export(model, node.tokenizer(), folder, card())
    assert not (folder / "old").exists()
    loaded = AutoModelForTokenClassification.from_pretrained(str(folder))
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in model.state_dict().items())
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_selected_weights_come_back(tiny_model: Path, tmp_path: Path) -> None:
    model = Pretrained(path=str(tiny_model), source=Hub()).build(head="AutoModelForTokenClassification", labels=("A",))
    torch.save(model.state_dict(), tmp_path / "best.pt")
    before = model.classifier.weight.detach().clone()
    torch.nn.init.zeros_(model.classifier.weight)
    load_weights(model, tmp_path / "best.pt")
    assert torch.equal(model.classifier.weight, before)


def test_the_step_of_a_checkpoint_is_known_without_building_anything(tmp_path: Path) -> None:
    assert last_step(tmp_path / "none.ckpt") is None
    torch.save({"global_step": 7, "state_dict": {"w": torch.zeros(3)}}, tmp_path / "last.ckpt")
    assert last_step(tmp_path / "last.ckpt") == 7
