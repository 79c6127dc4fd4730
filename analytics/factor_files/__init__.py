"""Files of factor returns: bytes in, rows of fractions out, with the line number in each error. Pure."""

from analytics.factor_files.errors import (
    BadFactorValue,
    FactorFileError,
    FactorFileTooLarge,
    LayoutChanged,
    UnitUnclear,
    UnreadableFactorFile,
)
from analytics.factor_files.reading import merge, read
from analytics.factor_files.table import (
    DAILY,
    MONTHLY,
    MOST_BYTES,
    MOST_ROWS,
    RETURN_LIMIT,
    STANDARD,
    WEEKLY,
    FactorTable,
    factor_key,
    month_end,
)

__all__ = [
    "DAILY",
    "MONTHLY",
    "MOST_BYTES",
    "MOST_ROWS",
    "RETURN_LIMIT",
    "STANDARD",
    "WEEKLY",
    "BadFactorValue",
    "FactorFileError",
    "FactorFileTooLarge",
    "FactorTable",
    "LayoutChanged",
    "UnitUnclear",
    "UnreadableFactorFile",
    "factor_key",
    "merge",
    "month_end",
    "read",
]
