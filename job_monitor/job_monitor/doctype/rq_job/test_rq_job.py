"""RQ Job on a real site: the answers that Frappe gets wrong, and everything Desk asks for."""

from __future__ import annotations

import json
import pickle
import zlib
from typing import Any

import frappe
from frappe.model.base_document import get_controller
from frappe.utils.background_jobs import get_redis_conn

from job_monitor.tests.support.site_test_case import SiteTestCase
from job_monitor.tests.support.users import request
from job_monitor.tests.support.workers import work_off


def listed(**args: Any) -> list[Any]:
	return frappe.get_list("RQ Job", **args)


class TestRQJob(SiteTestCase):
	def names(self, **filters: Any) -> list[str]:
		return frappe.get_all("RQ Job", filters=filters, pluck="name")

	def test_unknown_name_finds_nothing(self) -> None:
		self.enqueue()
		self.assertEqual(self.names(name="nonexistent"), [])
		self.assertEqual(self.names(job_id="nonexistent"), [])

	def test_one_job_is_found_by_name_and_job_id(self) -> None:
		ids = [self.enqueue(), self.enqueue(queue="long")]
		self.assertEqual(self.names(name=ids[0]), [ids[0]])
		self.assertEqual(self.names(job_id=["in", ids]), ids[::-1])
		self.assertEqual(self.names(name=ids[0], queue="long"), [])
		self.assertEqual(self.names(name=["like", f"%{ids[1][-12:]}%"]), [ids[1]])

	def test_each_filter_counts(self) -> None:
		ours = self.enqueue(note="SINV-0042-of-this-test")
		self.enqueue(note="another")
		ways: list[dict[str, Any]] = [
			{"search_text": ["like", "%SINV-0042-of-this-test%"]},
			{"arguments": ["like", "%SINV-0042-of-this-test%"]},
			{"arguments": ["like", "%sinv_0042-of%test%"]},
		]
		for filters in ways:
			self.assertEqual(self.names(**filters), [ours], filters)
		both = self.names(
			method="job_monitor.tests.support.jobs.succeed", user="Administrator", queue="short"
		)
		self.assertEqual(both, self.job_ids[::-1])
		self.assertNotIn(ours, self.names(method=["like", "%jobs.fail%"]))
		self.assertEqual(self.names(job_name="job_monitor.tests.support.jobs.succeed"), self.job_ids[::-1])
		self.assertEqual(self.names(user="nobody@example.com"), [])

	def test_created_range(self) -> None:
		old, new = self.enqueue(), self.enqueue()
		moment = frappe.get_doc("RQ Job", new).created_at
		mine = {"method": "job_monitor.tests.support.jobs.succeed"}
		self.assertEqual(self.names(created_at=[">=", moment], **mine), [new])
		self.assertEqual(self.names(creation=["<", moment], **mine), [old])
		today = frappe.utils.today()
		self.assertEqual(self.names(created_at=["between", [today, today]], **mine), [new, old])
		self.assertEqual(self.names(created_at=["between", ["2020-01-01", "2020-12-31"]]), [])

	def test_or_filters(self) -> None:
		ids = [self.enqueue(), self.enqueue(), self.enqueue()]
		found = frappe.get_all("RQ Job", or_filters={"name": ids[0], "job_id": ids[2]}, pluck="name")
		self.assertEqual(found, [ids[2], ids[0]])

	def test_bad_filters_are_refused(self) -> None:
		for filters in ({"no_such_field": 1}, {"status": ["~", "x"]}, {"created_at": ["between", ["x"]]}):
			with self.assertRaises(frappe.ValidationError):
				self.names(**filters)

	def test_newest_first_over_all_pages(self) -> None:
		for n in range(12):
			self.enqueue(queue=("short", "default", "long")[n % 3], note=str(n))
		args = {"filters": {"method": "job_monitor.tests.support.jobs.succeed"}, "pluck": "name"}
		pages = [
			name
			for start in range(0, 12, 5)
			for name in listed(limit_start=start, limit_page_length=5, **args)
		]
		self.assertEqual(pages, self.job_ids[::-1])
		oldest = listed(order_by="modified asc", limit_page_length=3, **args)
		self.assertEqual(oldest, self.job_ids[:3])

	def test_order_by_any_field(self) -> None:
		for queue in ("short", "default", "long", "default"):
			self.enqueue(queue=queue)
		mine = {"filters": {"method": "job_monitor.tests.support.jobs.succeed"}}
		queues = frappe.get_all("RQ Job", order_by="queue desc, created_at asc", pluck="queue", **mine)
		self.assertEqual(queues, ["short", "long", "default", "default"])
		self.assertEqual(len(frappe.get_all("RQ Job", order_by=None, **mine)), 4)
		with self.assertRaises(frappe.ValidationError):
			frappe.get_all("RQ Job", order_by="sleep(5)")

	def test_limit_and_shapes(self) -> None:
		for _n in range(25):
			self.enqueue()
		mine = {"filters": {"method": "job_monitor.tests.support.jobs.succeed"}}
		self.assertEqual(len(frappe.get_all("RQ Job", limit=22, **mine)), 22)
		self.assertEqual(len(frappe.get_all("RQ Job", **mine)), 25)
		rows = frappe.get_all("RQ Job", fields=["queue", "status as state"], as_list=True, limit=1, **mine)
		self.assertEqual([list(row) for row in rows], [["short", "queued"]])
		row = frappe.get_all("RQ Job", fields=["queue", "status as state"], limit=1, **mine)[0]
		self.assertEqual((row.queue, row.state, "arguments" in row), ("short", "queued", False))
		self.assertEqual(frappe.get_all("RQ Job", limit=1, **mine)[0].status, "queued")

	def test_count(self) -> None:
		for _n in range(7):
			self.enqueue(queue="long")
		controller = get_controller("RQ Job")
		mine = [["RQ Job", "method", "=", "job_monitor.tests.support.jobs.succeed"]]
		for call in (controller.get_count, lambda args: frappe.call(controller.get_count, args=args, **args)):
			self.assertEqual(call(frappe._dict(doctype="RQ Job", filters=mine)), 7)
			self.assertEqual(call(frappe._dict(doctype="RQ Job", filters=mine, limit="5")), 5)
			self.assertGreaterEqual(call(frappe._dict(doctype="RQ Job", filters=[["queue", "=", "long"]])), 7)

	def test_desk_asks_like_this(self) -> None:
		ours = self.enqueue()
		code, answer = request(
			"/api/method/frappe.desk.reportview.get",
			self.manager(),
			"POST",
			doctype="RQ Job",
			fields=json.dumps(["`tabRQ Job`.`name`", "`tabRQ Job`.`status`", "`tabRQ Job`.`method`"]),
			filters=json.dumps([["RQ Job", "name", "like", f"%{ours[-12:]}%"]]),
			order_by="`tabRQ Job`.`modified` desc",
			start=0,
			page_length=20,
			view="List",
			with_comment_count=1,
		)
		self.assertEqual(code, 200, answer)
		self.assertEqual(answer["message"]["values"][0][0], ours)
		self.assertEqual(answer["job_monitor"]["cursor"], "")

	def test_rest_v1_and_v2(self) -> None:
		ours = [self.enqueue() for _n in range(3)]
		filters = json.dumps({"method": "job_monitor.tests.support.jobs.succeed"})
		user = self.manager()
		code, answer = request(
			"/api/resource/RQ Job", user, filters=filters, limit_start=1, limit_page_length=1
		)
		self.assertEqual((code, [row["name"] for row in answer["data"]]), (200, [ours[1]]))
		start = "limit_start" if frappe.__version__.startswith("15.") else "start"
		code, answer = request("/api/v2/document/RQ Job", user, filters=filters, limit=1, **{start: 1})
		self.assertEqual((code, [row["name"] for row in answer["data"]]), (200, [ours[1]]))
		code, answer = request(f"/api/resource/RQ Job/{ours[0]}", user)
		self.assertEqual((code, answer["data"]["method"]), (200, "job_monitor.tests.support.jobs.succeed"))

	def test_export_and_link_search(self) -> None:
		ours = self.enqueue()
		filters = json.dumps([["RQ Job", "job_id", "=", ours]])
		code, answer = request(
			"/api/method/frappe.desk.reportview.export_query",
			self.manager(),
			doctype="RQ Job",
			file_format_type="CSV",
			fields=json.dumps(["`tabRQ Job`.`name`", "`tabRQ Job`.`queue`"]),
			filters=filters,
		)
		self.assertEqual(code, 200)
		self.assertIn(f'"{ours}","short"', answer.replace("\r", ""))
		code, answer = request(
			"/api/method/frappe.desk.search.search_link", self.manager(), doctype="RQ Job", txt=ours[-12:]
		)
		self.assertEqual(code, 200, answer)
		self.assertIn(ours, json.dumps(answer))

	def test_site_whose_name_begins_like_ours(self) -> None:
		connection, ours = get_redis_conn(), self.enqueue()
		separator = "||" if "||" in ours else "::"
		other = f"{frappe.local.site}.evil{separator}1"
		queue = connection.hget(f"rq:job:{ours}", "origin").decode()
		connection.hset(f"rq:job:{other}", mapping=connection.hgetall(f"rq:job:{ours}"))
		connection.rpush(f"rq:queue:{queue}", other)
		self.addCleanup(connection.delete, f"rq:job:{other}")
		self.addCleanup(connection.lrem, f"rq:queue:{queue}", 0, other)
		self.assertIn(ours, self.names(queue="short"))
		self.assertNotIn(other, self.names(queue="short"))
		self.assertEqual(self.names(name=other), [])
		with self.assertRaises(frappe.PermissionError):
			frappe.get_doc("RQ Job", other)

	def test_job_that_cannot_be_decoded_spoils_its_row_only(self) -> None:
		connection, good, bad = get_redis_conn(), self.enqueue(), self.enqueue()
		payload = pickle.dumps(("gone.module.function", None, (), {})).replace(b"gone", b"g\xff\xffe")
		connection.hset(f"rq:job:{bad}", "data", zlib.compress(payload))
		rows = {row.name: row for row in frappe.get_all("RQ Job", {"name": ["in", [good, bad]]})}
		self.assertEqual(rows[good].method, "job_monitor.tests.support.jobs.succeed")
		self.assertIn("cannot be decoded", rows[bad].problem)
		self.assertIn("cannot be decoded", frappe.get_doc("RQ Job", bad).problem)

	def test_a_failure_shows_its_traceback_and_no_secret(self) -> None:
		failed, fine = self.enqueue("fail", note="of this test", api_key="geheim"), self.enqueue()
		work_off("short")
		doc = frappe.get_doc("RQ Job", failed)
		self.assertEqual((doc.status, frappe.get_doc("RQ Job", fine).status), ("failed", "finished"))
		self.assertIn("ValueError: no such invoice", doc.exc_info)
		self.assertIn("of this test", doc.arguments)
		everything = doc.as_json() + json.dumps(listed(filters={"name": failed}), default=str)
		self.assertNotIn("hunter2", everything)
		self.assertNotIn("geheim", everything)
		self.assertGreaterEqual(doc.wait, 0)
		self.assertGreater(doc.ended_at, doc.started_at)
		self.assertEqual(self.names(exc_info=["like", "%no such invoice%"], name=failed), [failed])
		self.assertEqual(self.names(search_text=["like", "%no such invoice%"], status="failed")[0], failed)

	def test_reading_writes_nothing(self) -> None:
		ours, connection = self.enqueue(), get_redis_conn()
		before = connection.hgetall(f"rq:job:{ours}"), connection.info("commandstats")
		listed()
		frappe.get_doc("RQ Job", ours)
		get_controller("RQ Job").get_count({"filters": []})
		stats = connection.info("commandstats")
		self.assertEqual(before[0], connection.hgetall(f"rq:job:{ours}"))
		for command in ("zremrangebyscore", "hset", "zadd", "del", "expire", "lrem"):
			name = f"cmdstat_{command}"
			self.assertEqual(before[1].get(name, {}).get("calls"), stats.get(name, {}).get("calls"), command)

	def manager(self) -> str:
		from job_monitor.tests.support.users import make_user

		return make_user("jm-manager@example.com", "System Manager")
