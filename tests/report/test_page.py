"""The page is one file, harmless whatever the data hold, and works in a real browser without a network."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from clozelab.compare.comparison import compare
from clozelab.errors import ConfigError
from clozelab.report.content import content
from clozelab.report.page import page, page_writer

StudyAt = Callable[..., Path]
Clozelab = Callable[..., tuple[int, str, str]]
Open = Callable[..., Any]

LIBRARY = "/* a stand-in for the library */"


class Scripts(HTMLParser):
    """Collects the text of every script element as a browser reads it, and the other tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.tags: list[str] = []
        self.policy = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = dict(attributes)
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"] or ""
        if tag == "script":
            assert "src" not in values
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == "script":
            self.scripts[-1] += data

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(f"/{tag}")


def test_the_data_come_back_as_they_were_and_make_no_element(tmp_path: Path, study_at: StudyAt, hostile: str) -> None:
    whole = compare([study_at(tmp_path / "<img src=x> ${data}", text=hostile)])
    text = page(whole, LIBRARY)
    read = Scripts(text)
    assert json.loads(read.scripts[0]) == json.loads(json.dumps(content(whole)))
    assert hostile in json.dumps(json.loads(read.scripts[0]), ensure_ascii=False).replace('\\"', '"')
    assert read.scripts[1] == LIBRARY
    assert len(read.scripts) == 3
    assert "img" not in read.tags
    assert "<title>&lt;img src=x&gt; ${data} – clozelab</title>" in text


def test_the_policy_lets_exactly_the_scripts_of_the_page_run(tmp_path: Path, study_at: StudyAt) -> None:
    read = Scripts(page(compare([study_at(tmp_path / "grid")]), LIBRARY))
    rules = dict(rule.strip().split(" ", 1) for rule in read.policy.split(";"))
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in read.scripts[1:]]
    assert rules["script-src"].split() == [f"'sha256-{digest}'" for digest in digests]
    assert rules["default-src"] == "'none'"
    assert "http" not in read.policy


def test_a_study_whose_name_is_no_text_is_no_obstacle(tmp_path: Path, study_at: StudyAt) -> None:
    pytest.importorskip("plotly")
    study = study_at(tmp_path / "grid")
    strange = tmp_path / "gr\udcffid"
    try:
        study.rename(strange)
    except OSError:
        pytest.skip("this file system takes text only")
    page_writer(tmp_path / "report.html")(compare([strange]))
    assert (tmp_path / "report.html").read_text(encoding="utf-8").count("gr?id") == 1


def test_the_scripts_and_the_style_are_short() -> None:
    folder = Path(sys.modules["clozelab.report.page"].__file__ or "").parent
    files = [path for path in folder.iterdir() if path.suffix in (".js", ".css", ".html")]
    assert len(files) >= 7
    assert max(len(path.read_text(encoding="utf-8").splitlines()) for path in files) <= 300


@pytest.mark.parametrize("name", ["report", "report.txt", "folder.html"])
def test_a_path_that_is_no_page_is_refused(name: str, clozelab: Clozelab, tmp_path: Path, study_at: StudyAt) -> None:
    (tmp_path / "folder.html").mkdir()
    study = study_at(tmp_path / "grid")
    code, out, err = clozelab("compare", str(study), "--html", str(tmp_path / name))
    assert (code, out, err.count("\n")) == (2, "", 1)
    # Before the runs are read: a path that names none is not even looked at.
    assert clozelab("compare", str(tmp_path / "nothing"), "--html", str(tmp_path / name)) == (code, out, err)
    assert f"--html {tmp_path / name}: must name a file that ends in .html" in err


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, study_at: StudyAt) -> None:
    pytest.importorskip("plotly")
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"--html .*: cannot be written: "):
        page_writer(tmp_path / "file" / "report.html")(compare([study_at(tmp_path / "grid")]))


def test_without_the_plotting_library_one_is_told_what_to_install(
    tmp_path: Path, study_at: StudyAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(ConfigError, match=re.escape("pip install 'clozelab[report]'")):
        page_writer(tmp_path / "report.html")(compare([study_at(tmp_path / "grid")]))


def test_the_table_is_printed_as_ever_and_the_page_beside_it(
    clozelab: Clozelab, tmp_path: Path, study_at: StudyAt
) -> None:
    pytest.importorskip("plotly")
    study, file = study_at(tmp_path / "grid"), tmp_path / "new" / "report.html"
    code, out, err = clozelab("compare", str(study), "--format", "csv", "--html", str(file))
    assert (code, out) == (0, clozelab("compare", str(study), "--format", "csv")[1])
    assert err == f"{file}: {file.stat().st_size / 1e6:.1f} MB, opens in any browser without a network\n"
    assert file.stat().st_size < 8e6
    file.write_text("older")
    assert clozelab("compare", str(study), "--html", str(file))[0] == 0
    assert file.stat().st_size > 1e6


def test_a_page_is_written_without_torch(tmp_path: Path, study_at: StudyAt) -> None:
    pytest.importorskip("plotly")
    code = f"""
import sys
from clozelab.cli import main
assert main(["compare", {str(study_at(tmp_path / "grid"))!r}, "--html", {str(tmp_path / "report.html")!r}]) == 0
assert not {{'torch', 'transformers', 'pytorch_lightning', 'scipy'}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium, Debian's own."""
    from playwright.sync_api import sync_playwright

    command = shutil.which("chromium")
    assert command, "the tests marked browser need the command chromium"
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=command, args=["--no-sandbox"])


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Opens the page of a study offline; a message of the console, a request or a dialog fails the test."""
    noticed: list[str] = []
    contexts = []

    def open_page(
        study: Path, *, width: int = 1280, scheme: str = "light", change: Callable[[str], str] = str, **options: Any
    ) -> Any:
        file = tmp_path / "report.html"
        page_writer(file)(compare([study], **options))
        file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")
        context = browser.new_context(
            viewport={"width": width, "height": 844}, color_scheme=scheme, offline=True, is_mobile=width < 600
        )
        context.set_default_timeout(120_000)  # of a machine that is busy
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: noticed.append(f"console: {message.text}"))
        tab.on("pageerror", lambda error: noticed.append(f"error: {error}"))
        tab.on("dialog", lambda dialog: (noticed.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        tab.on("request", lambda request: request.url == file.as_uri() or noticed.append(f"request: {request.url}"))
        tab.goto(file.as_uri())
        until(tab, "document.querySelectorAll('#contents a').length > 0")
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert noticed == []


def until(tab: Any, condition: str) -> None:
    """Waits for a condition. The page's policy forbids the browser's own way of asking again and again."""
    for _ in range(100):
        if tab.evaluate(condition):
            return
        tab.wait_for_timeout(50)
    raise AssertionError(condition)


def drawn(tab: Any, name: str) -> int:
    """Returns the number of traces of a plot that is to be seen."""
    plot = tab.locator(f"#{name}")
    plot.scroll_into_view_if_needed()
    box = plot.locator(".main-svg").first.bounding_box()
    assert box["width"] > 200
    assert box["height"] > 100
    return int(plot.locator(".scatterlayer .trace, .heatmaplayer .hm, .barlayer .trace").count())


def column(tab: Any, name: str) -> list[str]:
    """Returns the first lines of a column of the table, as the rows stand."""
    heads = tab.locator("#table th").all_inner_texts()
    place = next(i for i, head in enumerate(heads) if head.strip() == name)
    return [row.locator("td").nth(place).inner_text().split("\n")[0] for row in tab.locator("#table tbody tr").all()]


LOOKS = [("texts", 1280, "dark"), ("texts", 390, "light")]
LOOKS += [(kind, *look) for kind in ("texts", "words", "numbers", "masks") for look in ((1280, "light"), (390, "dark"))]


@pytest.mark.browser
@pytest.mark.parametrize(("kind", "width", "scheme"), LOOKS)
def test_every_plot_is_drawn_and_nothing_is_wider_than_the_screen(
    kind: str, width: int, scheme: str, opened: Open, tmp_path: Path, study_at: StudyAt
) -> None:
    tab = opened(study_at(tmp_path / "grid", kind, "a long text " * 12), width=width, scheme=scheme)
    assert drawn(tab, "curve-plot") == 8  # four cells, each a line and a band
    assert drawn(tab, "heat-plot") == 2
    assert drawn(tab, "parallel-plot") >= 2
    assert drawn(tab, "cost-plot") == 1
    if kind == "masks":
        assert tab.locator("#mistake-plot").is_hidden()
        assert "too many classes" in tab.locator("#mistake-note").inner_text()
    else:
        assert drawn(tab, "mistake-plot") == (1 if kind == "words" else 2)
    assert tab.locator("#hardest tbody tr").count() == 12
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert "±" in tab.locator("#headline").inner_text()


@pytest.mark.browser
def test_a_click_sorts_and_what_has_no_value_comes_last(opened: Open, tmp_path: Path, study_at: StudyAt) -> None:
    tab = opened(study_at(tmp_path / "grid"))
    head = tab.locator("#table th", has_text="val/accuracy")
    assert column(tab, "val/accuracy")[0].startswith("0.81")  # the best first, as on the terminal
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert [text[:6] for text in column(tab, "val/accuracy")] == ["0.5150", "0.6150", "0.7150", "0.8150", "-"]
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert [text[:6] for text in column(tab, "val/accuracy")] == ["0.8150", "0.7150", "0.6150", "0.5150", "-"]
    tab.locator("#table th", has_text="lr").locator("button").click()
    assert column(tab, "lr") == ["1e-05", "1e-05", "0.0001", "0.0001", "1.0"]  # as numbers, not as words
    tab.locator("#cost-table th", has_text="seconds").locator("button").first.click()
    assert tab.locator("#cost-table tbody tr").count() == 4


FILTERS = {"lr=1e-5": 2, "lr=0.00001 max_epochs=3": 1, "accuracy>0.7": 2, "lr>=1e-4": 3, "FAILED": 1, "a<b": 0, "": 5}


@pytest.mark.browser
def test_what_is_typed_filters_the_table(opened: Open, tmp_path: Path, study_at: StudyAt) -> None:
    tab = opened(study_at(tmp_path / "grid"))
    for typed, left in FILTERS.items():
        tab.locator("#filter").fill("")
        tab.locator("#filter").press_sequentially(typed)
        assert tab.locator("#table tbody tr").count() == left, typed
        assert tab.locator("#count").inner_text() == ("5 cells" if left == 5 else f"{left} of 5 cells")


@pytest.mark.browser
def test_the_filter_greys_out_lines_of_the_parallel_coordinates(
    opened: Open, tmp_path: Path, study_at: StudyAt
) -> None:
    tab = opened(study_at(tmp_path / "grid"))
    count = "document.getElementById('parallel-plot').data.filter(trace => trace.hoverinfo === 'skip').length"
    assert tab.evaluate(count) == 0
    tab.locator("#filter").fill("lr=1e-5")
    until(tab, f"{count} === 1")


@pytest.mark.browser
def test_a_square_in_which_unlike_cells_meet_is_empty_until_the_filter_leaves_those_that_compare(
    opened: Open, tmp_path: Path, run_at: Callable[..., Path]
) -> None:
    for k, (corpus, lr, epochs) in enumerate((("x", 1e-5, 2), ("x", 1e-5, 3), ("y", 1e-5, 2), ("y", 2e-5, 2))):
        identity = {"data.validation": corpus, "optimizer.lr": lr, "trainer.max_epochs": epochs}
        run_at(tmp_path / "s" / f"c{k}", 1, identity=identity, metrics={"val/loss": 0.5 + k, "test/loss": 1.0})
    tab = opened(tmp_path / "s")
    squares = "JSON.stringify(document.getElementById('heat-plot').data[0].z)"
    until(tab, f"{squares} === '[[null,1.5],[3.5,null]]'")
    assert "A square in which cells of several groups meet is empty" in tab.locator("#heat-note").inner_text()
    for note in ("heat-note", "parallel-note"):
        assert "These cells are of 2 groups" in tab.locator(f"#{note}").inner_text()
    tab.locator("#filter").fill("validation=x")
    until(tab, f"{squares} === '[[0.5,1.5],[null,null]]'")
    assert "groups" not in tab.locator("#heat-note").inner_text()


@pytest.mark.browser
def test_a_number_in_a_column_of_settings_is_not_broken(opened: Open, tmp_path: Path, study_at: StudyAt) -> None:
    tab = opened(study_at(tmp_path / "grid"), width=390)
    cell = tab.locator("#table td", has_text="1e-05").first
    assert cell.evaluate("cell => getComputedStyle(cell).whiteSpace") == "pre"


@pytest.mark.browser
def test_curves_are_of_the_cells_that_are_ticked_over_the_axis_that_is_chosen(
    opened: Open, tmp_path: Path, study_at: StudyAt
) -> None:
    tab = opened(study_at(tmp_path / "grid"))
    tab.locator("#table tbody input").first.uncheck()
    assert drawn(tab, "curve-plot") == 6
    for axis, title, last in (
        ("tokens", "tokens", 6000),
        ("examples", "examples", 480),
        ("steps", "optimizer steps", 60),
    ):
        tab.locator("#curve-controls select").nth(1).select_option(label=axis)
        assert tab.locator("#curve-plot .xtitle").text_content() == title
        assert tab.evaluate("Math.max(...document.getElementById('curve-plot').data[1].x)") == last
    tab.locator("#curve-controls select").first.select_option(label="train/loss")
    assert tab.locator("#curve-plot .ytitle").text_content() == "train/loss"
    tab.locator("#curve-controls button").click()
    assert drawn(tab, "curve-plot") == 8


@pytest.mark.browser
def test_two_cells_differ_in_the_keys_that_are_listed(opened: Open, tmp_path: Path, study_at: StudyAt) -> None:
    tab = opened(study_at(tmp_path / "grid"))
    one, other = tab.locator("#difference-controls select").all()
    labels = one.locator("option").all_inner_texts()
    one.select_option(index=next(i for i, label in enumerate(labels) if label.startswith("00000000")))
    other.select_option(index=next(i for i, label in enumerate(labels) if label.startswith("00000002")))
    rows = [row.locator("td").all_inner_texts() for row in tab.locator("#difference-table tbody tr").all()]
    assert rows == [["optimizer.lr", "1e-05", "0.0001"], ["code.commit", "c0", "c2"]]
    other.select_option(index=one.evaluate("select => select.selectedIndex"))
    assert tab.locator("#difference-note").inner_text() == "The same cell twice."


@pytest.mark.browser
def test_the_mistakes_are_of_the_cell_that_is_chosen(opened: Open, tmp_path: Path, study_at: StudyAt) -> None:
    tab = opened(study_at(tmp_path / "grid"))
    table = "JSON.stringify(document.getElementById('mistake-plot').data[0].z)"
    cell, split = tab.locator("#mistake-controls select").all()
    assert split.locator("option").all_inner_texts() == ["validation", "test"]
    before = tab.evaluate(table)
    cell.select_option(index=4)  # the one that failed
    assert tab.locator("#mistake-note").inner_text() == "No run of this cell has finished."
    assert tab.locator("#hardest tbody tr").count() == 0
    cell.select_option(index=1)
    assert tab.evaluate(table) == before  # its predictions are the same in this study


@pytest.mark.browser
def test_the_colours_follow_the_system_s(opened: Open, tmp_path: Path, study_at: StudyAt) -> None:
    tab = opened(study_at(tmp_path / "grid"))
    number = "(text => Math.min(...text.match(/\\d+/g).slice(0, 3).map(Number)))"
    ink = f"{number}(getComputedStyle(document.querySelector('#curve-plot .xtitle')).fill)"
    ground = f"{number}(getComputedStyle(document.body).backgroundColor)"
    until(tab, f"{ink} < 60 && {ground} > 200")
    tab.emulate_media(color_scheme="dark")
    until(tab, f"{ink} > 200 && {ground} < 60")


@pytest.mark.browser
@pytest.mark.parametrize(("kind", "policy"), [("texts", True), ("texts", False), ("words", False)])
def test_markup_in_the_data_stays_text(
    kind: str, policy: bool, opened: Open, tmp_path: Path, study_at: StudyAt, hostile: str
) -> None:
    def change(text: str) -> str:  # what the policy would stop must not even be tried
        return text if policy else re.sub(r"<meta http-equiv=[^>]*>", "", text)

    tab = opened(study_at(tmp_path / "<b>x<img src=x onerror=alert(3)>", kind, hostile), change=change)
    tab.wait_for_timeout(300)
    assert tab.locator("img, b, #table script, main script").count() == 0
    assert tab.locator("script").count() == 3
    assert tab.locator("h1").inner_text() == "<b>x<img src=x onerror=alert(3)>"
    assert "<script>alert(1)</script>" in tab.locator("#hardest").inner_text()
    assert "</script><script>" in "".join(tab.locator("#mistake-plot .main-svg text").all_text_contents())
    assert "<script>" in "".join(tab.locator("#table").all_inner_texts())
    for plot, place in (("curve-plot", ".scatterlayer .point"), ("mistake-plot", ".heatmaplayer, .barlayer .point")):
        tab.locator(f"#{plot} {place}").first.hover(force=True)
        tab.wait_for_timeout(100)
    assert tab.locator("img, b").count() == 0


@pytest.mark.browser
def test_of_a_single_run_it_is_said_why_plots_are_missing(opened: Open, tmp_path: Path, study_at: StudyAt) -> None:
    tab = opened(study_at(tmp_path / "grid", seeds=[1]) / "cell-00000000")
    assert tab.locator("#heat-note").inner_text() == (
        "A heat map needs two keys in which the cells differ; none does."
    )  # fmt: skip
    assert "need a key in which the cells differ" in tab.locator("#parallel-note").inner_text()
    assert tab.locator("#differences").is_hidden()
    assert drawn(tab, "curve-plot") == 1  # no band


@pytest.mark.browser
def test_tests_against_a_cell_have_a_section(opened: Open, tmp_path: Path, study_at: StudyAt) -> None:
    study = study_at(tmp_path / "numbers", "numbers")
    assert opened(study).locator("#tests").is_hidden()
    tab = opened(study, against="00000001")
    assert tab.locator("#contrasts tbody tr").count() == 3
    assert "minus 00000001" in tab.locator("#contrasts").inner_text()


@pytest.mark.browser
def test_of_hundreds_of_cells_the_page_is_still_one_to_work_with(
    opened: Open, tmp_path: Path, run_at: Callable[..., Path]
) -> None:
    for k in range(310):
        identity = {"optimizer.lr": 1e-5 * (k // 10 + 1), "trainer.max_epochs": k % 10}
        run_at(
            tmp_path / "s" / f"c-{k:08x}", 1, identity=identity,
            metrics={"val/accuracy": k / 310, "test/accuracy": k / 320},
            history=[{"step": 10 * s, "val/accuracy": s * k / 620} for s in (1, 2)],
        )  # fmt: skip
    tab = opened(tmp_path / "s")
    assert tab.locator("#table tbody tr").count() == 310
    assert drawn(tab, "curve-plot") == 6  # the best; one seed has no band
    assert drawn(tab, "parallel-plot") <= 12
    assert drawn(tab, "heat-plot") == 2
    assert "Learning curves are of the first 300 of 310 cells." in tab.locator("#limits").inner_text()
    tab.locator("#filter").fill("max_epochs=3 accuracy>0.9")
    assert tab.locator("#count").inner_text() == "3 of 310 cells"
    tab.locator("#curve-controls button").click()
    assert drawn(tab, "curve-plot") == 3
    assert tab.evaluate("document.documentElement.scrollWidth") <= 1280
