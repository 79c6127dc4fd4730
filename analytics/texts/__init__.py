"""What pure code, stored records and reference data say in English: the texts that analytics/wording.py words.

They are listed for the catalogues. Where values stand in a text, they are named, and the text is found by the rest.
"""

from __future__ import annotations

from analytics.texts import reasons
from analytics.texts.brought import FROM_FILES
from analytics.texts.figures import FACTORS
from analytics.texts.inputs import NAMED

WITH_VALUES = (*reasons.WITH_VALUES, *FROM_FILES)

__all__ = ["FACTORS", "NAMED", "WITH_VALUES"]
