"""Texts that try to be more than text, in every field that a job can fill; for markup.mjs, and removed again.

	cd BENCH/sites && ../env/bin/python tests/browser/hostile.py SITE make|clean

`make` prints as JSON `{"documents": [{"doctype", "name", "texts": {fieldname: text}}], "mail": HTML, "title": …}`.
What it writes carries `MARK` in its name, worker or site-wide id, and `clean` removes only that.
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
from frappe.utils import get_bench_id, get_bench_path, now_datetime
from frappe.utils.background_jobs import create_job_id, get_redis_conn

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from job_monitor.bridge.history import job_metric
from job_monitor.core.history.run_records import FAILED, Run
from job_monitor.notify import message
from job_monitor.notify.channels import email
from job_monitor.progress import task_states
from tests.support.jobs import Jobs, at

MARK = "hostile-test-"
RAN = "window.hostile=/{0}/"
"""The script in a text tells which field it was in. `markup.mjs` looks for it."""

FORMS = (
	'<img src=x onerror="{ran}">',
	'"><svg onload="{ran}">',
	"'<img src=x onerror={ran}>'",
	"<script>{ran}</script>",
	'<a href="javascript:{ran}">a</a><b>b</b>',
	"{field} {{{{7*7}}}} ${{7*7}} M\u00fcller &amp; S\u00f6hne &lt;i&gt; \"q\" 'q' `t` a=b",
	"=1+1 {field}",
	"{field} \u202egnp.exe \u200f\u0627\u0644",
	"{field}\n  <i>second line",
)
"""`{ran}` is script, `{field}` where it stands."""


def text(number: int, field: str) -> str:
	return FORMS[number].format(ran=RAN.format(field), field=field)


def main() -> None:
	site, action = sys.argv[1:3]
	frappe.init(site=site)
	frappe.connect()
	{"make": make, "clean": clean}[action]()
	frappe.db.commit()
	frappe.destroy()


def make() -> None:
	clean()
	documents = [
		_document(doctype, number, fields, standard)
		for doctype, (fields, standard) in STORED.items()
		for number in range(len(FORMS))
	]
	documents += [_run(number) for number in range(len(FORMS))]
	documents += [_job(number) for number in range(len(FORMS))]
	documents += [_worker(number) for number in range(len(FORMS))]
	_metrics()
	_log_lines()
	notice = _notice()
	_bell(notice)
	_task()
	html = email.compose(notice, "from@example.com", ["to@example.com"])
	body = html.get_body(("html",))
	print(json.dumps({"documents": documents, "mail": body.get_content(), "title": notice.title}))


# In the database, as bulk inserts write it: past Frappe's cleaning of HTML

STORED: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
	"Job Failure Group": (
		("title", "method", "exception", "message", "frames"),
		{"state": "Open", "occurrences": 3, "last_days": "0 0 0 0 0 1 2"},
	),
	"Job Failure": (
		("method", "exception", "message", "traceback", "arguments", "queue", "user", "worker", "rq_job_id"),
		{"outcome": "failed"},
	),
	"Job Alert": (
		("title", "subject", "text", "acknowledged_by", "context"),
		{"state": "Firing", "severity": "Critical"},
	),
	"Job Alert Channel": (
		("goes_to", "last_error"),
		{"kind": "Webhook", "status": "Failing", "enabled": 0, "title": MARK},
	),
	"Job Monitor Audit": (
		("action", "subject_type", "subject", "method", "outcome"),
		{"user": "Administrator", "done": 1},
	),
}


def _document(doctype: str, number: int, fields: tuple[str, ...], standard: dict[str, Any]) -> dict[str, Any]:
	"""A row of its own for each form of text."""
	name, now = f"{MARK}{number}", now_datetime() - timedelta(seconds=number)
	texts = {field: text(number, f"{doctype} {field}".replace(" ", "_")) for field in fields}
	moments = {
		df.fieldname: now
		for df in frappe.get_meta(doctype).fields
		if df.fieldtype == "Datetime" and df.fieldname not in ("resolved_at", "muted_until")
	}
	document = frappe.get_doc(doctype=doctype, **{**moments, **standard, **texts})
	if doctype == "Job Alert Channel":
		document.title = name
	if doctype == "Job Failure":
		document.failure_group = name
	if doctype == "Job Alert":
		document.rule = frappe.db.get_value("Job Alert Rule", {})
	document.name, document.creation, document.modified = name, now, now
	document.owner = document.modified_by = "Administrator"
	document.db_insert()
	if doctype == "Job Alert":
		_flip(document, number)
	return {"doctype": doctype, "name": name, "texts": texts}


def _flip(alert: Any, number: int) -> None:
	texts = {field: text(number, f"Job_Alert_Flip_{field}") for field in ("what", "who", "outcome")}
	flip = frappe.get_doc(doctype="Job Alert Flip", parent=alert.name, parenttype="Job Alert",
		parentfield="flips", idx=1, at=now_datetime(), **texts)  # fmt: skip
	flip.name = f"{MARK}{number}"
	flip.db_insert()


def _run(number: int) -> dict[str, Any]:
	"""Of a schedule that fails, so that its health tells the error, too."""
	schedule = frappe.get_all("Scheduled Job Type", {"create_log": 1}, order_by="name", limit=1)[0].name
	now = now_datetime() - timedelta(seconds=number)
	fields = ("method", "queue", "worker", "rq_job_id", "error", "details", "debug_log")
	texts = {field: text(number, f"Scheduled_Job_Log_{field}") for field in fields}
	run = frappe.get_doc(doctype="Scheduled Job Log", status="Failed", scheduled_job_type=schedule, started_at=now,
		ended_at=now, duration=0.2, **texts)  # fmt: skip
	run.name, run.creation, run.modified = f"{MARK}{number}", now, now
	run.owner = run.modified_by = "Administrator"
	run.db_insert()
	return {"doctype": "Scheduled Job Log", "name": run.name, "texts": texts}


def _metrics() -> None:
	rows = {}
	for number in range(len(FORMS)):
		method, queue = text(number, "Job_Metric_method"), text(number, "Job_Metric_queue")
		row = job_metric.MetricRow()
		run = Run("j", method, queue, 0.0, outcome=FAILED, wait=0.5, duration=2.0, cpu=0.1, memory=2**26)
		row.methods.of(method).add(run)
		moment = datetime.now(timezone.utc) - timedelta(minutes=2)
		rows[job_metric.Bucket(job_metric.MINUTE, job_metric.MINUTE.floor(moment), queue)] = row
	job_metric.add(rows)


# On Redis


def _job(number: int) -> dict[str, Any]:
	jobs, job_id = Jobs(get_redis_conn()), create_job_id(f"{MARK}{number}")
	texts = {field: text(number, f"RQ_Job_{field}") for field in ("method", "user", "worker")}
	texts |= {"exc_info": text(number, "RQ_Job_exc_info"), "arguments": text(number, "RQ_Job_arguments")}
	texts |= {"job_meta": text(number, "RQ_Job_job_meta"), "queue": _queue(number, "RQ_Job_queue")}
	meta = {"progress": 40, "progress_description": texts["job_meta"], "message": texts["job_meta"]}
	from job_monitor.cli.demo import jobs as demo_jobs

	payload = demo_jobs.payload(frappe.local.site, texts["method"], {"text": texts["arguments"]})
	payload["user"] = texts["user"]
	jobs.raw(job_id, status="failed", queue=f"{get_bench_id()}:{texts['queue']}", age=number,
		data=zlib.compress(pickle.dumps((demo_jobs.EXECUTE_JOB, None, (), payload))),
		exc_info=zlib.compress(texts["exc_info"].encode()), meta=pickle.dumps(meta),
		worker_name=texts["worker"], dependency_ids=text(number, "RQ_Job_dependency"))  # fmt: skip
	return {"doctype": "RQ Job", "name": job_id, "texts": texts}


def _queue(number: int, field: str) -> str:
	return text(number, field).replace(":", ".")  # Frappe parts the bench from the queue there


def _worker(number: int) -> dict[str, Any]:
	connection = get_redis_conn()
	texts = {field: text(number, f"RQ_Worker_{field}") for field in ("hostname", "ip_address", "queue")}
	texts["queue"] = _queue(number, "RQ_Worker_queue")
	name, queue = f"{MARK}{number}", f"{get_bench_id()}:{texts['queue']}"
	connection.hset(f"rq:worker:{name}", mapping={"birth": at(60), "last_heartbeat": at(1), "queues": queue,
		"pid": 4_190_000 + number, "hostname": texts["hostname"], "ip_address": texts["ip_address"], "state": "idle",
		"version": "1.15.1", "python_version": text(number, "RQ_Worker_python_version")})  # fmt: skip
	connection.expire(f"rq:worker:{name}", 3600)
	connection.sadd("rq:workers", f"rq:worker:{name}")
	return {"doctype": "RQ Worker", "name": name, "texts": texts}


def _task() -> None:
	for number in range(len(FORMS)):
		state = {"title": text(number, "task_title"), "description": text(number, "task_description")}
		state |= {"message": text(number, "task_message"), "task_id": f"{MARK}{number}", "job_id": None}
		state |= {"state": "failed", "progress": 40.0, "current": 4, "total": 10, "eta": None}
		task_states.publish("task_failed", state, "Administrator")


# Notices


def _notice() -> message.Message:
	"""One text of all forms: there is one notice."""
	texts = " | ".join(text(number, "notice") for number in (0, 1, 3, 4, 5, 6))
	return message.Message(title=texts, text=texts + "\n" + texts, severity=message.CRITICAL,
		state=message.FIRING, rule=texts, subject=texts, site=frappe.local.site, since=datetime.now(),
		duration_seconds=60.0, url=frappe.utils.get_url("/app/job-alert"), key=MARK, delivery=MARK)  # fmt: skip


def _bell(notice: message.Message) -> None:
	from types import SimpleNamespace

	from job_monitor.notify.channels import desk

	desk.deliver(SimpleNamespace(roles=[SimpleNamespace(role="System Manager")]), notice)


# Log files

MONITOR_LOG = Path(get_bench_path()) / "logs" / "monitor.json.log"


def _site_log() -> Path:
	return Path(frappe.get_site_path("logs", "frappe.log")).absolute()


def _log_lines() -> None:
	now = datetime.now()
	with open(_site_log(), "a") as log:
		for number in range(len(FORMS)):
			log.write(f"{now:%Y-%m-%d %H:%M:%S},000 ERROR frappe {MARK} {text(number, 'log_line')}\n")
	with open(MONITOR_LOG, "a") as log:
		for number in range(len(FORMS)):
			job = {"method": text(number, "Job_Performance_method"), "scheduled": False, "wait": 0.1}
			entry = {"site": frappe.local.site, "timestamp": str(now - timedelta(hours=1)), "uuid": f"{MARK}{number}",
				"transaction_type": "job", "duration": 5 - number / 10, "job": job}  # fmt: skip
			log.write(json.dumps(entry) + "\n")


# Taking it away


def clean() -> None:
	for doctype in (*STORED, "Scheduled Job Log", "Job Alert Flip"):
		frappe.db.delete(doctype, {"name": ["like", f"{MARK}%"]})
	frappe.db.delete("Job Metric", {"queue": ["like", "%Job_Metric_queue%"]})
	frappe.db.delete("Notification Log", {"subject": ["like", "%notice%{{7*7}}%"]})
	connection = get_redis_conn()
	for number in range(len(FORMS)):
		queue = f"{get_bench_id()}:{_queue(number, 'RQ_Job_queue')}"
		connection.delete(f"rq:failed:{queue}", f"rq:job:{create_job_id(f'{MARK}{number}')}")
		connection.srem("rq:queues", f"rq:queue:{queue}")
		connection.delete(f"rq:worker:{MARK}{number}")
		connection.srem("rq:workers", f"rq:worker:{MARK}{number}")
	tasks = task_states.cache_key("Administrator")
	for number in range(len(FORMS)):
		frappe.cache.hdel(tasks, f"{MARK}{number}")
	for path in (_site_log(), MONITOR_LOG):
		if path.exists():
			kept = [line for line in path.read_text().splitlines(keepends=True) if MARK not in line]
			path.write_text("".join(line for line in kept if "second line" not in line))


if __name__ == "__main__":
	main()
