"""Finding the bench, and reaching its Redis as its workers do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import redis

from job_monitor.core.errors import ConfigError, CouldNotAsk, RedisRefused, RedisUnreachable
from job_monitor.core.rq import connection as connecting
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.connection import Bench, connect_bench, connect_url, find_bench
from job_monitor.core.rq.jobs import read_job
from job_monitor.core.rq.queues import read_queues
from tests.support.jobs import Jobs
from tests.support.servers import certificate, free_port, sentinel, server


def bench_in(folder: Path, config: Any) -> Path:
	(folder / "sites").mkdir(parents=True)
	text = config if isinstance(config, str) else json.dumps(config)
	(folder / "sites" / "common_site_config.json").write_text(text)
	return folder


def bench(**config: Any) -> Bench:
	return Bench(Path("/home/frappe/frappe-bench"), "home-frappe-frappe-bench", ("default",), config)


def test_a_bench_is_found_from_any_folder_in_it(tmp_path: Path) -> None:
	folder = bench_in(tmp_path / "b", {"redis_queue": "redis://localhost:11000"})
	deep = folder / "apps" / "x" / "y"
	deep.mkdir(parents=True)
	for start in (folder, folder / "sites", deep):
		found = find_bench(start)
		assert found and found.path == folder
		assert found.id == str(folder).strip("/").replace("/", "-")
	assert find_bench(tmp_path) is None


def test_the_configuration_tells_bench_id_and_queues(tmp_path: Path) -> None:
	config = {"bench_id": "b1", "workers": {"imports": {"timeout": 5000}, "default": {}}}
	found = find_bench(bench_in(tmp_path, config))
	assert found and (found.id, found.queues) == ("b1", ("short", "default", "long", "imports"))


def test_the_environment_leads_elsewhere_as_it_leads_frappes_workers(
	tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
	folder = bench_in(tmp_path, {"redis_queue": "redis://127.0.0.1:1"})
	monkeypatch.setenv("FRAPPE_REDIS_QUEUE", "redis://elsewhere:6379")
	found = find_bench(folder)
	assert found and found.config["redis_queue"] == "redis://elsewhere:6379"


@pytest.mark.parametrize("workers", [None, [], "x", 5])
def test_odd_workers_in_the_configuration_are_none(tmp_path: Path, workers: Any) -> None:
	found = find_bench(bench_in(tmp_path, {"workers": workers}))
	assert found and found.queues == ("short", "default", "long")


@pytest.mark.parametrize("text", ["", "{", "[]", "5", '{"a": 1,}'])
def test_a_broken_configuration_is_named(tmp_path: Path, text: str) -> None:
	with pytest.raises(ConfigError, match=r"common_site_config\.json"):
		find_bench(bench_in(tmp_path, text))


def test_a_configuration_that_is_no_text_is_named(tmp_path: Path) -> None:
	folder = bench_in(tmp_path, {})
	(folder / "sites" / "common_site_config.json").write_bytes(b"\xff\xfe{")
	with pytest.raises(ConfigError):
		find_bench(folder)


@pytest.mark.parametrize("config", [{}, {"redis_queue": ""}, {"redis_queue": 5}])
def test_a_bench_without_a_redis_is_named(config: dict[str, Any]) -> None:
	with pytest.raises(ConfigError, match="redis_queue is missing"):
		connect_bench(bench(**config))


@pytest.mark.parametrize(
	"url", ["", "localhost:11000", "http://localhost", "redis://h:port", "redis://h:99999999"]
)
def test_what_is_no_url_of_redis_is_refused(url: str) -> None:
	with pytest.raises(ConfigError):
		connect_url(url)


@pytest.mark.parametrize("url", ["redis://localhost:11000?foo=bar", "unix:///tmp/redis.sock?timeouts=1"])
def test_an_option_that_redis_py_does_not_know_is_refused(url: str) -> None:
	with pytest.raises(ConfigError, match="option that redis-py does not know"):
		connect_url(url)


def test_payloads_are_read_as_bytes_whatever_the_url_says(redis_url: str, jobs: Jobs) -> None:
	job_id = jobs.enqueue("erpnext.a", customer="x")
	decoding = connect_url(f"{redis_url}{'&' if '?' in redis_url else '?'}decode_responses=True")
	assert read_job(RqClient(decoding), job_id).method == "erpnext.a"


@pytest.mark.parametrize("path", ["abc", "0/1", "-1", "1x", "%31", "/"])
def test_a_database_that_is_no_number_is_refused(path: str) -> None:
	with pytest.raises(ConfigError, match="number of a database"):
		connect_url(f"redis://localhost:11000/{path}")


@pytest.mark.parametrize(("path", "number"), [("", 0), ("/", 0), ("/3", 3), ("/3?db=4", 4), ("?db=5", 5)])
def test_a_database_is_named_by_its_number(path: str, number: int) -> None:
	options = connect_url(f"redis://localhost:11000{path}").connection_pool.connection_kwargs
	assert options.get("db", 0) == number


def test_a_bench_connects_as_its_workers_do() -> None:
	assert connect_bench(bench(redis_queue="redis://localhost:11000/abc"))


@pytest.mark.parametrize("url", ["redis://:hun#ter2@h:1", "redis://user:hun/ter2@h:1", "http://u:hunter2@h"])
def test_a_bad_url_is_refused_without_its_password(url: str) -> None:
	with pytest.raises(ConfigError) as raised:
		connect_url(url)
	assert "hun" not in str(raised.value)


@pytest.mark.parametrize(
	("config", "expected"),
	[
		({}, (None, None)),
		({"use_rq_auth": 1, "rq_password": "p"}, ("home-frappe-frappe-bench", "p")),
		({"use_rq_auth": 1, "rq_username": "u", "rq_password": "p"}, ("u", "p")),
		({"use_rq_auth": 0, "rq_username": "u", "rq_password": "p"}, (None, None)),
	],
)
def test_a_bench_with_rq_auth_signs_in(
	monkeypatch: pytest.MonkeyPatch, config: dict[str, Any], expected: tuple[Any, Any]
) -> None:
	monkeypatch.delenv("RQ_ADMIN_PASWORD", raising=False)
	made = connect_bench(bench(redis_queue="redis://localhost:11000", **config))
	options = made.connection_pool.connection_kwargs
	assert (options.get("username"), options.get("password")) == expected
	assert options["socket_timeout"] and options["socket_connect_timeout"]


def test_the_admins_password_is_taken_from_frappes_variable(monkeypatch: pytest.MonkeyPatch) -> None:
	monkeypatch.setenv("RQ_ADMIN_PASWORD", "p")
	options = connect_bench(bench(redis_queue="redis://localhost:11000")).connection_pool.connection_kwargs
	assert (options["username"], options["password"]) == ("default", "p")


def test_a_unix_socket_is_reached(redis_url: str, connection: Any) -> None:
	reached = connect_bench(bench(redis_queue=redis_url))
	assert read_queues(RqClient(reached)) == []
	assert connecting.address(reached) == redis_url.removeprefix("unix://")


def test_a_real_acl_user_reads_its_bench(tmp_path: Path) -> None:
	# As Frappe's `bench create-rq-users` writes it
	with server(tmp_path) as real:
		admin = real.connect()
		admin.sadd("rq:queues", "rq:queue:b1:default")
		keys = ("~rq:[^q]*", "~rq:queues", "~rq:queue:b1:*")
		admin.execute_command("ACL", "SETUSER", "b1", "on", ">secret", "+@all", "-@dangerous", "&rq:*", *keys)
		config = {"redis_queue": real.url, "use_rq_auth": 1, "rq_username": "b1", "rq_password": "secret"}
		assert read_queues(RqClient(connect_bench(bench(**config)), "b1"))[0].counts["queued"] == 0
		for wrong in ({"rq_password": "guess"}, {"rq_username": "nobody"}):
			with pytest.raises(RedisRefused) as raised:
				read_queues(RqClient(connect_bench(bench(**config | wrong))))
			assert "secret" not in str(raised.value) and "guess" not in str(raised.value)


@pytest.mark.parametrize("read", ["queues", "job", "ask"])
def test_a_missing_password_is_refused_by_every_read(tmp_path: Path, read: str) -> None:
	with server(tmp_path, "--requirepass", "secret") as real:
		client = RqClient(connect_url(real.url))
		reads = {
			"queues": lambda: read_queues(client),
			"job": lambda: read_job(client, "a||1"),
			"ask": lambda: client.ask([("EXISTS", "rq:suspended")]),
		}
		# A server that was sent no password hangs up on a command with more than a few arguments
		with pytest.raises(CouldNotAsk if read == "job" else RedisRefused):
			reads[read]()
		assert read_queues(RqClient(connect_url(real.url, password="secret"))) == []


def test_tls_is_spoken(tmp_path: Path) -> None:
	made = certificate(tmp_path)
	if made is None:
		pytest.skip("no openssl")
	key, cert = made
	port = free_port()
	options = (
		"--port",
		"0",
		"--tls-port",
		str(port),
		"--tls-cert-file",
		str(cert),
		"--tls-key-file",
		str(key),
	)
	probe = {"ssl": True, "ssl_ca_certs": str(cert)}
	try:
		with server(tmp_path, *options, "--tls-auth-clients", "no", port=port, **probe):
			url = f"rediss://127.0.0.1:{port}"
			assert read_queues(RqClient(connect_url(f"{url}?ssl_ca_certs={cert}"))) == []
			with pytest.raises(RedisUnreachable, match=r"(?i)certificate"):
				read_queues(RqClient(connect_url(url)))
			with pytest.raises(CouldNotAsk):
				read_queues(RqClient(connect_url(f"redis://127.0.0.1:{port}")))
	except AssertionError as error:
		if "did not start" in str(error):
			pytest.skip("this Redis speaks no TLS")
		raise


def test_a_real_sentinel_leads_to_the_master(tmp_path: Path) -> None:
	(tmp_path / "master").mkdir()
	with server(tmp_path / "master") as master, sentinel(tmp_path, master, "queues") as watcher:
		config = {
			"redis_queue_sentinel_enabled": 1,
			"redis_queue_sentinels": [f"127.0.0.1:{watcher.port}"],
			"redis_queue_master_service": "queues",
		}
		master.connect().sadd("rq:queues", "rq:queue:b1:default")
		reached = connect_bench(bench(**config))
		assert RqClient(reached).queue_names() == ["b1:default"]
		assert connecting.address(reached) == "queues"
		with pytest.raises(CouldNotAsk, match="gone"):
			read_queues(RqClient(connect_bench(bench(**config | {"redis_queue_master_service": "gone"}))))


def test_sentinels_that_are_all_down_are_named(tmp_path: Path) -> None:
	config = {"redis_queue_sentinel_enabled": 1, "redis_queue_master_service": "queues"}
	down = connect_bench(bench(**config, redis_queue_sentinels=[f"127.0.0.1:{free_port()}"]))
	with pytest.raises(RedisUnreachable, match="queues"):
		read_queues(RqClient(down))


@pytest.mark.parametrize(
	"config",
	[
		{"redis_queue_master_service": "x"},
		{"redis_queue_master_service": "x", "redis_queue_sentinels": ["host"]},
		{"redis_queue_master_service": "x", "redis_queue_sentinels": [5]},
		{"redis_queue_master_service": "x", "redis_queue_sentinels": 5},
		{"redis_queue_sentinels": ["h:1"]},
	],
)
def test_a_half_configured_sentinel_is_refused(config: dict[str, Any]) -> None:
	with pytest.raises(ConfigError, match="redis_queue_"):
		connect_bench(bench(redis_queue_sentinel_enabled=1, **config))


def test_no_other_error_of_redis_py_leaves_core(connection: Any) -> None:
	for kind in (
		redis.exceptions.DataError,
		redis.exceptions.BusyLoadingError,
		redis.exceptions.ReadOnlyError,
	):
		with pytest.raises(CouldNotAsk), connecting.asking(connection):
			raise kind("x")
