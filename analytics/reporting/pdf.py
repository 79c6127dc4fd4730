"""A sheet as a PDF: A4, page numbers, outline, metadata, fonts within; the same bytes for the same sheet. Pure."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from typing import Any

from reportlab.lib.colors import Color
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate, Spacer

from analytics.reporting.fonts import BOLD, PLAIN, lacking, printable, register
from analytics.reporting.ledger import PAD, Ledger, wrapped
from analytics.reporting.pictures import Picture
from analytics.reporting.sheet import Sheet, Table

MARGIN, FOOT, TOP = 15 * mm, 16 * mm, 18 * mm
BLACK, GREY = Color(0, 0, 0), Color(0.35, 0.35, 0.35)
CREATOR = "Portfolio server"
Drawn = Callable[[int], None]  # is told each page that is laid out


def pdf(sheet: Sheet, *, drawn: Drawn | None = None) -> bytes:
    """The document; A4 upright. ``drawn`` is called with the number of each page as it is laid out."""
    register()
    out = io.BytesIO()
    width, height = A4
    room = height - TOP - FOOT - 12
    template = BaseDocTemplate(
        out,
        pagesize=A4,
        invariant=1,  # no clock and no random id in the file
        title=sheet.title,
        author=sheet.author,
        subject=sheet.subject,
        creator=CREATOR,
        lang=sheet.language,
    )
    frame = Frame(MARGIN, FOOT, width - 2 * MARGIN, height - TOP - FOOT, leftPadding=0, rightPadding=0)
    template.addPageTemplates(PageTemplate("page", [frame], onPage=partial(_on_page, sheet, drawn)))
    template.build(_story(sheet, room), canvasmaker=partial(Numbered, sheet=sheet))
    return out.getvalue()


def _story(sheet: Sheet, room: float) -> list[Flowable]:
    story: list[Flowable] = [Heading(sheet)]
    for section in sheet.sections:
        story.append(Spacer(0, 12))
        story.append(Ledger(section, room) if isinstance(section, Table) else Picture(section))
    return [*story, Spacer(0, 12), Words([*sheet.notes, *([sheet.missing] if _lacks(sheet) else [])])]


def _lacks(sheet: Sheet) -> bool:
    """Whether a character of the report is not in the fonts."""
    cells = (
        cell for section in sheet.sections if isinstance(section, Table) for row in section.rows for cell in row.cells
    )
    return any(lacking(text) for text in (sheet.title, sheet.subject, *(text for _, text in sheet.facts), *cells))


def _on_page(sheet: Sheet, drawn: Drawn | None, canvas: Any, document: Any) -> None:
    if document.page == 1:
        canvas.setViewerPreference("DisplayDocTitle", "true")
    else:
        canvas.setFont(PLAIN, 8)
        canvas.setFillColor(GREY)
        canvas.drawString(MARGIN, A4[1] - 12 * mm, printable(f"{sheet.title} · {sheet.subject}"))
    if drawn:
        drawn(document.page)


class Numbered(Canvas):
    """Writes at the foot of each page which one it is of how many, which is known only at the end.

    So the pages are written at the end, and a bookmark is set again while its page is: before that there is none.
    """

    def __init__(self, *args: Any, sheet: Sheet, **options: Any) -> None:
        super().__init__(*args, **options)
        self.sheet: Sheet = sheet
        self.pages: list[dict[str, Any]] = []
        self.marks: list[str] = []  # of the page that is being drawn

    def bookmarkPage(self, key: str, *args: Any, **options: Any) -> Any:  # noqa: N802  the library's name
        self.marks.append(key)
        return super().bookmarkPage(key, *args, **options)

    def showPage(self) -> None:  # noqa: N802  the library's name
        self.pages.append(dict(self.__dict__))
        self.marks = []
        self._startPage()

    def save(self) -> None:
        for page in self.pages:
            self.__dict__.update(page)
            for key in self.marks:
                super().bookmarkPage(key)
            self._foot(len(self.pages))
            super().showPage()
        super().save()

    def _foot(self, count: int) -> None:
        self.setFont(PLAIN, 7)
        self.setFillColor(GREY)
        written = self.sheet.page.format(number=self._pageNumber, count=count)
        self.drawRightString(A4[0] - MARGIN, 9 * mm, printable(written))
        self.drawString(MARGIN, 9 * mm, printable(self.sheet.foot))


class Heading(Flowable):
    """Title and subject of a report, and below them its facts in two columns."""

    def __init__(self, sheet: Sheet) -> None:
        super().__init__()
        self.sheet = sheet

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        self.width = width
        self.title = wrapped(printable(self.sheet.title), BOLD, 18, width + 2 * PAD)
        self.subject = wrapped(printable(self.sheet.subject), PLAIN, 11, width + 2 * PAD)
        term = width * 0.22
        self.facts = [
            (printable(name), wrapped(printable(text), PLAIN, 9, width - term)) for name, text in self.sheet.facts
        ]
        lines = sum(len(text) for _, text in self.facts)
        self.height = len(self.title) * 22 + len(self.subject) * 14 + 8 + lines * 12
        return width, self.height

    def draw(self) -> None:
        canvas, y = self.canv, self.height
        for lines, font, size, leading in ((self.title, BOLD, 18, 22), (self.subject, PLAIN, 11, 14)):
            canvas.setFont(font, size)
            canvas.setFillColor(BLACK)
            for line in lines:
                canvas.drawString(0, y - size, line)
                y -= leading
        y -= 8
        for name, text in self.facts:
            canvas.setFont(PLAIN, 9)
            canvas.setFillColor(GREY)
            canvas.drawString(0, y - 9, name)
            canvas.setFillColor(BLACK)
            for line in text:
                canvas.drawString(self.width * 0.22, y - 9, line)
                y -= 12


class Words(Flowable):
    """Notes at the end, one after the other."""

    def __init__(self, notes: list[str]) -> None:
        super().__init__()
        self.notes = notes

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        self.lines = [line for note in self.notes for line in wrapped(printable(note), PLAIN, 8, width + 2 * PAD)]
        self.height = len(self.lines) * 11
        return width, self.height

    def draw(self) -> None:
        self.canv.setFont(PLAIN, 8)
        self.canv.setFillColor(GREY)
        for number, line in enumerate(self.lines, start=1):
            self.canv.drawString(0, self.height - number * 11 + 3, line)
