"""A key is found where wandb keeps it, without importing wandb."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from clozelab.logger.account import HOSTS, has_key


def test_a_key_is_in_the_environment_or_in_netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_API_KEY", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert not has_key()
    (tmp_path / "netrc").write_text("machine elsewhere.example login me password secret\n")
    (tmp_path / "netrc").chmod(0o600)
    assert not has_key()
    (tmp_path / "netrc").write_text("machine api.wandb.ai login user password secret\n")
    assert has_key()
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example:8080")
    assert not has_key(), "of another server"
    (tmp_path / "netrc").write_text("machine wandb.example login user password secret\n")
    assert has_key()
    monkeypatch.delenv("WANDB_BASE_URL")
    assert not has_key()
    (tmp_path / "netrc").write_text("machine machine machine")
    assert not has_key()
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    assert has_key()


def test_the_hosts_have_the_default_of_this_wandb() -> None:
    import wandb

    assert urlsplit(str(wandb.Settings().base_url)).hostname in HOSTS
