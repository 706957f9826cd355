"""Behaviour of the errors a user can cause."""

import pytest

from clozelab.errors import ConfigError, DataError, RunFailedError, RunLockedError, UserError, did_you_mean, require


def test_a_valid_value_is_let_through() -> None:
    require("lr", 0.1, True, "a number > 0")


def test_a_refused_value_is_named_with_its_key_and_what_is_allowed() -> None:
    with pytest.raises(ConfigError) as caught:
        require("lr", "-1", False, "a number > 0")
    assert str(caught.value) == "lr='-1': must be a number > 0"
    assert caught.value.key == "lr"


def test_a_config_error_without_an_argument_at_fault_has_no_key() -> None:
    assert ConfigError("nothing to train").key is None


@pytest.mark.parametrize("error", [ConfigError, DataError, RunLockedError])
def test_mistakes_of_the_user_are_user_errors(error: type[Exception]) -> None:
    assert issubclass(error, UserError)


def test_a_failed_run_is_not_the_users_mistake() -> None:
    assert not issubclass(RunFailedError, UserError)


@pytest.mark.parametrize(
    ("word", "expected"),
    [("conl2003", " Did you mean 'conll2003'?"), ("wikitxt", " Did you mean 'wikitext2'?"), ("zzz", ""), ("", "")],
)
def test_the_nearest_word_is_suggested_only_if_it_is_near(word: str, expected: str) -> None:
    assert did_you_mean(word, iter(["conll2003", "wikitext2", "mrpc"])) == expected


def test_without_any_allowed_word_nothing_is_suggested() -> None:
    assert did_you_mean("conll", []) == ""
