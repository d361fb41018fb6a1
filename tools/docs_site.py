"""What the site of the documentation has beside docs/: our typefaces, and files that pages link to elsewhere in the
repository. A hook of mkdocs (mkdocs.yml); `make docs` builds the site.
"""

import os
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

REPO = Path(__file__).parents[1]
STATIC = REPO / "src" / "feedsmith" / "studio" / "static" / "studio"
FROM_STUDIO = ("feedsmith-serif-600.woff2", "inter-400.woff2", "inter-600.woff2", "icon.svg")
LINK = re.compile(r"(\]\()((?:\.\./)+[^)#\s]+)")


def on_config(config: Any) -> Any:
    """Where `mike` builds it, among others: a choice of versions."""
    if os.environ.get("MIKE_DOCS_VERSION"):
        config.extra["version"] = {"provider": "mike", "default": "latest"}
    return config


def on_files(files: Files, config: Any) -> Files:
    for name in FROM_STUDIO:
        _add(files, config, f"assets/{name}", STATIC / name)
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Links that lead out of docs/ lead to copies under repository/."""
    folder = posixpath.dirname(page.file.src_uri)

    def inside(link: re.Match[str]) -> str:
        meant = posixpath.normpath(posixpath.join("docs", folder, link[2]))
        if meant.startswith("docs/") or not (REPO / meant).is_file():
            return link[0]  # mkdocs says if there is no such page
        uri = f"repository/{meant}" + ".txt" * (Path(meant).suffix in (".md", ".html", ""))
        _add(files, config, uri, REPO / meant)
        return link[1] + posixpath.relpath(uri, folder or ".")

    return LINK.sub(inside, markdown)


def _add(files: Files, config: Any, uri: str, source: Path) -> None:
    if files.get_file_from_path(uri) is None:
        files.append(File.generated(config, uri, abs_src_path=str(source)))
