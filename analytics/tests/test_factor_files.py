"""Files of factor returns: the library's layout and any CSV, and what is said of those that are wrong."""

from __future__ import annotations

import gzip
import io
import zipfile
from datetime import date
from pathlib import Path

import pytest

from analytics.factor_files import (
    MOST_BYTES,
    BadFactorValue,
    FactorFileError,
    FactorFileTooLarge,
    LayoutChanged,
    UnitUnclear,
    UnreadableFactorFile,
    factor_key,
    merge,
    read,
)
from analytics.factor_files.table import MOST_UNPACKED

GOLDEN = Path(__file__).parent / "golden" / "factors"


def golden(name: str) -> bytes:
    return (GOLDEN / f"{name}.csv").read_bytes()


def zipped(*files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, content in enumerate(files):
            archive.writestr(f"F-F_{number}.CSV", content)
    return packed.getvalue()


def test_a_monthly_file_of_the_library() -> None:
    table = read(golden("three_factors_monthly"))

    assert (table.frequency, table.keys) == ("monthly", ("mkt_rf", "smb", "hml", "rf"))
    assert (table.first, table.last) == (date(2023, 9, 30), date(2024, 2, 29))
    assert table.rows[0].values == (-0.0524, -0.0251, 0.0152, 0.0043)
    assert table.rows[2].values == (0.0884, -0.0002, None, 0.0044)
    assert table.missing == 1
    assert table.left_out == ("Annual Factors: January-December",)


def test_a_daily_file_of_the_library() -> None:
    table = read(golden("five_factors_daily"))

    assert (table.frequency, table.keys) == ("daily", ("mkt_rf", "smb", "hml", "rmw", "cma", "rf"))
    assert [row.day.day for row in table.rows] == [2, 3, 4, 5, 8, 9, 10]
    assert table.rows[-1].values == (0.0049, -0.0042, -0.0055, 0.0025, -0.0048, 0.0002)
    assert table.rows[0].line == 6


def test_a_weekly_file_of_the_library() -> None:
    table = read(golden("three_factors_weekly"))

    assert (table.frequency, table.last) == ("weekly", date(2024, 2, 2))


def test_several_files_make_one_set() -> None:
    table = merge([read(golden("five_factors_daily")), read(golden("momentum_daily"))])

    assert table.keys == ("mkt_rf", "smb", "hml", "rmw", "cma", "rf", "mom")
    assert table.rows[0].values == (-0.007, -0.0115, 0.0124, 0.007, 0.0098, 0.0002, -0.0104)
    assert [row.values[-1] for row in table.rows][5] is None


def test_files_that_disagree_are_refused() -> None:
    other = golden("five_factors_daily").replace(b"0.49", b"0.48")
    with pytest.raises(LayoutChanged, match="disagree about Mkt-RF of 2024-01-10"):
        merge([read(golden("five_factors_daily")), read(other)])
    with pytest.raises(LayoutChanged, match="daily and monthly"):
        merge([read(golden("five_factors_daily")), read(golden("three_factors_monthly"))])


@pytest.mark.parametrize("pack", [lambda text: text, zipped, gzip.compress], ids=["plain", "zip", "gzip"])
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_packed_or_not_it_is_the_same(pack: object, ends: bytes) -> None:
    content = golden("five_factors_daily").replace(b"\n", ends)
    assert read(pack(content)) == read(golden("five_factors_daily"))  # type: ignore[operator]


DAMAGE = [
    ("Mkt-RF,SMB", "Mkt-RF SMB", LayoutChanged, "Line 5: 4 values under 3 names"),
    (",Mkt-RF,SMB,HML,RF\n202309", "Date,Mkt-RF,SMB,HML,RF\n202309", LayoutChanged, "Line 5: values without a line"),
    ("202310,", "202310;", LayoutChanged, "Line 6: “202310;   -3.19” where a day"),
    ("202310,", "20231031,", LayoutChanged, "Line 6: “20231031” among periods of 6 digits"),
    ("202310,", "202309,", LayoutChanged, "Line 6: 2023-09-30 does not follow 2023-09-30"),
    ("202310,", "202313,", BadFactorValue, "Line 6: “202313” is no day"),
    ("-3.19", "-3,19", LayoutChanged, "Line 6: 5 values under 4 names"),
    ("-3.19", "n/a", BadFactorValue, "Line 6: Mkt-RF: “n/a” is not a number"),
    ("-3.19", "1e9", BadFactorValue, "Line 6: Mkt-RF: 1e9 is no return"),
    ("-3.19", "Infinity", BadFactorValue, "Line 6: Mkt-RF"),
    ("SMB", "Mkt-RF", LayoutChanged, "Line 4: “Mkt-RF” stands twice"),
    ("202309,   -5.24,   -2.51,    1.52,    0.43\n", "\n", LayoutChanged, "Line 4: no row of values follows"),
]


@pytest.mark.parametrize(("before", "after", "error", "message"), DAMAGE)
def test_a_changed_layout_is_told_with_its_line(
    before: str, after: str, error: type[FactorFileError], message: str
) -> None:
    text = golden("three_factors_monthly").decode()
    assert before in text

    with pytest.raises(error) as raised:
        read(text.replace(before, after, 1).encode())

    assert raised.value.message.startswith(message), raised.value.message
    assert raised.value.field == "file"


def test_a_file_of_years_alone_is_refused() -> None:
    text = "Kenneth R. French\n\n,SMB\n2022, 1.0\n2023, 2.0\n"
    with pytest.raises(LayoutChanged, match="no daily, weekly or monthly section"):
        read(text.encode())


def test_fractions_in_the_librarys_layout_are_not_taken_for_percent() -> None:
    text = b",Mkt-RF\n20240102,-0.0070\n20240103,0.0031\n20240104,-0.0025\n20240105,0.0014\n"
    with pytest.raises(UnitUnclear):
        read(text)
    assert read(text, percent=False).rows[0].values == (-0.007,)
    assert read(text, percent=True).rows[0].values == (-0.00007,)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("date,A,B\n2024-01-02,0.01,-0.02\n", (0.01, -0.02)),
        ("\ufeffDate;A;B\n2024-01-02;0,01;-0,02\n", (0.01, -0.02)),
        ("A\tday\tB\n1%\t20240102\t-2 %\n", (0.01, -0.02)),
        (",A,B\n2024-01-02,0.01,\n", (0.01, None)),
        ("date,A,B\n2024-01-02,1e-2,NA\n", (0.01, None)),
        ('"date","A","B"\n"2024-01-02","0.01","-0.02"\n\n', (0.01, -0.02)),
    ],
)
def test_any_csv(text: str, values: tuple[float | None, ...]) -> None:
    table = read(text.encode())
    assert (table.keys, table.frequency, table.rows[0].day) == (("a", "b"), "daily", date(2024, 1, 2))
    assert table.rows[0].values == values


def test_percent_is_asked_for_or_given() -> None:
    text = b"date,A\n2024-01-31,1.5\n2024-02-29,-2.0\n2024-03-29,0.4\n2024-04-30,-99.99\n"
    with pytest.raises(UnitUnclear, match="usual size of A"):
        read(text.replace(b"-99.99", b"-3"))
    table = read(text, percent=True)
    assert (table.frequency, table.last) == ("monthly", date(2024, 4, 30))
    assert [row.values[0] for row in table.rows] == [0.015, -0.02, 0.004, None]
    assert table.rows[2].day == date(2024, 3, 31)  # a month's last day, whatever day the file names


WRONG = [
    ("", LayoutChanged, "The file is empty"),
    ("date\n2024-01-02\n", LayoutChanged, "Line 1: there is no column beside the dates"),
    ("a,b\n1,2\n", LayoutChanged, "Line 1: no column is called “date”"),
    ("date,day,a\n1,2,3\n", LayoutChanged, "Line 1: more than one column"),
    ("date,a,A\n2024-01-02,1,2\n", LayoutChanged, "Line 1: “A” stands twice"),
    ("date,a,\n2024-01-02,1,2\n", LayoutChanged, "Line 1: more than one column"),
    ("date,a,--\n2024-01-02,1,2\n", LayoutChanged, "Line 1: column 3 has no name"),
    ("date,a\n", LayoutChanged, "No row follows the names"),
    ("date,a\n2024-01-02,0.1,0.2\n", LayoutChanged, "Line 2: 3 cells under 2 names"),
    ("date,a\n2024-01-02,0.1\n2024-01-02,0.2\n", LayoutChanged, "Line 3: 2024-01-02 stands in line 2 already"),
    ("date,a\n2024-01,0.1\n2024-02-03,0.2\n", LayoutChanged, "Line 3: some periods are months"),
    ("date,a\n2024-02-30,0.1\n", BadFactorValue, "Line 2: “2024-02-30” is no day"),
    ("date,a\n02/03/2024,0.1\n", BadFactorValue, "Line 2: “02/03/2024” is no day"),
    ("date,a\n0000-01-01,0.1\n", BadFactorValue, "Line 2: “0000-01-01” is no day"),
    ("date,a\n2024-01-02,12\n", BadFactorValue, "Line 2: a: 12 is no return of one period; are the values percent?"),
    ("date,a\n2024-01-02,١\n", BadFactorValue, "Line 2: a: “١” is not a number"),
    ('date,a\n2024-01-02,"0.1\n', BadFactorValue, "Line 2: the line cannot be read"),
]


@pytest.mark.parametrize(("text", "error", "message"), WRONG)
def test_a_csv_that_is_wrong(text: str, error: type[FactorFileError], message: str) -> None:
    with pytest.raises(error) as raised:
        read(text.encode())
    assert raised.value.message.startswith(message), raised.value.message


def test_a_bomb_is_not_unpacked() -> None:
    zeros = b"0" * (MOST_UNPACKED + 10)
    for bomb in (zipped(zeros), gzip.compress(zeros)):
        assert len(bomb) < MOST_BYTES
        with pytest.raises(FactorFileTooLarge, match="Unpacked"):
            read(bomb)
    with pytest.raises(FactorFileTooLarge, match="larger than"):
        read(b"x" * (MOST_BYTES + 1))


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04 nothing of the kind",
        b"\x1f\x8b nor this",
        zipped(b"date,a\n", b"date,b\n"),
        zipped(),
        gzip.compress(b"date,a\n2024-01-02,0.1\n")[:-9],
        b"date,a\x00\n",
        b"date,\xff\n",
    ],
    ids=["broken zip", "broken gzip", "two files", "no file", "cut short", "null character", "not utf-8"],
)
def test_what_is_no_text_is_refused(content: bytes) -> None:
    with pytest.raises((UnreadableFactorFile, LayoutChanged)):
        read(content)


@pytest.mark.parametrize(
    ("column", "key"),
    [
        ("Mkt-RF", "mkt_rf"),
        ("MktRF", "mkt_rf"),
        ("Mom   ", "mom"),
        ("WML", "mom"),
        ("Low volatility", "low_volatility"),
        ("1st", "f_1st"),
        ("x" * 90, "x" * 32),
        ("!", ""),
    ],
)
def test_keys_of_columns(column: str, key: str) -> None:
    assert factor_key(column) == key


def test_too_many_columns_are_refused() -> None:
    head = "date," + ",".join(f"f{number}" for number in range(61))
    with pytest.raises(FactorFileTooLarge, match="61 columns"):
        read(f"{head}\n".encode())
