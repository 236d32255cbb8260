"""Plots as inline SVG: only shapes, text and their looks; nothing that acts, loads or links elsewhere."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from gonogo.reports.html.page import Picture
from gonogo.reports.visible import cut_text, show_line

LARGEST = 3_000_000
_SVG = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_SHAPES = """
    svg g defs path rect circle ellipse line polyline polygon text tspan clipPath use title desc
    linearGradient stop marker
"""
_LOOKS = """
    fill fill-opacity fill-rule stroke stroke-width stroke-opacity stroke-dasharray stroke-dashoffset stroke-linecap
    stroke-linejoin stroke-miterlimit opacity font-size font-family font-style font-weight text-anchor
    dominant-baseline stop-color stop-opacity clip-rule
"""
_PLACES = """
    id d x y x1 y1 x2 y2 cx cy r rx ry dx dy width height points transform viewBox preserveAspectRatio clip-path
    offset gradientUnits clipPathUnits marker-end marker-start refX refY markerWidth markerHeight orient
"""
_ELEMENTS, _ATTRIBUTES = frozenset(_SHAPES.split()), frozenset((_LOOKS + _PLACES).split())
_HARMLESS = re.compile(r"[^<>\"&\\]{0,2000000}")
_FUNCTION = re.compile(r"(?i)(url|expression|image|javascript|data|var|attr)\s*[(:]")
_OWN = re.compile(r"url\(#([A-Za-z_][\w.-]{0,100})\)")
_FONT = re.compile(r"(?P<size>[\d.]+)px\s+(?P<family>.+)")


def clean_picture(name: str, markup: str) -> Picture:
    """Return a plot with its title and its text alternative; one that cannot be shown says why.

    `text` names what the plot's own texts say: titles and axes, for those who cannot see it.
    """
    file = show_line(name)
    fallback = file.rsplit("/", 1)[-1].removesuffix(".svg").replace("_", " ").replace("-", " ")
    if len(markup) > LARGEST:
        return Picture(file, fallback, "", fault=f"it has {len(markup):,} characters; at most {LARGEST:,} are shown")
    if "<!ENTITY" in markup:
        return Picture(file, fallback, "", fault="it declares entities")
    try:
        root = ElementTree.fromstring(markup)
    except (ElementTree.ParseError, ValueError) as error:
        return Picture(file, fallback, "", fault=f"it is no SVG: {show_line(str(error))}")
    if root.tag != f"{_SVG}svg" or "viewBox" not in root.attrib:
        return Picture(file, fallback, "", fault="it is no SVG with a viewBox")
    title = _first(root, "title") or fallback
    said = _first(root, "desc") or ", ".join(_texts(root))
    prefix = re.sub(r"[^A-Za-z0-9]", "-", name) + "-"
    try:
        clean = _clean(root, prefix)
    except RecursionError:
        return Picture(file, fallback, "", fault="it is nested too deeply")
    if clean is None:
        return Picture(file, fallback, "", fault="it is no SVG with a viewBox")
    for one in ("width", "height"):
        clean.attrib.pop(one, None)
    clean.attrib.update({"stroke-linejoin": "round", "stroke-linecap": "butt", "aria-hidden": "true"})
    ElementTree.register_namespace("", _SVG[1:-1])
    shown = ElementTree.tostring(clean, encoding="unicode").replace(f' xmlns="{_SVG[1:-1]}"', "")
    return Picture(file, show_line(title), show_line(cut_text(said, 1_500)), shown)


def _first(root: ElementTree.Element, name: str) -> str:
    # The metadata of a plot has a title element of another namespace; only SVG's own counts.
    for element in root.iter(f"{_SVG}{name}"):
        text = "".join(element.itertext()).strip()
        if text:
            return text
    return ""


def _texts(root: ElementTree.Element) -> list[str]:
    """Return the words of a plot but its tick labels: a list of bare figures tells nobody anything."""
    found = ("".join(element.itertext()).strip() for element in root.iter(f"{_SVG}text"))
    return list(dict.fromkeys(text for text in found if re.search(r"[^\W\d_]", text)))


def _clean(element: ElementTree.Element, prefix: str) -> ElementTree.Element | None:
    if not isinstance(element.tag, str) or not element.tag.startswith(_SVG):
        return None
    name = element.tag.removeprefix(_SVG)
    if name not in _ELEMENTS:
        return None
    clean = ElementTree.Element(element.tag)
    for key, value in _attributes(element):
        kept = _keep(key, value.strip(), prefix)
        if kept is not None:
            clean.set(*kept)
    if name in ("text", "tspan", "title", "desc"):
        clean.text = show_line(element.text or "")
    for child in element:
        made = _clean(child, prefix)
        if made is not None:
            clean.append(made)
            if name in ("text", "tspan"):
                made.tail = show_line(child.tail or "")
    return clean


def _attributes(element: ElementTree.Element) -> list[tuple[str, str]]:
    """Return the attributes with those of `style` as attributes of their own: a strict CSP forbids inline styles."""
    found = [(key, value) for key, value in element.attrib.items() if key != "style"]
    for declaration in element.get("style", "").split(";"):
        key, _, value = declaration.partition(":")
        font = _FONT.fullmatch(value.strip()) if key.strip() == "font" else None
        if font:
            found += [("font-size", font["size"]), ("font-family", font["family"])]
        else:
            found.append((key.strip(), value))
    return found


def _keep(key: str, value: str, prefix: str) -> tuple[str, str] | None:
    if key in ("href", _HREF):
        return ("href", f"#{prefix}{value[1:]}") if re.fullmatch(r"#[\w.-]{1,100}", value) else None
    if key not in _ATTRIBUTES:
        return None
    if key == "id":
        return ("id", prefix + value) if re.fullmatch(r"[\w.-]{1,100}", value) else None
    own = _OWN.fullmatch(value)
    if own:
        return key, f"url(#{prefix}{own[1]})"
    if key == "font-family":
        return key, "system-ui, sans-serif"
    return (key, value) if _HARMLESS.fullmatch(value) and not _FUNCTION.search(value) else None
