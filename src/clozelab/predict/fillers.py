"""What fits a masked place of a text, and whether a second text follows the first."""

from collections.abc import Sequence
from typing import Any, ClassVar, final

import pyarrow as pa
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from clozelab.data.example import Example
from clozelab.data.masking import mask_id_of
from clozelab.errors import DataError
from clozelab.predict.item import Item
from clozelab.predict.question import Answer, Question, text_fields, texts_of, whole_text
from clozelab.task.base import Task
from clozelab.task.pretraining import Pretraining
from clozelab.types import Batch

MASK = "[MASK]"
"""How a mask may always be written, whatever the tokenizer calls its own."""

FILLER = pa.struct([("token", pa.string()), ("id", pa.int64()), ("score", pa.float64())])


@final
class Fillers(Question):
    """Which tokens fit each mask of a text, likeliest first; of a pair, how likely its second text follows the first.

    Args:
        task: with its model.
        tokenizer: of the encoder.
        max_length: of a text or pair in tokens; longer ones are cut, but no mask may be lost with it.
        top: fillers of each mask.
    """

    singles: ClassVar[str] = "this model has no head for pairs (it was trained with data.next_sentence=false)"

    def __init__(self, *, task: Task, tokenizer: PreTrainedTokenizerFast, max_length: int, top: int) -> None:
        self.follows = isinstance(task, Pretraining) and task.spec.next_sentence
        super().__init__(tokenizer=tokenizer, max_length=max_length, pairs="maybe" if self.follows else "never")
        self.task = task
        self.mask_id = mask_id_of(tokenizer)
        self.top = min(top, len(tokenizer))

    @property
    def schema(self) -> pa.Schema:
        """The columns of an answer."""
        follows = [("is_next", pa.float64())] if self.follows else []
        return pa.schema([*text_fields(self.pairs), ("masks", pa.list_(pa.list_(FILLER))), *follows])

    def refusal(self, item: Item) -> str:
        """Returns why there is nothing to fill in, or an empty string."""
        masked = any(mask in segment for segment in item.segments for mask in (MASK, self.tokenizer.mask_token))
        return super().refusal(item) or ("" if masked or item.is_pair else f"no {MASK} in the text")

    def examples(self, items: Sequence[Item]) -> list[list[Example] | DataError]:
        """Returns the one sequence of each text, whose targets are its masks."""
        own = str(self.tokenizer.mask_token)
        texts = [tuple(segment.replace(MASK, own) for segment in item.segments) for item in items]
        result: list[list[Example] | DataError] = []
        tokens = self.tokens([Item(text, item.place) for text, item in zip(texts, items, strict=True)])
        for text, item, found in zip(texts, items, tokens, strict=True):
            places = [place for place, token in enumerate(found.ids) if token == self.mask_id]
            if len(places) < sum(segment.count(own) for segment in text):
                message = f"{item.place}: a mask stands behind the {self.max_length} tokens that the model reads"
                result.append(DataError(message))
            else:
                # The first target is no mask: a head wants a place, also in a batch of pairs without any.
                result.append([whole_text(found, [0, *places])])
        return result

    def compute(self, hidden: Tensor, batch: Batch) -> list[Any]:
        """Returns of each text the ids and probabilities at its masks, and the probability that its second follows."""
        logits = self.task.head(hidden, batch)
        highest, ids = logits.log_softmax(-1).topk(self.top)
        follows = [None] * len(batch.example_ids)
        if isinstance(self.task, Pretraining) and self.follows:
            follows = self.task.next_sentence(hidden, batch)[:, 0].exp().cpu().tolist()
        num = torch.bincount(batch.target_ids[:, 0], minlength=int(batch.example_ids.max()) + 1)[batch.example_ids]
        parts = zip(ids.split(num.tolist()), highest.exp().split(num.tolist()), follows, strict=True)
        return [(own_ids[1:].tolist(), scores[1:].tolist(), follow) for own_ids, scores, follow in parts]

    def answers(self, items: Sequence[Item], computed: Sequence[Sequence[Any]]) -> list[Answer]:
        """Returns the fillers of every mask, from left to right, and of pairs whether they follow each other."""
        result = []
        for item, ((ids, scores, follows),) in zip(items, computed, strict=True):
            masks = [
                [self._filler(token, score) for token, score in zip(*mask, strict=True)]
                for mask in zip(ids, scores, strict=True)
            ]
            result.append({**texts_of(item), "masks": masks, **({"is_next": follows} if item.is_pair else {})})
        return result

    def _filler(self, token: int, score: float) -> Answer:
        return {"token": self.tokenizer.decode([token]).strip(), "id": token, "score": score}
