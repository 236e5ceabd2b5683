"""A log as the source of records: its folder, its redactor, and the site whose entries are shown."""

from __future__ import annotations

from pathlib import Path

from job_monitor.core.logs import catalog, log_headings, log_names, log_records, log_sites
from job_monitor.core.logs.log_pages import LogFilter
from job_monitor.core.logs.log_records import LEVELS, LogRecord
from job_monitor.core.redaction.redactor import Redactor


class LogSource:
	"""One log of a bench, or of a site.

	Args:
		name: One of `log_names.NAMES`.
		site: This site's own log of that name instead.
		only_of: Only entries that are proven to be of this site, see `log_sites`.

	Attributes:
		left_out: Entries that were read and are not proven to be of that site.

	Raises:
		InvalidQuery: No such log or site.
	"""

	def __init__(
		self, bench: Path, name: str, site: str = "", redactor: Redactor | None = None, only_of: str = ""
	) -> None:
		self.log = log_names.known(name)
		self.folder = catalog.folder_of(bench, self.log, site)
		self.redactor = redactor or Redactor()
		self.only_of = only_of
		self.left_out = 0

	def record(self, inode: int, offset: int, raw: bytes, filters: LogFilter) -> LogRecord | None:
		"""The record of these bytes, None if the filters leave it out."""
		if self.only_of and raw.strip():
			part = log_sites.own(self.log, raw, self.only_of)
			self.left_out += part is None
			raw = part or b""
		level = log_headings.level_of(raw, self.log.level)
		if not raw.strip() or (filters.level and LEVELS.index(level) < LEVELS.index(filters.level)):
			return None
		text = filters.text.lower()
		# Most records are ruled out without being redacted
		if text.isascii() and "*" not in text and text.encode() not in raw.lower():
			return None
		record = log_records.parse(f"{inode:x}-{offset:x}", raw, level, self.redactor)
		return record if text in record.text.lower() else None
