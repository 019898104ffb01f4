import base64
import hashlib
import html
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from components.compare.page import render_page
from components.compare.pictures import draw

VOID = {"meta", "img", "source", "br", "link"}


class Outline(HTMLParser):
    """Every element and attribute of a page; fails where an end tag does not match."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def pages(built: ModuleType) -> dict[str, str]:
    cases = {
        "two": built.comparison(),
        "four": built.comparison(built.FOUR, leaked=31, warnings=("some rows leaked",)),
        "failed": built.comparison((built.ALBERT, built.FAILED_BERT)),
        "hostile": built.hostile(),
    }
    drawn = {"two": draw(cases["two"])}
    return {name: render_page(facts, drawn.get(name, {})) for name, facts in cases.items()}


CASES = pytest.mark.parametrize("case", ["two", "four", "failed", "hostile"])


@CASES
def test_the_page_is_whole_and_self_contained(pages: dict[str, str], case: str) -> None:
    page = Outline(pages[case])
    used = {tag for tag, _ in page.elements}
    assert not used & {"script", "iframe", "link", "object", "form", "base", "svg"}
    assert all(not name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert all("style" not in attributes for _, attributes in page.elements)
    addresses = [
        a.get("src") or a.get("srcset") or "" for a in page.all("img") + page.all("source")
    ]
    assert len(addresses) == (10 if case == "two" else 0)
    assert all(address.startswith("data:image/png;base64,") for address in addresses)
    assert len(pages[case]) < 1_000_000


def test_the_policy_allows_the_style_and_the_pictures_alone(pages: dict[str, str]) -> None:
    (style,) = re.findall(r"<style>(.*)</style>", pages["two"], re.S)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    (policy,) = (
        meta["content"]
        for meta in Outline(pages["two"]).all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy == (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'"
    )


@CASES
def test_the_page_can_be_read_without_seeing_it(pages: dict[str, str], case: str) -> None:
    page = Outline(pages[case])
    assert page.all("html") == [{"lang": "en"}]
    assert all(picture["alt"] for picture in page.all("img"))
    assert all(cell["scope"] in ("col", "row") for cell in page.all("th"))
    assert all(a["aria-label"] for a in page.all("div") if a.get("role") == "region")
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(level - before <= 1 for before, level in pairwise(levels))


@CASES
def test_every_link_leads_somewhere(pages: dict[str, str], case: str) -> None:
    page = Outline(pages[case])
    anchors = [section["id"] for section in page.all("section")]
    assert [link["href"] for link in page.all("a")] == [f"#{anchor}" for anchor in anchors]


def test_the_outcome_stands_first(pages: dict[str, str]) -> None:
    body = pages["two"].partition("<body>")[2]
    assert body.index("BERT is better than ALBERT") < body.index("Task classification")
    assert '<div class="outcome claimed">' in body
    assert "A difference is claimed" in body
    assert '<div class="outcome failed">' in pages["failed"]
    assert "A model FAILED" in pages["failed"]


def test_a_difference_that_is_not_claimed_is_called_open(built: ModuleType) -> None:
    twin = built.Entry(name="BERT", family="bert", accuracies=(0.831,))
    page = render_page(built.comparison((built.ALBERT, twin)), {})
    assert '<div class="outcome open">' in page
    assert "No difference is claimed" in page
    assert "<img" not in page


def test_hostile_text_is_shown_as_text(built: ModuleType, pages: dict[str, str]) -> None:
    page = pages["hostile"]
    for text in (built.HOSTILE_TEXTS[0][0], built.SCRIPT):
        assert (
            html.escape(text, quote=True).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
            in page
        )
    assert "\u202e" not in page
    assert "\\u202e" in page


def test_the_same_facts_give_the_same_page(built: ModuleType, pages: dict[str, str]) -> None:
    assert render_page(built.hostile(), {}) == pages["hostile"]


@pytest.fixture(scope="module")
def tab(chromium: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium.browser(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@CASES
@pytest.mark.parametrize("width", [360, 1280])
def test_a_browser_shows_it(
    tab: Any, pages: dict[str, str], tmp_path: Path, case: str, width: int
) -> None:
    """Nothing sticks out, nothing is refused or run, all pictures show, dark is dark."""
    path = tmp_path / "comparison.html"
    path.write_text(pages[case], encoding="utf-8")
    backgrounds, pictures = [], []
    for dark in (False, True):
        tab.open(path, width, dark=dark)
        tab.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert tab.evaluate("document.documentElement.scrollWidth") == width
        assert tab.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
        assert tab.evaluate("document.title") != "hacked"
        backgrounds.append(tab.evaluate("getComputedStyle(document.body).backgroundColor"))
        pictures.append(tab.evaluate("[...document.images].map(i => i.currentSrc)"))
        assert tab.complaints() == []
        assert tab.requested() == [path.as_uri()]
    assert backgrounds == ["rgb(255, 255, 255)", "rgb(20, 23, 27)"]
    assert not set(pictures[0]) & set(pictures[1])
