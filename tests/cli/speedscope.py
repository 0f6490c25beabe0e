"""The real speedscope, from npm, in the real browser."""

import base64
import os
import shutil
import subprocess
from pathlib import Path

import pytest

VERSION = "1.25.0"


def find_speedscope():
    """Its page, installed once in the build folder."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("there is no npm to get speedscope with: apt-get install npm")
    folder = Path(os.environ.get("OURO_BUILD", "/tmp")) / f"speedscope-{VERSION}"
    page = folder / "node_modules" / "speedscope" / "dist" / "release" / "index.html"
    if not page.exists():
        folder.mkdir(exist_ok=True)
        command = [npm, "install", "--no-audit", "--no-fund", "--no-save", "--fetch-retries=1", f"speedscope@{VERSION}"]
        got = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if got.returncode != 0 or not page.exists():
            last = (got.stderr.strip().splitlines() or ["npm failed"])[-1]
            pytest.skip(f"npm can't install speedscope {VERSION} here: {last}")
    return page


class Opened:
    """A document as speedscope shows it; `failed` when it doesn't."""

    def __init__(self, browser, folder, document):
        # As its own command does it: a script beside the document.
        script = folder / "document.js"
        script.write_text(f'speedscope.loadFileFromBase64("run", "{base64.b64encode(document).decode()}")')
        self.page = browser.new_page()
        self.page.goto(f"{find_speedscope().as_uri()}#localProfilePath={script}")
        self.page.wait_for_function(
            "() => /Something went wrong|Sandwich/.test(document.body.innerText)", timeout=60000
        )
        self.failed = "Something went wrong" in self.page.inner_text("body")

    def profile(self):
        """Which of them is shown: "live when taken (1/3)"."""
        return next(line for line in self.page.inner_text("body").splitlines() if line.endswith("/3)"))

    def next(self):
        self.page.keyboard.press("n")
        self.page.wait_for_timeout(300)

    def sandwich(self):
        """{function: (total, its own)}, each as a person reads it; functions that are shown, the largest first."""
        self.page.keyboard.press("3")
        self.page.wait_for_function("() => /Symbol Name/.test(document.body.innerText)")
        rows = self.page.evaluate("""[...document.querySelectorAll("table tr")].map((row) =>
            [...row.querySelectorAll("td")].map((cell) => cell.innerText.trim())).filter((row) => row.length == 3)""")
        return {name: (total, own) for total, own, name in rows}
