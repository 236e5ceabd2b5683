"""Texts for people, said in English and able to be said in another language: core knows no translation.

`scripts/translations` gathers what `say` and `counted` are given; `bridge.wording.translated` says it in the user's
language.
"""

from __future__ import annotations

from collections.abc import Sequence


class Wording(str):
	"""A text in English that remembers the template and the values it was made of.

	It is an ordinary `str` wherever nothing is translated: in a terminal, in JSON, in a log. What is made of it by `+`
	or an f-string is one, too, and English for good; `say` puts wordings together.

	Attributes:
		template: A whole sentence, or what stands for one, with `{0}`, `{1}` for values.
		values: Strings and numbers; a `Wording` among them is translated, too.
	"""

	template: str
	values: tuple[object, ...]

	def __new__(cls, template: str, *values: object) -> Wording:
		self = super().__new__(cls, template.format(*values) if values else template)
		self.template, self.values = template, values
		return self

	def __getnewargs__(self) -> tuple[object, ...]:  # type: ignore[override]
		return (self.template, *self.values)


def say(template: str, *values: object) -> Wording:
	"""A sentence: `say("Queue {0} is full.", name)`. The template is a literal, or it is not found to be translated."""
	return Wording(template, *values)


def counted(number: int, singular: str, plural: str, *values: object) -> Wording:
	"""A sentence about a number, which is `{0}`: `counted(3, "1 run", "{0} runs")`."""
	return Wording(singular if number == 1 else plural, Number(number), *values)


class Number(str):
	"""A number in English, `1,234` or `3.5`, that remembers its value: other sites write it in another way.

	Ids of processes and the like are no numbers: they have no thousands.

	Attributes:
		decimals: Digits behind the point.
	"""

	value: float
	decimals: int

	def __new__(cls, value: float, decimals: int = 0) -> Number:
		self = super().__new__(cls, f"{value:,.{decimals}f}")
		self.value, self.decimals = value, decimals
		return self

	def __getnewargs__(self) -> tuple[float, int]:  # type: ignore[override]
		return (self.value, self.decimals)


def listed(names: Sequence[str], chars: int) -> str:
	"""As many names as fit, and how many do not: `a, b and 12 more`. The first is always there."""
	shown = 1
	while shown < len(names) and len(", ".join(names[: shown + 1])) <= chars:
		shown += 1
	rest = len(names) - shown
	first = ", ".join(names[:shown])
	return say("{0} and {1} more", first, Number(rest)) if rest > 0 else first
