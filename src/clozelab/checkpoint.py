"""The weights of a run: back into the model, and out as a plain Hugging Face folder with a model card."""

from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import torch
import yaml
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from clozelab.data.module import DataModule
from clozelab.store.cache import remove
from clozelab.task.base import Task
from clozelab.types import Kind


def load_weights(model: PreTrainedModel, path: Path) -> None:
    """Puts the weights that `callbacks.checkpoint` selected back into the model."""
    model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))


def export(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, folder: Path, card: str) -> None:
    """Writes a Hugging Face folder: config with label names, safetensors, tokenizer, model card (README.md).

    Args:
        model: whole, with its head.
        tokenizer: of the encoder.
        folder: replaced if there.
        card: text of the model card.
    """
    temporary = folder.with_name(f".{folder.name}.tmp")
    remove(temporary)
    model.save_pretrained(str(temporary))
    tokenizer.save_pretrained(str(temporary))
    (temporary / "README.md").write_text(card, encoding="utf-8")
    remove(folder)
    temporary.rename(folder)


def card_of(
    *,
    name: str,
    identity: str,
    ancestry: Sequence[Mapping[str, Any]],
    config: Mapping[str, Any],
    metrics: Mapping[str, float],
    task: Task,
    data: DataModule,
) -> str:
    """Returns the model card of a run.

    Args:
        name: title.
        identity: of the run.
        ancestry: the runs that the weights come from, nearest first, as run.json has them.
        config: of the run.
        metrics: of all splits.
        task: of the run.
        data: of the run.
    """
    model = config["model"]
    licence = model.get("license", "unknown")
    if licence == "unknown" and ancestry:  # the weights are still those of the run before
        licence = ancestry[0].get("license", licence)
    return model_card(
        name=name, data=config["data"]["train"], about=data.about, model_license=licence,
        metrics=metrics, identity=identity, base=str(model.get("path", model["_target_"])), use=task.use(),
        note=" ".join(filter(None, [note_of(config=config, task=task, data=data), LONG[task.kind]])),
        ancestry=[f"{earlier['id']} ({earlier['identity_hash'][:8]})" for earlier in ancestry], pipeline=task.pipeline,
    )  # fmt: skip


def note_of(*, config: Mapping[str, Any], task: Task, data: DataModule) -> str:
    """Returns where plain transformers answers otherwise than the run did, or an empty string.

    Args:
        config: of the run.
        task: of the run.
        data: of the run.
    """
    causal = CAUSAL if config["model"].get("attention") == "causal" else ""
    return " ".join(filter(None, [task.note(), data.note(), causal]))


CAUSAL = "No position saw a later one in training (attention: causal). Plain transformers lets it."

LONG: Mapping[Kind, str] = {
    "words": (
        "Long sentences were read in overlapping windows. A pipeline cuts them, unless it is given `stride=32`. What "
        "it takes for a word of a plain text is up to the tokenizer; called with `[words], is_split_into_words=True` "
        "it reads words as in training."
    ),
    "texts": (
        "Long texts were cut. A pipeline does the same if it is called with `truncation=True`. A pair of texts is "
        '`{"text": ..., "text_pair": ...}`.'
    ),
    "documents": "",
}


def model_card(
    *,
    name: str,
    data: str,
    about: Mapping[str, str],
    model_license: str,
    metrics: Mapping[str, float],
    identity: str,
    base: str,
    use: str,
    note: str,
    ancestry: Sequence[str],
    pipeline: str,
) -> str:
    """Returns a model card: where the model comes from, data, metrics, licences, and the command that loads it.

    Args:
        name: title.
        data: training file.
        about: licence and citation of the data.
        model_license: of the encoder.
        metrics: of all splits.
        identity: of the run.
        base: what the encoder was before.
        use: the call of transformers that answers with this model.
        note: what plain transformers does otherwise than the run did, or an empty string.
        ancestry: id and hash of the runs that the weights come from, nearest first.
        pipeline: what the hub calls the task.
    """
    shown = {k: v for k, v in metrics.items() if k.count("/") == 1 and k.startswith(("val/", "test/"))}
    table = "\n".join(f"| {key} | {value:.4f} |" for key, value in sorted(shown.items()))
    head: dict[str, Any] = {
        "library_name": "transformers", "license": model_license.lower().replace(" ", "-"), "tags": ["clozelab"],
        "pipeline_tag": pipeline, "model-index": _model_index(name, Path(data).name, pipeline, shown),
    }  # fmt: skip
    return CARD.format(
        head=yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=1000),
        name=name, data=data, base=base, license=model_license,
        data_license=about["license"], citation=about["citation"], table=table, identity=identity, use=use,
        modes=MODES if any("conlleval" in key for key in shown) else "",
        note=f"\n{note}\n" if note else "",
        ancestry="\nAncestry: " + ", from ".join(f"run `{name}`" for name in ancestry) + ".\n" if ancestry else "",
    )  # fmt: skip


def _model_index(name: str, data: str, pipeline: str, metrics: Mapping[str, float]) -> list[dict[str, Any]]:
    """Returns results as the hub reads them (its model card specification, `model-index`); one entry a split."""
    results = []
    for prefix, split in (("val/", "validation"), ("test/", "test")):
        found = {key.removeprefix(prefix): v for key, v in metrics.items() if key.startswith(prefix) and isfinite(v)}
        values = [{"type": HUB_METRICS.get(key, key), "name": key, "value": float(v)} for key, v in found.items()]
        if values:
            dataset = {"name": data, "type": data, "split": split}
            results.append({"task": {"type": pipeline}, "dataset": dataset, "metrics": values})
    return [{"name": name, "results": results}] if results else []


HUB_METRICS = {
    "macro_f1": "f1", "mcc": "matthews_correlation", "pearson": "pearsonr", "spearman": "spearmanr",
    **{f"{kind}_{mode}": kind for kind in ("precision", "recall", "f1") for mode in ("conlleval", "strict")},
}  # fmt: skip
"""What the hub calls metrics, where it has another name for them."""

MODES = """
`conlleval`: as the CoNLL shared tasks score, a leading I-X begins an entity. `strict`: only B-X does.
"""

CARD = """---
{head}---
# {name}

Trained by clozelab, run `{identity}`, from `{base}` on `{data}`.
{ancestry}
| metric | value |
| --- | --- |
{table}
{modes}
## Licences
- encoder: {license}
- data: {data_license}
- citation of the data: {citation}

## Use
```python
import transformers

{use}
```
{note}"""


def last_step(path: Path) -> int | None:
    """Returns the optimizer step at which a resumable checkpoint was saved, or None if there is no checkpoint."""
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    return int(state["global_step"])
