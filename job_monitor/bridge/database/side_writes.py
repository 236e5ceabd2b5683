"""Writes to Frappe's own tables beside Frappe: one bounded statement each, without documents and their validation.

The caller is in a transaction of its own or has a savepoint: a refused statement ends a transaction of PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import frappe
from frappe.utils import now_datetime

_SECONDS = 0.5
"""Time of a statement at most, with waiting for locks."""

_TEXT_CHARS = 16_000
"""Characters kept of a short text: MariaDB's column of that type holds 65,535 bytes."""


def update(doctype: str, name: str, values: Mapping[str, Any]) -> None:
	"""Set columns of one row; `modified` stays."""
	known = _known(doctype, values)
	if not known:
		return
	columns = ", ".join(f"`{column}` = %({column})s" for column in known)
	with _bounded() as prefix:
		frappe.db.sql(
			f"{prefix}update `tab{doctype}` set {columns} where `name` = %(name)s", {**known, "name": name}
		)


def insert(doctype: str, values: Mapping[str, Any]) -> str:
	"""Add one row. Returns its name."""
	now, user = now_datetime(), frappe.session.user
	standard = {"creation": now, "modified": now, "owner": user, "modified_by": user}
	row = {"name": frappe.generate_hash(length=10), **standard, **_known(doctype, values)}
	columns = ", ".join(f"`{column}`" for column in row)
	marks = ", ".join(f"%({column})s" for column in row)
	with _bounded() as prefix:
		frappe.db.sql(f"{prefix}insert into `tab{doctype}` ({columns}) values ({marks})", row)
	return str(row["name"])


def fits(doctype: str, fieldname: str, text: str) -> bool:
	"""Whether a field can keep a whole text; a name must not be cut."""
	field = frappe.get_meta(doctype).get_field(fieldname)
	return field is not None and len(text) <= (_chars(field) or len(text))


def _known(doctype: str, values: Mapping[str, Any]) -> dict[str, Any]:
	"""Values of the fields that exist, as the database takes them. A site that is not migrated has no field of ours."""
	meta = frappe.get_meta(doctype)
	fields = ((name, meta.get_field(name), value) for name, value in values.items())
	return {name: _storable(field, value) for name, field, value in fields if field is not None}


def _storable(field: Any, value: Any) -> Any:
	if not isinstance(value, str):
		return value
	# No database stores lone surrogates, and PostgreSQL no NUL
	return value.replace("\0", "").encode("utf-8", "replace").decode()[: _chars(field)]


def _chars(field: Any) -> int | None:
	"""Characters that a field's column holds; None if it has no limit."""
	kind, length = frappe.db.type_map[field.fieldtype]
	if kind == "varchar":
		return int(field.length or length)
	return _TEXT_CHARS if kind == "text" else None


@contextmanager
def _bounded() -> Iterator[str]:
	"""A block whose statement ends within `_SECONDS`; its value is a prefix of the statement."""
	if frappe.db.db_type == "postgres":
		frappe.db.sql(f"set local statement_timeout = {int(_SECONDS * 1000)}")
		yield ""
		frappe.db.sql("set local statement_timeout = default")
	elif frappe.db.db_type == "mariadb":
		yield f"set statement max_statement_time = {_SECONDS} for "
	else:
		yield ""
