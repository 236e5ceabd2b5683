"""The rules of the architecture which can be read off the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import fences, references

TESTS = Path(__file__).parents[1]
PACKAGE = TESTS.parent / "job_monitor"
SCRIPTS = TESTS.parent / "scripts"


def test_each_layer_imports_only_the_ones_below_it() -> None:
	assert not fences.forbidden_imports(PACKAGE)


def test_no_room_is_crowded_and_each_says_what_is_in_it() -> None:
	assert not fences.crowded(PACKAGE)
	assert not fences.crowded(TESTS)
	assert not fences.silent_rooms(PACKAGE)


@pytest.mark.parametrize("layer", sorted(fences.LOW))
def test_no_import_leads_back_to_its_module(layer: str) -> None:
	assert not fences.circles(PACKAGE, layer)


@pytest.mark.parametrize(
	("first", "second", "circles"),
	[
		(
			"from job_monitor.core import b",
			"from job_monitor.core.c import x",
			["core.a", "core.b", "core.c"],
		),
		("from . import b", "def f():\n\tfrom .a import x", ["core.a", "core.b"]),
		("import job_monitor.core.b", "if TYPE_CHECKING:\n\timport job_monitor.core.a", ["core.a", "core.b"]),
		("from job_monitor.core import b", "from job_monitor.bridge import a", []),
		("from job_monitor.core import b, d", "import redis", []),
	],
)
def test_a_circle_is_found(first: str, second: str, circles: list[str], tmp_path: Path) -> None:
	package = write(tmp_path, core__a=first, core__b=second, core__c="from job_monitor.core import a")
	assert fences.circles(package, "core") == circles


def test_nothing_swallows_the_time_limit_of_its_job() -> None:
	"""But the sweep, which goes on to the next part of the work and raises afterwards; and a thread hears no signal."""
	places = [place.partition(":")[0] for place in fences.swallowed_limits(PACKAGE)]
	assert places == ["notify/deadline.py", "tasks.py"]


@pytest.mark.parametrize(
	("source", "swallows"),
	[
		("try:\n\tf()\nexcept Exception:\n\tg()", True),
		("try:\n\tf()\nexcept:\n\tg()", True),
		("try:\n\tf()\nexcept (ValueError, Exception):\n\tg()", True),
		("try:\n\tf()\nexcept KeyError:\n\traise\nexcept Exception:\n\tg()", True),
		("with suppress(Exception):\n\tf()", True),
		("with suppress(KeyError):\n\tf()", False),
		("try:\n\tf()\nexcept KeyError:\n\tg()", False),
		("try:\n\tf()\nexcept Exception:\n\tg()\n\traise", False),
		("try:\n\tf()\nexcept BaseTimeoutException:\n\traise\nexcept Exception:\n\tg()", False),
	],
)
def test_a_swallowed_time_limit_is_found(source: str, swallows: bool, tmp_path: Path) -> None:
	assert bool(fences.swallowed_limits(write(tmp_path, alerts__a=source))) is swallows


def test_every_whitelisted_function_has_all_its_types() -> None:
	assert not fences.untyped_endpoints(PACKAGE)


@pytest.mark.parametrize("folder", [TESTS, PACKAGE], ids=["tests", "package"])
def test_no_test_is_hollow(folder: Path) -> None:
	assert not fences.hollow_tests(folder)


def test_names_of_our_own_modules_exist() -> None:
	assert not references.missing(TESTS.parent)


@pytest.mark.parametrize(
	("source", "missing"),
	[
		("from job_monitor.core import gone", "job_monitor.core.gone"),
		("from job_monitor.core import here\nhere.gone()", "job_monitor.core.here.gone"),
		("from job_monitor.core.here import found\nfrom job_monitor import core\ncore.here.found", ""),
		("from job_monitor.core import here as there\ndef f(there):\n\treturn there.gone", ""),
	],
)
def test_a_name_that_nothing_defines_is_found(source: str, missing: str, tmp_path: Path) -> None:
	write(tmp_path / "job_monitor", core__here="if True:\n\tfound = 1", user=source)
	(tmp_path / "job_monitor" / "core" / "__init__.py").touch()
	found = references.missing(tmp_path, ["job_monitor"])
	assert [place.rpartition(": ")[2] for place in found] == [missing] * bool(missing)


def test_what_hooks_name_exists() -> None:
	assert not fences.dead_hooks(PACKAGE)


def test_nothing_is_longer_than_its_kind_may_be() -> None:
	assert not fences.too_long(PACKAGE, TESTS)


@pytest.mark.parametrize("folder", [PACKAGE, TESTS, SCRIPTS], ids=lambda folder: folder.name)
def test_nothing_is_called_by_a_retired_word(folder: Path) -> None:
	assert not fences.retired_names(folder)


@pytest.mark.parametrize(
	"source",
	[
		"told = 1",
		"for _one in (): ...",
		"def f(given: int) -> None: ...",
		"def _tell() -> None: ...",
		"class held: ...",
		"class A:\n\tmild: bool = False",
		"def f(self) -> None:\n\tself.asked = 1",
		"from a import b as most",
		"with f() as (a, every): ...",
		"a = [far for far in ()]",
	],
)
def test_a_retired_word_is_found(source: str, tmp_path: Path) -> None:
	assert len(fences.retired_names(write(tmp_path, core__a=source))) == 1


def test_retired_words_may_stand_in_other_names_and_in_keys(tmp_path: Path) -> None:
	source = 'everyone = {"told": 1}\na.f(like=2)\nb = a.asked'
	assert fences.retired_names(write(tmp_path, core__a=source, core__patterns="like = 1")) == []


def test_modules_and_functions_of_core_are_small() -> None:
	sizes = fences.sizes(PACKAGE / "core")
	limits = {"module median": 110, "module p90": 240, "function median": 7, "function p90": 18}
	assert {name: size for name, size in sizes.items() if size > limits[name]} == {}


def test_sizes_count_lines_of_modules_and_of_code(tmp_path: Path) -> None:
	short, long = "def f():\n\t'''doc'''\n\treturn 1\n", "def g():\n" + "\tpass\n" * 9
	package = write(tmp_path, a=short, b=short, c=long, test_d="\n" * 99)
	(package / "hooks.py").unlink()
	assert fences.sizes(package) == {
		"module median": 3,
		"module p90": 10,
		"function median": 1,
		"function p90": 9,
	}


def test_no_file_is_called_by_a_name_that_says_nothing() -> None:
	assert not fences.catch_alls(PACKAGE)


def test_every_endpoint_that_acts_has_a_rate_limit() -> None:
	assert not fences.unlimited_acts(PACKAGE)


def test_one_js_file_knows_the_endpoints() -> None:
	assert len(fences.endpoint_callers(PACKAGE)) <= 1


def test_every_json_file_is_json() -> None:
	assert not fences.broken_json(PACKAGE)


def write(folder: Path, **sources: str) -> Path:
	for name, source in {"hooks": "", **sources}.items():
		path = folder / (name.replace("__", "/") + ("" if "." in name else ".py"))
		path.parent.mkdir(parents=True, exist_ok=True)
		path.write_text(source, encoding="utf-8")
	return folder


@pytest.mark.parametrize(
	("module", "source"),
	[
		("core__a", "import frappe"),
		("core__a", "from job_monitor.cli import top"),
		("core__a", "from ..bridge import site"),
		("core__a", "from job_monitor import bridge"),
		("core__a", "def f():\n\timport numpy"),
		("cli__a", "from frappe.utils import cint"),
		("cli__a", "import job_monitor.recorder.jobs"),
		("bridge__a", "from job_monitor.notify import email"),
		("bridge__a", "from job_monitor.api import jobs"),
		("notify__a", "from job_monitor.recorder import jobs"),
		("api__a", "from job_monitor.cli import render"),
		("tasks", "from job_monitor.cli.main import main"),
		("core__a", "from job_monitor.core.rq import keys"),
		("core__redaction__a", "from job_monitor.core.rq.keys import site_of"),
		("core__rq__a", "from ..schedules import judge"),
		("bridge__history__a", "def f():\n\timport job_monitor.bridge.rq.jobs"),
		("hooks", "from job_monitor.core import limits"),
	],
)
def test_a_forbidden_import_is_found(module: str, source: str, tmp_path: Path) -> None:
	(tmp_path / "bridge").mkdir()
	assert len(fences.forbidden_imports(write(tmp_path, **{module: source}))) == 1


@pytest.mark.parametrize(
	("module", "source"),
	[
		("core__a", "import json, redis, rq.job\nfrom job_monitor.core import keys\nfrom .b import c"),
		("cli__a", "import click\nfrom job_monitor import __version__\nfrom job_monitor.core import keys"),
		("bridge__a", "import frappe\nfrom job_monitor.core import keys"),
		(
			"core__rq__a",
			"from job_monitor.core import limits\nfrom .b import c\nimport job_monitor.core.pickles.inert",
		),
		("bridge__doctor", "from job_monitor.bridge.history import baselines"),
		("api__a", "from job_monitor.bridge import site\nfrom job_monitor.notify import email"),
		("job_monitor__doctype__a__a", "import frappe\nfrom job_monitor.recorder import jobs"),
	],
)
def test_an_allowed_import_is_let_through(module: str, source: str, tmp_path: Path) -> None:
	assert fences.forbidden_imports(write(tmp_path, **{module: source})) == []


def test_breaches_of_the_other_rules_are_found(tmp_path: Path) -> None:
	long = "def f():\n\t'''doc'''\n" + "\tpass\n" * 26
	bad = write(
		tmp_path,
		hooks='a = "job_monitor.tasks.gone"\nb = {"X": "public/js/gone.js"}\nc = "job_monitor.tasks.here"',
		tasks="def here(): ...",
		core__a=long,
		api__a="import frappe\n@frappe.whitelist(methods=['POST'])\ndef f(a, b: int) -> None:\n"
		+ "\tpass\n" * 11,
		job_monitor__doctype__x__x="a = 1\n" * 61,
		job_monitor__doctype__x__test_x="def test_nothing():\n\tpass\n",
		bridge__a=long,
		bridge__b="def f():\n" + "\tpass\n" * 41,
		helpers="",
		**{"custom__x.json": "{,}", "public__js__x.js": "job_monitor.api.x\n" * 251},
	)
	assert fences.dead_hooks(bad) == [
		"hooks.py names job_monitor.tasks.gone",
		"hooks.py names public/js/gone.js",
	]
	assert fences.untyped_endpoints(bad) == ["api/a.py: f has no type for a"]
	assert fences.unlimited_acts(bad) == ["api/a.py: f"]
	assert fences.hollow_tests(bad) == ["test_x.py: test_nothing asserts nothing"]
	assert fences.catch_alls(bad) == ["helpers.py"]
	assert fences.endpoint_callers(bad) == ["public/js/x.js"]
	assert [line.partition(":")[0] for line in fences.broken_json(bad)] == ["custom/x.json"]
	assert [line.partition(" has ")[0] for line in fences.too_long(bad, tmp_path / "none")] == [
		"bridge/b.py: f",
		"core/a.py: f",
		"api/a.py: f",
		"job_monitor/doctype/x/x.py",
		"public/js/x.js",
	]
