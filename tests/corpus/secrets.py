"""Texts and arguments with a secret in them: `{s}` is where it stands."""

from __future__ import annotations

from typing import Any

S = "{s}"

NAMED = r"""
password={s}
password = {s}
password: {s}
password = '{s}'
password="{s}"
password = b'{s}'
password=u"{s}"
password => {s}
'password' => '{s}'
password := {s}
PASSWORD={s}
DB_PASSWORD={s}
db_password: {s}
dbpassword={s}
user_password={s}
newPassword: {s}
admin-password={s}
passwd={s}
passphrase: {s}
pwd={s}
pw={s}
pass={s}
smtp_pass={s}
smtp_pass: {s}
mail.pass = {s}
db_pass={s}
DBPASS={s}
secret={s}
client_secret={s}
clientsecret={s}
clientSecret: {s}
client-secret={s}
consumer_secret = '{s}'
app_secret: {s}
SECRET_KEY = '{s}'
secret_key_base: {s}
token={s}
access_token={s}
accesstoken={s}
accessToken: '{s}'
refresh_token={s}
id_token: {s}
auth_token={s}
csrf_token: "{s}"
X-Frappe-CSRF-Token: {s}
X-Auth-Token: {s}
PRIVATE-TOKEN: {s}
api_key={s}
apikey={s}
apiKey: {s}
API-KEY: {s}
X-Api-Key: {s}
x-api-key={s}
api_secret={s}
encryption_key: {s}
private_key: {s}
signing_key={s}
access_key: {s}
aws_secret_access_key = {s}
aws_session_token={s}
AccountKey={s}
SharedAccessKey={s}
storage_account_key={s}
webhook_secret={s}
credentials={s}
otp={s}
totp_secret: {s}
passcode={s}
jwt={s}
bearer_token: {s}
PGPASSWORD={s} psql -h db
MYSQL_PWD={s} mysqldump
REDISCLI_AUTH: {s}
passwort={s}
kennwort: {s}
senha={s}
contraseña: {s}
пароль: {s}
motdepasse={s}
wachtwoord: {s}
cookie={s}
JSESSIONID={s}
PHPSESSID={s}; path=/
sessionid={s}
smtp_creds: {s}
cookies: {s}
key={s}
session_id={s}
sid: {s}
signature={s}
auth={s}
conf["password"] = "{s}"
conf['db_password'] = '{s}'
os.environ["API_TOKEN"] = "{s}"
`password`='{s}'
WHERE password = '{s}' AND name = 'x'
SET PASSWORD = '{s}'
if password == '{s}':
assert token != '{s}'
{{"password": "{s}"}}
{{"password":"{s}","user":"jane"}}
{{'password': '{s}', 'user': 'jane'}}
{{"user": "jane", "api_key": "{s}"}}
{{"password": "with \" quote {s}"}}
{{'token': 'with \' quote {s}'}}
"{{\"password\": \"{s}\"}}"
"{{\"a\": {{\"password\": \"x \\\" {s}\"}}}}"
"{{\"a\": \"{{\\\"password\\\": \\\"{s}\\\"}}\"}}"
{{"secrets": ["a", "{s}"]}}
{{"tokens": {{"a": "{s}", "b": ["{s}"]}}}}
password=ab,cd{s}
password=ab)cd]{s}
password={s},with]brackets(
password=a;{s};b
password=a&{s}
password=a"b'{s}
password=<{s}>
password=a|{s}
password='never closed {s}
password="never closed, {s}
password={s}, user=jane
login(user="jane", password="{s}", port=3306)
call(password={s})
f(a, token='{s}')
Error: bad password={s}.
mail_password : {s}
password	=	{s}
[smtp] password={s} port=25
password='{s}'; Host=db
Server=db;User Id=sa;Password={s};
Server=db;Pwd={s};Port=1
DefaultEndpointsProtocol=https;AccountName=a;AccountKey={s};EndpointSuffix=x
https://a.example/login?password={s}
https://a.example/x?access_token={s}&page=2
https://a.example/x?a=1&api_key={s}#top
https://a.example/x?a=1&amp;token={s}
https://a.example/cb?code={s}&state=1
https://x.blob.example/f?sv=2020&sig={s}
https://b.example/f?X-Amz-Signature={s}
https://b.example/f?X-Amz-Credential={s}/20260101/eu
""".strip("\n").split("\n")
"""By name."""

HEADERS = r"""
Authorization: token abc:{s}
Authorization: token {s}
Authorization: Bearer {s}
Authorization: Basic {s}
authorization: basic {s}
Authorization: Digest username="jane", response="{s}"
Authorization: AWS4-HMAC-SHA256 Credential=AK/2026, Signature={s}
Authorization: {s}
Proxy-Authorization: Basic {s}
{{'Authorization': 'token abc:{s}'}}
{{"Authorization": "Bearer {s}", "Accept": "*/*"}}
"{{\"Authorization\": \"token abc:{s}\"}}"
Cookie: sid={s}; full_name=Jane
Cookie: full_name=Jane; system_user=yes; sid={s}
Cookie: a="b"; sid={s}
Set-Cookie: sid={s}; path=/; HttpOnly
b'Authorization: token abc:{s}\r\nHost: a\r\n'
curl -H "Authorization: token abc:{s}" https://a.example
curl -H 'X-Api-Key: {s}' https://a.example
Bearer {s}
bearer {s}
Basic {s}
Token {s}
sent token abcdef:{s} to it
access_token = Bearer {s}
""".strip("\n").split("\n")
"""Headers of HTTP, and what stands in them."""

URLS = r"""
redis://user:{s}@localhost:6379/0
redis://:{s}@localhost
rediss://default:{s}@a.example:6380
mysql+pymysql://root:{s}@db/x
postgres://u:{s}@db:5432/x?sslmode=on
mongodb+srv://u:{s}@c.example/db
amqp://u:{s}@mq//
smtp://jane%40a.example:{s}@mail.a.example:587
https://jane:{s}@a.example/x
https://jane:ab/cd{s}@a.example/x
https://jane:ab/{s}/x@a.example
https://jane:a@{s}@a.example
https://jane:a?b{s}@a.example
https://{s}@a.example/repo.git
https://{s}:x-oauth-basic@a.example/repo.git
https://x-access-token:{s}@a.example/repo.git
http://{s}@a.example
https://{s}:@a.example/v1
ftp://jane:{s}@a.example/file
socks5://jane:{s}@proxy:1080
https://a.example?next=https://jane:{s}@b.example
connect to redis://user:{s}@localhost failed
('https://jane:{s}@a.example', 443)
https://hooks.slack.com/services/T01/B02/{s}
https://discord.com/api/webhooks/12345/{s}
https://a.webhook.office.com/webhookb2/{s}@b/IncomingWebhook/c/d
https://api.telegram.org/bot{s}/sendMessage
https://hooks.zapier.com/hooks/catch/1/{s}/
""".strip("\n").split("\n")

COMMANDS = r"""
bench new-site a --admin-password {s}
bench new-site a --admin-password={s}
bench new-site a --mariadb-root-password {s} --verbose
bench --site a set-admin-password {s}
bench restore x.sql --db-root-password '{s}'
mysql -u root -p{s}
mysqldump -uroot -p{s} db
mariadb -h db -p{s} -e 'select 1'
sshpass -p {s} ssh a
docker login -u jane -p {s} registry.example
ALTER USER b WITH PASSWORD '{s}'
CREATE ROLE b WITH ENCRYPTED PASSWORD '{s}'
ALTER USER b IDENTIFIED WITH mysql_native_password BY '{s}'
https://hc-ping.com/{s}/fail
sshpass -p{s} ssh a
redis-cli -a {s} ping
curl -u jane:{s} https://a.example
curl --user jane:{s} https://a.example
tool --token {s}
tool --api-key {s} run
tool --client-secret "{s}"
usage: tool --password {s} --x
CREATE USER x IDENTIFIED BY '{s}'
ALTER USER x IDENTIFIED BY PASSWORD '{s}'
SET PASSWORD FOR x = PASSWORD('{s}')
""".strip("\n").split("\n")

MARKUP = r"""
<password>{s}</password>
<Password>{s}</Password>
<wsse:Password Type="PasswordText">{s}</wsse:Password>
<api_key> {s} </api_key>
<password><![CDATA[{s}]]></password>
<client-secret>a&lt;{s}</client-secret>
<a><b>1</b><token>{s}</token></a>
["password", "{s}"]
('password', '{s}')
[('user', 'jane'), ('password', '{s}')]
[["api_key", "{s}"], ["a", "b"]]
"[\"password\", \"{s}\"]"
<input type="hidden" name="x" password="{s}">
""".strip("\n").split("\n")

BLOCKS = [
	"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n{s}\n-----END RSA PRIVATE KEY-----",
	"-----BEGIN PRIVATE KEY-----\n{s}\n-----END PRIVATE KEY-----\nthen",
	"-----BEGIN EC PRIVATE KEY-----\n{s}",
	"-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n{s}\n-----END OPENSSH PRIVATE KEY-----",
	"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{s}\n-----END ENCRYPTED PRIVATE KEY-----",
	"-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: 1\n\n{s}\n-----END PGP PRIVATE KEY BLOCK-----",
	"-----BEGIN PGP MESSAGE-----\n\n{s}\n-----END PGP MESSAGE-----",
	"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n{s}\n---- END SSH2 ENCRYPTED PRIVATE KEY ----",
	"private_key = '-----BEGIN PRIVATE KEY-----\\n{s}\\n-----END PRIVATE KEY-----'",
	'"private_key": "-----BEGIN PRIVATE KEY-----\\nMII\\n{s}\\n-----END PRIVATE KEY-----\\n"',
	"MIIEab12\n{s}\n-----END RSA PRIVATE KEY-----\nthen",
	"Data: MIIEab12+/\n{s}=\n-----END PRIVATE KEY-----",
]
"""With `BLOCK_SECRET`, which is base64."""
BLOCK_SECRET = "qZ8hunter2Zq81" * 3

CODE = [
	'  File "/a/apps/x/y.py", line 5, in run\n    connect(host="db", password="{s}")\nValueError: x',
	'  File "/a/apps/x/y.py", line 5, in run\n    connect(host="db", password=f"{s}")\nValueError: x',
	'  File "/a/apps/x/y.py", line 5, in run\n    conf["api_key"] = "{s}"\nValueError: x',
	'  File "/a/apps/x/y.py", line 5, in run\n    raise ValueError(f"no invoice, password={s} {{note}}")\nValueError: x',
	'  File "/a/y.py", line 5, in run\n    requests.get(url, headers={{"Authorization": "token a:{s}"}})\n',
	'  File "/a/y.py", line 5, in run\n    go()\nrequests.HTTPError: 401 for url: https://a.example/?api_key={s}',
	"Traceback (most recent call last):\n  call(password={s})\nValueError: password={s}",
]
"""Tracebacks."""

TEXTS = [*NAMED, *HEADERS, *URLS, *COMMANDS, *MARKUP, *CODE]

TOKENS = [
	("gh", "p_", 36),
	("gh", "o_", 36),
	("gh", "s_", 36),
	("github_", "pat_", 60),
	("gl", "pat-", 20),
	("gl", "rt-", 20),
	("xo", "xb-", 40),
	("xo", "xp-", 40),
	("xa", "pp-1-A", 40),
	("sk_", "live_", 24),
	("sk_", "test_", 24),
	("rk_", "live_", 24),
	("wh", "sec_", 32),
	("rzp_", "live_", 14),
	("shp", "at_", 32),
	("sq0", "csp-", 40),
	("AI", "za", 35),
	("ya", "29.", 40),
	("GOC", "SPX-", 28),
	("sk-", "ant-api03-", 60),
	("sk-", "proj-", 40),
	("sk", "-", 48),
	("gs", "k_", 50),
	("h", "f_", 34),
	("np", "m_", 36),
	("py", "pi-", 60),
	("ruby", "gems_", 48),
	("dckr_", "pat_", 27),
	("dop_", "v1_", 64),
	("hv", "s.", 40),
	("pscale_", "tkn_", 40),
	("ATA", "TT3", 60),
	("lin_", "api_", 40),
	("gl", "sa_", 32),
	("NR", "AK-", 27),
	("PM", "AK-", 50),
	("sntr", "ys_", 60),
	("SG", ".", 60),
	("xkeysib", "-", 64),
	("fig", "d_", 40),
	("nt", "n_", 46),
	("da", "pi", 32),
	("EA", "A", 60),
	("LT", "AI", 24),
	("ey", "J", 40),
]
"""By their makers' prefixes: two parts, and how many characters follow."""

SHAPES = [
	("AK" + "IA", "Q7ZX4MPL2WVT8RNB", ""),
	("AS" + "IA", "Q7ZX4MPL2WVT8RNB", ""),
	("AK" + "IA", "Q7ZX4MPL2WVT8RNB", ":" + "aB3/" * 10),
	("AK" + "IA", "Q7ZX4MPL2WVT8RNB", "\n" + "aB3/" * 10),
	("SK", "0123456789abcdef" * 2, ""),
	("", "0123456789abcdef" * 2, "-us" + "7"),
	("12345678:" + "AA", "Hk3_" * 9, ""),
	("ab~8", "Q~" + "x1Y2" * 8, ""),
	("A1b2C3d4E5f6G7." + "atlasv1.", "Zq81" * 16, ""),
	("$2" + "b$12$", "aB3/." * 10 + "xyZ", ""),
	("$" + "6$salt$", "aB3/" * 21 + "xy", ""),
	("ey" + "JhbGciOiJIUzI1NiJ9.", "ey" + "JzdWIiOiIxIn0.", "c2lnbmF0dXJl"),
]

WHERE = ["{s}", "got {s} back", "x={s}", '"{s}"', "https://a.example/{s}/x", "({s})", "a\n{s}\nb"]
"""Around a token."""

ARGUMENTS: list[Any] = [
	{"password": S},
	{"pass": S},
	{"pw": S},
	{"smtp_pass": S},
	{"dbpassword": S},
	{"clientsecret": S},
	{"accesstoken": S},
	{"userPassword": S},
	{"X-Api-Key": S},
	{"key": S},
	{"sid": S},
	{"session": {"a": S}},
	{"private_key": [S, S]},
	{"otp": S},
	{"pin": S},
	{"tokens": [S]},
	{"credentials": {"user": "jane", "x": S}},
	{b"password": S},
	{b"password": {"x": S}},
	{"conf": {"db_password": S}},
	{"rows": [{"api_key": S}]},
	["password", S],
	("password", S),
	[b"password", S],
	{"pairs": [["user", "jane"], ["password", S]]},
	{"filters": ["password", "=", S]},
	{"filters": [["User", "api_secret", "=", S]]},
	{"name": "password", "value": S},
	{"headers": [{"key": "Authorization", "value": "token a:" + S}]},
	{"fieldname": "api_secret", "value": S},
	{"field": "smtp_password", "default": S},
	["mysql", "-u", "root", "-p" + S],
	["/usr/bin/mysqldump", "-p" + S, "db"],
	["tool", "--password", S],
	["tool", "--password=" + S],
	["tool", "--api-key", S, "--verbose"],
	["mysqldump", "-p" + S],
	["docker", "login", "-u", "jane", "-p", S],
	["nice", "-n", "10", "env", "mysql", "-p" + S],
	{"key": "API_SECRET", "val": S},
	{"fieldname": "password", "new_value": S, "old_value": S},
	{"Name": "password", "Value": S},
	["sshpass", "-p", S, "ssh", "a"],
	["redis-cli", "-a", S],
	["bench", "--site", "a", "set-admin-password", S],
	["curl", "-H", "Authorization: token a:" + S],
	["curl", "-u", "jane:" + S, "https://a.example", "curl -u jane:" + S],
	{"command": "mysql -p" + S},
	{"body": '{"password": "' + S + '"}'},
	{"body": '{"a": "{\\"password\\": \\"' + S + '\\"}"}'},
	{"url": "https://jane:" + S + "@a.example"},
	{"url": "https://a.example/?api_key=" + S},
	{"xml": "<password>" + S + "</password>"},
	{"text": "password=" + S},
	{"short": "pw=" + S},
	{("a", "b"): {"secret": S}},
]
"""Arguments of jobs, as Python's values."""
