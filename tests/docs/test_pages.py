"""What the pages say is there is there: what they link to, the modules they name, the messages they quote."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "course").glob("[0-9][0-9]-*.ipynb"))
PAGES = [
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted(ROOT.glob("*.md")),
    ROOT / "benchmarks" / "README.md",
    ROOT / "course" / "glossary.md",
    *LESSONS,
]
INDEX = ROOT / "docs" / "index.md"


@cache
def text_of(page: Path) -> str:
    """Its Markdown without code, in which brackets mean something else."""
    if page.suffix == ".ipynb":
        cells = nbformat.read(page, as_version=4).cells
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    else:
        text = page.read_text(encoding="utf-8")
    return re.sub(r"^(```+|~~~+).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)


@cache
def anchors(page: Path) -> set[str]:
    """Those that a code host and the site make of headings."""
    headings = re.findall(r"^#+ +(.+?) *#*$", text_of(page), re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", each).replace("`", "").replace("*", "") for each in headings)
    return {re.sub(r"[^\w\- ]", "", each.lower()).strip().replace(" ", "-") for each in plain}


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_link_leads_to_a_file_and_a_heading_that_exist(page):
    for link in re.findall(r"\]\(([^)\s]+)", re.sub(r"`[^`\n]*`", "", text_of(page))):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), f"{name_of(page)} links to {link}"
        assert target.is_relative_to(ROOT), f"{name_of(page)} links out of the repository: {link}"
        if anchor:
            assert anchor in anchors(target), f"{name_of(page)} links to {link}, and there is no such heading"


def test_every_page_is_in_the_sites_index():
    listed = {
        (INDEX.parent / line.strip()).resolve()
        for block in re.findall(r"```\{toctree\}(.*?)```", INDEX.read_text(encoding="utf-8"), re.DOTALL)
        for line in block.splitlines()
        if line.strip() and not line.startswith(":")
    }
    pages = {page.with_suffix("") for page in PAGES if page.parent.name in ("docs", "course", "benchmarks")}
    pages |= {ROOT / name for name in ("CHANGELOG", "CONTRIBUTING", "SECURITY")}
    left_out = sorted(str(page.relative_to(ROOT)) for page in pages - {INDEX.with_suffix("")} - listed)
    assert not left_out, "name them in a toctree of docs/index.md"
    for page in listed:
        assert any(page.with_suffix(ending).is_file() for ending in (".md", ".ipynb")), page


def test_every_picture_says_in_words_what_it_shows():
    for page in PAGES:
        for alt, source in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", text_of(page)):
            assert len(alt) >= 40, f"{name_of(page)}: {source} has no words for who cannot see it"


def test_a_module_that_the_architecture_names_exists():
    page, picture = ROOT / "docs" / "architecture.md", ROOT / "docs" / "pictures" / "architecture.svg"
    folders = ["statelab", "statelab/controlplane", "grader"]
    folders += [f"statelab/controlplane/{each}" for each in ("apiserver", "controllers", "kubelet", "runtime")]
    folders += ["grader/batch", "statelab/controlplane/runtime/images"]
    folders += [f"statelab/controlplane/apiserver/{each}" for each in ("registry", "encoding")]
    named = set(re.findall(r"`([\w/]+(?:\.py|/))", page.read_text(encoding="utf-8")))
    named |= set(re.findall(r"[\w/]+\.py|\b[a-z]+/(?=[\s<])", picture.read_text(encoding="utf-8")))
    assert len(named) > 60
    for each in named - {"statelab/controlplane/"}:
        found = [folder for folder in ("", *folders) if (ROOT / folder / each).exists()]
        assert found, f"there is no {each}"


@cache
def said_by_the_code() -> str:
    """Every text of the packages a reader meets, with … where a value goes in."""
    files = [*(ROOT / "statelab").glob("*.py"), *(ROOT / "grader").glob("*.py")]
    files += [ROOT / "statelab" / "controlplane" / "journal.py", ROOT / "install.py"]
    for folder in (
        "statelab/cli",
        "statelab/cluster",
        "statelab/lab",
        "statelab/notebook",
        "grader/batch",
        "grader/nbgrader",
    ):
        files += (ROOT / folder).rglob("*.py")
    said = [(ROOT / "Makefile").read_text(encoding="utf-8")]
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                said.append("".join(str(v.value) if isinstance(v, ast.Constant) else "…" for v in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                said.append(node.value)
    return "\n".join(said).replace("`", "")


OTHERS = {
    "ensurepip is not available",
    "No module named venv",
    "connection refused",
    "Unwritable directory",
    "FileNotFoundError",
}


def test_a_message_quoted_in_troubleshooting_is_one_that_the_code_says():
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    quoted = [
        each for heading in re.findall(r"^### (.+)$", page, re.MULTILINE) for each in re.findall("`(.+?)`", heading)
    ]
    checked = 0
    for message in quoted:
        if " " not in message or any(message.startswith(each) for each in OTHERS) or "nbgrader " in message[:9]:
            continue
        for part in message.split("…"):
            if len(part.strip(" .:()")) > 3:
                checked += 1
                assert part.strip() in said_by_the_code(), f"no code says {part!r}"
    assert checked > 25
