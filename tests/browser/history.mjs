// Opens the reports Job Throughput and Job Latency, Job Failure Group and Job Failure in a real Desk, light and dark:
// charts, filters, sparklines, states, links.
//
//	SITE_URL=http://mysite.localhost:8000 PASSWORD=admin node tests/browser/history.mjs
//
// Needs playwright-core and a Chromium (CHROMIUM=/usr/bin/chromium), a running bench, and a site whose recorder has
// written down runs of the last day and failures, at least one of which is open. Resolves and reopens the first group.
// PICTURES=folder keeps a picture of every screen. Ends with 1 if anything is not as it should be.

import { check, desk, finish } from "./support.mjs";

const user = process.env.USER_NAME || "Administrator";
const { page, errors, root, open, settle, picture } = await desk(
	user,
	process.env.PASSWORD || "admin"
);

const rows = () => page.evaluate(() => cur_list.data.map((d) => ({ ...d })));
const field = (name) => page.evaluate((n) => cur_frm.doc[n], name);

async function both(name) {
	await page.evaluate(() => $("html, body, .main-section").scrollTop(0));
	for (const theme of ["dark", "light"]) {
		await page.evaluate((t) => document.documentElement.setAttribute("data-theme", t), theme);
		await page.waitForTimeout(300);
		await picture(`${name}${theme === "dark" ? "-dark" : ""}`);
	}
}

// Reports

async function report(name, filters) {
	await open(`query-report/${name}?${new URLSearchParams(filters)}`);
	await page.waitForTimeout(1500);
	return page.evaluate(() => {
		const { data, columns, chart_options } = frappe.query_report;
		const told = document.querySelector(".form-message")?.innerText;
		return {
			rows: data || [],
			columns: (columns || []).map((column) => column.fieldname),
			chart: chart_options?.data,
			shown: document.querySelectorAll(".chart-wrapper .frappe-chart").length,
			told,
			text: document.querySelector(".page-container:not([style*='none']) .layout-main")
				?.innerText,
		};
	});
}

for (const [name, width] of [
	["Job Throughput", 10],
	["Job Latency", 12],
]) {
	const file = name.toLowerCase().replace(" ", "-");
	for (const group_by of ["Time", "Method", "Queue"]) {
		const seen = await report(name, { range: "Last 7 Days", group_by });
		check(`${name} by ${group_by}: rows`, seen.rows.length > 0, seen.text);
		check(
			`${name} by ${group_by}: a chart, with a place for each hour`,
			seen.shown > 0 && seen.chart.labels.length === 168,
			seen.chart?.labels.length
		);
		check(`${name} by ${group_by}: what time it is about`, /hour/.test(seen.told), seen.told);
		check(`${name} by ${group_by}: columns`, seen.columns.length >= width, seen.columns);
		await both(`${file}-${group_by.toLowerCase()}`);
	}
	const minutes = await report(name, { range: "Last Hour" });
	check(`${name}: an hour is told by the minute`, /minute/.test(minutes.told), minutes.told);
	await picture(`${file}-hour`);
	const days = await report(name, { range: "Last 30 Days" });
	check(`${name}: a month is told by the day`, days.chart?.labels.length === 30);
	await picture(`${file}-month`);
	const nothing = await report(name, { method: "no.such.method" });
	check(
		`${name}: says why it is empty`,
		!nothing.rows.length && /No run matches/.test(nothing.told),
		nothing.told
	);
	await both(`${file}-empty`);
}
await open("query-report/Job Throughput");
await page.evaluate(() => frappe.query_report.set_filter_value("range", "Custom"));
await settle();
check(
	"a custom time asks for From and To, and begins as the last day",
	await page.evaluate(() => {
		const since = frappe.query_report.get_filter("since");
		return since.$wrapper.is(":visible") && Boolean(since.get_value());
	})
);
await picture("job-throughput-custom");

// Job Failure Group

await open("job-failure-group");
const groups = await rows();
check("Job Failure Group: open ones", groups.length && groups.every((d) => d.state === "Open"));
const seen_last = groups.map((d) => d.last_at);
check(
	"Job Failure Group: the last seen first",
	String(seen_last) === String([...seen_last].sort().reverse()),
	seen_last
);
check(
	"Job Failure Group: a week as a picture in every row",
	(await page.locator(".list-row .jm-sparkline").count()) === groups.length
);
await both("job-failure-group-list");

await open(`job-failure-group/${groups[0].name}`);
await page.waitForTimeout(800);
check("Job Failure Group form: its week", await page.isVisible(".jm-sparkline >> visible=true"));
check(
	"Job Failure Group form: only notes can be edited",
	await page.evaluate(() =>
		cur_frm.fields
			.filter((f) => f.disp_status === "Write" && f.df.fieldtype !== "HTML")
			.every((f) => f.df.fieldname === "notes")
	)
);
check(
	"Job Failure Group form: the latest occurrence",
	/ago|now|yesterday|hour|minute|day/i.test(
		await page.innerText("[data-fieldname=latest] >> visible=true")
	)
);
await both("job-failure-group-form");
for (const [label, state] of [
	["Resolve", "Resolved"],
	["Reopen", "Open"],
]) {
	await page.click(`button:text-is('${label}') >> visible=true`);
	await page
		.waitForFunction((s) => cur_frm.doc.state === s, state, { timeout: 10000 })
		.catch(() => {});
	check(`Job Failure Group form: ${label}`, (await field("state")) === state);
	await settle();
}
await page.evaluate(() => cur_frm.set_value("notes", "ticket 42"));
await page.evaluate(() => cur_frm.save());
await settle();
check("Job Failure Group form: notes are kept", (await field("notes")) === "ticket 42");
await page.evaluate(() => cur_frm.set_value("notes", ""));
await page.evaluate(() => cur_frm.save());
await settle();

await open("job-failure-group");
await page.locator(".list-row-checkbox").nth(0).click();
await page.evaluate(() => $(".actions-btn-group .btn:visible").click());
await page.waitForTimeout(400);
await picture("job-failure-group-actions");
await page.click(".actions-btn-group .dropdown-item:has-text('Ignore')");
await page.waitForTimeout(1500);
await settle();
const left = await rows();
check("Job Failure Group list: Ignore", left.length === groups.length - 1, left.length);
const ignored = groups.find((group) => !left.some((d) => d.name === group.name));
await page.evaluate((name) => frappe.job_monitor.set_failure_state([name], "Open"), ignored.name);

// Job Failure

await open(`job-failure-group/${groups[0].name}`);
await page.click(".form-documents .document-link .badge-link >> visible=true");
await settle();
const failures = await rows();
check(
	"Job Failure: the group leads to its failures",
	failures.length > 0 && failures.every((d) => d.name),
	failures.length
);
await page.goto(`${root}/job-failure`);
await settle();
const moments = (await rows()).map((d) => d.failed_at);
check("Job Failure: newest first", String(moments) === String([...moments].sort().reverse()));
await both("job-failure-list");
const told = await page.evaluate(() =>
	frappe.db.get_list("Job Failure", {
		filters: { traceback: ["!=", ""], failure_group: ["!=", ""] },
		fields: ["name", "exception"],
		order_by: "failed_at desc",
		limit: 1,
	})
);
await open(`job-failure/${told[0].name}`);
const body = await page.innerText(".layout-main-section >> visible=true");
check("Job Failure form: the traceback", /Traceback/.test(body), body.slice(0, 200));
check("Job Failure form: the exception is the headline", body.includes(told[0].exception));
check("Job Failure form: nothing to edit", await page.evaluate(() => cur_frm.save_disabled));
await both("job-failure-form");
await page.click("button:text-is('Group') >> visible=true");
await settle();
check(
	"Job Failure form: leads to its group",
	await page.evaluate(() => cur_frm.doctype === "Job Failure Group")
);

// Frappe 15's charts draw once more after another has taken their place, when their width changes
await finish(...errors.filter((text) => !/'removeChild' on 'Node'/.test(text)));
