"""Text that is safe for a terminal: characters that move the cursor, hide, or turn the direction are replaced."""

from __future__ import annotations

import json
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from job_monitor.cli import terminal_text

KEPT = {0x200C, 0x200D}
"""They join letters, and are part of how words are spelled."""


def test_every_invisible_character_is_replaced() -> None:
	hidden = {"Cc", "Cf", "Cs", "Zl", "Zp"}
	left = {
		code
		for code in range(sys.maxunicode + 1)
		if unicodedata.category(chr(code)) in hidden and code not in terminal_text.HIDDEN | KEPT
	}
	# Signs that are seen although Unicode counts them as formats: Arabic number signs, Egyptian joiners, and the like
	assert all(
		unicodedata.name(chr(code)).split()[0] in ("ARABIC", "SYRIAC", "KAITHI", "EGYPTIAN") for code in left
	)


@pytest.mark.parametrize("text", ["\u202egpj.exe", "a\u2066b", "\u200fx", "x\u200bx", "\x1b[2Jx", "\x9b2Jx"])
def test_characters_that_deceive_a_reader_are_replaced(text: str) -> None:
	assert "\ufffd" in terminal_text.line(text) and "\ufffd" in terminal_text.lines(text)


@pytest.mark.parametrize(
	"text", ["Grüße", "日本語", "مرحبا", "می\u200cخواهم", "क्\u200dष", "👩\u200d🔧", "a b-c_d'e\"", "é"]
)
def test_letters_of_any_script_stay(text: str) -> None:
	assert terminal_text.line(text) == terminal_text.lines(text) == text


@given(st.text())
def test_any_text_is_safe_and_keeps_its_length(text: str) -> None:
	assert not {ord(c) for c in terminal_text.line(text)} & terminal_text.HIDDEN
	assert {ord(c) for c in terminal_text.lines(text)} & terminal_text.HIDDEN <= {10, 9}
	assert len(terminal_text.line(text)) == len(terminal_text.lines(text)) == len(text)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_safe_json_has_the_same_values(text: str) -> None:
	shown = terminal_text.json(json.dumps({"x": text}, ensure_ascii=False))
	assert json.loads(shown) == {"x": text}
	assert not {ord(c) for c in shown} & terminal_text.HIDDEN


def test_a_megabyte_takes_linear_time() -> None:
	import time

	def cost(size: int) -> float:
		started = time.process_time()
		terminal_text.lines("\u202e\x1b[2Jx\n" * size)
		return time.process_time() - started

	cost(1000)
	assert cost(160_000) < 3 * cost(80_000) + 0.02
