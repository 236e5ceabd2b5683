"""The log files of a bench. A caller's text is looked up in `names` and never becomes part of a path.

All logs lie in the bench's `logs`; those which Frappe itself writes also lie in `sites/<site>/logs`, with that site's
entries only.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from job_monitor.core import clock
from job_monitor.core.errors import InvalidQuery
from job_monitor.core.logs.names import KNOWN, LogName
from job_monitor.core.wording import say

_SITE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,139}", re.ASCII)
_ROTATED = re.compile(r"\.(\d{1,3})|[.-](\d{8}(?:-?\d{1,10})?)", re.ASCII)


@dataclass(frozen=True)
class LogFile:
	"""The file of a log.

	Attributes:
		size: Bytes, without rotated files; 0 if it is not there.
		changed_at: None if it is not there.
		note: Why it cannot be read, "" if it can.
	"""

	name: str
	about: str
	size: int
	changed_at: datetime | None
	note: str


def folder_of(bench: Path, log: LogName, site: str = "") -> Path:
	"""The folder that a log lies in: the bench's folder of logs, or the site's.

	Raises:
		InvalidQuery: No such site, or sites have no log of their own of that name.
	"""
	if not site:
		return bench / "logs"
	if not log.per_site:
		raise InvalidQuery(say("{0} is one log for all sites; leave out the site", log.name))
	return site_folder(bench, site) / "logs"


def site_folder(bench: Path, site: str) -> Path:
	"""The folder of a site.

	Raises:
		InvalidQuery: No such site on this bench.
	"""
	if isinstance(site, str) and _SITE.fullmatch(site):
		folder = bench / "sites" / site
		try:
			inside = folder.resolve().parent == (bench / "sites").resolve()
			if inside and (folder / "site_config.json").is_file():
				return folder
		except (OSError, RuntimeError):
			pass
	raise InvalidQuery(say("no such site on this bench"))


def with_rotated(folder: Path, log: LogName) -> list[Path]:
	"""The log's file, if it is there, and its rotated ones, newest first. Compressed ones are left out."""
	found: list[tuple[tuple[int, int], Path]] = []
	try:
		names = os.listdir(folder)
	except OSError:
		return []
	for name in names:
		if name == log.file:
			found.append(((0, 0), folder / name))
		elif name.startswith(log.file) and (suffix := _ROTATED.fullmatch(name, len(log.file))):
			number, date = suffix.groups()
			order = (1, int(number)) if number else (2, -int(date.replace("-", "").ljust(18, "0")))
			found.append((order, folder / name))
	return [path for _order, path in sorted(found)]


@contextmanager
def opened(folder: Path, path: Path) -> Iterator[int]:
	"""The file descriptor of a log.

	Raises:
		OSError: It cannot be read, is a link that leads out of the folder, or is no file (a pipe would block).
	"""
	try:
		root, target = folder.resolve(), path.resolve()
	except RuntimeError as error:  # links in a circle, before Python 3.13
		raise OSError(str(error)) from None
	if target.parent != root:
		raise OSError("is a link that leads out of its folder")
	descriptor = os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
	try:
		if not stat.S_ISREG(os.fstat(descriptor).st_mode):
			raise OSError("is not a file")
		yield descriptor
	finally:
		os.close(descriptor)


def listing(bench: Path, site: str = "") -> tuple[LogFile, ...]:
	"""All known logs of a bench or a site, those without a file included.

	Raises:
		InvalidQuery: No such site on this bench.
	"""
	logs = [log for log in KNOWN if log.per_site or not site]
	return tuple(_listed(folder_of(bench, log, site), log) for log in logs)


def _listed(folder: Path, log: LogName) -> LogFile:
	try:
		with opened(folder, folder / log.file) as descriptor:
			status = os.fstat(descriptor)
		return LogFile(log.name, log.about, status.st_size, clock.from_epoch(status.st_mtime), "")
	except OSError as error:
		return LogFile(log.name, log.about, 0, None, why(log, error))


def why(log: LogName, error: OSError) -> str:
	"""Why a log cannot be read, in words that hold no path."""
	if isinstance(error, FileNotFoundError):
		return say("{0} is not there: {1}", log.file, log.absent)
	return say("{0}: {1}", log.file, error.strerror or error)
