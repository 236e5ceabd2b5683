"""Installing, migrating, uninstalling: nothing of core's is lost. Run by `scripts/test --install-safety`.

	tests/install_safety.py BENCH SITE

Takes the app off the site and puts it back, several times; SITE must be one for tests (`allow_tests`).
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
state["rows"] = frappe.db.count("Scheduled Job Log")
columns = frappe.db.sql("show columns from `tabScheduled Job Log`")
state["columns"] = sorted([c[0], c[1]] for c in columns)
state["indexes"] = sorted({i[2] for i in frappe.db.sql("show index from `tabScheduled Job Log`")})
if "--run" in sys.argv:
	name = frappe.get_all("Scheduled Job Type", {"method": "frappe.oauth.delete_oauth2_data"}, pluck="name")[0]
	frappe.get_doc("Scheduled Job Type", name).execute()
	last = frappe.get_all("Scheduled Job Log", ["status"], order_by="creation desc", limit=1)[0].status
	state["run"] = [last, frappe.db.count("Scheduled Job Log") - state["rows"]]
	frappe.get_all("RQ Job", limit=1)
	frappe.get_all("RQ Worker", limit=1)
print("STATE" + json.dumps(state))
"""


class Bench:
	def __init__(self, path: Path, site: str) -> None:
		self.path = path
		self.site = site

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

	def state(self, run: bool = True) -> dict[str, Any]:
		"""Core's definitions and rows as they are now; with `run`, a scheduled job is run, too."""
		command = [str(self.path / "env/bin/python"), "-c", STATE, self.site, *(["--run"] if run else [])]
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


def core_of(state: dict[str, Any]) -> dict[str, Any]:
	return {name: value for name, value in state.items() if name[0].isupper()}


def differing(before: dict[str, Any], after: dict[str, Any], *names: str) -> list[str]:
	return [name for name in (names or before) if before[name] != after[name]]


def main(bench: Bench) -> None:
	if bench.state(run=False)["installed"]:
		bench.run("uninstall-app", APP, "-y", "--no-backup")
	bench.run("clear-cache")
	clean = bench.state()
	check("without the app a scheduled job runs", run=clean["run"] != ["Complete", 1])

	bench.run("install-app", APP)
	installed = bench.state()
	check(
		"install: core's definitions are core's, rows are there, scheduled jobs run",
		definitions=differing(core_of(clean), core_of(installed)),
		rows=installed["rows"] < clean["rows"] + 1,
		run=installed["run"] != ["Complete", 1],
		columns=[c for c in clean["columns"] if c not in installed["columns"] and c[0] != "status"],
	)
	for n in (1, 2):
		before = bench.state()
		bench.run("migrate")
		after = bench.state()
		check(
			f"migrate {n}: nothing changes",
			differing=differing(
				before, after, *core_of(before), "columns", "indexes", "customized", "permissions"
			),
			rows=after["rows"] < before["rows"] + 1,
			run=after["run"] != ["Complete", 1],
		)
	before = bench.state()
	bench.run("uninstall-app", APP, "-y", "--no-backup", "--dry-run")
	after = bench.state()
	check(
		"uninstall --dry-run changes nothing",
		differing=differing(before, after, *core_of(before), "customized", "permissions", "indexes"),
	)

	bench.run("uninstall-app", APP, "-y", "--no-backup")
	gone = bench.state()
	check(
		"uninstall: core's definitions, rows and permissions are as before, scheduled jobs run",
		differing=differing(clean, gone, *core_of(clean), "customized", "permissions", "indexes"),
		rows=gone["rows"] < after["rows"] + 1,
		run=gone["run"] != ["Complete", 1],
	)
	bench.run("install-app", APP)
	again = bench.state()
	check(
		"install again",
		differing=differing(installed, again, *core_of(clean), "customized", "permissions", "indexes"),
		run=again["run"] != ["Complete", 1],
	)

	bench.run("remove-from-installed-apps", APP)
	removed = bench.state()
	check(
		"remove-from-installed-apps: rows and scheduled jobs go on",
		definitions=differing(core_of(clean), core_of(removed)),
		run=removed["run"] != ["Complete", 1],
	)
	bench.run("install-app", "--force", APP)
	bench.run("backup")
	before = bench.state()
	backups = bench.path / "sites" / bench.site / "private" / "backups"
	newest = max(backups.glob("*-database.sql.gz"), key=lambda path: path.stat().st_mtime)
	password = json.loads((bench.path / "sites/common_site_config.json").read_text()).get(
		"root_password", "root"
	)
	bench.run("restore", str(newest), "--db-root-password", str(password), "--force")
	restored = bench.state()
	check(
		"restore: everything is back",
		differing=differing(
			before, restored, *core_of(before), "columns", "indexes", "customized", "permissions"
		),
		run=restored["run"] != ["Complete", 1],
	)
	print("nothing of core's was lost")


if __name__ == "__main__":
	main(Bench(Path(sys.argv[1]).expanduser(), sys.argv[2]))
