# SPDX-License-Identifier: GPL-2.0
"""The report: as a page in a browser, and as what machines read."""

from __future__ import annotations

import json
import os
import re
import shutil
import xml.etree.ElementTree as xml
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Callable, Iterator

from nslab_lab.host.plotting import matplotlib  # isort: skip (before any part of it)
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from nslab_lab.cli import main
from nslab_lab.sweeps import charts, gather, html, report
from nslab_lab.sweeps.exports import Moment
from nslab_lab.sweeps.rows import DONE
from nslab_lab.sweeps.store import Store
from sweeplab import PICTURE, cell_rows, commit, found, night, outcome, results, sweep_row

LARGE_CELLS, LARGE_FINDINGS = 10_000, 500
# What the browser makes of it until it is shown, by its own counts: time depends on the machine. At
# first 69,000 nodes, 15,000 of them laid out, by 11 layouts, and the picture of the open finding.
MOST = {"Nodes": 100_000, "LayoutObjects": 25_000, "LayoutCount": 30, "Resources": 6}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a second night: one new, one known, one gone, one that says awkward things."""
    folder = tmp_path_factory.mktemp("report")
    with results(folder) as store:
        night(store, "gone", "known")
        row = night(store, "known", "new <b>&\x00", "other", "known", done=False)
        store.end(row.sweep, DONE, 7200.0)
        made = gather.report(store, store.sweeps()[-1:], {})
    return report.write(made, folder)


SECTION = PICTURE.replace("</svg>", '<rect class="section" width="5" height="9"/></svg>')


@pytest.fixture(scope="module")
def causes(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The report of a second night, in which a known cause shows itself in a new way."""
    folder = tmp_path_factory.mktemp("causes")
    with results(folder) as store:
        night(store, "old@K")
        row = night(store, "one@C", "two@C", "one@C", "old@K", "young@K")
        store.execute(
            "UPDATE findings SET picture = ? WHERE signature = 'one'", zlib.compress(SECTION.encode())
        )
        made = gather.report(store, [row], {})
    return report.write(made, folder)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Headless Chromium, without a network, and with a home of its own."""
    options = webdriver.ChromeOptions()
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--window-size=1200,900",
    ):  # fmt: skip
        options.add_argument(argument)
    options.binary_location = shutil.which("chromium")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    home = str(tmp_path_factory.mktemp("home"))
    own = {**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home}
    service = Service(shutil.which("chromedriver"), env=own)
    driver = webdriver.Chrome(options=options, service=service)
    driver.execute_cdp_cmd("Network.enable", {})
    driver.execute_cdp_cmd(
        "Network.emulateNetworkConditions",
        {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0},
    )
    yield driver
    driver.quit()


@pytest.fixture
def opened(browser: Any, page: Path) -> Iterator[Any]:
    """The page, just opened in a window for a desk."""
    size(browser, 1200)
    browser.get(page.as_uri())
    yield browser
    assert browser.get_log("browser") == []


def size(browser: Any, width: int, height: int = 900, dark: bool = False, media: str = "") -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})


def shown(browser: Any) -> list[str]:
    """The headlines that are shown, from the top."""
    return [
        one.find_element(By.CLASS_NAME, "headline").text
        for one in browser.find_elements(By.CSS_SELECTOR, "#list > details")
        if one.is_displayed()
    ]


# === In a browser ===


def test_it_says_what_is_new_first(opened: Any) -> None:
    assert opened.title == "2 new findings · nslab"
    assert opened.find_element(By.TAG_NAME, "h1").text == "2 new findings"
    lead = opened.find_element(By.CLASS_NAME, "lead").text
    assert lead.startswith("nightly-2 ran 22 executions of 2 scenarios in 2 h.")
    assert "Besides the new: 1 known, 1 gone since the sweep before it." in lead
    badges = [one.text for one in opened.find_elements(By.CLASS_NAME, "badge")]
    assert badges == ["new", "new", "known", "gone"]
    # The first new one is open already, with its picture, loaded.
    first = opened.find_element(By.CSS_SELECTOR, "#list > details")
    assert first.get_attribute("open")
    image = first.find_element(By.TAG_NAME, "img")
    WebDriverWait(opened, 10).until(lambda _: image.get_property("naturalWidth") == 300)
    assert (
        "It was reproduced alone, with the same trace; the smallest schedule found has 1 preemption."
        in first.text
    )


def test_signatures_stand_below_their_cause(browser: Any, causes: Any) -> None:
    size(browser, 1200)
    browser.get(causes.as_uri())
    assert browser.title == "1 new finding · nslab" and shown(browser) == ["C", "K"]
    new, known = browser.find_elements(By.CSS_SELECTOR, "#list > details")
    assert "kasan · in 3 of 25 executions" in new.text and "2 signatures" in new.text
    below = new.find_elements(By.CSS_SELECTOR, ".sign > summary")
    assert [one.text.partition(" (")[0] for one in below] == ["And: KASAN: two"]
    assert "make replay TOKEN=" in new.text and new.text.count("make replay TOKEN=") == 1
    below[0].click()
    assert new.text.count("make replay TOKEN=") == 2 and new.text.count("make gdb TOKEN=") == 2
    assert "also seen as 1 signature more" in known.text
    known.find_element(By.TAG_NAME, "summary").click()
    assert "Also seen as: KASAN: young" in known.text
    # What is within a cause is found, too.
    browser.find_element(By.ID, "search").send_keys("young")
    assert shown(browser) == ["K"]
    assert browser.get_log("browser") == []


def test_a_picture_is_explained_as_it_is(browser: Any, causes: Any) -> None:
    size(browser, 1200)
    browser.get(causes.as_uri())
    new, known = browser.find_elements(By.CSS_SELECTOR, "#list > details")
    for summary in browser.find_elements(By.CSS_SELECTOR, ".sign > summary, .finding:not([open]) > summary"):
        browser.execute_script("arguments[0].parentElement.open = true", summary)
    captions = {
        one.text for one in known.find_elements(By.TAG_NAME, "figcaption")
    }
    assert captions == {"Time runs down; each actor has its lane."}
    first, second = new.find_elements(By.TAG_NAME, "figcaption")
    assert first.text == "Time runs down; each actor has its lane; a green bar is a read section."
    assert second.text in captions


def test_the_lab_draws_read_sections_as_the_report_expects() -> None:
    drawn = (Path(html.__file__).parents[1] / "findings" / "diagram_svg.py").read_text()
    assert f'class_="{html.SECTION.split(chr(34))[1]}"' in drawn


_ROOM = """
const input = document.getElementById("search"), style = getComputedStyle(input);
const pen = document.createElement("canvas").getContext("2d");
pen.font = style.font;
return input.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) -
	pen.measureText(input.placeholder).width;
"""


@pytest.mark.parametrize("width", [1200, 768, 390, 360])
def test_the_search_says_what_it_takes(opened: Any, width: Any) -> None:
    size(opened, width)
    # A search field keeps some room for its own button.
    assert opened.execute_script(_ROOM) > 12


@pytest.mark.parametrize(("width", "scrolls"), [(1200, False), (390, True)])
def test_it_says_what_can_be_scrolled(opened: Any, width: Any, scrolls: Any) -> None:
    size(opened, width)
    image = opened.find_element(By.CSS_SELECTOR, ".finding[open] img")
    WebDriverWait(opened, 10).until(lambda _: image.get_property("naturalWidth") == 300)
    hints = [
        opened.find_element(By.CSS_SELECTOR, f"{place} .hint")
        for place in (".finding[open] figcaption", "section[aria-labelledby=nights]")
    ]
    WebDriverWait(opened, 10).until(lambda _: all(one.is_displayed() == scrolls for one in hints))
    heat = opened.find_element(By.CSS_SELECTOR, "section[aria-labelledby=heat]")
    chart = heat.find_element(By.CSS_SELECTOR, ".chart.wide")
    is_cut = chart.get_property("scrollWidth") > chart.get_property("clientWidth")
    assert heat.find_element(By.CLASS_NAME, "hint").is_displayed() == is_cut


def test_it_sorts(opened: Any) -> None:
    assert shown(opened)[-1] == "KASAN: gone (a.c:1)"
    sort = Select(opened.find_element(By.ID, "sort"))
    sort.select_by_value("often")
    shares = [
        float(one.get_attribute("data-often"))
        for one in opened.find_elements(By.CSS_SELECTOR, "#list > details")
    ]
    assert shares == sorted(shares, reverse=True) and len(set(shares)) > 1
    sort.select_by_value("scenario")
    names = [
        one.get_attribute("data-scenario")
        for one in opened.find_elements(By.CSS_SELECTOR, "#list > details")
    ]
    assert names == sorted(names) and len(set(names)) > 1
    sort.select_by_value("status")
    assert shown(opened)[-1] == "KASAN: gone (a.c:1)"


def test_it_filters(opened: Any) -> None:
    opened.find_element(By.CSS_SELECTOR, "input[value=known]").click()
    opened.find_element(By.CSS_SELECTOR, "input[value=gone]").click()
    assert len(shown(opened)) == 2
    assert opened.find_element(By.ID, "shown").text == "2 of 4 shown"
    opened.find_element(By.ID, "search").send_keys("OTHER kasan")
    assert shown(opened) == ["KASAN: other (a.c:1)"]
    opened.find_element(By.ID, "search").send_keys(Keys.CONTROL, "a", Keys.NULL, "nothing has this")
    assert shown(opened) == [] and opened.find_element(By.ID, "shown").text == "0 of 4 shown"
    opened.find_element(By.ID, "search").send_keys(Keys.ENTER)
    assert opened.current_url.endswith("report.html")


def test_it_works_by_keyboard(opened: Any) -> None:
    """Tab and Enter open a finding, and what is in focus is seen."""
    opened.find_element(By.ID, "findings").click()
    for _ in range(60):
        opened.switch_to.active_element.send_keys(Keys.TAB)
        focused = opened.switch_to.active_element
        if focused.tag_name == "summary" and "KASAN: known" in focused.text:
            break
    outline = focused.value_of_css_property("outline-style")
    assert focused.tag_name == "summary" and outline == "solid"
    details = focused.find_element(By.XPATH, "..")
    focused.send_keys(Keys.ENTER)
    assert details.get_attribute("open") and "make replay TOKEN=" in details.text
    focused.send_keys(Keys.SPACE)
    assert not details.get_attribute("open")


def test_it_copies_a_command(opened: Any) -> None:
    opened.execute_cdp_cmd(
        "Browser.grantPermissions",
        {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]},
    )
    first = opened.find_element(By.CSS_SELECTOR, "#list > details")
    for verb, button in zip(("replay", "gdb"), first.find_elements(By.CLASS_NAME, "copy")):
        assert button.get_attribute("aria-label") == f"Copy: {verb}"
        button.click()
        WebDriverWait(opened, 10).until(lambda _: button.text == "copied")
        text = opened.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
        assert re.fullmatch(rf"make {verb} TOKEN=NSLAB1\.\S+", text)


@pytest.mark.parametrize("width", [1200, 768, 360])
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_sticks_out(opened: Any, width: int, dark: bool) -> None:
    size(opened, width, dark=dark)
    assert opened.execute_script("return document.documentElement.scrollWidth") <= width
    ground, ink = (
        opened.execute_script(f"return getComputedStyle(document.body).{name}")
        for name in ("backgroundColor", "color")
    )
    assert contrast(ground, ink) > 7
    # Charts take their colours from the page.
    text = opened.find_element(By.CSS_SELECTOR, ".chart text")
    assert contrast(ground, text.value_of_css_property("fill")) > 4.5
    for status in ("new", "known", "gone"):
        badge = opened.find_element(By.CSS_SELECTOR, f".badge.{status}")
        raised = opened.find_element(By.CSS_SELECTOR, ".finding").value_of_css_property(
            "background-color"
        )
        assert contrast(raised, badge.value_of_css_property("color")) > 4.5, status


def contrast(one: str, other: str) -> float:
    """As WCAG 2 defines it, 1 to 21."""

    def light(colour: str) -> float:
        parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        red, green, blue = (
            part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        )
        luminance: float = 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05
        return luminance

    low, high = sorted((light(one), light(other)))
    return high / low


def test_on_paper_it_has_what_is_new(opened: Any) -> None:
    size(opened, 1200, dark=True, media="print")
    ground = opened.execute_script(
        "return getComputedStyle(document.documentElement).getPropertyValue('--ground')"
    )
    assert ground.strip() == "#ffffff"
    assert not opened.find_element(By.CLASS_NAME, "controls").is_displayed()
    opened.execute_script("dispatchEvent(new Event('beforeprint'))")
    new = opened.find_elements(By.CSS_SELECTOR, ".finding.new")
    assert len(new) == 2 and all(one.get_attribute("open") for one in new)


def test_what_a_screen_reader_finds(opened: Any) -> None:
    """A name for whatever can be reached, headings in order, headers in tables."""
    tree = opened.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    nameless = [
        one["role"]["value"]
        for one in tree
        if not one.get("ignored")
        and one["role"]["value"]
        in ("button", "combobox", "checkbox", "searchbox", "image", "img", "link", "textbox")
        and not one.get("name", {}).get("value")
    ]
    assert nameless == []
    levels = [int(one.tag_name[1]) for one in opened.find_elements(By.CSS_SELECTOR, "h1, h2, h3")]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:]))
    assert opened.execute_script(
        "return [...document.querySelectorAll('th')].every(th => th.scope)"
    )
    ids = [one.get_attribute("id") for one in opened.find_elements(By.CSS_SELECTOR, "[id]")]
    assert len(ids) == len(set(ids))
    assert opened.find_element(By.TAG_NAME, "html").get_attribute("lang") == "en"


def test_a_large_one_opens_soon(browser: Any, tmp_path: Path) -> None:
    """10,000 cells, 500 findings: what is closed is neither laid out nor loaded."""
    with results(tmp_path) as store:
        row = store.begin(
            sweep_row(),
            cell_rows([f"scenario-{n}" for n in range(100)], [f"p{n}" for n in range(100)]),
        )
        store.keep_kernel("0123abcd", "6.12", "CONFIG_NSLAB=y\n" * 2000, "{}", "")
        with store.transaction():
            store.execute("UPDATE cells SET executions = 1000 + cell, batches = 5")
        picture = PICTURE.replace("</svg>", '<rect width="9" height="9"/>' * 400 + "</svg>")
        for n in range(1, LARGE_FINDINGS + 1):
            one = found(f"sig{n}x", console="a line of the console\n" * 500)
            commit(store, row, n, outcome(10, found=(one,)), cell=n * 19 % LARGE_CELLS)
            store.execute("UPDATE findings SET picture = NULL, through = 1")
        store.execute(
            "UPDATE findings SET interleaving = ?, report = ?", "a step\n" * 60, "BUG\n" * 60
        )
        store.execute("UPDATE findings SET picture = ?", zlib.compress(picture.encode()))
        store.end(row.sweep, DONE, 28800.0)
        made = gather.report(store, store.sweeps(), {})
    assert len(made.cells) == LARGE_CELLS and len(made.findings) == LARGE_FINDINGS
    path = report.write(made, tmp_path)
    browser.get("about:blank")
    browser.execute_cdp_cmd("Performance.enable", {})
    browser.get(path.as_uri())
    browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    metrics = browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    count = {one["name"]: one["value"] for one in metrics}
    assert len(browser.find_elements(By.CSS_SELECTOR, "#list > details")) == LARGE_FINDINGS
    assert {name: count[name] for name, most in MOST.items() if count[name] > most} == {}
    browser.find_element(By.ID, "search").send_keys("sig77x")
    assert shown(browser) == ["KASAN: sig77x"]
    assert browser.get_log("browser") == []


# === Charts ===


def drawn(draw: Callable[[], Figure]) -> Any:
    """The axes of a chart, laid out as on the page."""
    with matplotlib.rc_context(charts._STYLE):
        figure = draw()
        FigureCanvasAgg(figure).draw()
    return figure.axes[0]


@pytest.mark.parametrize("most", [0, 1, 2, 7, 14, 99, 100, 12345])
def test_a_scale_has_its_data_between_two_labels(most: Any) -> None:
    moments = [Moment(float(n), n, 0, most * n // 9, 0, 0) for n in range(10)]
    lines = [("x", "red", "-", [one.traces for one in moments])]
    axes = drawn(lambda: charts._lines(moments, "x", lines))
    low, high = axes.get_ylim()
    assert (low, high) == (axes.get_yticks()[0], axes.get_yticks()[-1]) and low == 0 and high >= most
    assert len(axes.get_yticks()) <= 7


def test_the_history_is_not_covered_by_its_legend(tmp_path: Path) -> None:
    with results(tmp_path) as store:
        night(store, *(f"s{n}" for n in range(14)))
        for _ in range(5):
            night(store, "a", "b")
        past = gather.report(store, store.sweeps(), {}).nights
    axes = drawn(lambda: charts._nights(past))
    legend = axes.get_legend().get_window_extent()
    assert not any(bar.get_window_extent().overlaps(legend) for bar in axes.patches if bar.get_height())
    title = axes._left_title.get_window_extent()
    assert not title.overlaps(legend) and legend.x1 <= axes.figure.bbox.x1 and title.y1 <= axes.figure.bbox.y1
    low, high = axes.get_ylim()
    assert low <= -14 and high >= 14 and low in axes.get_yticks() and high in axes.get_yticks()


# === The page as text ===


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[Any]) -> None:
        self.found += [
            value for name, value in attrs if name in ("src", "href", "xlink:href", "action")
        ]


def test_it_needs_nothing_else(page: Path) -> None:
    text = page.read_text()
    links = _Links()
    links.feed(text)
    assert links.found and all(one.startswith(("#", "data:")) for one in links.found)
    assert not re.search(r"@import|url\((?!#|[\"']?data:)", text)
    # What a finding says is text, whatever it looks like.
    assert "new &lt;b&gt;&amp;" in text and "new <b>" not in text


def test_the_same_results_give_the_same_page(page: Path) -> None:
    with Store(page.parent / "results.sqlite", writable=False) as store:
        made = gather.report(store, store.sweeps()[-1:], {})
        assert html.page(made) == html.page(made)


def test_a_sweep_that_has_just_begun(tmp_path: Path) -> None:
    with results(tmp_path) as store:
        store.begin(sweep_row(), cell_rows())
        made = gather.report(store, store.sweeps(), {})
    text = html.page(made)
    assert "Nothing was run" in text and "It has not finished" in text


# === For machines ===


def nslab(capsys: pytest.CaptureFixture[str], *words: Path | str) -> tuple[int, str, str]:
    status = main.main([str(word) for word in words])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_json(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = nslab(
        capsys, "report", "--db", page.parent / "results.sqlite", "--format", "json"
    )
    data = json.loads(out)
    assert status == 0 and data == json.loads((page.parent / "report.json").read_text())
    assert [one["status"] for one in data["findings"]] == ["new", "new", "known", "gone"]
    assert data["headline"] == "2 new findings, 1 known, 1 gone" and data["executions"] == 22
    assert [(one["new"], one["known"], one["gone"]) for one in data["nights"]] == [
        (2, 0, 0),
        (2, 1, 1),
    ]


def test_causes_for_machines(causes: Any) -> None:
    data = json.loads((causes.parent / "report.json").read_text())
    new, known = data["findings"]
    assert (new["status"], new["cause"], new["failures"]) == ("new", "C", 3)
    assert [(one["signature"], one["failures"], one["fresh"]) for one in new["signatures"]] == [
        ("one", 2, False), ("two", 1, False),
    ]  # fmt: skip
    assert new["token"] == new["signatures"][0]["token"] and new["oracles"] == ["kasan"]
    assert {one["signature"]: one["fresh"] for one in known["signatures"]} == {"old": False, "young": True}
    assert data["headline"] == "1 new finding, 1 known"
    suite = xml.parse(causes.parent / "junit.xml").getroot().find("testsuite")
    # Both cells have it; in one of them it shows in one way, in the other in two.
    assert suite.get("failures") == "2"
    ktap = (causes.parent / "report.ktap").read_text()
    assert ktap.count("not ok ") == 2
    said = "".join(one.text for one in suite.iter("failure")) + "".join(one.text for one in suite.iter("system-out"))
    assert said.count("make replay TOKEN=") == 4 and "KASAN: young" in said


def test_junit(page: Path) -> None:
    root = xml.parse(page.parent / "junit.xml").getroot()
    (suite,) = root.findall("testsuite")
    assert {name: suite.get(name) for name in ("name", "tests", "failures", "errors", "skipped")} == {
        "name": "nightly-2", "tests": "2", "failures": "2", "errors": "0", "skipped": "0",
    }  # fmt: skip
    messages = [one.get("message") for one in root.iter("failure")]
    assert messages == ["KASAN: new <b>&? (a.c:1)", "KASAN: other (a.c:1)"]
    assert "known: KASAN: known (a.c:1)" in "".join(one.text for one in root.iter("system-out"))


def test_a_known_finding_fails_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with results(tmp_path) as store:
        night(store, "a")
        night(store, "a")
    _, out, _ = nslab(capsys, "report", "--db", tmp_path / "results.sqlite", "--format", "junit")
    assert xml.fromstring(out).find("testsuite").get("failures") == "0" and "known: KASAN: a" in out
    _, out, _ = nslab(capsys, "report", "--db", tmp_path / "results.sqlite", "--format", "ktap")
    assert "\nok 1 one.none+delay.6.12\n" in out
    assert "not ok" not in out and "# known: KASAN: a (a.c:1); NSLAB1" in out


def test_since(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with results(tmp_path) as store:
        for signatures in (("a",), ("a", "b"), ("b", "c")):
            night(store, *signatures, started="2020-01-01T00:00:00+00:00")
        night(store, "d", started="2100-01-01T00:00:00+00:00")
    path = tmp_path / "results.sqlite"

    def new(*words: str) -> tuple[list[str], list[str]]:
        data = json.loads(nslab(capsys, "report", "--db", path, "--format", "json", *words)[1])
        return data["sweeps"], [
            one["signature"] for one in data["findings"] if one["status"] == "new"
        ]

    assert new() == (["nightly-4"], ["d"])
    assert new("--since", "7d") == (["nightly-4"], ["d"])
    assert new("--since", "nightly-2") == (["nightly-2", "nightly-3", "nightly-4"], ["d"])
    status, out, _ = nslab(
        capsys, "report", "--db", path, "--since", "nightly-1", "--out", tmp_path / "out"
    )
    assert status == 0 and out.startswith("nightly-1 to nightly-4: ")
    assert out.splitlines()[-1] == f"report: {tmp_path / 'out' / 'report.html'}"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--format", "pdf"), "format=pdf: there is html, json, junit, ktap"),
        (
            ("--since", "yesterday"),
            "since=yesterday: neither a sweep, such as nightly-1, nor a duration such as 7d",
        ),
        (("--since", "1d"), "since=1d: no sweep is as young as that, the last one is nightly-1"),
        (
            ("--db", "/nowhere/r.sqlite"),
            "there is no results file /nowhere/r.sqlite: make sweep makes one",
        ),
        (("--known", "/nowhere/k.toml"), "/nowhere/k.toml: No such file or directory"),
    ],
)
def test_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, str], message: str
) -> None:
    with results(tmp_path) as store:
        night(store, started="2020-01-01T00:00:00+00:00")
    status, out, err = nslab(capsys, "report", "--db", tmp_path / "results.sqlite", *words)
    assert (status, out, err) == (2, "", f"nslab: {message}\n")
