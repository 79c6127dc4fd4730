"""Files of cash and trades: bytes in, rows and what is wrong with which line out. Pure."""
