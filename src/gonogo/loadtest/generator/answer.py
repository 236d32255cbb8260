"""HTTP/1.1 answers read only as far as a load needs: the status, and where the answer ends (RFC 9112)."""

from __future__ import annotations

_END = b"\r\n\r\n"
_MAX_HEAD = 65_536


class AnswerError(Exception):
    """What came back is no answer of HTTP/1.1."""


class AnswerReader:
    """Takes the bytes of a connection as they come; one reader reads one answer after the other.

    `status` is that of the answer that was just read. `keeps` says whether the connection stays open after it.
    """

    __slots__ = ("_buffer", "_chunked", "_left", "_until_close", "keeps", "status")

    def __init__(self) -> None:
        self._buffer = b""
        self.status = 0
        self.keeps = True
        self._left = -1
        self._chunked = False
        self._until_close = False

    @property
    def started(self) -> bool:
        """Return whether a part of an answer was read and its end was not."""
        return bool(self._buffer) or self._left >= 0 or self._chunked or self._until_close

    def feed(self, data: bytes) -> bool:
        """Take what was received; returns whether the answer is whole. Raises `AnswerError`."""
        if self._left >= 0:
            self._left -= len(data)
            return self._finish_length()
        if self._until_close:
            return False
        self._buffer = self._buffer + data if self._buffer else data
        if self._chunked:
            return self._read_chunks()
        return self._read_head()

    def close(self) -> bool:
        """Return whether the end of the connection was the end of the answer."""
        return self._until_close

    def _read_head(self) -> bool:
        buffer = self._buffer
        end = buffer.find(_END)
        if end < 0:
            if len(buffer) > _MAX_HEAD:
                raise AnswerError("the head of the answer is too long")
            return False
        if buffer[:7] != b"HTTP/1." or not buffer[9:12].isdigit():
            raise AnswerError("the answer does not begin with an HTTP status")
        status = int(buffer[9:12])
        if 100 <= status < 200:
            self._buffer = buffer[end + 4 :]
            return self._read_head() if self._buffer else False
        self.status = status
        head = buffer[:end].lower()
        self.keeps = b"\r\nconnection: close" not in head and buffer[7:8] != b"0"
        if status in (204, 304):
            return self._finish(buffer[end + 4 :])
        if b"\r\ntransfer-encoding:" in head and b"chunked" in head:
            self._chunked = True
            self._buffer = buffer[end + 4 :]
            return self._read_chunks()
        at = head.find(b"\r\ncontent-length:")
        if at < 0:
            self._until_close, self.keeps, self._buffer = True, False, b""
            return False
        stop = head.find(b"\r\n", at + 2)
        length = head[at + 17 : stop if stop > 0 else None].strip()
        if not length.isdigit():
            raise AnswerError("the answer's Content-Length is no number")
        self._left = int(length) - (len(buffer) - end - 4)
        self._buffer = b""
        return self._finish_length()

    def _finish_length(self) -> bool:
        if self._left > 0:
            return False
        if self._left < 0:
            raise AnswerError("the answer is longer than it says")
        return self._finish(b"")

    def _read_chunks(self) -> bool:
        while True:
            line_end = self._buffer.find(b"\r\n")
            if line_end < 0:
                return False
            size_text = self._buffer[:line_end].split(b";", 1)[0].strip()
            try:
                size = int(size_text, 16)
            except ValueError as error:
                raise AnswerError("a chunk of the answer has no size") from error
            if size == 0:
                return self._read_trailer(line_end)
            if len(self._buffer) < line_end + 4 + size:
                return False
            self._buffer = self._buffer[line_end + 4 + size :]

    def _read_trailer(self, line_end: int) -> bool:
        if self._buffer[line_end : line_end + 4] == _END:
            return self._finish(self._buffer[line_end + 4 :])
        end = self._buffer.find(_END, line_end)
        return self._finish(self._buffer[end + 4 :]) if end >= 0 else False

    def _finish(self, rest: bytes) -> bool:
        if rest:
            raise AnswerError("more came than one answer")
        self._buffer, self._left, self._chunked, self._until_close = b"", -1, False, False
        return True
