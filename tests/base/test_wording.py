"""A text that core says is an ordinary string that another language can say."""

from __future__ import annotations

import json
import pickle
from copy import deepcopy
from dataclasses import asdict

import orjson
import pytest

from job_monitor.core.acts.messages import Outcome
from job_monitor.core.errors import InvalidQuery, JobMonitorError
from job_monitor.core.wording import Wording, counted, say


def test_it_is_its_english_text_wherever_nothing_is_translated() -> None:
	text = say("Queue {0} holds {1}", "short{0}", counted(1200, "1 job", "{0} jobs"))
	assert text == "Queue short{0} holds 1,200 jobs"
	assert orjson.loads(orjson.dumps(text)) == json.loads(json.dumps(text)) == str(text)


def test_its_template_and_values_survive_copies() -> None:
	text = say("Queue {0}", "short")
	for copy in (
		deepcopy(text),
		pickle.loads(pickle.dumps(text)),
		asdict(Outcome(True, "", text, "deleted"))["message"],
	):
		assert (copy, copy.template, copy.values) == ("Queue short", "Queue {0}", ("short",))


@pytest.mark.parametrize(("number", "text"), [(0, "0 runs"), (1, "1 run"), (2, "2 runs")])
def test_a_number_of_one_has_a_sentence_of_its_own(number: int, text: str) -> None:
	assert counted(number, "1 run", "{0} runs") == text


def test_a_template_without_values_keeps_its_braces() -> None:
	assert say("a {word}") == "a {word}" and Wording("{") == "{"


def test_an_error_says_its_docstring_and_what_is_wrong() -> None:
	error = InvalidQuery(say("no such site on this bench"))
	assert str(error) == "Bad filter: no such site on this bench"
	assert [getattr(value, "template", value) for value in error.wording.values] == [
		"Bad filter:",
		"no such site on this bench",
	]
	assert JobMonitorError().wording.template == "The job monitor could not answer."
