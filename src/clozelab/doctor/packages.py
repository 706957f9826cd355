"""Python and the packages against the versions that clozelab supports, by its own metadata."""

import platform
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from importlib.util import find_spec

from clozelab.doctor.finding import Finding, Level

SHOWN = ("torch", "pytorch-lightning", "transformers", "tokenizers", "numpy", "hydra-core", "wandb")
"""Packages whose versions are shown even if they are right."""

MODULES = {"hydra-core": "hydra", "pyyaml": "yaml"}
"""What a package is imported as, where that is not its name with underscores."""


def check_python() -> list[Finding]:
    """Says whether this Python is one that clozelab supports."""
    from packaging.specifiers import SpecifierSet

    found, allowed = platform.python_version(), _declared()
    if allowed and not SpecifierSet(allowed).contains(found, prereleases=True):
        return [Finding("problem", "python", f"{found}, needed is {allowed}", "make an environment of another Python")]
    return [Finding("ok", "python", f"{found} (needed is {allowed or 'unknown'})")]


def _declared() -> str | None:
    return metadata("clozelab")["Requires-Python"]


def check_packages() -> list[Finding]:
    """Says which packages are missing or of a version that is not supported; those of extras only if they are there."""
    try:
        needed = requires("clozelab") or []
    except PackageNotFoundError:
        advice = "python -m pip install clozelab, or --editable . in a clone"
        return [Finding("problem", "packages", "clozelab is not installed, so what it needs is unknown", advice)]
    found = list(_wrong(needed))
    if found:
        return found
    count = sum("extra ==" not in requirement for requirement in needed)
    shown = ", ".join(f"{name} {version(name)}" for name in SHOWN)
    return [Finding("ok", "packages", f"all {count} within their ranges: {shown}")]


def _wrong(needed: Sequence[str]) -> Iterator[Finding]:
    from packaging.requirements import Requirement

    seen = set()
    for requirement in map(Requirement, needed):
        optional = "extra" in str(requirement.marker or "")
        if requirement.name in seen or (requirement.marker and not optional and not requirement.marker.evaluate()):
            continue
        seen.add(requirement.name)
        wanted = f"{requirement.name}{requirement.specifier}"
        advice = f"python -m pip install '{wanted}'"
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            if not optional:
                yield Finding("problem", requirement.name, f"not installed, needed is {wanted}", advice)
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            level: Level = "warning" if optional else "problem"
            yield Finding(level, requirement.name, f"{found}, supported is {requirement.specifier}", advice)
        elif not optional and find_spec(_module(requirement.name)) is None:
            again = f"python -m pip install --force-reinstall '{wanted}'"
            yield Finding("problem", requirement.name, f"{found} is registered, but its files are gone", again)


def _module(package: str) -> str:
    return MODULES.get(package.lower(), package.replace("-", "_"))
