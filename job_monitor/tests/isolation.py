"""What keeps the tests on a site apart from it: a Redis of their own, and every row of the site put back.

Also where tests are run by `bench run-tests --app job_monitor`, beside workers, a scheduler and people at work.
"""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import frappe
import psutil
import redis
from frappe.cache_manager import clear_defaults_cache
from frappe.query_builder import Table
from frappe.utils import add_to_date, background_jobs, get_bench_id

MADE = (
	"Access Log",
	"Activity Log",
	"Comment",
	"Contact",
	"Contact Email",
	"Deleted Document",
	"DocShare",
	"Email Queue",
	"Has Role",
	"Notification Log",
	"Notification Settings",
	"Permission Log",
	"Personal Data Deletion Request",
	"Personal Data Deletion Step",
	"Prepared Report",
	"User",
	"User Social Login",
	"Version",
)
"""Frappe's tables that tests add rows to, themselves or by what Frappe does then."""

CHANGED = ("DefaultValue", "Email Account", "Scheduled Job Type")
"""Frappe's tables whose rows tests change, beside all of ours."""

LOGS = ("Error Log", "Scheduled Job Log")
"""Tests change rows of the last day here; older ones they leave alone."""

SINGLES = ("Job Monitor Settings", "System Settings")

SECRETS = ("Email Account", "Job Alert Channel", "Job Monitor Settings", "User")
"""DocTypes whose passwords tests add and change; Frappe keeps those in a table that is no DocType's."""


# Redis


class _Server:
	"""A Redis server for queues, workers and runs, that ends with this process."""

	def __init__(self) -> None:
		program = shutil.which("redis-server") or shutil.which("valkey-server")
		if not program:
			raise RuntimeError("tests on a site start a Redis of their own: install redis-server")
		folder = tempfile.mkdtemp(prefix="job-monitor-tests-")
		with socket.socket() as free:
			free.bind(("127.0.0.1", 0))
			port = free.getsockname()[1]
		command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
		self.process = subprocess.Popen(
			command, stdout=subprocess.DEVNULL, start_new_session=True, preexec_fn=die_with_parent
		)
		atexit.register(shutil.rmtree, folder, ignore_errors=True)
		atexit.register(self.process.kill)
		self.url = f"redis://127.0.0.1:{port}"
		self.client = redis.Redis.from_url(self.url)
		self._wait()
		if frappe.conf.use_rq_auth:
			login = frappe.conf.rq_username or get_bench_id()
			self.client.acl_setuser(login, True, nopass=True, commands=["+@all"], keys=["*"], channels=["*"])

	def _wait(self) -> None:
		for _try in range(200):
			try:
				self.client.ping()
				return
			except redis.ConnectionError:
				time.sleep(0.05)
		raise RuntimeError("the Redis of the tests does not answer")


_server: _Server | None = None


def empty_redis() -> None:
	"""Let this process and those it starts have their queues on an empty Redis that nobody else uses.

	Workers of the bench thus run no job of a test, tests run no job of the site, and no key stays.
	"""
	global _server
	if _server is None:
		_server = _Server()
		os.environ["FRAPPE_REDIS_QUEUE"] = _server.url  # Frappe prefers it to the configuration
	if frappe.local.conf.redis_queue != _server.url:
		frappe.local.conf.redis_queue = _server.url
		background_jobs._redis_queue_conn = None
	_server.client.flushall()


def die_with_parent() -> None:
	"""For `preexec_fn`: a test run that is killed leaves no process behind."""
	if sys.platform == "linux":
		ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def kill_tree(pid: int) -> None:
	"""SIGKILL a worker and the processes of its jobs, which are in process groups of their own.

	A stopped worker begins no other job meanwhile.
	"""
	try:
		parent = psutil.Process(pid)
		parent.suspend()
		processes = [parent, *parent.children(recursive=True)]
	except psutil.NoSuchProcess:
		return
	for process in processes:
		try:
			process.kill()
		except psutil.NoSuchProcess:
			continue


# Rows


@dataclass
class _Table:
	"""
	Attributes:
		names: Of every row.
		rows: What tests may change, whole.
		since: Rows older than this are none of the tests' business.
	"""

	names: set[Any]
	rows: dict[Any, dict[str, Any]]
	since: str = ""


class SiteRows:
	"""The site's rows as they are now. A file keeps them, too, until they are back: a killed run loses nothing."""

	def __init__(self) -> None:
		self.put_back_of_killed_run()
		frappe.db.commit()
		ours = frappe.get_all(
			"DocType", {"module": "Job Monitor", "is_virtual": 0, "issingle": 0}, pluck="name"
		)
		day_ago = str(add_to_date(None, days=-1))
		made = (doctype for doctype in MADE if frappe.db.table_exists(doctype))  # 15 has no Permission Log
		self.tables = {doctype: _Table(_names(doctype), {}) for doctype in made}
		for doctype in (*ours, *CHANGED):
			self.tables[doctype] = _Table(_names(doctype), _rows(doctype))
		for doctype in LOGS:
			self.tables[doctype] = _Table(_names(doctype), _rows(doctype, day_ago), day_ago)
		self.singles = {doctype: _single(doctype) for doctype in SINGLES}
		self.secrets = _secrets()
		self.settled = _settled()
		self.searched = _searched(self.tables)
		self._keep()

	@staticmethod
	def _file() -> Path:
		return Path(frappe.get_site_path("private", "job_monitor_rows_before_tests"))

	def _keep(self) -> None:
		with open(self._file(), "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
			pickle.dump((self.tables, self.singles, self.secrets, self.settled, self.searched), file)

	@classmethod
	def put_back_of_killed_run(cls) -> None:
		if cls._file().exists():
			before = cls.__new__(cls)
			before.tables, before.singles, before.secrets, *rest = pickle.loads(cls._file().read_bytes())
			before.settled = rest[0] if rest else _settled()
			before.searched = rest[1] if rest[1:] else _searched(before.tables)
			before.put_back()

	def put_back(self) -> None:
		frappe.set_user("Administrator")
		frappe.db.rollback()
		for doctype, table in self.tables.items():
			_put_back(doctype, table)
		for doctype, values in self.singles.items():
			_put_back_single(doctype, values)
		_put_back_secrets(self.secrets)
		_forget_settings(self.settled)
		_forget_searched(self.searched, self.tables)
		frappe.db.commit()
		self._file().unlink(missing_ok=True)


def _names(doctype: str) -> set[Any]:
	return {row[0] for row in frappe.db.sql(f"select name from `tab{doctype}`")}


def _rows(doctype: str, since: str = "") -> dict[Any, dict[str, Any]]:
	query = f"select * from `tab{doctype}`"
	found = frappe.db.sql(f"{query} where creation > %s", since, as_dict=True) if since else _all(query)
	return {row["name"]: dict(row) for row in found}


def _all(query: str) -> list[dict[str, Any]]:
	return list(frappe.db.sql(query, as_dict=True))


def _put_back(doctype: str, table: _Table) -> None:
	made = _names(doctype) - table.names
	rows = _rows(doctype, table.since) if table.rows else {}
	other = [name for name, row in table.rows.items() if rows.get(name) != row]
	_delete(doctype, {*made, *other})
	if doctype == "User":
		for user in made:
			frappe.clear_cache(user=user)
	if other:
		fields = list(table.rows[other[0]])
		values = [tuple(table.rows[name][field] for field in fields) for name in other]
		frappe.db.bulk_insert(doctype, fields, values)
	for name in {*made, *other}:
		frappe.clear_document_cache(doctype, name)
	if doctype == "DefaultValue" and (made or other):
		clear_defaults_cache()


def _delete(doctype: str, names: Iterable[Any]) -> None:
	chosen = list(names)
	for start in range(0, len(chosen), 500):
		frappe.db.delete(doctype, {"name": ["in", chosen[start : start + 500]]})


def _settled() -> set[str]:
	"""People whose settings of lists Frappe has in a table that is no DocType's."""
	return {row[0] for row in frappe.db.sql("select distinct `user` from `__UserSettings`")}


def _forget_settings(settled: set[str]) -> None:
	"""Of people whom tests made, also of those they deleted; from the cache, too, out of which the table is filled later."""
	people = _names("User") | settled
	for key in map(bytes.decode, frappe.cache.hkeys("_user_settings")):
		if key.rpartition("::")[2] not in people:
			frappe.cache.hdel("_user_settings", key)
	for user in _settled() - people:
		frappe.db.sql("delete from `__UserSettings` where `user` = %s", user)


def _searched(doctypes: Iterable[str]) -> set[tuple[str, str]]:
	"""Documents that Frappe's search has in a table that is no DocType's."""
	search = Table("__global_search")
	query = frappe.qb.from_(search).select(search.doctype, search.name)
	return {(doctype, name) for doctype, name in query.where(search.doctype.isin(list(doctypes))).run()}


def _forget_searched(searched: set[tuple[str, str]], doctypes: Iterable[str]) -> None:
	"""Of documents that tests made; from the cache, too, out of which the table is filled later."""
	queue, of = frappe.cache.make_key("global_search_queue"), frozenset(doctypes)
	for value in frappe.cache.lrange("global_search_queue", 0, -1):
		item = json.loads(value)
		if item["doctype"] in of and not frappe.db.exists(item["doctype"], item["name"]):
			frappe.cache.lrem(queue, 0, value)
	for doctype, name in _searched(of) - searched:
		if not frappe.db.exists(doctype, name):
			frappe.db.delete("__global_search", {"doctype": doctype, "name": name})


def _secrets() -> list[tuple[Any, ...]]:
	auth = Table("__Auth")
	columns = (auth.doctype, auth.name, auth.fieldname)
	query = frappe.qb.from_(auth).select(*columns, auth.password, auth.encrypted)
	return [tuple(row) for row in query.where(auth.doctype.isin(SECRETS)).orderby(*columns).run()]


def _put_back_secrets(kept: list[tuple[Any, ...]]) -> None:
	if _secrets() == kept:
		return
	frappe.db.delete("__Auth", {"doctype": ["in", SECRETS]})
	for row in kept:
		columns = "doctype, name, fieldname, `password`, encrypted"
		frappe.db.sql(f"insert into `__Auth` ({columns}) values (%s, %s, %s, %s, %s)", row)


def _single(doctype: str) -> list[tuple[str, Any]]:
	query = "select field, value from `tabSingles` where doctype = %s order by field"
	return [tuple(row) for row in frappe.db.sql(query, doctype)]


def _put_back_single(doctype: str, values: list[tuple[str, Any]]) -> None:
	if _single(doctype) == values:
		return
	frappe.db.delete("Singles", {"doctype": doctype})
	for field, value in values:
		frappe.db.sql(
			"insert into `tabSingles` (doctype, field, value) values (%s, %s, %s)", (doctype, field, value)
		)
	frappe.clear_document_cache(doctype, doctype)
	if hasattr(frappe.local, "system_settings"):
		del frappe.local.system_settings
