"""Texts in which nothing may be masked."""

from __future__ import annotations

from typing import Any

WORDS = r"""
token ring
token ring network
The token ring is slow
pass the salt
pass the salt, please
please pass this on to Jane
boarding pass for gate 12
Pass: 12, Fail: 3
pass=12 fail=3 skip=0
first pass: 20 rows
passed 12 of 14 tests
two passes over the data
a passing remark
the author of this note
authored by Jane Doe
keyboard, monkey and turkey
the key point is this
key: customer
key=customer
key takeaways: sales rose
sort_key=modified
primary_key: name
primary_key=id
foreign key constraint fails
Duplicate entry 'ITEM-001' for key 'PRIMARY'
Duplicate entry 'a@b.example' for key 'email'
public_key: MFkwEwYHKoZI1
basic authentication is off
Basic authentication required
Bearer authentication is not configured
bearer of good news
secretary: Jane
the secretariat of the board
signed by Jane
no signature: unsigned
session closed
session: closed
the session expired at 10:00
private: yes
is_private=1
pinned: true
spinning: fast
PIN code of the town
pin_code: 400001
pincode: 560001
shipping: 2 days
side: left
credit note CN-0001
cookies are off
the cookie jar
authentication failed for user jane
Authentication failed: user unknown
Incorrect password for jane
Invalid password
password reset mail was sent to jane@example.com
Password Reset
password_policy: strong
password_type=hash
token_type: bearer
token type: JWT
max_tokens=4096
max_tokens: 4096
used 1200 tokens: 800 in, 400 out
tokens: 512
token_count: 12
token_url: /oauth/token
password=None
password: null
password=
password = ""
password: ''
token=%s
token = %(token)s
password={password}
password: {{ password }}
password=${DB_PASSWORD}
password=$1
password = ?
password: str
api_key: str
secret: Any
key: value
key: None
otp: None
""".strip("\n").split("\n")

THINGS = r"""
ITEM-00042
ACC-SINV-2026-00042
ACC-PAY-2026-01234
SINV-0001 is overdue
PUR-ORD-2026-00001-1
HR-EMP-00001
SKU-RED-XL-2000
BOM-Laptop-001
7f3c9a21b4
qhcvkfjrus
b0a1c2d3e4
5f2c9a0b11 was deleted
3f2504e0-4f89-11d3-9a0c-0305e82c3301
job 3f2504e0-4f89-11d3-9a0c-0305e82c3301 finished
erp.example.com||3f2504e0-4f89-11d3-9a0c-0305e82c3301
erp.example.com::scheduled_job::frappe.email.queue.flush
home-frappe-frappe-bench:default
d41d8cd98f00b204e9800998ecf8427e
sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
commit 5c22e2a1f0b3d4c5e6f708192a3b4c5d6e7f8091
content_hash: d41d8cd98f00b204e9800998ecf8427e
etag "33a64df551425fcc55e4d42a148795d9f25f89d4"
jane@example.com
Jane Doe <jane.doe+news@example.co.uk>
mailto:jane@example.com
to: a@b.example, c@d.example
2026-01-31 10:20:30.123456
2026-01-31T10:20:30.123456+00:00
10:20:30
1,234.56
+49 30 901820
192.168.0.1:6379
[::1]:8000
127.0.0.1:8000 is in use
DE89 3704 0044 0532 0130 00
/home/frappe/frappe-bench/sites/a.example/private/files/invoice.pdf
/private/files/key-figures-2026.xlsx
sites/assets/js/desk.bundle.5PKKWKQG.js
frappe.utils.background_jobs.execute_job
frappe.core.doctype.user.user.reset_password
erpnext.stock.reorder_item.reorder_item
frappe.utils.password.get_decrypted_password
job_monitor.core.redaction.names.SecretNames
Sales Invoice
Stores - AC
Müller & Söhne
日本語のテキスト
a=1, b=2
x: 1
{"a": 1, "b": [true, null]}
{'doctype': 'Sales Invoice', 'name': 'SINV-1'}
{"item_code": "ITEM-001", "qty": 2, "code": "X1"}
{"state": "open", "code": "ab12cd34"}
code: ITEM-0001
error code=E1234
status code: 404
sig: none
hash: 5f2c9a0b11
task-123-of-the-job
disk-usage-of-the-site-is-high
risk-assessment-for-the-year
key-value-store-of-the-site
secret_santa_list_of_the_year_for_all
en-us
de-us12
SK001
SKU0123456789abcdef
AKIA
ASIA Pacific region
Asia/Kolkata
SG.
hf_model
""".strip("\n").split("\n")

ADDRESSES = r"""
https://example.com
https://example.com:8000/app/item/ITEM-001
https://example.com/app/user/jane@example.com
https://medium.example/@jane/how-to
http://localhost:8000/@vite/client
https://example.com/?q=token+ring&page=2
https://example.com/x?code=ITEM-001
https://example.com/x?state=open&code=12
https://example.com/files/a:b.pdf
redis://localhost:6379/0
redis://redis-queue:11000
mysql://db:3306/x
ssh://git@example.com/repo.git
git@example.com:repo.git
sftp://backup@example.com/x
file:///home/frappe/x.csv
s3://bucket/path/to@x
https://[::1]:8000/x@y
https://hooks.example/services
ws://localhost:9000/socket.io/?EIO=4&transport=websocket
""".strip("\n").split("\n")

SQL = r"""
SELECT `name`, `password` FROM `__Auth` WHERE `name` = 'jane'
SELECT name FROM tabItem WHERE item_code = 'ITEM-001'
UPDATE `tabUser` SET `password` = %s WHERE `name` = %s
UPDATE tabUser SET api_key = %(api_key)s, modified = NOW()
INSERT INTO `tabToken` (`name`, `token`) VALUES (%s, %s)
SELECT a.key FROM a JOIN b ON a.key = b.key
SELECT COUNT(*) FROM tabSession WHERE session_id = t.session_id
ALTER TABLE `tabUser` ADD COLUMN `password_hash` varchar(140)
(1054, "Unknown column 'secret' in 'SELECT'")
(1146, "Table '_1a2b3c4d.tabToken' doesn't exist")
(1062, "Duplicate entry 'jane-System Manager' for key 'role'")
(2003, "Can't connect to MySQL server on 'db' ([Errno 111] Connection refused)")
(1045, "Access denied for user 'jane'@'localhost' (using password: YES)")
(1045, "Access denied for user 'jane'@'localhost' (using password: NO)")
(1213, 'Deadlock found when trying to get lock; try restarting transaction')
""".strip("\n").split("\n")

FRAME = (
	'  File "/home/frappe/frappe-bench/apps/app/app/module.py", line 17, in run\n    {0}\nValueError: wrong'
)

CODE = [
	FRAME.format(line)
	for line in r"""
rows.sort(key=lambda row: row.name)
token = self.get_token()
password = get_decrypted_password("User", name, "password")
key = frappe.generate_hash(length=10)
login(user=user, password=password)
self.password = args.password
def login(user: str, password: str) -> None:
headers={"Authorization": f"token {key}:{secret}"}
for key, value in values.items():
doc.get_password("api_secret", raise_exception=False)
if password != self.old_password:
return jwt.decode(token, key, algorithms=["HS256"])
api_key = frappe.conf.get("api_key")
d["password"] = password
cookies = response.cookies.get_dict()
assert token is not None, "no token"
session = requests.Session(auth=auth)
secret = os.environ["SECRET"]
frappe.throw(_("Password is wrong: {0}").format(name))
credentials = service_account.Credentials.from_file(path)
""".strip("\n").split("\n")
]

ERRORS = r"""
KeyError: 'customer'
KeyError: 'password'
frappe.exceptions.AuthenticationError: Incorrect User or Password
frappe.exceptions.ValidationError: Row 3: Item ITEM-0004 in 'Stores - AC' is missing
frappe.exceptions.DoesNotExistError: Customer ACME Corp not found
requests.exceptions.HTTPError: 401 Client Error: Unauthorized for url: https://a.example/api/x
TypeError: login() missing 1 required positional argument: 'password'
jwt.exceptions.ExpiredSignatureError: Signature has expired
jinja2.exceptions.UndefinedError: 'token' is undefined
smtplib.SMTPAuthenticationError: (535, b'5.7.8 Error: authentication failed')
rq.timeouts.JobTimeoutException: Task exceeded maximum timeout value (300 seconds)
use --password to set one
usage: bench new-site [--admin-password TEXT]
the option --token is required
-----BEGIN CERTIFICATE-----
-----BEGIN PUBLIC KEY-----
<b>Row 3</b>: Item <a href="/app/item/x">X</a> is missing
<name>Jane</name><code>ab12cd34</code>
["name", "modified"]
['Sales Invoice', 'SINV-1']
mysql -u root -h db
curl -u jane https://a.example
sent by Token Ring Ltd
""".strip("\n").split("\n")

TEXTS = [*WORDS, *THINGS, *ADDRESSES, *SQL, *CODE, *ERRORS]

ARGUMENTS: list[Any] = [
	{"doctype": "Sales Invoice", "name": "ACC-SINV-2026-00042"},
	{"item_code": "ITEM-001", "code": "AB12cd34"},
	{"primary_key": "name", "sort_key": "modified"},
	{"token_type": "bearer", "password_policy": "strong"},
	{"max_tokens": 4096, "tokens": 12},
	{"is_private": 1, "is_pinned": 0, "private": False},
	{"password": None, "token": "", "key": None},
	{"pin_code": "400001", "pincode": "560001"},
	{"author": "Jane", "keyboard": "de", "monkey": 1, "passage": "x"},
	{"filters": [["name", "=", "x"], ["status", "in", ["Open", "Closed"]]]},
	{"fields": ["name", "modified", "owner"]},
	["name", "x"],
	{"name": "title", "value": "x"},
	["git", "-p", "log"],
	["git", "-p"],
	["docker", "run", "-p", "8000:8000", "image"],
	{"fieldname": "status", "new_value": "Open", "old_value": "Closed"},
	["tar", "-xzf", "a.tgz"],
	{"email": "jane@example.com", "uuid": "3f2504e0-4f89-11d3-9a0c-0305e82c3301"},
	{"text": "pass the salt", "other": "token ring"},
]
