"""Which way a metric is better is known from its name."""

LOWER_IS_BETTER = ("loss", "perplexity", "ece", "rmse", "mse", "mae")


def higher_is_better(metric: str) -> bool:
    """Says whether more of `metric` is better.

    Args:
        metric: with its split or without, such as `val/f1_conlleval` or `loss`; what follows, in `val/f1/loss`, is the
            name of a class, which may be called anything.
    """
    kind = metric.split("/")[1 if "/" in metric else 0]
    return not any(part in LOWER_IS_BETTER for part in kind.split("_"))
