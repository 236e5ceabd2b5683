"""`like` means what SQL means by it, and no pattern keeps a web worker busy."""

from __future__ import annotations

import re
import time
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from job_monitor.core import limits
from job_monitor.core.errors import InvalidQuery
from job_monitor.core.patterns import Like, like


@pytest.mark.parametrize(
	("pattern", "matching", "other"),
	[
		("", [""], ["a"]),
		("%", ["", "a", "\n"], []),
		("_", ["a", "\n", "é"], ["", "ab"]),
		("abc", ["abc", "ABC"], ["ab", "abcd", "xabc"]),
		("%error%", ["Error", "an ERROR here", "error\nx"], ["erro"]),
		("a%", ["a", "ab"], ["ba"]),
		("%a", ["a", "ba"], ["ab"]),
		("a%a", ["aa", "aba"], ["a", "ab"]),
		("a_c%", ["abc", "abcd"], ["ac", "acb"]),
		("%_a_%", ["bab", "xxbabxx"], ["ab", "ba"]),
		("50\\%", ["50%"], ["50", "500"]),
		("a\\_b", ["a_b"], ["axb"]),
		("a\\\\b", ["a\\b"], ["a\\\\b"]),
		("a\\", ["a\\"], ["a"]),
		("[a].*%", ["[a].*", "[A].*x"], ["a"]),
	],
)
def test_a_pattern_means_what_sql_means(pattern: str, matching: list[str], other: list[str]) -> None:
	assert [text for text in matching if not Like(pattern).fits(text)] == []
	assert [text for text in other if Like(pattern).fits(text)] == []


_pieces = st.lists(st.sampled_from(["%", "_", "a", "b", "ab", "\\%", "\\_", "\\\\"]), max_size=8)


@given(_pieces.map("".join), st.text("ab%_\\", max_size=12))
def test_it_agrees_with_a_regular_expression(pattern: str, text: str) -> None:
	meaning = {"%": ".*", "_": "."}
	parts = re.findall(r"\\.|[%_]|[^\\%_]", pattern)
	regex = "".join(meaning.get(part, re.escape(part[-1])) for part in parts)
	assert Like(pattern).fits(text) == (re.fullmatch(regex, text, re.DOTALL) is not None)


def test_the_longest_literal_stands_in_each_match() -> None:
	assert like("%Sales_Invoice%x").longest_literal == "invoice"
	assert like("%_").longest_literal == ""


@pytest.mark.parametrize(
	"pattern",
	[
		"%e" * 19 + "%~",
		"%e" * 10 + "%e_" * 9 + "%",
		"%" * 20,
		"%" + "e_" * 9 + "~%",
		"_%" * 10 + "~",
		"%ee%e" * 7 + "~%",
		"%" + "e" * 80 + "%~" * 18,
	],
)
def test_twenty_wildcards_on_a_long_text_take_milliseconds(pattern: str) -> None:
	text = "e" * 100_000
	took = []
	for _ in range(5):
		began = time.process_time()
		Like(pattern).fits(text)
		took.append(time.process_time() - began)
	assert median(took) < 0.005


def test_a_pattern_without_end_is_refused() -> None:
	Like("%" * limits.LIKE_CHARS)
	with pytest.raises(InvalidQuery, match="at most"):
		Like("%" * (limits.LIKE_CHARS + 1))
