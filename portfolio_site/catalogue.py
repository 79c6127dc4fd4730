"""What pages say, in other languages: found in the sources, kept in locale/<language>/LC_MESSAGES/django.po."""

from __future__ import annotations

import ast
import io
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from portfolio_site.names import words

BASE_DIR = Path(__file__).resolve().parent.parent
APPS = ("core", "activity", "users", "assets", "banking", "portfolios", "analytics", "portfolio_site")
SKIPPED = ("tests", "migrations")
PLACE = Path("LC_MESSAGES") / "django.po"
KEYWORDS = dict(DEFAULT_KEYWORDS) | {
    "gettext_lazy": None,
    "gettext_noop": None,
    "lazy": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "pgettext_noop": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}


def modules(base: Path = BASE_DIR) -> Iterator[Path]:
    for app in APPS:
        yield from (path for path in sorted((base / app).rglob("*.py")) if not set(path.parts) & set(SKIPPED))


def sources(base: Path = BASE_DIR) -> Iterator[Path]:
    """The files in which texts may be marked: modules of the apps, and templates."""
    yield from modules(base)
    yield from (path for path in sorted((base / "templates").rglob("*")) if path.suffix in (".html", ".txt"))


def marked(base: Path = BASE_DIR) -> Catalog:
    """Every text that is marked for translation, that an error says or a model has, with the files that it is in."""
    found = Catalog(project="portfolio-server", charset="utf-8")
    for path in sources(base):
        text, method = path.read_text(encoding="utf-8"), "python"
        if path.suffix != ".py":  # Django writes a template's texts as calls, which a lexer of scripts reads
            text, method = templatize(text, origin=str(path)), "javascript"
        name = path.relative_to(base).as_posix()
        lines = io.BytesIO(text.encode())
        for _line, message, comments, context in extract(method, lines, KEYWORDS, options={"encoding": "utf-8"}):
            found.add(message, locations=[(name, 0)], auto_comments=comments, context=context)
    for place, text in refusals(base):
        found.add(text, locations=[(place, 0)])
    for each in words():
        if (base / each.place).exists():
            found.add(each.text, locations=[(each.place, 0)], context=each.context)
    return found


def parsed(base: Path = BASE_DIR) -> dict[str, ast.Module]:
    """The modules of the apps, by name."""
    return {path.relative_to(base).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in modules(base)}


def refusals(base: Path = BASE_DIR) -> Iterator[tuple[str, str]]:
    """Each file and what errors of the domain say in it: their docstrings, and the messages that they are given."""
    trees = parsed(base)
    kinds = kinds_of_errors(trees)
    for name, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and node.name in kinds and (text := ast.get_docstring(node)):
                yield name, " ".join(text.split())
        for message in told(tree, kinds):
            if isinstance(message, ast.Constant) and isinstance(message.value, str) and message.value:
                yield name, message.value


def told(tree: ast.Module, kinds: Collection[str]) -> Iterator[ast.expr]:
    """The messages that errors of these kinds are given: where they are made, and where one makes itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (_name(node.func) in kinds or _name(node.func) == "DomainError"):
            yield from node.args[:1]
        elif isinstance(node, ast.ClassDef) and node.name in kinds:
            for call in ast.walk(node):
                if isinstance(call, ast.Call) and _name(call.func) == "__init__":
                    own = isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name)
                    yield from call.args[own:][:1]  # without super(), the instance comes first


def kinds_of_errors(trees: Mapping[str, ast.Module]) -> set[str]:
    """The names of all classes that derive from DomainError, wherever they stand."""
    classes = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    kinds = {"DomainError"}
    while more := {node.name for node in classes if kinds & {*map(_name, node.bases)}} - kinds:
        kinds |= more
    return kinds - {"DomainError"}


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def catalogues(base: Path = BASE_DIR) -> list[Path]:
    return sorted((base / "locale").glob(f"*/{PLACE}"))


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3], domain="django")


def update(path: Path, found: Catalog) -> tuple[int, int]:
    """Bring a catalogue up to what is marked; returns how many texts it has, and how many of them wait for words."""
    known = read(path)
    known.update(found, no_fuzzy_matching=True, update_creation_date=False)
    with path.open("wb") as file:
        write_po(file, known, width=110, sort_output=True, ignore_obsolete=True, include_lineno=False)
    texts = [message for message in known if message.id]
    return len(texts), len([message for message in texts if message.fuzzy or not worded(message.string)])


def worded(string: str | list[str] | tuple[str, ...] | None) -> bool:
    """Whether every form of a text has words."""
    return bool(string) if isinstance(string, str) else bool(string) and all(string or ())


def compile_stale(base: Path = BASE_DIR) -> None:
    """Make the binary catalogues that Django reads, where they are older than what they are made of."""
    for path in catalogues(base):
        made = path.with_suffix(".mo")
        if made.exists() and made.stat().st_mtime >= path.stat().st_mtime:
            continue
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            write_mo(file, read(path))
        Path(file.name).chmod(0o644)
        os.replace(file.name, made)  # noqa: PTH105  whole or not at all, whoever does the same meanwhile
