"""A key is found where wandb keeps it, without importing wandb."""

from pathlib import Path

import pytest

from clozelab.logger.account import has_key


def test_a_key_is_in_the_environment_or_in_netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert not has_key()
    (tmp_path / "netrc").write_text("machine elsewhere.example login me password secret\n")
    (tmp_path / "netrc").chmod(0o600)
    assert not has_key()
    (tmp_path / "netrc").write_text("machine api.wandb.ai login user password secret\n")
    assert has_key()
    (tmp_path / "netrc").write_text("machine machine machine")
    assert not has_key()
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    assert has_key()
