"""A real browser for tests of pages, where one is installed: Debian's Chromium, headless, without a network."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)


BESIDE = "blob:"
"""Beginning of further addresses that a page may ask for: a test names the folder in which it lies."""


@contextmanager
def browser() -> Iterator:
    """Yield a browser; the test is skipped, with a word, where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        try:
            yield running
        finally:
            running.close()


@contextmanager
def page_of(running, address: str, **settings) -> Iterator:
    """Yield a page whose every complaint fails the test, and which can reach nothing but its own address."""
    context = running.new_context(**{"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce", **settings})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda request: (
            complaints.append(request.url) if not request.url.startswith((address, "blob:", "data:", BESIDE)) else None
        ),
    )
    page.set_default_timeout(15_000)
    page.goto(address)
    try:
        yield page
        assert complaints == []
    finally:
        context.close()


def serious_faults(page) -> list[str]:
    """Return what axe-core finds that keeps people out, in one line each."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed").Axe
    found = axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {node['html'][:120]}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]
