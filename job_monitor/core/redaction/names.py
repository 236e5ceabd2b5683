"""Names of secrets: `smtp_pass`, `newPassword`, `X-Auth-Token`, but not `token_type`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from job_monitor.core import limits

SECRET = 2
"""The value of the name is masked, whatever it is."""

DOUBTFUL = 1
"""The value is masked in arguments; in a text only where it looks like a secret: `key: 3f9a2c` but not `key: customer`."""

HARMLESS = 0

NAMES = tuple(
	(
		"password passwd passphrase passcode pwd pw psw secret token apikey authorization bearer credential cred "
		"cookie otp totp pin cvv cvc jwt passwort kennwort senha contrasena wachtwoord motdepasse"
	).split()
)
"""A name is secret if one of its words is one of these, or ends like one of them: `dbpassword`, `accesstoken`."""

DOUBTFUL_NAMES = tuple("key pass auth session sid private signature".split())
"""Words that may name a secret, or anything else."""

_FOREIGN = ("contraseña", "пароль", "密码", "密碼", "パスワード", "비밀번호")

_ENDINGS = tuple(
	(
		"password passwd passphrase passwort kennwort secret token apikey secretkey privatekey accesskey authkey "
		"accountkey storagekey encryptionkey signingkey masterkey smtppass dbpass mailpass userpass keypass sessionid sessid"
	).split()
)
_ANYWHERE = ("password", "passwd", "passphrase", "apikey", "privatekey", "clientsecret", "accesstoken")

_ROOTS = (
	"pass pw psw secret token key auth bearer cred cookie otp pin cv jwt kennwort senha contrase wacht motdepasse "
	"session sid priv sig code"
).split()

_BEFORE_KEY = frozenset(
	"api secret private priv access auth encryption signing master account shared storage ssh pgp gpg app "
	"application client service webhook consumer deploy license licence subscription db database root".split()
)
_NOT_BEFORE_PASS = frozenset("first second third last next single two multi boarding test all one".split())

_NOT_BEFORE_KEY = frozenset(
	"primary foreign sort unique public cache group partition index order lookup idempotency natural "
	"surrogate composite dict hot short sorting translation row column field".split()
)

_ABOUT = frozenset(
	"type types name names count length len size limit url uri path file policy expiry expires expiration ttl "
	"enabled required field fields fieldname label index column status algorithm strength score attempts "
	"generated version format prefix validity updated created lifetime".split()
)
"""A name that ends in one of these is about a secret, and no secret: `token_type`, `password_policy`."""

_HARMLESS_PAIRS = frozenset({("pin", "code"), ("key", "error"), ("session", "user"), ("private", "ip")})

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


class SecretNames:
	"""Answers whether a name is one of a secret.

	Args:
		extra: Names that are secret besides `NAMES`: `iban`, `credit-card`. Their words are found in any spelling
			(`creditCardNumber`). What has neither letters nor digits is left out.
	"""

	def __init__(self, extra: Iterable[str] = ()) -> None:
		self.phrases: set[str] = set()
		self.foreign = list(_FOREIGN)
		for name in extra:
			name = name[: limits.PATTERN_CHARS]
			words = _words(name)
			if not name.isascii():
				self.foreign.append(name.strip().lower())
			elif words:
				self.phrases |= {" ".join(words), "".join(words)}
		self.roots = (*_ROOTS, *self.foreign, *{phrase.split()[0] for phrase in self.phrases})
		"""Every text with a secret name has one of these in it, in lower case."""
		self.strength = lru_cache(maxsize=4096)(self._strength)

	def _strength(self, name: str) -> int:
		"""`SECRET`, `DOUBTFUL` or `HARMLESS`."""
		name = name[: limits.PATTERN_CHARS]
		if not name.isascii() and any(word in name.lower() for word in self.foreign):
			return SECRET
		words = _words(name)
		if not words:
			return HARMLESS
		if self.phrases and self._is_phrase(words):
			return SECRET
		if words[-1] in _ABOUT or tuple(words[-2:]) in _HARMLESS_PAIRS:
			return HARMLESS
		if any(map(_is_secret, words)) or any(part in "".join(words) for part in _ANYWHERE):
			return SECRET
		return max(map(_doubt, ["", *words], words))

	def _is_phrase(self, words: list[str]) -> bool:
		spaced = f" {' '.join(words)} "
		singular = f" {' '.join(map(_singular, words))} "
		return any(f" {phrase} " in spaced or f" {phrase} " in singular for phrase in self.phrases)


def _words(name: str) -> list[str]:
	return [word.lower() for word in _WORDS.findall(name)]


def _singular(word: str) -> str:
	return word.removesuffix("s")


def _is_secret(word: str) -> bool:
	singular = _singular(word)
	return word in NAMES or singular in NAMES or word.endswith(_ENDINGS) or singular.endswith(_ENDINGS)


def _doubt(before: str, word: str) -> int:
	"""The strength of a word that depends on the word before it."""
	word = word if word == "pass" else _singular(word)
	if word == "key":
		return SECRET if before in _BEFORE_KEY else HARMLESS if before in _NOT_BEFORE_KEY else DOUBTFUL
	if word == "pass" and before:
		return HARMLESS if before in _NOT_BEFORE_PASS else SECRET
	return DOUBTFUL if word in DOUBTFUL_NAMES else HARMLESS
