"""Linear warm-up and linear decay to zero (Devlin et al. 2019, appendix A.2)."""

from typing import final

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from clozelab.errors import require


@final
class Linear:
    """The learning rate rises from 0 over the warm-up, then falls to 0 at the last step.

    Args:
        warmup: share of all optimizer steps, in [0, 1).
    """

    def __init__(self, *, warmup: float = 0.1) -> None:
        require("warmup", warmup, 0 <= warmup < 1, "a share of all steps in [0, 1)")
        self.warmup = warmup

    def build(self, *, optimizer: Optimizer, num_steps: int) -> LambdaLR:
        """Returns the schedule over `num_steps` optimizer steps."""
        num_warmup = round(self.warmup * num_steps)

        def factor(step: int) -> float:
            if step < num_warmup:
                return step / max(1, num_warmup)
            return max(0.0, (num_steps - step) / max(1, num_steps - num_warmup))

        return LambdaLR(optimizer, factor)


@final
class Constant:
    """The learning rate of the optimizer, unchanged."""

    def build(self, *, optimizer: Optimizer, num_steps: int) -> LambdaLR:
        """Returns the schedule; `num_steps` does not matter."""
        return LambdaLR(optimizer, lambda step: 1.0)
