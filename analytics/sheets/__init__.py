"""Reports in the reader's language and number format: what pages, PDF and CSV of one report have in common."""
