"""The site's rows, put back after tests as they were before.

Tests also run by `bench run-tests --app job_monitor`, beside workers, a scheduler and users at work.
"""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import frappe
from frappe.cache_manager import clear_defaults_cache
from frappe.query_builder import Table
from frappe.utils import add_to_date

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
	"List Filter",
	"Notification Log",
	"Notification Settings",
	"Permission Log",
	"Personal Data Deletion Request",
	"Personal Data Deletion Step",
	"Prepared Report",
	"Property Setter",
	"Report",
	"User",
	"User Social Login",
	"Version",
)
"""Tables of Frappe's to which tests, or Frappe in their course, add rows."""

CHANGED = ("DefaultValue", "Email Account", "Scheduled Job Type")
"""Tables of Frappe's whose rows tests change, beside all of ours."""

LOGS = ("Error Log", "Scheduled Job Log")
"""Tables in which tests change rows of the last day only."""

SINGLES = ("Job Monitor Settings", "System Settings")

SECRETS = ("Email Account", "Job Alert Channel", "Job Monitor Settings", "User")
"""DocTypes whose passwords tests add and change. Passwords are in a table that is no DocType's."""


@dataclass
class _Table:
	"""Rows of a table before the tests.

	Attributes:
		names: Names of all rows.
		rows: Rows that tests may change, whole, by name.
		since: Rows older than this are not among them.
	"""

	names: set[Any]
	rows: dict[Any, dict[str, Any]]
	since: str = ""


class SiteRows:
	"""The site's rows as they are now. A file keeps them until they are put back: the run after a killed one does it."""

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
	"""Users whose settings of lists are in a table that is no DocType's."""
	return {row[0] for row in frappe.db.sql("select distinct `user` from `__UserSettings`")}


def _forget_settings(settled: set[str]) -> None:
	"""Delete settings of users whom tests made, also from the cache, out of which Frappe fills the table later."""
	users = _names("User") | settled
	for key in map(bytes.decode, frappe.cache.hkeys("_user_settings")):
		if key.rpartition("::")[2] not in users:
			frappe.cache.hdel("_user_settings", key)
	for user in _settled() - users:
		frappe.db.sql("delete from `__UserSettings` where `user` = %s", user)


def _searched(doctypes: Iterable[str]) -> set[tuple[str, str]]:
	"""Documents of Frappe's search, which are in a table that is no DocType's."""
	search = Table("__global_search")
	query = frappe.qb.from_(search).select(search.doctype, search.name)
	return {(doctype, name) for doctype, name in query.where(search.doctype.isin(list(doctypes))).run()}


def _forget_searched(searched: set[tuple[str, str]], doctypes: Iterable[str]) -> None:
	"""Delete documents that tests made from Frappe's search, also from the cache, out of which its table is filled later."""
	queue, names = frappe.cache.make_key("global_search_queue"), frozenset(doctypes)
	for value in frappe.cache.lrange("global_search_queue", 0, -1):
		item = json.loads(value)
		if item["doctype"] in names and not frappe.db.exists(item["doctype"], item["name"]):
			frappe.cache.lrem(queue, 0, value)
	for doctype, name in _searched(names) - searched:
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
