"""A real browser for tests: Chromium as the system has it, driven by Playwright from PyPI."""

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PLAYWRIGHT = "playwright==1.65.2"


def find_chromium():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.skip("there is no Chromium: apt-get install chromium")


def import_playwright():
    """From an environment of its own in the build folder, made once."""
    folder = Path(os.environ.get("OURO_BUILD", "/tmp")) / PLAYWRIGHT.replace("==", "-")
    done = folder / "done"
    if not done.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True, capture_output=True)
        got = subprocess.run([folder / "bin" / "pip", "install", "-q", PLAYWRIGHT], capture_output=True, text=True)
        if got.returncode != 0:
            last = (got.stderr.strip().splitlines() or ["pip failed"])[-1]
            pytest.skip(f"pip can't install {PLAYWRIGHT} here: {last}")
        done.touch()
    site = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    sys.path.append(str(site))
    from playwright.sync_api import sync_playwright
    return sync_playwright


@contextlib.contextmanager
def chromium():
    executable = find_chromium()
    with import_playwright()() as playwright:
        browser = playwright.chromium.launch(executable_path=executable)
        yield browser
        browser.close()


class Page:
    """A page that must not ask for anything, nor complain."""

    def __init__(self, browser, path, **options):
        self.context = browser.new_context(viewport={"width": 1200, "height": 900}, **options)
        self.page = self.context.new_page()
        self.complaints = []
        self.requests = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.complaints.append(dialog.message), dialog.dismiss()))
        self.context.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector('html[data-state="ready"]', timeout=20000)
        self.own = [path.as_uri()]

    def close(self):
        self.context.close()
        assert self.complaints == [], self.complaints
        assert self.requests == self.own, self.requests

    def text(self, selector):
        return self.page.locator(selector).inner_text().strip()

    def choose(self, name, value):
        """A radio button, as a person does: by its label."""
        self.page.locator(f'label:has(input[name="{name}"][value="{value}"])').click()

    def type(self, selector, words):
        self.page.locator(selector).fill(words)
        self.page.wait_for_timeout(300)

    def boxes(self):
        """What the graph draws: the frames' labels, and how wide they are."""
        return self.page.evaluate("""[...document.querySelectorAll("#graph g.frame")].map((box) =>
            [box.__data__.data.node.name.label, Math.round(box.getBoundingClientRect().width), box.__data__.data.node.bytes])""")

    def labels(self):
        return {label for label, _, _ in self.boxes()}

    def rows(self):
        """The table's: label, bytes, blocks."""
        return self.page.evaluate("""[...document.querySelectorAll("#table tbody tr")].map((row) =>
            [row.querySelector("th").firstChild.textContent, Number(row.dataset.bytes), Number(row.dataset.blocks)])""")
