"""No text or bytes from a job keep a function of core busy: twice as much takes twice as long, not four times.

Each public function that takes text or bytes is in `FED`, or in `NOT_FED` with the reason; a new one fails the test.
"""

from __future__ import annotations

import base64
import gc
import importlib
import inspect
import pkgutil
import re
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job_monitor import core
from job_monitor.core import clock, histogram, limits, messages, patterns, wording
from job_monitor.core.history import aggregates, ended_jobs, fingerprint, metrics, run_entries, run_format
from job_monitor.core.history.failure_texts import describe
from job_monitor.core.logs import catalog
from job_monitor.core.logs import headings as log_headings
from job_monitor.core.logs import names as log_names
from job_monitor.core.logs import records as log_records
from job_monitor.core.logs import sites as log_sites
from job_monitor.core.logs.cursor import LogCursor
from job_monitor.core.logs.pages import LogFilter
from job_monitor.core.logs.reader import Log
from job_monitor.core.monitor_log import reader
from job_monitor.core.pickles import inert, payload, payload_head, pickle_walk
from job_monitor.core.redaction import forms, items, names, tokens, values
from job_monitor.core.redaction.plain_values import as_json
from job_monitor.core.redaction.redactor import Redactor
from job_monitor.core.redaction.values import cut
from job_monitor.core.rq import cursor, job_fields, keys
from job_monitor.core.rq.query import JobQuery
from job_monitor.core.rq.records import Job
from tests.corpus import worst

SIZE = 1_000_000
TIMES = 3
"""At most so much longer may twice as much take."""

FLOOR = 0.1
"""Seconds below which nothing is compared: noise."""

REDACTOR = Redactor(["credit-card"])
NAMES = REDACTOR.names
EVERYTHING = limits.PAYLOAD_BYTES


def in_file(read: Callable[[Path], object], name: str) -> Callable[[bytes, Path], object]:
	def run(data: bytes, folder: Path) -> object:
		(folder / "logs").mkdir(exist_ok=True)
		(folder / "logs" / name).write_bytes(data)
		return read(folder)

	return run


TEXTS: dict[str, Callable[[str], object]] = {
	"history.ended_jobs.failure_of": lambda text: ended_jobs.failure_of(Job("a", exception=text), "failed"),
	"history.ended_jobs.was_stopped": ended_jobs.was_stopped,
	"clock.parse": clock.parse,
	"rq.cursor.digest": cursor.digest,
	"rq.cursor.read": lambda text: cursor.read(text, JobQuery()),
	"history.failure_texts.describe": lambda text: describe(ValueError(text), {text[:300]: text}, REDACTOR),
	"history.failure_texts.text_of": lambda text: describe(KeyError(text), [text], REDACTOR),
	"rq.job_fields.clean": job_fields.clean,
	"rq.keys.askable": keys.askable,
	"rq.keys.is_askable": keys.is_askable,
	"rq.keys.job_id_of": lambda text: keys.job_id_of(text, "started"),
	"rq.keys.site_of": keys.site_of,
	"rq.keys.split_queue": keys.split_queue,
	"rq.keys.bench_of": keys.bench_of,
	"rq.keys.short_name": keys.short_name,
	"logs.pages.LogFilter.__init__": lambda text: LogFilter(text=text),
	"logs.names.known": log_names.known,
	"logs.catalog.site_folder": lambda text: catalog.site_folder(Path("/"), text),
	"logs.cursor.LogCursor.read": LogCursor.read,
	"history.metrics.Counts.add": lambda text: metrics.Counts().add(text),
	"histogram.split": lambda text: histogram.split(text.encode(), 1000),
	"history.metrics.fold_totals": lambda text: metrics.fold_totals(text, aggregates.Aggregate()),
	"patterns.Like.__init__": patterns.Like,
	"patterns.Like.fits": patterns.Like("%e_e%e%key%_%~%x%").fits,
	"patterns.like": patterns.like,
	"rq.query.JobQuery.__init__": lambda text: JobQuery(text=text),
	"redaction.redactor.Redactor.__init__": lambda text: Redactor([text]),
	"redaction.redactor.Redactor.clean_text": REDACTOR.clean_text,
	"redaction.redactor.Redactor.clean_start": lambda text: REDACTOR.clean_start(text, 1000),
	"redaction.redactor.Redactor.clean_end": lambda text: REDACTOR.clean_end(text, 1000),
	"redaction.redactor.Redactor.clean_traceback": lambda text: REDACTOR.clean_traceback(text, 1000),
	"wording.listed": lambda text: wording.listed([text, *text.split()], 1000),
	"messages.worker_command": messages.worker_command,
	"redaction.redactor.Redactor.hides": lambda text: REDACTOR.hides(text, text),
	"redaction.plain_values.as_json": lambda text: as_json(
		REDACTOR, {text: [text, (text, text)], "b": text}, 100_000
	),
	"redaction.values.cut": lambda text: cut(text, 1000),
	"redaction.forms.find": lambda text: forms.find(text, NAMES),
	"redaction.items.named_pair": lambda text: items.named_pair({"name": text, "value": text}, NAMES),
	"redaction.items.secret_items": lambda text: items.secret_items([text, text, "--" + text], NAMES),
	"redaction.names.SecretNames.__init__": lambda text: names.SecretNames([text]),
	"redaction.names.SecretNames.strength": lambda text: NAMES.strength(text),
	"redaction.tokens.may_be_in": tokens.may_be_in,
	"redaction.tokens.tokens": lambda text: list(tokens.tokens(text, NAMES)),
	"redaction.values.header": lambda text: values.header(text, 0, '"'),
	"redaction.values.is_count": lambda text: values.is_count("tokens", text),
	"redaction.values.looks_secret": values.looks_secret,
	"redaction.values.quoted": lambda text: values.quoted('"' + text, 0),
	"redaction.values.value": lambda text: values.value(text, 0, values.Brackets(text)),
	"redaction.values.values": lambda text: list(values.values(text, range(0, len(text), 99))),
	"redaction.values.start_of": lambda text: values.start_of(text, (0, len(text))),
	"redaction.values.Brackets.__init__": lambda text: list(
		map(values.Brackets(text).end, range(0, len(text), 9))
	),
	"history.fingerprint.frames": fingerprint.frames,
	"history.fingerprint.headline": lambda text: fingerprint.headline("E", text),
	"history.fingerprint.normalise": fingerprint.normalise,
	"history.fingerprint.signature": lambda text: fingerprint.signature(text, text, text, text),
}

BYTES: dict[str, Callable[[bytes], object]] = {
	"rq.job_fields.decimal": job_fields.decimal,
	"rq.job_fields.integer": job_fields.integer,
	"rq.job_fields.id_list": job_fields.id_list,
	"rq.job_fields.exception_text": lambda data: (
		job_fields.exception_text(None, zlib.compress(data, 1), 1000, REDACTOR),
		job_fields.exception_text([(b"1", {b"exc_string": base64.b64encode(data)})], None, 1000, REDACTOR),
	),
	"rq.keys.text": keys.text,
	"logs.headings.begins": log_headings.begins,
	"logs.headings.first_heading": log_headings.first_heading,
	"logs.headings.moment_of": log_headings.moment_of,
	"logs.records.group": lambda data: list(log_records.group(data)),
	"logs.headings.last_heading": log_headings.last_heading,
	"logs.headings.level_of": lambda data: log_headings.level_of(data, "INFO"),
	"logs.records.parse": lambda data: log_records.parse("k", data, "INFO", REDACTOR),
	"logs.sites.own": lambda data: [
		log_sites.own(log_names.known(name), data, "a") for name in ("worker", "monitor")
	],
	"history.run_entries.unpack_failure": run_entries.unpack_failure,
	"history.run_format.end_of": lambda data: run_format.end_of(data, "a"),
	"history.run_format.unpack": lambda data: run_format.unpack(data, "a"),
}

PICKLES: dict[str, Callable[[bytes], object]] = {
	"rq.job_fields.call_parts": lambda raw: job_fields.call_parts(raw, EVERYTHING, 100_000, REDACTOR),
	"rq.job_fields.head_parts": lambda raw: job_fields.head_parts(raw, 1000, REDACTOR),
	"rq.job_fields.read_meta": lambda raw: job_fields.read_meta(raw, REDACTOR),
	"pickles.payload.decode": lambda raw: payload.decode(zlib.compress(raw, 1)),
	"pickles.payload.inflate": payload.inflate,
	"pickles.payload.loads": payload.loads,
	"pickles.payload_head.beginning": lambda raw: payload_head.beginning(raw, 10_000),
	"pickles.payload_head.cut": payload_head.cut,
	"pickles.pickle_walk.is_tame": pickle_walk.is_tame,
	"pickles.inert.loads": lambda raw: inert.loads(raw, EVERYTHING),
}

FILES: dict[str, Callable[[bytes, Path], object]] = {
	"monitor_log.reader.read": in_file(
		lambda folder: reader.read([folder / "logs" / "monitor.json.log"]), "monitor.json.log"
	),
	"logs.reader.Log.tail": in_file(lambda folder: Log(folder, "worker").tail(), "worker.log"),
	"logs.reader.Log.follow": in_file(
		lambda folder: Log(folder, "worker").follow(str(LogCursor(0, 0)), settle=0), "worker.log"
	),
	"logs.reader.Log.record": in_file(
		lambda folder: Log(folder, "frappe").tail(LogFilter(text="none")), "frappe.log"
	),
}

FED = {*TEXTS, *BYTES, *PICKLES, *FILES}

_FORM = "one of the forms that redaction.forms.find, which is fed, looks for"
_KEY = "puts a name into a key: one concatenation"
_REDIS = "asks Redis by a name; what it answers is read by functions that are fed"
_OURS = "takes names of this package, of the configuration or of a host, and nothing of a job's"
_FOLDER = "takes a path of this bench"
_RECORD = "keeps a name of bounded length, of a record that was read"
NOT_FED = {
	**{
		name: _FORM
		for name in (
			*map("redaction.commands.{}".format, ("commands", "options", "pairs")),
			"redaction.values.code_lines",
			"redaction.named_values.named",
			*map("redaction.shapes.{}".format, ("blocks", "schemes", "sql", "tags", "urls")),
		)
	},
	**{
		f"rq.keys.{name}": _KEY
		for name in (
			"all_of_job dependents_key executions_key intermediate_key job_key place_key queue_key results_key "
			"worker_executions_key worker_key"
		).split()
	},
	**{f"acts.actions.{name}": _REDIS for name in "cancel release remove retry stop".split()},
	**{
		f"acts.rq_jobs.{name}": _REDIS for name in "delete_all executed fetch watched Untouched.loads".split()
	},
	**{
		name: _REDIS
		for name in (
			"history.failed_registries.catch_up rq.matching.Matcher.by_id rq.pool.Pool.read rq.places.PlaceReader.take rq.jobs.read_job rq.jobs.read_rows "
			"history.run_writer.RunWriter.__init__ history.runs.RunLog.ended history.runs.RunLog.forget_upto history.run_writer.RunWriter.note_stop history.run_entries.unreadable_run history.runs.RunLog.stopped_at history.runs.RunLog.noted_at "
			"rq.client.RqClient.__init__ rq.client.RqClient.resolve rq.queues.read_queues "
			"schedules.schedule_jobs.read rq.search.search "
			"rq.workers.read_one rq.merge.Merge.__init__ rq.job_fields.row"
		).split()
	},
	**{
		name: _OURS
		for name in (
			"rq.connection.connect_url errors.JobMonitorError.__init__ alerts.rules.Rule.covers alerts.transitions.advance "
			"alerts.rules.matches schedules.messages.describe schedules.messages.all_ahead schedules.messages.of_scheduler schedules.messages.more wording.say wording.counted rq.workers.judge "
			"messages.finding messages.start_worker acts.messages.outcome acts.messages.refused schedules.messages.label "
			"processes.is_gone processes.is_here history.run_format.pack "
			"logs.reader.Log.__init__ logs.catalog.folder_of logs.catalog.listing"
		).split()
	},
	**{
		name: _FOLDER
		for name in (
			"rq.connection.find_bench processes.holds_lock logs.catalog.opened logs.catalog.with_rotated "
			"logs.cursor.LogCursor.find monitor_log.log_segments.files"
		).split()
	},
	**{
		name: _RECORD
		for name in (
			"history.metrics.Counts.total history.aggregates.Methods.of history.metrics.fold monitor_log.duplicates.Duplicates.seen "
			"monitor_log.totals.Totals.add histogram.Histogram.add_packed"
		).split()
	},
	"monitor_log.log_segments.pieces": "monitor_log.reader.read, which is fed, reads by it",
	"pickles.stand_ins.Names.find": "pickles.inert.loads, which is fed, calls it",
	"pickles.payload.of_frappe": "pickles.payload.decode, which is fed, calls it",
	"pickles.payload.method_of": "pickles.payload.decode, which is fed, calls it",
}

_TEXT = re.compile(r"\b(str|bytes)\b")


def _members(module: Any) -> Iterator[tuple[str, Any]]:
	for name, value in vars(module).items():
		if name.startswith("_") or getattr(value, "__module__", "") != module.__name__:
			continue
		if inspect.isfunction(inspect.unwrap(value)):
			yield name, inspect.unwrap(value)
		elif inspect.isclass(value):
			for method, found in vars(value).items():
				function = getattr(found, "__func__", found)
				plain = method == "__init__" and not hasattr(value, "__dataclass_fields__")
				if inspect.isfunction(function) and (plain or not method.startswith("_")):
					yield f"{name}.{method}", function


def taking_text() -> set[str]:
	found = set()
	for info in pkgutil.walk_packages(core.__path__, "job_monitor.core."):
		module = importlib.import_module(info.name)
		for name, function in _members(module):
			parameters = inspect.signature(function).parameters.values()
			if any(_TEXT.search(str(parameter.annotation)) for parameter in parameters):
				found.add(f"{info.name.removeprefix('job_monitor.core.')}.{name}")
	return found


def test_each_function_that_takes_text_is_fed_or_says_why_not() -> None:
	known = {*FED, *NOT_FED}
	assert sorted(taking_text() - known) == [], "feed it here, or say in NOT_FED why not"
	assert not FED & NOT_FED.keys()


def seconds(run: Callable[[], object]) -> float:
	"""Of processor time. Python's garbage collector rests: it walks all that lives, and when it does is chance."""
	gc.disable()
	began = time.process_time()
	try:
		with suppress(Exception):  # to refuse is an answer, too
			run()
		return time.process_time() - began
	finally:
		gc.enable()


def check(function: Callable[[Any], object], kind: Callable[[int], Any]) -> None:
	"""Twice as much takes at most three times as long; first of a little, so that a failure is seen soon."""
	for size in (SIZE // 8, SIZE):
		half, whole = kind(size // 2), kind(size)
		ones: list[float] = []
		twos = [seconds(lambda: function(whole))]  # noqa: B023
		while min(twos) > FLOOR:  # the least of several: others use the processor, too
			ones.append(seconds(lambda: function(half)))  # noqa: B023
			if min(twos) <= TIMES * min(ones):
				break
			assert len(ones) < 4, f"{size:,}: {min(twos):.3f} s, half of it {min(ones):.3f} s"
			twos.append(seconds(lambda: function(whole)))  # noqa: B023


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_takes_linear_time(name: str) -> None:
	for piece in worst.PIECES[:: 3 if name.startswith("redaction.") else 1]:  # clean_text is fed with all
		check(TEXTS[name], lambda size: worst.repeated(piece, size))  # noqa: B023


@pytest.mark.parametrize("name", BYTES)
def test_bytes_take_linear_time(name: str) -> None:
	for piece in [*worst.PIECES[::4], *worst.LINES]:
		check(BYTES[name], lambda size: worst.repeated(piece, size).encode())  # noqa: B023


@pytest.mark.parametrize("kind", worst.PICKLES)
@pytest.mark.parametrize("name", PICKLES)
def test_a_payload_takes_linear_time(name: str, kind: str) -> None:
	check(PICKLES[name], worst.PICKLES[kind])


@pytest.mark.parametrize("name", FILES)
def test_a_log_takes_linear_time(name: str, tmp_path: Path) -> None:
	for piece in worst.LINES:
		check(lambda data: FILES[name](data, tmp_path), lambda size: worst.repeated(piece, size).encode())  # noqa: B023


@pytest.mark.parametrize("piece", worst.PIECES)
def test_a_megabyte_is_clean_within_a_tenth_of_a_second(piece: str) -> None:
	text = worst.repeated(piece, SIZE)
	assert min(seconds(lambda: REDACTOR.clean_text(text)) for _ in range(5)) < 0.1


@pytest.mark.parametrize("head", worst.HEADS)
def test_values_that_begin_and_never_end_are_looked_for_once(head: str) -> None:
	"""8,000 characters take 2 ms; a tenth of a second and more where one scan is made for each of them."""
	for text in worst.beginnings(head, 8_000):
		took = seconds(lambda: REDACTOR.clean_text(text))  # noqa: B023
		if took > 0.03:
			took = min(seconds(lambda: REDACTOR.clean_text(text)) for _ in range(4))  # noqa: B023
		assert took <= 0.03, f"{text[:40]!r}...{text[-10:]!r}: {took:.3f} s"


_pieces = st.lists(st.sampled_from(worst.PIECES) | st.text(min_size=1, max_size=3), min_size=1, max_size=6)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(_pieces.map("".join))
def test_no_mixture_found_by_chance_takes_longer(piece: str) -> None:
	for function in (
		REDACTOR.clean_text,
		fingerprint.frames,
		fingerprint.normalise,
		TEXTS["redaction.tokens.tokens"],
		lambda text: list(log_records.group(text.encode("utf-8", "replace"))),
	):
		small, large = (worst.repeated(piece, size) for size in (20_000, 80_000))
		for _ in range(3):
			first, second = (seconds(lambda: function(text)) for text in (small, large))  # noqa: B023
			if second <= max(0.05, 8 * first):
				break
		else:
			pytest.fail(f"{piece!r}: {second:.3f} s, a quarter of it {first:.3f} s")


@settings(max_examples=300, deadline=None, derandomize=True)
@given(_pieces.map("".join))
def test_cleaning_any_mixture_twice_changes_nothing_more(text: str) -> None:
	once = REDACTOR.clean_text(text)
	assert REDACTOR.clean_text(once) == once


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(worst.OPCODES) | st.binary(max_size=3), max_size=40).map(b"".join))
def test_no_mixture_of_opcodes_takes_long_or_raises_anything_else(program: bytes) -> None:
	raw = b"\x80\x04" + program * 200 + b"."
	began = time.process_time()
	try:
		as_json(REDACTOR, payload.loads(raw), 10_000)
	except payload.Undecodable as error:
		assert str(error)
	assert time.process_time() - began < 1
