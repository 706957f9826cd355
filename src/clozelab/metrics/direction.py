"""Which way a metric is better is known from its name."""

LOWER_IS_BETTER = ("loss", "perplexity", "ece", "rmse", "mse", "mae")


def higher_is_better(metric: str) -> bool:
    """Says whether more of `metric` (such as `val/f1_conlleval`) is better."""
    return not any(part in LOWER_IS_BETTER for part in metric.replace("/", "_").split("_"))
