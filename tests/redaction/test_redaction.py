"""Secrets do not leave core, and what leaves it is valid text of bounded length."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job_monitor.core import limits
from job_monitor.core.pickles.stand_ins import Opaque
from job_monitor.core.redaction.names import NAMES
from job_monitor.core.redaction.plain_values import as_json
from job_monitor.core.redaction.redactor import Redactor
from job_monitor.core.redaction.values import MASK

SECRET = "hunter2-Zq81"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", ["{0}", "{0}s", "db_{0}", "{0}_hash", "X-{1}", "new{1}", "{2}", "my {0}"])
def test_a_value_under_a_secret_name_is_masked(name: str, shape: str) -> None:
	key = shape.format(name, name.capitalize(), name.upper())
	text = as_json(Redactor(), {key: SECRET, "deep": [{"x": {key: [SECRET, {"a": SECRET}]}}]}, 10_000)
	assert SECRET not in text and text.count(MASK) == 2


@pytest.mark.parametrize(
	"name", ["monkey", "tokenized_text", "shipping", "author", "passage", "spinner", "side", "keyboard"]
)
def test_a_name_that_only_looks_like_a_secret_is_shown(name: str) -> None:
	assert "plain" in as_json(Redactor(), {name: "plain"}, 1000)
	assert Redactor().clean_text(f"{name}=plain") == f"{name}=plain"


@pytest.mark.parametrize(
	"text",
	[
		f"password={SECRET}",
		f"password = '{SECRET}'",
		f"password='a word, {SECRET}'",
		f'{{"password": "{SECRET}"}}',
		f'{{"password": "with \\" quote {SECRET}"}}',
		f"{{'api_key': 'with \\' quote {SECRET}'}}",
		f"password=b'with space {SECRET}'",
		f"password_hash={SECRET}",
		f"newPassword={SECRET}",
		f"apiKey: {SECRET}",
		f"client-secret={SECRET}&x=1",
		f"Authorization: Bearer {SECRET}",
		f"authorization: Basic {SECRET}",
		f"Bearer {SECRET}",
		f"token {SECRET}",
		f"redis://user:{SECRET}@localhost:6379/0",
		f"mysql+pymysql://:{SECRET}@db/x",
		f"redis://user:a@{SECRET}@localhost",
		f"DB_PASSWORD={SECRET}",
		f"Set-Cookie: sid={SECRET}; path=/",
		f"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n{SECRET}\n-----END RSA PRIVATE KEY-----",
		f"private_key = '-----BEGIN PRIVATE KEY-----\n{SECRET}",
	],
)
def test_a_secret_in_a_traceback_is_masked(text: str) -> None:
	cleaned = Redactor().clean_text(f"Traceback:\n  call({text})\nValueError: {text}")
	assert SECRET not in cleaned
	assert cleaned.startswith("Traceback:") and MASK in cleaned


def test_text_around_a_secret_stays_readable() -> None:
	text = 'File "/a/b.py", line 5\n  connect(host="db", password="x1", port=3306)\nKeyError: \'customer\''
	assert Redactor().clean_text(text) == text.replace('"x1"', MASK)


def test_cleaning_twice_changes_nothing_more() -> None:
	once = Redactor().clean_text(f"password={SECRET} Authorization: Bearer {SECRET} x://a:{SECRET}@b")
	assert Redactor().clean_text(once) == once


@pytest.mark.parametrize(
	"name", [" IBAN ", "", "--", "a b", "credit-card", "credit_card", "creditCard", "Straße", "1"]
)
def test_any_name_can_be_masked_besides(name: str) -> None:
	redactor = Redactor([name])
	assert redactor.clean_text("x: 1") == "x: 1"
	if name.strip("- "):
		assert SECRET not in as_json(redactor, {name: SECRET}, 100)


@pytest.mark.parametrize("spelling", ["credit-card", "creditCard", "Credit Card", "CREDIT_CARDS"])
@pytest.mark.parametrize(
	"name", ["credit_card", "creditCardNumber", "X-Credit-Card", "credit card", "creditcard"]
)
def test_words_of_a_name_are_found_in_any_spelling(spelling: str, name: str) -> None:
	redactor = Redactor([spelling.removesuffix("S")])
	assert SECRET not in as_json(redactor, {name: SECRET}, 100)
	assert SECRET not in redactor.clean_text(f"{name}={SECRET}") or " " in name
	assert "plain" in as_json(redactor, {"credit_note": "plain", "card": "plain"}, 100)


def test_more_names_can_be_masked_in_a_text() -> None:
	redactor = Redactor([" IBAN ", "credit-card"])
	assert SECRET not in as_json(redactor, {"customer_iban": SECRET}, 100)
	assert SECRET not in redactor.clean_text(f"iban={SECRET} credit_card: {SECRET}")


def test_a_secret_in_a_string_inside_the_arguments_is_masked() -> None:
	text = as_json(
		Redactor(), {"body": json.dumps({"password": SECRET}), "url": f"http://a:{SECRET}@b"}, 1000
	)
	assert SECRET not in text


def test_no_value_under_a_secret_name_is_not_hidden() -> None:
	assert json.loads(as_json(Redactor(), {"password": None}, 100)) == {"password": None}


@pytest.mark.parametrize(
	"text",
	[
		*("a" * 200_000, "password" * 25_000, "=" * 200_000, "key " * 50_000, "key" + " " * 200_000),
		*(
			"a-" * 100_000,
			"x://" * 50_000,
			"bearer " * 30_000,
			"password='" * 20_000,
			"key:" + "'\"" * 50_000,
		),
		*("-----BEGIN PRIVATE KEY-----" * 5_000, "a1." * 60_000 + "://", 'key="' + "\\" * 100_000),
	],
)
def test_no_text_keeps_the_cleaner_busy(text: str) -> None:
	started = time.process_time()
	Redactor().clean_text(text)
	assert time.process_time() - started < 1


_surrogates = st.characters(categories=["Cs"])  # alone: a pickle may hold them
_any_text = st.text(st.characters() | _surrogates, max_size=30)
_values = st.recursive(
	st.none() | st.booleans() | st.integers() | st.floats() | _any_text | st.binary(),
	lambda inner: (
		st.lists(inner)
		| st.dictionaries(_any_text | st.integers() | st.none() | st.booleans(), inner)
		| st.tuples(inner, inner)
	),
	max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(_values, st.integers(2, 2000))
def test_anything_becomes_bounded_text_that_can_be_encoded(value: Any, max_chars: int) -> None:
	text = as_json(Redactor(), value, max_chars)
	text.encode("utf-8")
	assert len(text) <= max_chars
	if text and not text.endswith("…"):
		json.loads(text)


def test_wide_arguments_are_cut_and_say_so() -> None:
	text = as_json(Redactor(), {"rows": list(range(limits.VALUE_NODES * 2))}, 10_000_000)
	assert text.endswith('"…"]}') and len(json.loads(text)["rows"]) <= limits.VALUE_NODES + 1


def test_integers_that_python_refuses_to_print_are_named_by_size() -> None:
	assert "bits" in as_json(Redactor(), {"n": 10**5000}, 1000)


@pytest.mark.parametrize(
	"value", [["mysql", *["-px"] * 15_000], {"pin": "1", **{f"pin {n}": "1" for n in range(9_000)}}]
)
def test_masks_are_counted_so_that_one_list_in_many_places_is_shown_in_few(value: Any) -> None:
	began = time.process_time()
	assert len(as_json(Redactor(), {"x": [value] * 15_000}, 100_000)) <= 100_000
	assert time.process_time() - began < 1


def test_items_of_an_object_in_many_places_are_not_copied_for_each_of_them() -> None:
	thing = Opaque()
	thing.update({str(number): 1 for number in range(100_000)})
	nested: Any = [thing] * 10_000
	for _ in range(limits.VALUE_DEPTH - 3):
		nested = [nested]
	began = time.process_time()
	as_json(Redactor(), {"x": nested}, 100_000)
	assert time.process_time() - began < 1


def test_long_numbers_are_cut_like_long_texts() -> None:
	began = time.process_time()
	assert len(as_json(Redactor(), {"x": [2**4000] * 20_000}, 100_000)) <= 100_000
	assert time.process_time() - began < 0.05
