"""Which validation metric picks the weights: one that validation has."""

from collections.abc import Sequence

from clozelab.errors import ConfigError, did_you_mean


def check_metric(key: str, metric: str, names: Sequence[str]) -> None:
    """Refuses a metric that validation does not have.

    Raises:
        ConfigError: naming the key, the metric and what there is.
    """
    if metric not in names:
        shown = ", ".join(name for name in names if name.count("/") == 1)
        raise ConfigError(
            f"{key}={metric!r}: validation has no such metric.{did_you_mean(metric, names)} It has {shown}"
        )
