"""Writing the page: content, plotting library, script and style in one file that asks nobody for anything.

Texts of data and configurations are never markup: they are in a block of JSON in which no tag can be written, and the
script puts them into the page as text. A content security policy lets no other script run and nothing be fetched.
"""

import base64
import hashlib
import html
import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from string import Template

from clozelab.compare.comparison import Comparison
from clozelab.errors import ConfigError
from clozelab.report.content import content
from clozelab.store.cache import atomic_write

SCRIPTS = ("base.js", "table.js", "plots.js", "parallel.js", "mistakes.js", "main.js")
"""In the order in which they need each other."""

ESCAPED = {ord(character): f"\\u{ord(character):04x}" for character in "<>&"}


def page_writer(path: Path) -> Callable[[Comparison], str]:
    """Returns what writes the page of a comparison and returns a line about it.

    Args:
        path: of the file, which is replaced if it exists.

    Raises:
        ConfigError: if the path cannot be a page's, or plotly is not installed; from the writer, if a run is damaged.
    """
    if path.suffix != ".html" or path.is_dir():
        raise ConfigError(f"--html {path}: must name a file that ends in .html, such as --html report.html")
    library = _library()

    def write(comparison: Comparison) -> str:
        text = page(comparison, library)
        try:
            atomic_write(path, text)
        except OSError as error:
            raise ConfigError(f"--html {path}: cannot be written: {error.strerror}") from error
        return f"{path}: {len(text) / 1e6:.1f} MB, opens in any browser without a network"

    return write


def page(comparison: Comparison, library: str) -> str:
    """Returns the whole page.

    Args:
        comparison: to show.
        library: source of plotly.js.
    """
    found = content(comparison)
    script = "(() => {\n" + '"use strict";\n' + "\n".join(map(_file, SCRIPTS)) + "})();"
    # Template looks for placeholders in page.html only, not in what it puts there.
    return Template(_file("page.html")).substitute(
        policy=_policy(library, script),
        title=html.escape(found["title"].encode("utf-8", "replace").decode()),
        style=_file("page.css"),
        data=json.dumps(found, separators=(",", ":"), allow_nan=False).translate(ESCAPED),
        library=library,
        script=script,
    )


def _policy(*scripts: str) -> str:
    """Returns the content security policy: these scripts, and nothing from anywhere."""
    hashes = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    # The library writes its own style; a plot is saved as an image by way of a data or blob URL.
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _file(name: str) -> str:
    return resources.files("clozelab.report").joinpath(name).read_text(encoding="utf-8")


def _library() -> str:
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise ConfigError("--html draws with plotly, which is not installed: pip install 'clozelab[report]'") from error
    return str(get_plotlyjs())
