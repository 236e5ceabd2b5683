"""What a run of tests leaves on a bench: rows, keys, files and processes. Run by `scripts/test --site`.

cd BENCH/sites; ../env/bin/python tests/site/site_traces.py SITE FILE            notes what is there
cd BENCH/sites; ../env/bin/python tests/site/site_traces.py SITE FILE --compare  tells what differs; 1 if anything does
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import frappe
import psutil
from frappe.utils.background_jobs import get_redis_conn
from frappe.utils.global_search import sync_global_search

ALL_COLUMNS = ("Scheduled Job Type", "Sessions", "Singles")
"""Frappe's tables that are compared whole, as ours are; of others the rows' names."""


def traces() -> dict[str, Any]:
	ours = frappe.get_all("DocType", {"module": "Job Monitor"}, pluck="name")
	tables = {}
	for table in sorted(frappe.db.get_tables(cached=False)):
		if not table.startswith(("tab", "__")):
			continue  # MariaDB lists its own, too
		whole = table.removeprefix("tab") in (*ours, *ALL_COLUMNS)
		tables[table] = _digest(table, "*" if whole or table.startswith("__") else "name")
	return {
		"rows": tables,
		"keys": _keys(),
		"workers": get_redis_conn().scard("rq:workers"),
		"to be found by Frappe's search": dict.fromkeys(_to_be_found(), 1),
		"files": {str(path): path.stat().st_size for path in _files()},
		"processes": dict.fromkeys(_processes(), 1),
	}


def _digest(table: str, columns: str) -> dict[str, str]:
	"""What tells rows apart when they are compared, by a digest of each."""
	# Frappe's runner switches the scheduler off and on again, which leaves its time in System Settings
	where = " where field not in ('modified', 'modified_by')" if table == "tabSingles" else ""
	# By name: a test that renames columns and back may leave them in another order
	found = frappe.db.sql(f"select {columns} from `{table}`{where}", as_dict=True)
	rows = (repr(sorted(row.items())) for row in found)
	return {hashlib.sha256(row.encode()).hexdigest()[:16]: row[:120] for row in rows}


def _keys() -> dict[str, bool]:
	"""Of this site; others of the bench go on. True for those that Redis does not drop by itself."""
	connection, site = get_redis_conn(), frappe.local.site.encode()
	keys = [key for key in connection.scan_iter("rq:*", count=1000) if site in key]
	return {key.decode(errors="replace"): connection.ttl(key) == -1 for key in keys}


def _to_be_found() -> list[str]:
	"""Documents that are gone, and whose text waits in the cache for Frappe's search."""
	waiting = [json.loads(value) for value in frappe.cache.lrange("global_search_queue", 0, -1)]
	found = {(item["doctype"], item["name"]) for item in waiting}
	return sorted(f"{doctype} {name}" for doctype, name in found if not frappe.db.exists(doctype, name))


def _files() -> list[Path]:
	site = Path(frappe.get_site_path())
	return [site / "site_config.json", *(path for path in (site / "private").glob("*") if path.is_file())]


def _processes() -> list[str]:
	"""Workers and servers of tests, by command and the time they began. They have a Redis of their own."""
	found = []
	for process in psutil.process_iter(["pid", "cmdline", "create_time"]):
		command = " ".join(process.info["cmdline"] or ())
		if "job-monitor-tests-" in command or (" worker " in command and _is_of_tests(process)):
			found.append(f"{process.info['pid']} {process.info['create_time']:.0f} {command}")
	return found


def _is_of_tests(process: psutil.Process) -> bool:
	try:
		return str(Path.cwd()) == process.cwd() and "FRAPPE_REDIS_QUEUE" in process.environ()
	except psutil.Error:
		return False


def compare(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
	found = []
	for table in sorted({*before["rows"], *after["rows"]}):
		was, now = before["rows"].get(table, {}), after["rows"].get(table, {})
		gone, new = (
			[rows[key] for key in rows.keys() - other.keys()] for rows, other in ((was, now), (now, was))
		)
		if gone or new:
			found.append(
				f"{table}: {len(new)} rows are new or changed, {len(gone)} gone: {[*new[:3], *gone[:3]]}"
			)
	found += [f"keys: {key}" for key in _other_keys(before["keys"], after["keys"], before["workers"])]
	for kind in sorted(before.keys() - {"rows", "keys", "workers"}):
		was, now = before[kind], after[kind]
		found += [f"{kind}: {name}" for name in sorted({*was, *now}) if was.get(name) != now.get(name)]
	return found


def _other_keys(before: dict[str, bool], after: dict[str, bool], workers: int) -> list[str]:
	"""Those of new jobs, and those gone. The site's own jobs go on, and the bench's workers note their runs."""
	own = ("rq:job_monitor:",) if workers else ()
	jobs = {_job_of(key) for key in before}
	new = [key for key in after if key not in before and _job_of(key) not in jobs and not key.startswith(own)]
	gone = [key for key, stays in before.items() if stays and not workers and key not in after]
	return sorted(new + gone)


def _job_of(key: str) -> str:
	return key.partition("||")[2].partition(":")[0] or key


def main(site: str, file: Path, comparing: bool) -> int:
	frappe.init(site=site)
	frappe.connect()
	if not comparing and frappe.db.db_type != "sqlite":  # Frappe does not know how there
		sync_global_search()  # of what migrate left in the queue, rather than while the tests run
	now = json.loads(json.dumps(traces()))
	if not comparing:
		file.write_text(json.dumps(now))
		return 0
	different = compare(json.loads(file.read_text()), now)
	for line in different:
		print(f"left by the tests: {line}")
	return int(bool(different))


if __name__ == "__main__":
	sys.exit(main(sys.argv[1], Path(sys.argv[2]), "--compare" in sys.argv))
