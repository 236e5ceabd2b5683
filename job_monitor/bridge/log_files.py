"""Log files of the bench for managers: by name, redacted, page by page.

Logs are of the bench, managers of a site. They see entries that are proven to be of their site; all entries only on the
site that `job_monitor_bench_site` of `common_site_config.json` names, or where the bench has no other.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import frappe
from frappe import _
from frappe.utils import get_bench_path

from job_monitor.bridge import audit, context, permissions
from job_monitor.bridge.timezones import to_site
from job_monitor.bridge.wording import translated
from job_monitor.core.logs import catalog
from job_monitor.core.logs import names as log_names
from job_monitor.core.logs import sites as log_sites
from job_monitor.core.logs.catalog import LogFile
from job_monitor.core.logs.names import LogName
from job_monitor.core.logs.pages import LogFilter, LogPage
from job_monitor.core.logs.reader import Log

BENCH_SITE = "job_monitor_bench_site"


def files() -> list[dict[str, Any]]:
	"""The log files that are known, see `api.logs.get_files`.

	Raises:
		frappe.PermissionError
	"""
	permissions.only_managers()
	bench = Path(get_bench_path())
	found = catalog.listing(bench)
	if not _sees_all(bench):
		own = {file.name: file for file in catalog.listing(bench, frappe.local.site)}
		found = tuple(own.get(file.name) or _limited(file) for file in found)
	return [_file_row(file) for file in found]


def _file_row(file: LogFile) -> dict[str, Any]:
	words = {name: translated(getattr(file, name)) for name in ("about", "note")}
	return {**asdict(file), **words, "changed_at": to_site(file.changed_at)}


def read(name: str, records: int, text: str, level: str, older: str, newer: str) -> dict[str, Any]:
	"""One page of a log, see `api.logs.read`.

	Raises:
		frappe.PermissionError
		frappe.ValidationError: Unknown name, bad filter or cursor.
	"""
	with audit.act("read log", "Log File", name, again_and_again=True) as entry:
		with context.frappe_errors():
			log_filter, known = LogFilter(level.upper(), text, records), log_names.known(name)
			page = _page(known, log_filter, older, newer)
		entry.end(f"{page.bytes_read:,} bytes", True)
	return _shape(page)


def _page(known: LogName, log_filter: LogFilter, older: str, newer: str) -> LogPage:
	bench, site = Path(get_bench_path()), frappe.local.site
	if _sees_all(bench):
		scope: dict[str, str] = {}
	elif known.per_site:
		scope = {"site": site}
	elif log_sites.can_prove(known):
		scope = {"only_of": site}
	else:
		return LogPage(known.name, newer=newer, note=_not_here())
	log = Log(bench, known.name, redactor=context.redactor(), **scope)
	page = log.follow(newer, log_filter) if newer else log.tail(log_filter, older)
	if not log.left_out or newer:
		return page
	left_out = _("{0} entries of other sites, or of none that is named, are left out.").format(log.left_out)
	return replace(page, note=" · ".join(filter(None, (translated(page.note), left_out))))


def _sees_all(bench: Path) -> bool:
	"""Whether this site may see entries of all sites.

	The bench's configuration decides, never the site's, which its managers may be able to change.
	"""
	try:
		common = json.loads((bench / "sites" / "common_site_config.json").read_text())
	except (OSError, ValueError):
		common = {}
	if common.get(BENCH_SITE):
		return bool(common[BENCH_SITE] == frappe.local.site)
	others = (path.parent.name for path in (bench / "sites").glob("*/site_config.json"))
	return all(name == frappe.local.site for name in others)


def _limited(file: LogFile) -> LogFile:
	known = log_names.known(file.name)
	return file if log_sites.can_prove(known) else replace(file, size=0, changed_at=None, note=_not_here())


def _not_here() -> str:
	return _(
		"Its entries do not say which site they are of; they are shown on the bench's site only, see {0}."
	).format(BENCH_SITE)


def _shape(page: LogPage) -> dict[str, Any]:
	records = [{**asdict(record), "at": to_site(record.at)} for record in page.records]
	return {**asdict(page), "note": translated(page.note), "records": records}
