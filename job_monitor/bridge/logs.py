"""The bench's log files for managers: by name, redacted, in bounded parts."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from frappe.utils import get_bench_path

from job_monitor.bridge import audit, roles, session
from job_monitor.bridge.times import to_site
from job_monitor.core import log_names
from job_monitor.core.log_files import Log, LogFilter, LogPage


def files() -> list[dict[str, Any]]:
	"""See `api.logs.get_files`.

	Raises:
		frappe.PermissionError
	"""
	roles.only_managers()
	found = log_names.listing(Path(get_bench_path()))
	return [{**asdict(file), "changed_at": to_site(file.changed_at)} for file in found]


def read(name: str, records: int, text: str, level: str, older: str, newer: str) -> dict[str, Any]:
	"""See `api.logs.read`.

	Raises:
		frappe.PermissionError
		frappe.ValidationError: Unknown name, bad filter or cursor.
	"""
	with audit.act("read log", "Log File", name) as entry:
		roles.only_managers()
		with session.translated():
			wanted = LogFilter(level.upper(), text, records)
			log = Log(Path(get_bench_path()), name, redactor=session.redactor())
			if not (older or newer):
				entry.begin()
			page = log.follow(newer, wanted) if newer else log.tail(wanted, older)
		if entry.name:
			entry.end(f"{page.bytes_read:,} bytes", True)
	return _shape(page)


def _shape(page: LogPage) -> dict[str, Any]:
	records = [{**asdict(record), "at": to_site(record.at)} for record in page.records]
	return {**asdict(page), "records": records}
