"""The trace of a computation: decimals and arrays that record what is done with them, written down as plain data."""

from analytics.explaining.exact import RecordedDecimal, given, recorded_call
from analytics.explaining.trace import Trace, trace_of

__all__ = ["RecordedDecimal", "Trace", "given", "recorded_call", "trace_of"]
