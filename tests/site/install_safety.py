"""Installing, migrating, uninstalling: nothing of Frappe's is lost, nothing of ours is left, no other site is hurt.

	tests/site/install_safety.py BENCH SITE [SITE_WITHOUT]

Takes the app off the site and puts it back, several times; SITE must be one for tests (`allow_tests`), SITE_WITHOUT
another of the bench that never has the app. Databases of any kind; restoring is tried on MariaDB only.
Ends with 0 and one line for each step, or with 1 and what was lost.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

APP = "job_monitor"

STATE = """
import json, sys, frappe
frappe.init(site=sys.argv[1]); frappe.connect()
doctypes = ("RQ Job", "RQ Worker", "Scheduled Job Log", "Scheduled Job Type")
state = {"installed": "job_monitor" in frappe.get_installed_apps()}
if "--run" in sys.argv:
	from frappe.core.doctype.log_settings.log_settings import run_log_clean_up
	run_log_clean_up()
	frappe.db.commit()
for doctype in doctypes:
	doc = frappe.get_doc("DocType", doctype).as_dict()
	fields = [[f.fieldname, f.fieldtype, f.label, f.options] for f in doc.fields]
	permissions = [[p.role, p.read, p.write, p.delete] for p in doc.permissions]
	state[doctype] = [doc.module, doc.sort_field, doc.title_field, fields, permissions]
state["customized"] = sorted(
	frappe.get_all("Custom Field", {"dt": ["in", doctypes]}, pluck="name")
	+ frappe.get_all("Property Setter", {"doc_type": ["in", doctypes]}, pluck="name")
)
state["permissions"] = sorted(
	f"{p.parent} {p.role} {p.read}" for p in frappe.get_all("Custom DocPerm", {"parent": ["in", doctypes]}, ["*"])
)
events = frappe.get_hooks("scheduler_events").values()
lists = [methods for event in events for methods in (event.values() if isinstance(event, dict) else [event])]
hooked = {method for methods in lists for method in methods if not method.startswith("job_monitor.")}
schedules = frappe.get_all("Scheduled Job Type", {"method": ["in", list(hooked)]}, ["name", "method"])
rows = frappe.db.count("Scheduled Job Log")
log = "tabScheduled Job Log"
state["columns"] = sorted(frappe.db.get_table_columns("Scheduled Job Log"))
names = ("job_monitor_status_creation", "job_monitor_type_creation")
state["indexes"] = [name for name in names if frappe.db.has_index(log, name)]
state["left"] = {
	"schedules": frappe.get_all("Scheduled Job Type", {"method": ["like", "job_monitor.%"]}, pluck="method"),
	"doctypes": frappe.get_all("DocType", {"module": "Job Monitor"}, pluck="name"),
	"tables": [t for t in frappe.db.get_tables(cached=False) if t.startswith(("tabJob Alert", "tabJob Failure",
		"tabJob Metric", "tabJob Monitor", "tabJob Run"))],
	"settings": frappe.db.sql_list("select field from `tabSingles` where doctype like 'Job %%'"),
	"passwords": frappe.db.sql_list("select name from `__Auth` where doctype like 'Job %%'"),
	"patches": frappe.get_all("Patch Log", {"patch": ["like", "job_monitor.%"]}, pluck="patch"),
	"roles": frappe.get_all("Role", {"name": ["like", "Job Monitor%"]}, pluck="name"),
	"sidebars": frappe.db.exists("DocType", "Workspace Sidebar")
	and frappe.get_all("Workspace Sidebar", {"app": "job_monitor"}, pluck="name"),
	"logs to clear": [
		row.ref_doctype
		for row in frappe.get_single("Log Settings").logs_to_clear
		if not frappe.db.exists("DocType", row.ref_doctype)
	],
}
if "--run" in sys.argv:
	name = frappe.get_all("Scheduled Job Type", {"method": "frappe.oauth.delete_oauth2_data"}, pluck="name")[0]
	frappe.get_doc("Scheduled Job Type", name).execute()
	last = frappe.get_all("Scheduled Job Log", ["status"], order_by="creation desc", limit=1)[0].status
	state["run"] = [last, frappe.db.count("Scheduled Job Log") - rows]
	frappe.get_all("RQ Job", limit=1)
	frappe.get_all("RQ Worker", limit=1)
state["logs"] = {
	s.method: frappe.db.count("Scheduled Job Log", {"scheduled_job_type": s.name}) for s in schedules
}
if "--names" in sys.argv:  # as in a process that has served a site with the app before
	import job_monitor.background_jobs_patch
	from frappe.utils import background_jobs
	job_monitor.background_jobs_patch.install()
	info = background_jobs.get_queue_info()
	waiting = background_jobs.get_jobs(queue="default", status="queued")
	state["names"] = [
		sorted(info),
		len(waiting) == len(list(waiting)) == info["queues"]["default"]["queued"],
		type(background_jobs.get_jobs(site=sys.argv[1])).__name__,
	]
	list(background_jobs.get_jobs(site=sys.argv[1], status="failed"))
print("STATE" + json.dumps(state))
"""


class Bench:
	def __init__(self, path: Path, site: str, other: str = "") -> None:
		self.path = path
		self.site = site
		self.other = other
		config = json.loads((path / "sites" / site / "site_config.json").read_text())
		self.restores = config.get("db_type", "mariadb") == "mariadb"

	def run(self, *arguments: str) -> str:
		command = [
			str(self.path / "env/bin/python"),
			"-m",
			"frappe.utils.bench_helper",
			"frappe",
			"--site",
			self.site,
		]
		done = subprocess.run([*command, *arguments], cwd=self.path / "sites", capture_output=True, text=True)
		if done.returncode:
			raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
		return done.stdout

	def state(self, *flags: str, site: str = "") -> dict[str, Any]:
		"""Definitions and rows as they are now.

		Args:
			flags: `--run`: a scheduled job and the clearing of logs are run, too. `--names`: what the app adds to
				`frappe.utils.background_jobs` is called.
		"""
		command = [str(self.path / "env/bin/python"), "-c", STATE, site or self.site, *flags]
		done = subprocess.run(command, cwd=self.path / "sites", capture_output=True, text=True)
		for line in done.stdout.splitlines():
			if line.startswith("STATE"):
				return json.loads(line.removeprefix("STATE"))
		raise SystemExit(f"the site does not answer:\n{done.stderr[-2000:]}")


def check(step: str, **wrong: Any) -> None:
	lost = {name: value for name, value in wrong.items() if value}
	print(f"{'LOST' if lost else 'ok'}: {step}" + (f": {lost}" if lost else ""), flush=True)
	if lost:
		raise SystemExit(1)


def frappe_of(state: dict[str, Any]) -> dict[str, Any]:
	return {name: value for name, value in state.items() if name[0].isupper()}


def differing(before: dict[str, Any], after: dict[str, Any], *names: str) -> list[str]:
	return [name for name in (names or before) if before[name] != after[name]]


def lost_logs(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
	"""Schedules of other apps that have fewer rows in their log than before, or are gone.

	A schedule that no app's hooks name (ours after uninstalling, those that Frappe's own tests leave) is removed by
	Frappe at the next install, migrate or uninstall of any app, and all rows of its log with it.
	"""
	return [method for method, rows in before["logs"].items() if after["logs"].get(method, 0) < rows]


def check_other(bench: Bench) -> None:
	"""A site of the bench that does not have the app, whose processes load our code all the same."""
	if not bench.other:
		return
	state = bench.state("--run", "--names", site=bench.other)
	check(
		f"{bench.other}, without the app: scheduled jobs run, all names work",
		installed=state["installed"],
		run=state["run"] != ["Complete", 1],
		names=state["names"] != [["pending", "queues", "workers"], True, "defaultdict"] and state["names"],
		customized=state["customized"],
		left=[name for name, rows in state["left"].items() if rows],
	)


def check_restore(bench: Bench) -> None:
	bench.run("backup")
	before = bench.state("--run")
	backups = bench.path / "sites" / bench.site / "private" / "backups"
	newest = max(backups.glob("*-database.sql.gz"), key=lambda path: path.stat().st_mtime)
	password = json.loads((bench.path / "sites/common_site_config.json").read_text()).get(
		"root_password", "root"
	)
	bench.run("restore", str(newest), "--db-root-password", str(password), "--force")
	restored = bench.state("--run")
	check(
		"restore: everything is back",
		differing=differing(
			before, restored, *frappe_of(before), "columns", "indexes", "customized", "permissions"
		),
		run=restored["run"] != ["Complete", 1],
	)


def main(bench: Bench) -> None:
	if bench.state()["installed"]:
		bench.run("uninstall-app", APP, "-y", "--no-backup")
	bench.run("clear-cache")
	clean = bench.state("--run")
	check("without the app a scheduled job runs", run=clean["run"] != ["Complete", 1])

	bench.run("install-app", APP)
	installed = bench.state("--run")
	check_other(bench)
	check(
		"install: Frappe's definitions are as they were, rows are there, scheduled jobs run",
		definitions=differing(frappe_of(clean), frappe_of(installed)),
		logs=lost_logs(clean, installed),
		run=installed["run"] != ["Complete", 1],
		columns=[c for c in clean["columns"] if c not in installed["columns"] and c[0] != "status"],
	)
	for n in (1, 2):
		before = bench.state("--run")
		bench.run("migrate")
		after = bench.state("--run")
		check(
			f"migrate {n}: nothing changes",
			differing=differing(
				before, after, *frappe_of(before), "columns", "indexes", "customized", "permissions"
			),
			logs=lost_logs(before, after),
			run=after["run"] != ["Complete", 1],
		)
	before = bench.state("--run")
	bench.run("uninstall-app", APP, "-y", "--no-backup", "--dry-run")
	after = bench.state("--run")
	check(
		"uninstall --dry-run changes nothing",
		differing=differing(before, after, *frappe_of(before), "customized", "permissions", "indexes"),
	)

	bench.run("uninstall-app", APP, "-y", "--no-backup")
	gone = bench.state("--run")
	check("uninstall: nothing of ours is left", **gone["left"])
	check(
		"uninstall: Frappe's definitions, rows and permissions are as before, scheduled jobs run",
		differing=differing(clean, gone, *frappe_of(clean), "customized", "permissions", "indexes"),
		logs=lost_logs(after, gone),
		run=gone["run"] != ["Complete", 1],
	)
	check_other(bench)
	bench.run("install-app", APP)
	again = bench.state("--run")
	check(
		"install again",
		differing=differing(installed, again, *frappe_of(clean), "customized", "permissions", "indexes"),
		run=again["run"] != ["Complete", 1],
	)

	bench.run("remove-from-installed-apps", APP)
	removed = bench.state("--run")
	check(
		"remove-from-installed-apps: rows and scheduled jobs go on",
		definitions=differing(frappe_of(clean), frappe_of(removed)),
		run=removed["run"] != ["Complete", 1],
	)
	bench.run("install-app", "--force", APP)
	if bench.restores:
		check_restore(bench)
	print("nothing of Frappe's was lost")


if __name__ == "__main__":
	main(Bench(Path(sys.argv[1]).expanduser(), *sys.argv[2:4]))
