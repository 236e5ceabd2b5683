"""Reads a pickle without importing or running anything that it names, in linear time.

A pickle is a program. Every class or function it asks for, apart from dates, becomes an inert stand-in that only
remembers its name and what was put in. The program is walked first: what a pickler of today writes goes to Python's
unpickler in C; the rest to that in Python, which is slower, but hashes no key that could be made to take long.
"""

from __future__ import annotations

import datetime
import io
import pickle
import uuid
from collections.abc import Callable
from functools import lru_cache
from typing import Any, ClassVar

from job_monitor.core import limits
from job_monitor.core.pickles.pickle_walk import Undecodable, is_tame
from job_monitor.core.wording import Number, say


class Opaque(dict[Any, Any]):
	"""Stands for an object of a class that is not loaded. Takes whatever the pickle gives it, does nothing."""

	path = ""
	args: tuple[Any, ...]
	state: Any
	elements: list[Any]
	__hash__ = object.__hash__  # type: ignore[assignment]

	def __new__(cls, *args: Any, **kwargs: Any) -> Opaque:
		self = super().__new__(cls)
		self.args, self.state, self.elements = args, None, []
		return self

	def __init__(self, *args: Any, **kwargs: Any) -> None:
		pass

	def __setstate__(self, state: Any) -> None:
		self.state = state

	def append(self, value: Any) -> None:
		self.elements.append(value)

	def extend(self, values: Any) -> None:
		self.elements.extend(values)

	add = append

	def plain(self) -> Any:
		"""What it stands for, where that can be said without its class; else itself."""
		return self


class _Decimal(Opaque):
	"""A number by its text: a real Decimal of a long integer takes quadratic time to make."""

	def plain(self) -> Any:
		return self.args[0] if len(self.args) == 1 and isinstance(self.args[0], str) else self


class _Uuid(Opaque):
	def plain(self) -> Any:
		number = self.state.get("int") if isinstance(self.state, dict) else None
		return str(uuid.UUID(int=number)) if isinstance(number, int) and 0 <= number < 1 << 128 else self


class _Key(Opaque):
	"""A key that is no text or small number, hashed by its identity."""

	def plain(self) -> Any:
		return self.args[0]


class _PlainDict(dict[Any, Any]):
	"""A dict of whatever kind. A class, because pickle makes some kinds by NEWOBJ, which takes no function."""

	def __new__(cls, *args: Any, **kwargs: Any) -> _PlainDict:
		return super().__new__(cls)

	def __init__(self, *args: Any, **kwargs: Any) -> None:
		pass

	def __setstate__(self, state: Any) -> None:
		pass


class _Bytes:
	"""Makes bytes as protocols below 3 write them: of a latin-1 text, or none. An int would allocate so many.

	Args:
		room: How many it may make. Each is a copy, and a few bytes of a pickle put one text in again and again.
	"""

	__slots__ = ("room",)

	def __init__(self, room: int) -> None:
		self.room = room

	def __call__(self, text: Any = "", *args: Any) -> bytes:
		if not isinstance(text, str):
			return b""
		self.room -= len(text)
		if self.room < 0:
			raise Undecodable(_TOO_MUCH)
		return text.encode("latin-1")

	def __setstate__(self, state: Any) -> None:
		pass

	def __repr__(self) -> str:
		return "<bytes>"


def _named(path: str, base: type[Opaque]) -> type[Opaque]:
	return type(base.__name__, (base,), {"path": path})


_MOMENTS = (datetime.datetime, datetime.date, datetime.time, datetime.timedelta, datetime.timezone)
_KNOWN: dict[str, Any] = {
	**{f"datetime.{kind.__name__}": kind for kind in _MOMENTS},
	"decimal.Decimal": _named("decimal.Decimal", _Decimal),
	"uuid.UUID": _named("uuid.UUID", _Uuid),
	"collections.OrderedDict": _PlainDict,
	"collections.defaultdict": _PlainDict,
	"frappe._dict": _PlainDict,
	"frappe.types.frappedict._dict": _PlainDict,
}
"""Classes with no attribute that BUILD could set: Python's own are immutable, ours take no state for the class."""

_COPIES = 4
"""How many times what a pickle holds its calls may copy."""

_BYTES = frozenset(("_codecs.encode", "builtins.bytes"))
_TOO_MUCH = say("its calls would take too much memory: more than four times what it holds")
_PYTHON_2_MODULES = {"__builtin__": "builtins", "copy_reg": "copyreg"}  # protocols below 3 write these


@lru_cache(maxsize=512)
def _opaque(path: str) -> type[Opaque]:
	return _named(path, Opaque)


class _Names:
	"""Finds what a pickle names: bounded, as making a class takes a thousand times what reading its name does."""

	def __init__(self, room: int) -> None:
		self.left = limits.PICKLE_NAMES
		self.bytes = _Bytes(room)

	def find(self, module: str, name: str) -> Any:
		if len(module) + len(name) > limits.ID_CHARS:
			raise Undecodable(say("it names a class by too long a text"))
		path = f"{_PYTHON_2_MODULES.get(module, module)}.{name}"
		if found := self.bytes if path in _BYTES else _KNOWN.get(path):
			return found
		self.left -= 1
		if self.left < 0:
			raise Undecodable(say("it names more than {0} classes", limits.PICKLE_NAMES))
		return _opaque(path)


class _Unpickler(pickle.Unpickler):
	size = 0
	names: _Names | None = None

	def find_class(self, module: str, name: str) -> Any:
		# Most payloads name no class
		if self.names is None:
			self.names = _Names(_COPIES * self.size)
		return self.names.find(module, name)


class _Careful(pickle._Unpickler):
	"""Python's unpickler in Python, with other ways to fill dicts and sets, to call, and to set a state."""

	dispatch: ClassVar[dict[int, Callable[..., None]]] = dict(pickle._Unpickler.dispatch)
	stack: list[Any]
	append: Callable[[Any], None]
	pop_mark: Callable[[], list[Any]]

	def __init__(self, raw: bytes) -> None:
		super().__init__(io.BytesIO(raw))
		self.room = _COPIES * len(raw)
		self.names = _Names(self.room)

	def find_class(self, module: str, name: str) -> Any:
		return self.names.find(module, name)

	def call(self, function: Any, args: Any, kwargs: dict[str, Any] | None = None) -> Any:
		"""What `function` makes of the arguments. What is put in again and again is counted each time."""
		self.room -= 1 + len(args) + len(kwargs or ()) + sum(map(_length, args))
		if self.room < 0:
			raise Undecodable(_TOO_MUCH)
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
		if not isinstance(self.stack[-1], (Opaque, _PlainDict)):
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
	return value if isinstance(value, int) and value.bit_length() < 61 else _Key(value)


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
