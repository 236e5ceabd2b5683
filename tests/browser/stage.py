"""Jobs, workers and scheduled runs to look at, written into a real site for the tests in this folder; and taken away.

	cd BENCH/sites && ../env/bin/python tests/browser/stage.py SITE make|users|many|progress|clean [number]

`make` prints the ids by name as JSON. Whatever it writes carries `MARK` in its id, and `clean` removes only that.
A worker on `long` would run what waits there: have none.
"""

from __future__ import annotations

import json
import pickle
import sys
import zlib
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import frappe
from frappe.utils import get_bench_id
from frappe.utils.background_jobs import create_job_id, get_redis_conn

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.support.jobs import Jobs, at

MARK = "browser-test-"
MANY_QUEUE = "browser_test"
USERS = {"jm-user@example.com": ["Job Monitor User"], "jm-nobody@example.com": ["Desk User"]}
PASSWORD = "Browser-Test-1"

TRACEBACK = """Traceback (most recent call last):
  File "apps/frappe/frappe/utils/background_jobs.py", line 232, in execute_job
    retval = method(**kwargs)
             ^^^^^^^^^^^^^^^^
  File "apps/erpnext/erpnext/accounts/doctype/process_statement_of_accounts/process_statement_of_accounts.py", \
line 532, in send_auto_email
    send_emails(entry.name, from_scheduler=True)
  File "apps/erpnext/erpnext/accounts/doctype/process_statement_of_accounts/process_statement_of_accounts.py", \
line 478, in send_emails
    report = get_report_pdf(doc)
             ^^^^^^^^^^^^^^^^^^^
  File "apps/frappe/frappe/utils/pdf.py", line 99, in get_pdf
    filedata = pdfkit.from_string(html, options=options or {}, verbose=True)
               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
OSError: wkhtmltopdf reported an error: Exit with code 1 due to network error: HostNotFoundError
"""


def main() -> None:
	site, action = sys.argv[1:3]
	frappe.init(site=site)
	frappe.connect()
	{"make": make, "users": users, "many": many, "progress": progress, "clean": clean}[action]()
	frappe.db.commit()
	frappe.destroy()


def make() -> None:
	_clean_jobs()
	stage = Stage()
	stage.waiting()
	stage.running()
	stage.ended()
	stage.workers()
	_runs()
	print(json.dumps(stage.ids))


def users() -> None:
	for user, roles in USERS.items():
		_user(user, roles)


def progress() -> None:
	"""The running job says how far it is."""
	key = f"rq:job:{create_job_id(MARK + 'running')}"
	get_redis_conn().hset(key, "meta", pickle.dumps({"progress": int(sys.argv[3])}))


def many() -> None:
	"""So many waiting jobs that a search by text runs out of its time."""
	number, stage = int(sys.argv[3]), Stage()
	for start in range(0, number, 5000):
		with stage.jobs.connection.pipeline(transaction=False) as pipe:
			writer = Jobs(pipe)
			for index in range(start, min(number, start + 5000)):
				# The oldest tell of a needle: they are looked at last
				note = "needle" if index < 45 else "hay"
				arguments = {"item_code": f"ITEM-{index:05}", "note": note}
				method = "erpnext.stock.stock_ledger.repost_current_voucher"
				job_id = create_job_id(f"{MARK}many-{index:06}")
				writer.raw(job_id, queue=stage.queue(MANY_QUEUE), site=stage.site, method=method,
					arguments=arguments, age=7200 - index / 100)  # fmt: skip
			pipe.execute()


def clean() -> None:
	"""Everything whose id carries the mark, and nothing else."""
	_clean_jobs()
	for user in USERS:
		if frappe.db.exists("User", user):
			frappe.delete_doc("User", user, force=True, ignore_permissions=True)


def _clean_jobs() -> None:
	connection = get_redis_conn()
	prefix = create_job_id(MARK)
	for kind in ("queue", "wip", "finished", "failed", "deferred", "scheduled", "canceled"):
		for key in connection.scan_iter(f"rq:{kind}:{get_bench_id()}:*", count=1000):
			if connection.type(key) == b"list":
				ids = [i for i in connection.lrange(key, 0, -1) if i.decode().startswith(prefix)]
				with connection.pipeline(transaction=False) as pipe:
					if key.decode().endswith(f":{MANY_QUEUE}"):
						pipe.delete(key)
						pipe.srem("rq:queues", key)
						ids = []
					for job_id in ids:
						pipe.lrem(key, 1, job_id)
					pipe.execute()
			elif connection.type(key) == b"zset":
				ids = [i for i in connection.zrange(key, 0, -1) if i.decode().startswith(prefix)]
				if ids:
					connection.zrem(key, *ids)
	keys = [
		*connection.scan_iter(f"rq:job:{prefix}*", count=5000),
		*connection.scan_iter(f"rq:worker:{MARK}*", count=5000),
	]
	for start in range(0, len(keys), 5000):
		connection.unlink(*keys[start : start + 5000])
	for key in connection.smembers("rq:workers"):
		if key.decode().startswith(f"rq:worker:{MARK}"):
			for members in ("rq:workers", *connection.scan_iter("rq:workers:*")):
				connection.srem(members, key)
	frappe.db.delete("Scheduled Job Log", {"worker": ["like", f"{MARK}%"]})


class Stage:
	def __init__(self) -> None:
		self.site = frappe.local.site
		self.jobs = Jobs(get_redis_conn())
		self.ids: dict[str, str] = {}

	def queue(self, name: str) -> str:
		return f"{get_bench_id()}:{name}"

	def add(self, name: str, status: str, queue: str, method: str, arguments: dict[str, Any], age: float,
		waited: float = 0.1, took: float = 0.0, **fields: Any) -> None:  # fmt: skip
		job_id = create_job_id(MARK + name)
		if took or status == "started":
			fields |= {"started_at": at(age - waited)}
		if took:
			fields |= {"ended_at": at(age - waited - took)}
		if "exc_info" in fields:
			fields["exc_info"] = zlib.compress(fields["exc_info"].encode())
		score = None
		if status == "started":
			score = datetime.now(timezone.utc).timestamp() + 3600
		self.jobs.raw(job_id, status=status, queue=self.queue(queue), site=self.site, method=method,
			arguments=arguments, age=age, score=score, **fields)  # fmt: skip
		self.ids[name] = job_id

	def waiting(self) -> None:
		for index in range(5):
			self.add(f"queued-{index}", "queued", "long", "erpnext.stock.reorder_item.reorder_item",
				{"company": "Wind Power LLC", "warehouse": f"Stores {index} - WP"}, 60 - 12 * index, timeout=1500)  # fmt: skip
		self.add(
			"queued-long",
			"queued",
			"long",
			"frappe.utils.global_search.sync_global_search",
			{"flags": None},
			95,
		)
		self.jobs.raw(
			create_job_id(MARK + "zombie"), status="queued", place=None, queue=self.queue("long"), site=self.site,
			method="erpnext.stock.reorder_item.reorder_item", age=86400,
		)  # fmt: skip
		self.ids["zombie"] = create_job_id(MARK + "zombie")
		self.add("deferred", "deferred", "default", "erpnext.accounts.utils.update_gl_entries_after",
			{"voucher_no": "SINV-2026-00841"}, 41, dependency_ids=create_job_id(MARK + "running"),
			dependency_id=create_job_id(MARK + "running"))  # fmt: skip
		self.add(
			"scheduled",
			"scheduled",
			"short",
			"frappe.email.doctype.newsletter.newsletter.send_scheduled_email",
			{"newsletter": "May"},
			600,
		)

	def running(self) -> None:
		self.add("running", "started", "long", "frappe.core.doctype.data_import.data_import.start_import",
			{"data_import": "Item Import on 2026-11-23", "api_key": "never shown", "rows": 4000}, 71, 3.2,
			worker_name=f"{MARK}busy", timeout=1500, last_heartbeat=at(5),
			meta=pickle.dumps({"progress": 62, "message": "row 2480 of 4000"}))  # fmt: skip
		connection = self.jobs.connection
		connection.sadd(f"rq:job:{self.ids['running']}:dependents", self.ids["deferred"])

	def ended(self) -> None:
		self.add("failed", "failed", "long",
			"erpnext.accounts.doctype.process_statement_of_accounts.process_statement_of_accounts.send_auto_email",
			{"document_name": "PSOA-0007", "smtp_password": "never shown", "recipients": ["accounts@example.com"]},
			64, 1.4, 8.92, exc_info=TRACEBACK, worker_name=f"{MARK}busy")  # fmt: skip
		self.add("killed", "failed", "default", "erpnext.manufacturing.doctype.bom_update_log.bom_updation_utils.update_cost_in_level",
			{"bom_list": ["BOM-0012", "BOM-0013"]}, 414, 0.4, 312,
			exc_info="Work-horse terminated unexpectedly; waitpid returned 9 (signal 9); ")  # fmt: skip
		self.add("smtp", "failed", "short", "frappe.email.queue.flush", {}, 33, 0.2, 2.31,
			exc_info="Traceback (most recent call last):\n  File \"apps/frappe/frappe/email/smtp.py\", line 93, in session\n    _session = SMTP(self.server, self.port, timeout=2 * 60)\nConnectionRefusedError: [Errno 111] Connection refused\n")  # fmt: skip
		self.add("stopped", "stopped", "long", "erpnext.stock.doctype.repost_item_valuation.repost_item_valuation.repost_entries",
			{}, 737, 12, 640, exc_info="Job stopped by user, work-horse terminated.")  # fmt: skip
		self.add(
			"canceled",
			"canceled",
			"default",
			"frappe.desk.page.setup_wizard.setup_wizard.make_records",
			{},
			48,
		)
		methods = ("erpnext.stock.doctype.stock_entry.stock_entry.update_stock", "frappe.desk.doctype.notification_log.notification_log.make_notification_logs",
			"erpnext.selling.doctype.sales_order.sales_order.make_delivery", "frappe.integrations.doctype.webhook.webhook.enqueue_webhook",
			"frappe.email.doctype.email_queue.email_queue.send_mail")  # fmt: skip
		for index in range(24):
			self.add(f"finished-{index:02}", "finished", ("short", "default")[index % 2], methods[index % 5],
				{"doc": f"SO-2026-{index:04}"}, (106 if index * 7 % 5 == 4 else 24) + 17 * index, 0.05 * (index + 1), (0.08, 0.4, 1.24, 6.7, 75.0)[index * 7 % 5])  # fmt: skip

	def workers(self) -> None:
		"""A busy worker that serves `running`, one that is late, one that is dead."""
		for name, state, silent, queues, life in (
			# Core judges by what is left of the key's life
			("busy", "busy", 4, ("long",), 3600),
			("idle", "idle", 31, ("default", "short"), 3600),
			("late", "idle", 425, ("default", "short"), 58),
			("dead", "idle", 3600, ("short",), 3600),
		):
			key, fields = f"rq:worker:{MARK}{name}", {"birth": at(86400), "last_heartbeat": at(silent)}
			fields |= {
				"queues": ",".join(map(self.queue, queues)),
				"pid": 41007 + 13 * len(name + queues[0]),
				"hostname": "app-1.example.com",
			}
			fields |= {
				"version": "1.15.1",
				"python_version": "3.11.7 (main)",
				"state": state,
				"ip_address": "10.0.0.7",
			}
			fields |= {"successful_job_count": 1841, "failed_job_count": 23, "total_working_time": 40211.5}
			if name == "busy":
				fields |= {"current_job": self.ids["running"]}
			if name == "dead":
				fields |= {"death": at(silent)}
			connection = self.jobs.connection
			connection.hset(key, mapping=fields)
			connection.expire(key, life)
			for members in ("rq:workers", *(f"rq:workers:{self.queue(q)}" for q in queues)):
				connection.sadd(members, key)


def _runs() -> None:
	"""Scheduled Job Log: one row of each status, newest first as they end."""
	now = frappe.utils.now_datetime()
	types = {t.method: t.name for t in frappe.get_all("Scheduled Job Type", ["name", "method"])}
	methods = [m for m in types if m.count(".") > 2][:12]
	for index, method in enumerate(methods * 2):
		status = {2: "Failed", 5: "Killed", 0: "Running"}.get(index, "Complete")
		start = now - timedelta(minutes=4 * index + 1)
		took = (0.21, 3.4, 0.05, 48.0, 1.7)[index % 5]
		log = frappe.get_doc(
			{"doctype": "Scheduled Job Log", "status": status, "scheduled_job_type": types[method]}
		)
		log.insert(ignore_permissions=True)
		values: dict[str, Any] = {"method": method, "started_at": start, "queue": "long" if index % 3 else "default",
			"worker": f"{MARK}busy", "rq_job_id": create_job_id(f"scheduled_job::{method}"), "creation": start, "modified": start}  # fmt: skip
		if status != "Running":
			values |= {"ended_at": start + timedelta(seconds=took), "duration": took}
		if status == "Failed":
			values |= {"error": TRACEBACK.strip().rsplit("\n", 1)[-1], "details": TRACEBACK}
		if status == "Killed":
			values |= {"error": "The process of this run vanished."}
		frappe.db.set_value("Scheduled Job Log", log.name, values, update_modified=False)


def _user(email: str, roles: list[str]) -> None:
	if frappe.db.exists("User", email):
		return
	user = frappe.get_doc({"doctype": "User", "email": email, "first_name": email.split("@")[0],
		"send_welcome_email": 0, "user_type": "System User", "enabled": 1, "new_password": PASSWORD})  # fmt: skip
	user.flags.no_welcome_mail = True
	user.flags.ignore_password_policy = True
	user.insert(ignore_permissions=True)
	user.add_roles(*[role for role in roles if frappe.db.exists("Role", role)])


if __name__ == "__main__":
	main()
