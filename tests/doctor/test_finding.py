"""A check that stumbles is a finding, not a traceback."""

from subprocess import TimeoutExpired

from clozelab.doctor.finding import Finding, guarded


def test_what_a_check_finds_is_passed_on() -> None:
    finding = Finding("warning", "disk", "full", "empty it")
    assert guarded("disk", lambda: [finding]) == [finding]


def test_a_missing_package_and_an_unreadable_file_are_problems() -> None:
    def missing() -> list[Finding]:
        raise ModuleNotFoundError("No module named 'yaml'")

    def unreadable() -> list[Finding]:
        raise PermissionError(13, "Permission denied")

    def hanging() -> list[Finding]:
        raise TimeoutExpired("pip", 60)

    stumbling = (
        (missing, "No module named 'yaml'"),
        (unreadable, "Permission denied"),
        (hanging, "timed out after 60"),
    )
    for check, words in stumbling:
        (finding,) = guarded("a thing", check)
        assert (finding.level, finding.name) == ("problem", "a thing")
        assert words in finding.text
        assert finding.advice
