"""The text inside an upload: plain, gzip or a zip archive of one file, never more than what is read."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib

from analytics.factor_files.errors import FactorFileTooLarge, UnreadableFactorFile
from analytics.factor_files.table import MOST_BYTES, MOST_UNPACKED

ZIP, GZIP = b"PK\x03\x04", b"\x1f\x8b"
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError)


def text_of(content: bytes) -> str:
    """The text of an upload of any kind. Raises FactorFileTooLarge, UnreadableFactorFile."""
    if len(content) > MOST_BYTES:
        raise FactorFileTooLarge("The file is larger than {most:,} bytes.", most=MOST_BYTES)
    plain = _unpacked(content)
    if len(plain) > MOST_UNPACKED:
        raise FactorFileTooLarge("Unpacked, the file is larger than {most:,} bytes.", most=MOST_UNPACKED)
    if b"\x00" in plain:
        raise UnreadableFactorFile("The file holds null characters and is no text.")
    try:
        return plain.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableFactorFile("The file is not UTF-8; save it as “CSV UTF-8”.") from error


def _unpacked(content: bytes) -> bytes:
    """At most one byte more than what is read: what an archive says of its sizes is not believed."""
    try:
        if content.startswith(ZIP):
            return _from_zip(content)
        if content.startswith(GZIP):
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
                return file.read(MOST_UNPACKED + 1)
    except BROKEN as error:
        raise UnreadableFactorFile("The archive cannot be opened: {reason}.", reason=str(error)[:200]) from error
    return content


def _from_zip(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = [entry for entry in archive.infolist() if not entry.is_dir()]
        if len(files) != 1:
            raise UnreadableFactorFile("The archive holds {count} files; it must hold one.", count=len(files))
        with archive.open(files[0]) as file:
            return file.read(MOST_UNPACKED + 1)
