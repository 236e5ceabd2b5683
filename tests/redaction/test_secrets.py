"""A corpus of secrets, each of which must vanish, and of innocent texts, of which nothing may."""

from __future__ import annotations

import json
from typing import Any

import pytest

from job_monitor.core import limits
from job_monitor.core.redaction.plain_values import as_json
from job_monitor.core.redaction.redactor import Redactor
from job_monitor.core.redaction.values import MASK
from tests.corpus import innocent, secrets

SECRETS = ["hunter2-Zq81", "b1xq7w"]
"""Invented, and of a kind that any name in the corpus must mask: a digit and a small letter."""


def body(chars: int) -> str:
	return ("aZ8qX3mP7w" * (chars // 10 + 1))[:chars]


TOKENS = [first + second + body(chars) for first, second, chars in secrets.TOKENS]
TOKENS += ["".join(parts) for parts in secrets.SHAPES]


def filled(value: Any, secret: str) -> Any:
	if isinstance(value, dict):
		return {key: filled(item, secret) for key, item in value.items()}
	if isinstance(value, (list, tuple)):
		return type(value)(filled(item, secret) for item in value)
	return value.replace(secrets.S, secret) if isinstance(value, str) else value


def test_the_corpus_is_large_enough() -> None:
	assert len({*secrets.TEXTS, *secrets.BLOCKS, *TOKENS}) + len(secrets.ARGUMENTS) >= 300
	assert len(set(innocent.TEXTS)) + len(innocent.ARGUMENTS) >= 250


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("form", secrets.TEXTS)
def test_a_secret_vanishes(form: str, secret: str) -> None:
	text = form.format(s=secret)
	for around in ("{0}", "before {0}", "a\n{0}\nb: c"):
		cleaned = Redactor().clean_text(around.format(text))
		assert secret not in cleaned
		assert MASK in cleaned
	assert secret not in as_json(Redactor(), {"a": text, "b": [text]}, 10_000)


@pytest.mark.parametrize("form", secrets.BLOCKS)
def test_a_key_in_lines_vanishes(form: str) -> None:
	cleaned = Redactor().clean_text("x: " + form.format(s=secrets.BLOCK_SECRET) + "\n.")
	assert "hunter2" not in cleaned and "MII" not in cleaned
	assert cleaned.startswith(("x", "private"))


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_known_by_its_prefix_vanishes(token: str) -> None:
	for around in secrets.WHERE:
		cleaned = Redactor().clean_text(around.format(s=token))
		assert token[8:] not in cleaned and token[-12:] not in cleaned
	assert token[8:] not in as_json(Redactor(), {"value": token}, 1000)


@pytest.mark.parametrize("arguments", secrets.ARGUMENTS, ids=str)
def test_a_secret_among_arguments_vanishes(arguments: Any) -> None:
	for secret in SECRETS:
		text = as_json(Redactor(), filled(arguments, secret), 1000)
		assert secret not in text and MASK in text


@pytest.mark.parametrize("text", innocent.TEXTS)
def test_nothing_innocent_is_masked(text: str) -> None:
	assert Redactor().clean_text(text) == text
	assert json.loads(as_json(Redactor(), {"a": text}, 10_000)) == {"a": text}


@pytest.mark.parametrize("arguments", innocent.ARGUMENTS, ids=str)
def test_no_innocent_argument_is_masked(arguments: Any) -> None:
	assert json.loads(as_json(Redactor(), arguments, 10_000)) == arguments


@pytest.mark.parametrize("form", [*secrets.TEXTS, *secrets.BLOCKS])
def test_cleaning_a_clean_text_changes_nothing(form: str) -> None:
	once = Redactor().clean_text(form.format(s=SECRETS[0]))
	assert Redactor().clean_text(once) == once


@pytest.mark.parametrize("place", range(-45, 10))
def test_no_cut_shows_a_part_of_a_secret(place: int) -> None:
	token = "gh" + "p_" + body(36)
	for before, secret, after in (
		("", token, ""),
		("password=", "hunter2-Zq81-long-as-it-is", ""),
		("https://a:", "b/c81-and-more-of-it", "@d.example"),
	):
		text = "x " * 500 + before + secret + after + " y" * 5000
		start = text.index(secret)
		for shown in (
			Redactor().clean_start(text, start - place),
			Redactor().clean_end(text[: start + 500], len(secret) + 500 + place),
		):
			assert secret[:8] not in shown and secret[-8:] not in shown


def test_a_cut_text_says_so_and_keeps_its_length() -> None:
	for max_chars in (1, 2, 10, 1000):
		assert Redactor().clean_start("word " * 500, max_chars).endswith("…")
		assert Redactor().clean_end("word " * 500, max_chars).startswith("…")
		assert len(Redactor().clean_start("key=ab12cd " * 500, max_chars)) <= max_chars
		assert len(Redactor().clean_end("key=ab12cd " * 500, max_chars)) <= max_chars
	assert Redactor().clean_start("short", 5) == Redactor().clean_end("short", 5) == "short"
	assert len(Redactor().clean_text("word " * 100_000)) == limits.TEXT_CHARS
