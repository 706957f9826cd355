"""What was said while a corpus was read is said again by whoever finds it in the cache."""

import logging

import pytest

from clozelab.data.notices import collected, repeat


def test_what_modules_of_the_package_say_is_collected_and_repeated(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), collected() as notices:
        logging.getLogger("clozelab.data.auto").warning("odd %s", "file")
        logging.getLogger("clozelab.data.module").info("plain")
        logging.getLogger("elsewhere").warning("not ours")
    logging.getLogger("clozelab.data.auto").warning("afterwards")
    assert notices == [[logging.WARNING, "odd file"], [logging.INFO, "plain"]]
    caplog.clear()
    with caplog.at_level(logging.INFO):
        repeat(notices)
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [tuple(notice) for notice in notices]
