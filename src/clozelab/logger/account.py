"""Whether a dashboard's account is there, known without importing its client. Free of torch."""

import netrc
import os


def has_key() -> bool:
    """Says whether an account's key is there: in the environment, or where `wandb login` puts it."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return netrc.netrc(os.environ.get("NETRC")).authenticators("api.wandb.ai") is not None
    except (OSError, netrc.NetrcParseError):
        return False
