"""Measures on a site: the recorder, the alert rules, and the sweep.

scripts/benchmark --site SITE [time throughput rollup storage alerts sweep]
"""

from __future__ import annotations

import argparse

import frappe
from benchmark_alerts import measure_alerts
from benchmark_recorder import measure_rollup, measure_storage, measure_throughput, measure_time
from benchmark_sweep import measure_sweep

FIGURES = {
	"time": measure_time,
	"throughput": measure_throughput,
	"rollup": measure_rollup,
	"storage": measure_storage,
	"alerts": measure_alerts,
	"sweep": measure_sweep,
}


def main() -> None:
	parser = argparse.ArgumentParser(
		description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
	)
	parser.add_argument("site", nargs="?")
	parser.add_argument("figures", nargs="*", metavar="figure", help=" ".join(FIGURES))
	parser.add_argument("--jobs", type=int, default=10_000, help="of each arm of the throughput")
	options = parser.parse_args()
	frappe.init(site=options.site)
	frappe.connect()
	for name in options.figures or FIGURES:
		print(f"{name}, Frappe {frappe.__version__}", flush=True)
		FIGURES[name](options)


if __name__ == "__main__":
	main()
