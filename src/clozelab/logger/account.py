"""Whether a dashboard's account is there, known without importing its client. Free of torch."""

import netrc
import os
from urllib.parse import urlsplit

HOSTS = ("api.wandb.ai", "api.forge.coreweave.com")
"""Where an account is by default: of earlier wandb, and of wandb 0.31."""


def has_key() -> bool:
    """Says whether an account's key is there: in the environment, or where `wandb login` puts it."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        known = netrc.netrc(os.environ.get("NETRC")).hosts
    except (OSError, netrc.NetrcParseError):
        return False
    own = urlsplit(os.environ.get("WANDB_BASE_URL", "")).hostname
    return any(host in known for host in ((own,) if own else HOSTS))
