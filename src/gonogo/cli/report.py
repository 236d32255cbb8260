"""`gonogo report`: a bundle as a page for people, as Markdown, or as data; or two bundles compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gonogo.reports.html.page import Page

FORMATS = ("html", "md", "json", "allure")


def report(
    bundle: Annotated[
        str, typer.Argument(help="A bundle: the folder of a run, a zip of it, SYSTEM#NUMBER, or a run's id.")
    ],
    format_: Annotated[str, typer.Option("--format", help="html, md, json or allure.")] = "html",
    against: Annotated[
        str | None, typer.Option("--against", help="Compare with this bundle, which came before.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="The file to write, for allure the folder; - is stdout [default: stdout; here RUN-ID.html for html, "
            "RUN-ID-allure for allure].",
        ),
    ] = None,
    single_file: Annotated[bool, typer.Option("--single-file", help="With allure: one HTML file.")] = False,
) -> None:
    """Show a bundle: one self-contained HTML file, Markdown, JSON, or Allure. Works offline and decides nothing.

    The files, the signature and the story that they tell are checked first, and what that came to stands on top;
    whether the evidence is fresh, trusted and approved is for `gonogo verify`. Exits 0, and 4 where a bundle does not
    verify: the report is written all the same, and says so.

    Allure 3 or 2 renders, with the earlier runs of the same stage and environment as its history; a report whose totals
    are not those of the bundle is not shown.

    Examples:

        gonogo report evidence/richpanel/20261121T040400Z-275e12

        gonogo report richpanel#12 --format md

        gonogo report bundle.zip --against richpanel#11 --out changes.html

        gonogo report richpanel#12 --format allure --single-file
    """
    from gonogo.errors import EXIT_UNVERIFIED, UsageError

    if format_ not in FORMATS:
        raise UsageError(f"--format is {format_!r}; allowed: {', '.join(FORMATS)}")
    if single_file and format_ != "allure":
        raise UsageError("--single-file is for --format allure; the other formats are one file each")
    if format_ == "allure":
        if against is not None:
            raise UsageError("--against is not for --format allure", "Allure shows earlier runs as its history.")
        _render_allure(bundle, out, single_file=single_file)
        return
    pages = [_read(name) for name in ([bundle] if against is None else [against, bundle])]
    text = _render(pages, format_)
    name = pages[-1].bundle if against is None else f"{pages[0].bundle}-to-{pages[1].bundle}"
    _write(text, out, format_, name)
    if not all(page.seal is not None and page.seal.holds for page in pages):
        raise typer.Exit(EXIT_UNVERIFIED)


def _read(name: str) -> Page:
    import sys

    from gonogo.cli.bundle_argument import locate_bundle
    from gonogo.evidence.archive import open_bundle
    from gonogo.run.pages import read_page

    with open_bundle(locate_bundle(name)) as folder:
        page = read_page(folder)
    for fault in page.seal.faults if page.seal is not None else ():
        sys.stderr.write(f"FAULT {fault}\n")
    return page


def _render(pages: Sequence[Page], format_: str) -> str:
    import json

    from gonogo.reports.comparison import compare_pages, comparison_to_json
    from gonogo.reports.html.page import page_to_json
    from gonogo.reports.html.render import render_comparison, render_page
    from gonogo.reports.page_markdown import render_comparison_markdown, render_page_markdown

    if len(pages) == 2:
        both = compare_pages(*pages)
        if format_ == "json":
            return json.dumps(comparison_to_json(both), ensure_ascii=False, indent=1) + "\n"
        return render_comparison(both) if format_ == "html" else render_comparison_markdown(both)
    if format_ == "json":
        return json.dumps(page_to_json(pages[0]), ensure_ascii=False, indent=1) + "\n"
    return render_page(pages[0]) if format_ == "html" else render_page_markdown(pages[0])


def _render_allure(name: str, out: Path | None, *, single_file: bool) -> None:
    from gonogo.cli.bundle_argument import locate_bundle
    from gonogo.cli.output import print_line
    from gonogo.cli.signing import find_project
    from gonogo.evidence.archive import open_bundle
    from gonogo.evidence.seal import read_identity
    from gonogo.run.allure_render import find_renderer, render_allure

    project = find_project()
    renderer = find_renderer(project.root if project is not None else Path.cwd())
    with open_bundle(locate_bundle(name)) as folder:
        target = _outside_bundles(out if out is not None else Path(f"{_file_name(read_identity(folder)[1])}-allure"))
        done = render_allure(folder, target, renderer, single_file=single_file)
    counts = ", ".join(f"{count} {status}" for status, count in done.totals.items())
    earlier = f", {done.earlier} earlier run{'s' if done.earlier != 1 else ''} as history" if done.earlier else ""
    print_line(f"{done.page}  Allure {done.renderer.version}: {counts}{earlier}")


def _file_name(name: str) -> str:
    safe = "".join(char if char.isalnum() or char in "._-" else "-" for char in name)[:120]
    return safe.lstrip(".") or "report"


def _outside_bundles(path: Path) -> Path:
    """Return a path that lies in no bundle; raises `UsageError` for one that does."""
    from gonogo.errors import UsageError
    from gonogo.evidence.bundle import DECISION, PLANNED

    folder = path.absolute().parent
    if any((one / DECISION).is_file() and (one / PLANNED).is_file() for one in (folder, *folder.parents)):
        raise UsageError(f"{path} lies in a bundle, whose files are a closed set", "Name a place elsewhere with --out.")
    return path


def _write(text: str, out: Path | None, format_: str, name: str) -> None:
    from gonogo.cli.output import print_line
    from gonogo.errors import UsageError

    if str(out) == "-" or (out is None and format_ != "html"):
        print_line(text.rstrip("\n"))
        return
    path = _outside_bundles(out if out is not None else Path(f"{_file_name(name)}.html"))
    try:
        path.write_text(text, "utf-8", newline="")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    print_line(str(path))
