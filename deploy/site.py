"""What the documentation's site is made of besides ``docs``: MkDocs calls the functions below (``mkdocs.yaml``).

Pages are written to be read in the repository, where they link to files of it. On the site some of these files are
pages too, and a link to any other is left as its text.
"""

import json
import re
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    "README.md": "index.md",
    "SECURITY.md": "security.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "clients/python/README.md": "client.md",
}
"""Files outside ``docs`` that are pages of the site, and where."""
PICTURES = ("benchmarks/results/landscape_paper.svg",)
"""Files outside ``docs`` that pages show."""
NOTEBOOK = "notebooks/first_steps.ipynb"
"""Below ``docs``; the site shows its cells as a page."""
_LINK = re.compile(r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?P<address>[^)\s]+)\)")
_FENCE = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what lies outside ``docs``."""
    for source, target in PAGES.items():
        files.append(File.generated(config, target, content=(ROOT / source).read_text()))
    files.append(File.generated(config, "first_steps.md", content=_cells(ROOT / "docs" / NOTEBOOK)))
    for picture in PICTURES:
        files.append(File.generated(config, picture, abs_src_path=str(ROOT / picture)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return the page with links as the site has them."""
    here = page.file.src_uri
    known = {file.src_uri for file in files}
    parts = _FENCE.split(markdown)
    return "".join(
        part if part.startswith("```") else _LINK.sub(lambda link: _linked(link, here, known), part) for part in parts
    )


def _linked(link: re.Match[str], here: str, known: set[str]) -> str:
    """Return a link that was written for the repository as the site has it."""
    address, _, anchor = link["address"].partition("#")
    if not address or ":" in address:
        return link[0]
    path = normpath(PurePosixPath(_in_repository(here)).parent / address)
    target = _on_site(path, known)
    if target is None:
        return link["text"] if (ROOT / path).exists() else link[0]  # what is nowhere is left for MkDocs to refuse
    to = relpath(target, PurePosixPath(here).parent)
    return f"{link['picture']}[{link['text']}]({to}{'#' if anchor else ''}{anchor})"


def _cells(notebook: Path) -> str:
    """Return the cells of a notebook as Markdown."""
    cells = json.loads(notebook.read_text())["cells"]
    texts = {"code": "```python\n{}\n```", "markdown": "{}"}
    told = [texts[cell["cell_type"]].format("".join(cell["source"])) for cell in cells]
    return "\n\n".join([*told, f"[The notebook itself]({NOTEBOOK})"]) + "\n"


def _in_repository(page: str) -> str:
    origins = {target: source for source, target in PAGES.items()}
    return origins.get(page, f"docs/{page}")


def _on_site(path: str, known: set[str]) -> str | None:
    """Return where the site has a file of the repository, or None."""
    for each in (PAGES.get(path), path.removeprefix("docs/"), f"{path.removeprefix('docs/')}/README.md", path):
        if each in known:
            return each
    return None
