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
from job_monitor.core import (
	clock,
	cursor,
	health,
	histogram,
	hydrate,
	keys,
	limits,
	log_names,
	log_records,
	log_sites,
	metrics,
	monitor_log,
	patterns,
	payload,
	payload_head,
	pickle_walk,
	pickles,
	run_records,
	secret_forms,
	secret_items,
	secret_names,
	secret_tokens,
	secret_values,
	signature,
)
from job_monitor.core.failure_texts import describe
from job_monitor.core.log_files import Log, LogFilter
from job_monitor.core.log_places import Place
from job_monitor.core.query import JobQuery
from job_monitor.core.redaction import Redactor, cut
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
	"clock.parse": clock.parse,
	"cursor.digest": cursor.digest,
	"cursor.read": lambda text: cursor.read(text, JobQuery()),
	"failure_texts.describe": lambda text: describe(ValueError(text), {text[:300]: text}, REDACTOR),
	"failure_texts.text_of": lambda text: describe(KeyError(text), [text], REDACTOR),
	"hydrate.clean": hydrate.clean,
	"keys.askable": keys.askable,
	"keys.is_askable": keys.is_askable,
	"keys.job_id_of": lambda text: keys.job_id_of(text, "started"),
	"keys.site_of": keys.site_of,
	"keys.split_queue": keys.split_queue,
	"keys.bench_of": keys.bench_of,
	"keys.short_name": keys.short_name,
	"log_files.LogFilter.__init__": lambda text: LogFilter(text=text),
	"log_names.known": log_names.known,
	"log_names.site_folder": lambda text: log_names.site_folder(Path("/"), text),
	"log_places.Place.read": Place.read,
	"metrics.Counts.add": lambda text: metrics.Counts().add(text),
	"histogram.split": lambda text: histogram.split(text.encode(), 1000),
	"metrics.fold_totals": lambda text: metrics.fold_totals(text, metrics.Aggregate()),
	"patterns.Like.__init__": patterns.Like,
	"patterns.Like.fits": patterns.Like("%e_e%e%key%_%~%x%").fits,
	"patterns.like": patterns.like,
	"query.JobQuery.__init__": lambda text: JobQuery(text=text),
	"redaction.Redactor.__init__": lambda text: Redactor([text]),
	"redaction.Redactor.clean_text": REDACTOR.clean_text,
	"redaction.Redactor.clean_start": lambda text: REDACTOR.clean_start(text, 1000),
	"redaction.Redactor.clean_end": lambda text: REDACTOR.clean_end(text, 1000),
	"redaction.Redactor.clean_traceback": lambda text: REDACTOR.clean_traceback(text, 1000),
	"health.listed": lambda text: health.listed([text, *text.split()], 1000),
	"health.worker_command": health.worker_command,
	"redaction.Redactor.hides": lambda text: REDACTOR.hides(text, text),
	"redaction.Redactor.json": lambda text: REDACTOR.json({text: [text, (text, text)], "b": text}, 100_000),
	"redaction.cut": lambda text: cut(text, 1000),
	"secret_forms.find": lambda text: secret_forms.find(text, NAMES),
	"secret_items.named_pair": lambda text: secret_items.named_pair({"name": text, "value": text}, NAMES),
	"secret_items.secret_items": lambda text: secret_items.secret_items([text, text, "--" + text], NAMES),
	"secret_names.SecretNames.__init__": lambda text: secret_names.SecretNames([text]),
	"secret_names.SecretNames.strength": lambda text: NAMES.strength(text),
	"secret_tokens.may_be_in": secret_tokens.may_be_in,
	"secret_tokens.tokens": lambda text: list(secret_tokens.tokens(text, NAMES)),
	"secret_values.header": lambda text: secret_values.header(text, 0, '"'),
	"secret_values.is_count": lambda text: secret_values.is_count("tokens", text),
	"secret_values.looks_secret": secret_values.looks_secret,
	"secret_values.quoted": lambda text: secret_values.quoted('"' + text, 0),
	"secret_values.value": lambda text: secret_values.value(text, 0, secret_values.Brackets(text)),
	"secret_values.values": lambda text: list(secret_values.values(text, range(0, len(text), 99))),
	"secret_values.start_of": lambda text: secret_values.start_of(text, (0, len(text))),
	"secret_values.Brackets.__init__": lambda text: list(
		map(secret_values.Brackets(text).end, range(0, len(text), 9))
	),
	"signature.frames": signature.frames,
	"signature.headline": lambda text: signature.headline("E", text),
	"signature.normalise": signature.normalise,
	"signature.signature": lambda text: signature.signature(text, text, text, text),
}

BYTES: dict[str, Callable[[bytes], object]] = {
	"hydrate.decimal": hydrate.decimal,
	"hydrate.integer": hydrate.integer,
	"hydrate.id_list": hydrate.id_list,
	"hydrate.exception_text": lambda data: (
		hydrate.exception_text(None, zlib.compress(data, 1), 1000, REDACTOR),
		hydrate.exception_text([(b"1", {b"exc_string": base64.b64encode(data)})], None, 1000, REDACTOR),
	),
	"keys.text": keys.text,
	"log_records.begins": log_records.begins,
	"log_records.first_heading": log_records.first_heading,
	"log_records.group": lambda data: list(log_records.group(data)),
	"log_records.last_heading": log_records.last_heading,
	"log_records.level_of": lambda data: log_records.level_of(data, "INFO"),
	"log_records.parse": lambda data: log_records.parse("k", data, "INFO", REDACTOR),
	"log_sites.own": lambda data: [
		log_sites.own(log_names.known(name), data, "a") for name in ("worker", "monitor")
	],
	"run_records.end_of": lambda data: run_records.end_of(data, "a"),
	"run_records.unpack": lambda data: run_records.unpack(data, "a"),
}

PICKLES: dict[str, Callable[[bytes], object]] = {
	"hydrate.call_parts": lambda raw: hydrate.call_parts(raw, EVERYTHING, 100_000, REDACTOR),
	"hydrate.head_parts": lambda raw: hydrate.head_parts(raw, 1000, REDACTOR),
	"hydrate.read_meta": lambda raw: hydrate.read_meta(raw, REDACTOR),
	"payload.decode": lambda raw: payload.decode(zlib.compress(raw, 1)),
	"payload.inflate": payload.inflate,
	"payload.loads": payload.loads,
	"payload_head.beginning": lambda raw: payload_head.beginning(raw, 10_000),
	"payload_head.cut": payload_head.cut,
	"pickle_walk.is_tame": pickle_walk.is_tame,
	"pickles.loads": lambda raw: pickles.loads(raw, EVERYTHING),
}

FILES: dict[str, Callable[[bytes, Path], object]] = {
	"monitor_log.read": in_file(
		lambda folder: monitor_log.read([folder / "logs" / "monitor.json.log"]), "monitor.json.log"
	),
	"log_files.Log.tail": in_file(lambda folder: Log(folder, "worker").tail(), "worker.log"),
	"log_files.Log.follow": in_file(
		lambda folder: Log(folder, "worker").follow(str(Place(0, 0)), settle=0), "worker.log"
	),
	"log_files.Log.record": in_file(
		lambda folder: Log(folder, "frappe").tail(LogFilter(text="none")), "frappe.log"
	),
}

FED = {*TEXTS, *BYTES, *PICKLES, *FILES}

_FORM = "one of the forms that secret_forms.find, which is fed, looks for"
_KEY = "puts a name into a key: one concatenation"
_REDIS = "asks Redis by a name; what it answers is read by functions that are fed"
_OURS = "takes names of this package, of the configuration or of a host, and nothing of a job's"
_FOLDER = "takes a path of this bench"
_RECORD = "keeps a name of bounded length, of a record that was read"
NOT_FED = {
	**{
		name: _FORM
		for name in (
			*map("secret_forms.{}".format, ("commands", "named", "options", "pairs")),
			*map("secret_shapes.{}".format, ("blocks", "schemes", "sql", "tags", "urls")),
		)
	},
	**{
		f"keys.{name}": _KEY
		for name in (
			"all_of_job dependents_key executions_key intermediate_key job_key place_key queue_key results_key "
			"worker_executions_key worker_key"
		).split()
	},
	**{f"actions.{name}": _REDIS for name in "cancel release remove retry stop".split()},
	**{
		name: _REDIS
		for name in (
			"lost_runs.catch_up match.Matcher.by_id pool.moments pool.Pool.read rows.read rows.read_one "
			"runs.RunLog.__init__ runs.RunLog.ended runs.RunLog.forget_upto runs.RunLog.note_stop runs.RunLog.noted_at "
			"reader.Reader.__init__ "
			"schedule_jobs.read search.search store.Store.__init__ store.Store.job store.Store.queues "
			"store.Store.resolve store.Store.rows workers.read_one merge.Merge.__init__ hydrate.row"
		).split()
	},
	**{
		name: _OURS
		for name in (
			"connection.connect_url errors.JobMonitorError.__init__ alerting.Rule.covers alerting.step "
			"alerting.matches schedule_texts.tell schedule_texts.all_ahead schedule_texts.of_scheduler workers.judge "
			"processes.is_gone processes.is_here run_records.pack "
			"log_files.Log.__init__ log_names.folder_of log_names.listing"
		).split()
	},
	**{
		name: _FOLDER
		for name in (
			"connection.find_bench processes.holds_lock log_names.opened log_names.with_rotated "
			"log_places.Place.find monitor_files.files"
		).split()
	},
	**{
		name: _RECORD
		for name in (
			"metrics.Counts.total metrics.Methods.of metrics.fold monitor_copies.Copies.seen "
			"monitor_totals.Totals.add histogram.Histogram.add_packed"
		).split()
	},
	"monitor_files.pieces": "monitor_log.read, which is fed, reads by it",
	"payload.of_frappe": "payload.decode, which is fed, calls it",
	"payload.method_of": "payload.decode, which is fed, calls it",
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
	for info in pkgutil.iter_modules(core.__path__):
		module = importlib.import_module(f"job_monitor.core.{info.name}")
		for name, function in _members(module):
			parameters = inspect.signature(function).parameters.values()
			if any(_TEXT.search(str(parameter.annotation)) for parameter in parameters):
				found.add(f"{info.name}.{name}")
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
	for piece in worst.PIECES[:: 3 if name.startswith("secret_") else 1]:  # clean_text is fed with all
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
		signature.frames,
		signature.normalise,
		TEXTS["secret_tokens.tokens"],
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
		REDACTOR.json(payload.loads(raw), 10_000)
	except payload.Undecodable as error:
		assert str(error)
	assert time.process_time() - began < 1
