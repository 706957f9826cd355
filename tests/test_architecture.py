"""The shape of the package: who may import whom, and how long things may be."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = {path.relative_to(ROOT / "src"): ast.parse(path.read_text()) for path in sorted(ROOT.glob("src/**/*.py"))}
NAMES = [str(path) for path in SOURCES]

LEVELS = (
    ("errors", "types", "randomness", "precision"),
    ("store",),
    ("model", "optimizer", "scheduler", "metrics"),
    ("task", "data", "callbacks", "logger"),
    ("ancestry", "checkpoint", "record", "config", "environment", "quiet", "scoring"),
    ("identity", "fetch", "summary", "mistakes"),
    ("experiment",),
    ("sweep", "evaluate", "compare"),
    ("predict", "report", "reproduce", "housekeeping"),
    ("doctor",),
    ("cli", "bench", "hydra_plugins"),
    ("__main__",),
)
"""Parts of the package, lowest first: a file may import from lower levels and from its own part."""

ALSO = {("callbacks", "task")}
"""(importer, imported) of one level that is meant: callbacks look at the task they watch. Task and data never meet."""

ONLY_CONFIG = {"config", "hydra_plugins"}
"""Parts that may know Hydra and OmegaConf."""


def part_of(path: Path) -> str:
    """Returns the part of the package a file is in."""
    if path.parts[0] == "hydra_plugins":
        return "hydra_plugins"
    return path.parts[1].removesuffix(".py")


def imports(tree: ast.AST) -> Iterator[str]:
    """Yields every imported module, those inside functions too, but not those for type checkers only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            # `from clozelab import environment` imports the module clozelab.environment.
            yield from (
                f"{node.module}.{a.name}" if node.module == "clozelab" else str(node.module) for a in node.names
            )
        yield from imports(node)


def own_imports(path: Path) -> set[str]:
    """Returns the parts of the package that a file imports."""
    found = set()
    for name in imports(SOURCES[path]):
        first, *rest = name.split(".")
        if first == "hydra_plugins":
            found.add(first)
        elif first == "clozelab" and rest:
            found.add(rest[0])
    return found


def violations(importer: str, imported: set[str]) -> list[str]:
    """Returns the imports of a part that point upwards or sideways."""
    level = {part: number for number, parts in enumerate(LEVELS) for part in parts}
    return sorted(
        part
        for part in imported
        if part != importer and level[part] >= level[importer] and (importer, part) not in ALSO
    )


def test_every_file_has_a_level_and_every_level_is_used() -> None:
    parts = {part_of(path) for path in SOURCES} - {"__init__"}
    assert parts == {part for level in LEVELS for part in level}


@pytest.mark.parametrize("name", NAMES)
def test_a_file_imports_only_from_levels_below_its_own(name: str) -> None:
    path = Path(name)
    if path.name != "__init__.py":
        assert violations(part_of(path), own_imports(path)) == []


def test_the_rule_itself_sees_what_it_forbids() -> None:
    assert violations("task", {"data"}) == ["data"]
    assert violations("data", {"task", "store", "errors", "data"}) == ["task"]
    assert violations("callbacks", {"task"}) == []
    assert violations("task", {"callbacks"}) == ["callbacks"]
    assert violations("config", {"experiment", "identity"}) == ["experiment", "identity"]
    text = """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from clozelab.cli import main
def f():
    with open("x"):
        from clozelab.data.conll import Conll
from clozelab import environment
"""
    assert list(imports(ast.parse(text))) == ["typing", "clozelab.data.conll", "clozelab.environment"]


@pytest.mark.parametrize("name", NAMES)
def test_only_the_config_part_knows_hydra(name: str) -> None:
    if part_of(Path(name)) not in ONLY_CONFIG:
        found = {module.split(".")[0] for module in imports(SOURCES[Path(name)])}
        assert not found & {"hydra", "omegaconf"}


def test_modules_import_each_other_in_no_circle() -> None:
    graph: dict[str, set[str]] = {}
    for path, tree in SOURCES.items():
        module = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
        graph[module] = {name for name in imports(tree) if name.startswith(("clozelab.", "hydra_plugins."))}
    pending = {module: {name for name in targets if name in graph} for module, targets in graph.items()}
    while leaves := [module for module, targets in pending.items() if not targets]:
        for leaf in leaves:
            del pending[leaf]
        pending = {module: targets - set(leaves) for module, targets in pending.items()}
    assert pending == {}


@pytest.mark.parametrize("name", NAMES)
def test_files_are_short_and_say_what_they_hold(name: str) -> None:
    assert len((ROOT / "src" / name).read_text().splitlines()) <= 300
    assert ast.get_docstring(SOURCES[Path(name)])


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("__init__.py")])
def test_init_files_hold_a_docstring_at_most(name: str) -> None:
    body = SOURCES[Path(name)].body
    if name == "clozelab/__init__.py":  # offers what notebooks use, and imports it only when it is asked for
        assert own_imports(Path(name)) == set()
        assert [f.name for f in body if isinstance(f, ast.FunctionDef)] == ["__getattr__"]
        assert len(body) <= 6
    else:
        assert len(body) <= 1


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yields every function and method."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("name", NAMES)
def test_functions_are_short(name: str) -> None:
    lengths = {f.name: (f.end_lineno or 0) - f.lineno + 1 for f in functions(SOURCES[Path(name)])}
    assert {function: length for function, length in lengths.items() if length > 45} == {}


@pytest.mark.parametrize("name", NAMES)
def test_no_constructor_swallows_keys_and_no_handler_swallows_errors(name: str) -> None:
    tree = SOURCES[Path(name)]
    assert [f for f in functions(tree) if f.name == "__init__" and (f.args.kwarg or f.args.vararg)] == []
    caught = [ast.unparse(n.type) if n.type else "" for n in ast.walk(tree) if isinstance(n, ast.ExceptHandler)]
    assert not {"", "Exception", "BaseException"} & set(caught)


def test_tests_mirror_the_sources() -> None:
    whole = {
        "test_architecture", "test_architectures", "test_bad_input", "test_conf", "test_network", "test_readme",
        "test_references",
    }  # fmt: skip
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        mirrored = path.relative_to(ROOT / "tests").with_name(path.name.removeprefix("test_"))
        assert path.stem in whole or Path("clozelab", mirrored) in SOURCES, path


def test_nothing_is_called_utils() -> None:
    for path in SOURCES:
        assert not {"utils", "util", "helpers", "helper", "common", "misc"} & {*path.with_suffix("").parts}
