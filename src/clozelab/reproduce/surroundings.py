"""What a run would be computed with if it were launched now, under the keys of run.json. Imports torch."""

from typing import Any

from clozelab import environment
from clozelab.ancestry import descent
from clozelab.config.check import check
from clozelab.config.nodes import instantiate
from clozelab.errors import ConfigError
from clozelab.experiment import CODE, numerics_of
from clozelab.model.build import tokenizer_fingerprint
from clozelab.reproduce.rebuild import Rebuilt, explained


def surroundings(rebuilt: Rebuilt) -> dict[str, Any]:
    """Returns code, packages, hardware, numerics, identity, tokenizer and ancestry as they are now.

    Raises:
        ConfigError: if the configuration cannot run here, or by this code.
        DataError: if what the tokenizer needs cannot be had.
    """
    config = rebuilt.config
    try:
        check(config)
    except ConfigError as error:
        raise explained(error, rebuilt.original) from error
    tokenizer = instantiate(config["model"]).tokenizer(instantiate(config["data"]))
    return {
        "code": CODE, "packages": environment.packages(), "hardware": environment.hardware(),
        "numerics": numerics_of(config, rebuilt.identity), "identity": rebuilt.identity.values,
        "tokenizer": tokenizer_fingerprint(tokenizer),
        "ancestry": descent(config["model"], rebuilt.identity.values.get("model.path")),
    }  # fmt: skip
