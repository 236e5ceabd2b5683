"""Whoever asks RQ Job and RQ Worker for a list: link search, groups, reports, counts, API v2, programs."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from typing import Any, ClassVar
from unittest.mock import patch

import frappe
from frappe.model.base_document import get_controller

from job_monitor.bridge.lists import link_search
from job_monitor.bridge.lists.filters import OPERATORS
from job_monitor.bridge.rq import job_search
from job_monitor.tests.support.site_test_case import SiteTestCase
from job_monitor.tests.support.users import make_user, request
from job_monitor.tests.support.workers import work_off, worker

LIST = "/api/method/frappe.desk.listview."
REPORT = "/api/method/frappe.desk.reportview."
SUCCEED = "job_monitor.tests.support.jobs.succeed"
IS_15 = frappe.__version__.startswith("15.")


class TestListCallers(SiteTestCase):
	user: ClassVar[str]

	@classmethod
	def setUpClass(cls) -> None:
		super().setUpClass()
		cls.user = make_user("jm-system@example.com", "System Manager")

	def setUp(self) -> None:
		super().setUp()
		self.mark = frappe.generate_hash(length=12)
		self.mine = {"arguments": ["like", f"%{self.mark}%"]}

	def enqueue(self, method: str = "succeed", queue: str = "short", **kwargs: Any) -> str:
		return super().enqueue(method, queue, note=self.mark, **kwargs)

	def ask(self, path: str, **params: Any) -> Any:
		code, answer = request(path, self.user, "POST", **params)
		self.assertEqual(code, 200, answer)
		return answer["message"]

	def groups(self, field: str, doctype: str = "RQ Job", **filters: Any) -> dict[str, int]:
		found = self.ask(
			LIST + "get_group_by_count",
			doctype=doctype,
			field=field,
			current_filters=json.dumps(
				[[doctype, name, *_operator(value)] for name, value in filters.items()]
			),
		)
		return {row["name"]: row["count"] for row in found}

	def test_sidebar_counts_by_any_field(self) -> None:
		for queue in ("short", "short", "long"):
			self.enqueue(queue=queue)
		self.enqueue("fail", queue="default")
		work_off("default")
		self.assertEqual(self.groups("queue", **self.mine), {"short": 2, "long": 1, "default": 1})
		self.assertEqual(self.groups("status", **self.mine), {"queued": 3, "failed": 1})
		self.assertEqual(
			self.groups("method", **self.mine), {SUCCEED: 3, "job_monitor.tests.support.jobs.fail": 1}
		)
		self.assertEqual(self.groups("owner", **self.mine), {"Administrator": 4})
		self.assertEqual(self.groups("owner", queue="no-such-queue"), {})
		self.assertEqual(self.groups("assigned_to", **self.mine), {})

	def test_groups_by_queue_and_status_are_exact_and_read_no_job(self) -> None:
		for _n in range(30):
			self.enqueue(queue="long")
		by_row = Counter(frappe.get_all("RQ Job", {"queue": "long"}, limit=1000, pluck="status"))
		with patch("job_monitor.core.rq.job_fields.row", side_effect=AssertionError("a job was read")):
			self.assertEqual(
				frappe.get_all(
					"RQ Job",
					{"queue": "long"},
					["count(name) as n", "status"] if IS_15 else [{"COUNT": "name", "as": "n"}, "status"],
					group_by="status",
				),
				[{"n": number, "status": state} for state, number in by_row.most_common()],
			)

	def test_report_view_groups(self) -> None:
		for queue in ("short", "short", "long"):
			self.enqueue(queue=queue)
		arguments = {
			"doctype": "RQ Job",
			"fields": json.dumps(["`tabRQ Job`.`queue`"]),
			"filters": json.dumps([["RQ Job", "arguments", *self.mine["arguments"]]]),
			"group_by": "`tabRQ Job`.`queue`",
			"aggregate_on_doctype": "RQ Job",
			"order_by": "_aggregate_column desc",
			"start": 0,
			"page_length": 20,
			"view": "Report",
		}
		answer = self.ask(REPORT + "get", **arguments, aggregate_function="count", aggregate_on_field="name")
		self.assertEqual(answer["keys"], ["queue", "_aggregate_column"])
		self.assertEqual(answer["values"], [["short", 2], ["long", 1]])
		answer = self.ask(REPORT + "get", **arguments, aggregate_function="sum", aggregate_on_field="timeout")
		self.assertEqual(answer["values"], [["long", 1500.0], ["short", 600.0]])

	def test_link_search_finds_jobs_and_workers(self) -> None:
		ours = self.enqueue()
		path = "/api/method/frappe.desk.search.search_link"
		for txt in (ours[-12:], ""):
			self.assertIn(ours, json.dumps(self.ask(path, doctype="RQ Job", txt=txt)))
		with worker("short") as process:
			name = self.wait_for(
				lambda: next(
					iter(frappe.get_all("RQ Worker", {"pid": str(process.pid)}, pluck="name")), None
				),
				"the worker is listed",
			)
			self.assertIn(name, json.dumps(self.ask(path, doctype="RQ Worker", txt=name[:12])))

	def test_workers_by_queue(self) -> None:
		with worker("short", "long") as process:
			self.wait_for(
				lambda: frappe.get_all("RQ Worker", {"pid": str(process.pid)}), "the worker is listed"
			)
			by_queue = self.groups("queue_type", "RQ Worker", pid=str(process.pid))
			self.assertEqual(sum(by_queue.values()), 1)
			by_memory = frappe.get_all("RQ Worker", order_by="memory desc", pluck="memory")
		known = [memory or 0 for memory in by_memory]
		self.assertGreater(known[0], 10)
		self.assertEqual(known, sorted(known, reverse=True))

	def test_api_v2_lists_groups_and_pages(self) -> None:
		ours = [self.enqueue() for _n in range(5)][::-1]
		filters = json.dumps(self.mine)
		code, answer = request("/api/v2/document/RQ Job", self.user, filters=filters, limit=2)
		self.assertEqual((code, [row["name"] for row in answer["data"]]), (200, ours[:2]))
		if not IS_15:
			self.assertTrue(answer["has_next_page"])
			code, answer = request("/api/v2/document/RQ Job", self.user, filters=filters, limit=2, start=4)
			self.assertEqual((len(answer["data"]), answer["has_next_page"]), (1, False))
			code, answer = request("/api/v2/doctype/RQ Job/count", self.user, filters=filters)
			self.assertEqual((code, answer["data"]), (200, 5))

	def test_a_program_without_a_limit_gets_all(self) -> None:
		for _n in range(25):
			self.enqueue()
		lost = "list_request._is_unlimited does not find Frappe's frame any more"
		self.assertEqual(len(frappe.get_all("RQ Job", self.mine)), 25, lost)
		self.assertEqual(len(frappe.get_list("RQ Job", self.mine)), 25, lost)
		self.assertEqual(len(frappe.get_all("RQ Job", self.mine, limit=20)), 20)
		self.assertEqual(len(frappe.get_all("RQ Job", self.mine, limit_page_length=20)), 20)
		code, answer = request("/api/resource/RQ Job", self.user, filters=json.dumps(self.mine))
		self.assertEqual((code, len(answer["data"])), (200, 20))

	def test_count_is_exact_beyond_what_desk_asks_for(self) -> None:
		get_count = get_controller("RQ Job").get_count
		for _n in range(30):
			self.enqueue(queue="long")
		depth = len(frappe.get_all("RQ Job", {"queue": "long", "status": "queued"}, limit=10_000))
		filters = [["RQ Job", "queue", "=", "long"], ["RQ Job", "status", "=", "queued"]]
		self.assertEqual(get_count(frappe._dict(filters=filters, limit="11")), depth)
		with (
			patch.object(job_search, "DESK_SECONDS", 0.000_001),
			patch("job_monitor.core.rq.counts._CHUNK", 5),
		):
			self.assertLessEqual(get_count(frappe._dict(filters=filters, limit="11")), 11)

	def test_a_field_that_is_none_is_said_as_text(self) -> None:
		bad = "<img src=x onerror=alert(1)>"
		for arguments in (
			{"fields": [bad]},
			{"order_by": bad},
			{"filters": {bad: 1}},
			{"filters": {"queue": [bad, 1, 2]}},
		):
			with self.assertRaises(frappe.ValidationError) as raised:
				frappe.get_all("RQ Job", **arguments)
			self.assertNotIn("<img", str(raised.exception), arguments)

	def test_no_value_of_a_filter_is_an_error_of_the_server(self) -> None:
		self.enqueue()
		values = [
			*("9999999999", "inf", "nan", "0000-00-00", "0001-01-01", "0000-01-01 00:00:00", "10000-01-01"),
			*("9999-12-31 23:59:59", "2026-01-01T00:00:00+14:00", "🙂", "x" * 1_000_000, "\\", ""),
			*(10**30, None, [], {}, [None, "🙂"], ["9999999999", "0001-01-01"], [[1], {}]),
		]
		for field in ("name", "queue", "status", "creation", "started_at", "wait", "method", "arguments"):
			self.assert_answers("RQ Job", field, values)
		with worker("long"):
			self.wait_for(lambda: frappe.get_all("RQ Worker"), "there is a worker")
			for field in ("name", "status", "birth_date", "memory"):
				self.assert_answers("RQ Worker", field, values)

	def assert_answers(self, doctype: str, field: str, values: list[Any]) -> None:
		"""With rows, or with a bad filter: nothing else is raised."""
		get_list = get_controller(doctype).get_list
		for operator, value in itertools.product(OPERATORS, values):
			arguments = frappe._dict(filters=[[doctype, field, operator, value]], fields=["name"])
			try:
				get_list(arguments)
			except frappe.ValidationError:
				continue
			except Exception as error:
				self.fail(f"{field} {operator} {str(value)[:50]!r}: {type(error).__name__}: {error}"[:300])

	def test_what_a_link_field_offers_holds_no_markup(self) -> None:
		title = f"{self.mark} <img src=x onerror=alert(1)> & more"
		group = frappe.get_doc(doctype="Job Failure Group", name=self.mark, title=title, method=title)
		group.db_insert()
		self.addCleanup(frappe.db.rollback)
		found = link_search.search("Job Failure Group", self.mark, 0, 10, None)
		self.assertEqual([name for name, _description in found], [self.mark])
		self.assertIn(f"{self.mark} ‹img src=x onerror=alert(1)› & more", found[0][1])
		self.assertNotIn("<", found[0][1])


def _operator(value: Any) -> list[Any]:
	return value if isinstance(value, list) else ["=", value]
