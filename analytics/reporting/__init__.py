"""Reports over a period as documents: their days, tables and pictures, and the PDF. Pure; no Django."""
