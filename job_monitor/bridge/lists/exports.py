"""Exports of this app's lists and reports as CSV or Excel: a text that a job wrote must not become a formula.

Frappe writes cells as they are. The file it has made is neutralised here, whichever endpoint made it; fields and rows keep
their text. In CSV a quote is put before a text that spreadsheets take for a formula (as OWASP advises); in Excel's own
format the cell is marked as text, and stays the same to the letter.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from typing import Any

import frappe
from frappe.utils import cint, cstr

from job_monitor.bridge.lists.overridden import overridden

MODULE = "Job Monitor"
EXTENDED = ("RQ Job", "RQ Worker", "Scheduled Job Log", "Scheduled Job Type")

_FORMULA = re.compile(r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?")


def run(endpoint: str, doctype: str = "", report: str = "") -> Any:
	"""The answer of Frappe's endpoint, its file neutralised if it holds this app's documents.

	Such a list is exported at once, also where Frappe 16 offers to export it in the background and to send it by mail.
	"""
	ours = _is_ours(doctype, report)
	if ours:
		frappe.form_dict.pop("export_in_background", None)
	answer = frappe.call(overridden(endpoint), **frappe.form_dict)
	if ours:
		_neutralise(frappe.response)
	return answer


def _is_ours(doctype: str, report: str) -> bool:
	if report and (found := frappe.db.get_value("Report", report, ["module", "ref_doctype"], as_dict=True)):
		if found.module == MODULE:
			return True
		doctype = found.ref_doctype
	return doctype in EXTENDED or frappe.db.get_value("DocType", doctype, "module") == MODULE


def _neutralise(response: Any) -> None:
	file = response.get("filecontent")
	if isinstance(file, bytes) and file.startswith(b"PK"):
		response["filecontent"] = workbook(file)
	elif isinstance(file, bytes):
		response["filecontent"] = table(file.decode(), _dialect()).encode()
	elif response.get("type") == "csv":
		response["result"] = table(cstr(response.get("result")), {"quoting": csv.QUOTE_NONNUMERIC})


def _dialect() -> dict[str, Any]:
	"""The form of CSV that the caller asked Frappe for."""
	form = frappe.form_dict
	quoting = form.get("csv_quoting")
	return {
		"delimiter": cstr(form.get("csv_delimiter") or ",")[0],
		"quoting": csv.QUOTE_NONNUMERIC if quoting is None else cint(quoting),
	}


class _Number(float):
	"""A number that `csv.writer` writes as it stood, without quotes."""

	text = ""

	def __str__(self) -> str:
		return self.text

	__repr__ = __str__


def table(text: str, dialect: dict[str, Any]) -> str:
	"""The same CSV, in which no text begins a formula."""
	out = io.StringIO()
	# The reader must not make floats of "20"
	reading = {**dialect, "quoting": csv.QUOTE_MINIMAL} if dialect["quoting"] != csv.QUOTE_NONE else dialect
	rows = csv.reader(io.StringIO(text, newline=""), **reading)
	csv.writer(out, **dialect).writerows([_cell(cell) for cell in row] for row in rows)
	return out.getvalue()


def _cell(text: str) -> Any:
	if _NUMBER.fullmatch(text):
		number = _Number(text.replace(",", "."))
		number.text = text
		return number
	return f"'{text}" if _FORMULA.match(text) else text


def workbook(file: bytes) -> bytes:
	"""The same Excel file without formulas. One that has none is not touched."""
	from openpyxl import load_workbook

	with zipfile.ZipFile(io.BytesIO(file)) as archive:
		sheets = (archive.read(name) for name in archive.namelist() if name.startswith("xl/worksheets/"))
		if not any(re.search(rb"<f[ >/]", sheet) for sheet in sheets):
			return file
	book, out = load_workbook(io.BytesIO(file)), io.BytesIO()
	for cell in (
		cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.data_type == "f"
	):
		cell.data_type = "s"
		cell.quotePrefix = True
	book.save(out)
	return out.getvalue()
