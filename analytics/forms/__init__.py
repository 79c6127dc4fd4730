"""The forms of the pages of analytics."""
