"""No text that a job wrote becomes a formula in a file that Desk exports."""

from __future__ import annotations

import csv
import io
import json
from typing import Any, ClassVar
from unittest.mock import patch

import frappe

from job_monitor.bridge.lists import exports
from job_monitor.bridge.lists.overridden import overridden
from job_monitor.tests.support.site_test_case import SiteTestCase
from job_monitor.tests.support.users import make_user, request

FORMULA = '=HYPERLINK("http://evil.example","Müller, <b>")'
LIST = "/api/method/frappe.desk.reportview.export_query"
REPORT = "/api/method/frappe.desk.query_report.export_query"


class TestExports(SiteTestCase):
	user: ClassVar[str]

	@classmethod
	def setUpClass(cls) -> None:
		super().setUpClass()
		cls.user = make_user("jm-system@example.com", "System Manager")

	def failure(self, **values: Any) -> str:
		doc = frappe.get_doc({"doctype": "Job Failure", "method": "x.y", **values})
		doc.set_new_name()
		doc.db_insert()
		frappe.db.commit()
		self.addCleanup(frappe.db.commit)
		self.addCleanup(frappe.db.delete, "Job Failure", {"name": doc.name})
		return doc.name

	def export(self, file: str, **params: Any) -> Any:
		code, answer = request(LIST, self.user, "POST", file_format_type=file, **params)
		self.assertEqual(code, 200, answer)
		return answer

	def test_lists_as_csv(self) -> None:
		for text in (
			FORMULA,
			"+1",
			"-cmd|' /C calc'!A0",
			"@SUM(1)",
			"\t=1",
			"\uff1d1",
			'fine, "quoted"\nand long',
		):
			name = self.failure(message=text)
			answer = self.export(
				"CSV",
				doctype="Job Failure",
				fields=json.dumps(["name", "message"]),
				filters=json.dumps([["Job Failure", "name", "=", name]]),
			)
			cells = next(row for row in csv.reader(io.StringIO(answer)) if name in row)
			self.assertNotRegex(cells[2], r"^[=+@\t\uff1d-](?!\d+$)", text)
			self.assertNotIn("'fine", cells[2])

	def test_jobs_as_csv_and_excel(self) -> None:
		job = frappe.enqueue("job_monitor.tests.support.jobs.succeed", queue="short", job_name=FORMULA)
		self.job_ids.append(job.id)
		params = {
			"doctype": "RQ Job",
			"fields": json.dumps(["`tabRQ Job`.`name`", "`tabRQ Job`.`job_name`", "`tabRQ Job`.`timeout`"]),
			"filters": json.dumps([["RQ Job", "name", "=", job.id]]),
		}
		row = next(r for r in csv.reader(io.StringIO(self.export("CSV", **params))) if job.id in r)
		self.assertTrue(row[2].startswith("'=HYPERLINK("), row)
		with_semicolons = self.export(
			"CSV", **params, csv_delimiter=";", csv_quoting="0", export_in_background="1"
		)
		row = next(r for r in csv.reader(io.StringIO(with_semicolons), delimiter=";") if job.id in r)
		self.assertTrue(row[2].startswith("'=HYPERLINK("), row)

	def test_a_workbook_has_no_formula_and_the_same_texts(self) -> None:
		from frappe.utils.xlsxutils import make_xlsx
		from openpyxl import load_workbook

		made = make_xlsx([["Name", "Message"], ["a", "=1+1"], ["b", 5]], "Job Failure").getvalue()
		sheet = load_workbook(io.BytesIO(exports.workbook(made))).active
		cells = {cell.value: cell.data_type for row in sheet.iter_rows() for cell in row}
		self.assertEqual(cells, {"Name": "s", "Message": "s", "a": "s", "=1+1": "s", "b": "s", 5: "n"})
		plain = make_xlsx([["a", "1+1"]], "x").getvalue()
		self.assertIs(exports.workbook(plain), plain)

	def test_reports(self) -> None:
		code, answer = request(
			REPORT,
			self.user,
			"POST",
			report_name="Schedule Health",
			file_format_type="CSV",
			filters="{}",
			visible_idx="[]",
		)
		self.assertEqual(code, 200, answer)
		self.assertIn("Schedule", answer)

	def test_numbers_and_other_apps_files_stay_as_they_are(self) -> None:
		text = '"Sr","Name","Count"\r\n1,"a",-5.5\r\n2,"=b","x"\r\n'
		shown = exports.table(text, {"quoting": csv.QUOTE_NONNUMERIC})
		self.assertEqual(shown, text.replace('"=b"', '"\'=b"'))
		code, answer = request(
			LIST, self.user, "POST", doctype="Role", fields='["name"]', file_format_type="CSV", filters="[]"
		)
		self.assertEqual(code, 200)
		self.assertIn("System Manager", answer)

	def test_who_may_not_export_still_may_not(self) -> None:
		nobody = make_user("jm-nobody@example.com")
		for doctype in ("RQ Job", "Job Failure"):
			code, _answer = request(
				LIST, nobody, "POST", doctype=doctype, fields='["name"]', file_format_type="CSV", filters="[]"
			)
			self.assertEqual(code, 403, doctype)

	def test_another_app_that_stands_before_an_endpoint_of_frappe_is_still_asked(self) -> None:
		path, ours = LIST.rpartition("/")[2], "job_monitor.api.exports.export_list"
		self.assertIs(overridden(path), frappe.get_attr(path))
		with patch.object(frappe, "get_hooks", return_value={path: ["frappe.ping", ours]}):
			self.assertIs(overridden(path), frappe.get_attr("frappe.ping"))
