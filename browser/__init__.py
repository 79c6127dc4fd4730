"""The pages in Debian's Chromium, against the real server with the demo: `make browser`."""
