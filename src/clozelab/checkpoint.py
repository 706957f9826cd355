"""The weights of a run: back into the model, and out as a plain Hugging Face folder with a model card."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from clozelab.store.cache import remove


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
    """
    shown = {k: v for k, v in metrics.items() if k.count("/") == 1 and k.startswith(("val/", "test/"))}
    table = "\n".join(f"| {key} | {value:.4f} |" for key, value in sorted(shown.items()))
    return CARD.format(
        name=name, tag=model_license.lower().replace(" ", "-"), data=data, base=base, license=model_license,
        data_license=about["license"], citation=about["citation"], table=table, identity=identity, use=use,
        modes=MODES if any("conlleval" in key for key in shown) else "",
        note=f"\n{note}\n" if note else "",
        ancestry="\nAncestry: " + ", from ".join(f"run `{name}`" for name in ancestry) + ".\n" if ancestry else "",
    )  # fmt: skip


MODES = """
`conlleval`: as the CoNLL shared tasks score, a leading I-X begins an entity. `strict`: only B-X does.
"""

CARD = """---
library_name: transformers
license: {tag}
tags: [clozelab]
---
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
