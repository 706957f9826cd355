"""BERT encoders of any size from random weights: the six sizes of Turc et al. 2019 and Devlin et al. 2019."""

import logging
from collections.abc import Sequence
from typing import final

from transformers import BertConfig, PreTrainedModel, PreTrainedTokenizerFast

from clozelab.errors import ConfigError, require
from clozelab.model.build import Attention, auto_class, label_config, load_tokenizer
from clozelab.model.freeze import Freeze, check_freeze
from clozelab.model.wordpiece import wordpiece
from clozelab.types import Corpus, Source

log = logging.getLogger(__name__)


@final
class Bert:
    """A BERT without training.

    Args:
        num_layers: transformer blocks.
        hidden_size: width of the hidden states; 64 units an attention head, as in both papers.
        tokenizer: folder of the tokenizer as `source` understands it.
        vocab_size: None takes that tokenizer; a number learns a WordPiece vocabulary of this many tokens from the
            training split instead.
        lowercase: whether a vocabulary that is learnt is of lower-case words without accents.
        source: where the tokenizer comes from.
        max_length: number of positions in tokens.
        dropout: probability, for hidden states and attention alike.
        attention: `bidirectional` or `causal`.
        freeze: parts that keep their weights: `none`, `embeddings`, a number of lowest layers beside them, or `all`.
        license: of the tokenizer, for the model card.
    """

    def __init__(
        self,
        *,
        num_layers: int,
        hidden_size: int,
        tokenizer: str,
        source: Source,
        vocab_size: int | None = None,
        lowercase: bool = True,
        max_length: int = 512,
        dropout: float = 0.1,
        attention: Attention = "bidirectional",
        freeze: Freeze = "none",
        license: str = "unknown",
    ) -> None:
        require("num_layers", num_layers, num_layers >= 1, "an integer >= 1")
        require("hidden_size", hidden_size, hidden_size >= 64 and hidden_size % 64 == 0, "a multiple of 64")
        require("vocab_size", vocab_size, vocab_size is None or vocab_size >= 100, "null or an integer >= 100")
        require("max_length", max_length, max_length >= 32, "an integer >= 32")
        require("dropout", dropout, 0 <= dropout < 1, "a probability in [0, 1)")
        require("attention", attention, attention in ("bidirectional", "causal"), "'bidirectional' or 'causal'")
        check_freeze(freeze)
        try:
            source.check(tokenizer)
        except ConfigError as error:
            raise ConfigError(f"tokenizer={error}", key="tokenizer") from error
        self.num_layers = num_layers
        self.hidden_size = hidden_size
        self.tokenizer_path = tokenizer
        self.source = source
        self.vocab_size = vocab_size
        self.lowercase = lowercase
        self._max_length = max_length
        self.dropout = dropout
        self.attention: Attention = attention
        self.freeze: Freeze = freeze
        self.license = license

    def tokenizer(self, corpus: Corpus | None = None) -> PreTrainedTokenizerFast:
        """Returns the tokenizer the vocabulary size comes from.

        Args:
            corpus: to learn a vocabulary from, if one is to be learnt.
        """
        if self.vocab_size is None:
            folder = self.source.locate(self.tokenizer_path)
        elif corpus is not None:
            sizes = {"vocab_size": self.vocab_size, "max_length": self._max_length}
            folder = self._learnt = wordpiece(corpus, lowercase=self.lowercase, **sizes)
        else:
            folder = self._learnt
        return load_tokenizer(folder)

    def max_length(self) -> int:
        """Returns the number of positions in tokens."""
        return self._max_length

    def build(self, *, head: str, labels: Sequence[str]) -> PreTrainedModel:
        """Returns encoder and head with weights from torch's generator (normal, std 0.02; Devlin et al. 2019, A.2).

        Args:
            head: name of an Auto class of transformers.
            labels: names of the classes.
        """
        if self.freeze != "none":
            log.warning("model.freeze=%s keeps random weights: this encoder has not learnt anything yet", self.freeze)
        tokenizer = self.tokenizer()
        config = BertConfig(
            vocab_size=len(tokenizer),
            num_hidden_layers=self.num_layers,
            hidden_size=self.hidden_size,
            num_attention_heads=self.hidden_size // 64,
            intermediate_size=4 * self.hidden_size,
            max_position_embeddings=self._max_length,
            hidden_dropout_prob=self.dropout,
            attention_probs_dropout_prob=self.dropout,
            pad_token_id=tokenizer.pad_token_id,
            **label_config(labels),
        )
        return auto_class(head).from_config(config)
