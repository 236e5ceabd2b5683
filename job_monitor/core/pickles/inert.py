"""Reads a pickle without importing or running anything that it names, in linear time.

A pickle is a program. It is walked first (`pickle_walk`): what a pickler of today writes goes to Python's unpickler in
C. The rest goes to Python's unpickler in Python, which is slower, but hashes no key that could be made to take long.
What a pickle names is found in `stand_ins`.
"""

from __future__ import annotations

import datetime
import io
import pickle
from collections.abc import Callable
from typing import Any, ClassVar

from job_monitor.core.pickles.pickle_walk import Undecodable, is_tame
from job_monitor.core.pickles.stand_ins import COPIES, TOO_MUCH, Key, Names, Opaque, PlainDict
from job_monitor.core.wording import Number, say


class _Unpickler(pickle.Unpickler):
	size = 0
	names: Names | None = None

	def find_class(self, module: str, name: str) -> Any:
		# Most payloads name no class
		if self.names is None:
			self.names = Names(COPIES * self.size)
		return self.names.find(module, name)


class _Careful(pickle._Unpickler):
	"""Python's unpickler in Python, with other ways to fill dicts and sets, to call, and to set a state."""

	dispatch: ClassVar[dict[int, Callable[..., None]]] = dict(pickle._Unpickler.dispatch)
	stack: list[Any]
	append: Callable[[Any], None]
	pop_mark: Callable[[], list[Any]]

	def __init__(self, raw: bytes) -> None:
		super().__init__(io.BytesIO(raw))
		self.room = COPIES * len(raw)
		self.names = Names(self.room)

	def find_class(self, module: str, name: str) -> Any:
		return self.names.find(module, name)

	def call(self, function: Any, args: Any, kwargs: dict[str, Any] | None = None) -> Any:
		"""What `function` makes of the arguments. What is put in again and again is counted each time."""
		self.room -= 1 + len(args) + len(kwargs or ()) + sum(map(_length, args))
		if self.room < 0:
			raise Undecodable(TOO_MUCH)
		return function(*args, **kwargs or {})

	def load_setitem(self) -> None:
		value, key = self.stack.pop(), self.stack.pop()
		self._fill([key, value])

	def load_setitems(self) -> None:
		self._fill(self.pop_mark())

	def load_dict(self) -> None:
		items = self.pop_mark()
		self.append({})
		self._fill(items)

	def _fill(self, items: list[Any]) -> None:
		target = self.stack[-1]
		if not isinstance(target, dict):
			raise Undecodable(say("it sets items of what is no dict"))
		target.update(zip(map(_key, items[::2]), items[1::2], strict=True))

	def load_additems(self) -> None:
		items = self.pop_mark()
		add = self.stack[-1].add
		for item in items:
			add(_key(item))

	def load_frozenset(self) -> None:
		items = self.pop_mark()  # which changes where `append` appends to
		self.append(frozenset(map(_key, items)))

	def load_build(self) -> None:
		state = self.stack.pop()
		if not isinstance(self.stack[-1], (Opaque, PlainDict)):
			raise Undecodable(say("it sets the state of what has none"))
		self.stack[-1].__setstate__(state)

	def load_reduce(self) -> None:
		args = self.stack.pop()
		self.stack[-1] = self.call(self.stack[-1], args)

	def load_newobj_ex(self) -> None:
		kwargs = self.stack.pop()
		args = self.stack.pop()
		self.stack[-1] = self.call(self.stack[-1], args, kwargs)

	def _instantiate(self, klass: Any, args: Any) -> None:
		self.append(self.call(klass, tuple(args)))


_Careful.dispatch |= {
	ord("s"): _Careful.load_setitem,
	ord("u"): _Careful.load_setitems,
	ord("d"): _Careful.load_dict,
	ord("b"): _Careful.load_build,
	ord("R"): _Careful.load_reduce,
	0x81: _Careful.load_reduce,  # NEWOBJ
	0x92: _Careful.load_newobj_ex,
	0x90: _Careful.load_additems,
	0x91: _Careful.load_frozenset,
}


def _length(value: Any) -> int:
	"""What a call may copy of an argument, or count with."""
	if isinstance(value, (str, bytes, bytearray)):
		return len(value)
	return value.bit_length() // 8 if isinstance(value, int) else 0


def _key(value: Any) -> Any:
	"""A key whose hash is secret, small or its identity; others could all be made to have the same."""
	if isinstance(value, (str, bytes, float, Opaque, datetime.date, datetime.time)) or value is None:
		return value
	return value if isinstance(value, int) and value.bit_length() < 61 else Key(value)


def loads(raw: bytes, max_odd_bytes: int) -> Any:
	"""The value of a pickle, with stand-ins for every object that is not plain data (`Opaque`, see `plain`).

	Args:
		max_odd_bytes: Length of a pickle that C cannot be trusted with; a MB takes half a second or less.

	Raises:
		Undecodable: Why the payload must not be read, or cannot.
		Exception: Whatever a broken payload makes of the unpickler.
	"""
	if is_tame(raw):
		unpickler = _Unpickler(io.BytesIO(raw))
		unpickler.size = len(raw)
		return unpickler.load()
	if len(raw) > max_odd_bytes:
		raise Undecodable(say("it is no plain data and larger than {0} bytes", Number(max_odd_bytes)))
	return _Careful(raw).load()
