"""Secrets with a prefix of their maker, or with a shape of their own.

Sources: the rules of gitleaks (`config/gitleaks.toml`) and detect-secrets (`plugins`), and the makers' own pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from job_monitor.core.redaction.names import SecretNames
from job_monitor.core.redaction.values import Span

_PREFIXES = {
	"GitHub": "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_",
	"GitLab": "glpat- gldt- glft- glrt- glcbt- glptt- glsoat- glimt- glagent- glffct- gloas-",
	"Slack": "xoxa- xoxb- xoxe- xoxe. xoxo- xoxp- xoxr- xoxs- xapp- xwfp-",
	"Stripe": "sk_live_ sk_test_ rk_live_ rk_test_ whsec_",
	"Payments": "rzp_live_ rzp_test_ FLWSECK_TEST- FLWSECK- sq0atp- sq0csp- sq0idp- shpat_ shpca_ shppa_ shpss_",
	"Google": "AIza ya29. GOCSPX-",
	"AI": "sk-ant- sk-proj- sk-or- pplx- xai- api_org_ lsv2_",
	"Packages": "npm_ pypi- rubygems_ dckr_pat_ dckr_oat_ CLOJARS_",
	"Clouds": "dop_v1_ doo_v1_ dor_v1_ pul- hvs. hvb. hvr. HRKU- dt0c01. fm2_ pscale_tkn_ pscale_pw_ pscale_oauth_",
	"Tools": "ATATT3 lin_api_ glsa_ NRAK- PMAK- sntrys_ sntryu_ figd_ phx_ ops_eyJ AGE-SECRET-KEY-1 dp.pt. dp.st. dp.ct.",
	"Mail": "SG. xkeysib- xsmtpsib- mlsn.",
	"JSON Web Token": "eyJ",
}
"""A word that begins so and goes on for six characters is a secret."""

_SHORT_PREFIXES = (
	"sk- gsk_ r8_ hf_ ntn_ secret_ glc_ dapi EAA EZAK EZTK AKCp cmVmd LTAI fo1_ p8e- key-".split()
)
"""A word that begins so must have 20 more characters: names of other things begin so, too."""

_SURE = " ".join(_PREFIXES.values()).split()


def _any(prefixes: list[str]) -> str:
	return "|".join(map(re.escape, prefixes))


_PREFIXED = re.compile(
	rf"(?<![A-Za-z0-9])(?:(?:{_any(_SURE)})[\w.~+=/-]{{6,}}|(?:{_any(_SHORT_PREFIXES)})[\w.~+=-]{{20,}})"
)
_WORD = re.compile(r"[A-Za-z0-9][\w.-]{9,}", re.ASCII)
_STARTS = (
	*_SURE,
	*_SHORT_PREFIXES,
	"A3T",
	"AKIA",
	"ASIA",
	"ABIA",
	"ACCA",
	*(f"SK{digit:x}" for digit in range(16)),
)
_BEGINNINGS = frozenset(start[:4] for start in _STARTS)

_SHAPES = {
	"A3T": re.compile(r"(?<![A-Z0-9])A3T[A-Z0-9]{17}"),
	**{
		prefix: re.compile(
			rf"(?<![A-Z0-9]){prefix}[A-Z0-9]{{12,16}}(?:[\s,;:|\"'/]{{1,8}}[A-Za-z0-9/+]{{40}})?"
		)
		for prefix in ("AKIA", "ASIA", "ABIA", "ACCA")
	},
	"-us": re.compile(r"(?<![0-9a-z])[0-9a-f]{32}-us\d{1,2}"),
	"1//0": re.compile(r"(?<![\w/])1//0[\w-]{30,}"),
	"SK": re.compile(r"(?<![0-9A-Za-z])SK[0-9a-f]{32}(?![0-9A-Za-z])"),
	":AA": re.compile(r"(?<!\d)\d{8,10}:AA[\w-]{30,}"),
	"Q~": re.compile(r"(?<![\w~.])[\w~.]{3}\dQ~[\w~.-]{31,34}"),
	".atlasv1.": re.compile(r"(?<!\w)\w{14}\.atlasv1\.[\w-]{60,}"),
	**{f"$2{kind}$": re.compile(rf"\$2{kind}\$\d\d\$[./A-Za-z0-9]{{53}}") for kind in "aby"},
	"$6$": re.compile(r"\$6\$[^\s$]{1,40}\$[./A-Za-z0-9]{86}"),
	"hc-ping.com/": re.compile(r"(?<=hc-ping\.com/)[\w/-]{8,}"),
	"hooks.slack.com/": re.compile(r"(?<=hooks\.slack\.com/)[a-z]{1,20}/[\w/-]{4,}"),
	"/api/webhooks/": re.compile(r"(?<=/api/webhooks/)\d{1,30}/[\w-]{4,}"),
	"webhook.office.com/": re.compile(r"(?<=webhook\.office\.com/)[\w@/-]{4,}"),
	"outlook.office.com/webhook/": re.compile(r"(?<=outlook\.office\.com/webhook/)[\w@/-]{4,}"),
	"hooks.zapier.com/": re.compile(r"(?<=hooks\.zapier\.com/)hooks/[\w/-]{4,}"),
	"api.telegram.org/bot": re.compile(r"(?<=api\.telegram\.org/bot)[\w:-]{4,}"),
}
"""By a mark that the text must have: keys of AWS with their secrets, of Mailchimp, Google, Twilio, Telegram, Azure, Terraform; webhooks."""


_MARKS = ("-us", ":AA", "Q~", ".atlasv1.", "1//0", "hook", "api.telegram", "hc-ping", "$2", "$6$")


def may_be_in(text: str) -> bool:
	"""Whether `tokens` may find any: four letters rule out most texts, in a tenth of the time."""
	if len(text) < 10:
		return False
	for word in _WORD.findall(text):
		if word[:4] in _BEGINNINGS or word[:3] in _BEGINNINGS:
			return True
	return len(text) >= 30 and any(map(text.__contains__, _MARKS))


def tokens(text: str, names: SecretNames) -> Iterator[Span]:
	"""Words with a maker's prefix, and shapes of tokens."""
	for found in _PREFIXED.finditer(text):
		if _is_random(found[0]):
			yield found.span()
	for mark, shape in _SHAPES.items():
		if mark in text:
			yield from (found.span() for found in shape.finditer(text))


def _is_random(word: str) -> bool:
	"""Whether it is more than words with lines between them (`key-value-store-of-the-site`)."""
	return any(map(str.isdigit, word)) or not (word.islower() or word.isupper())
