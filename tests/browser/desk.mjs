// Opens RQ Job, RQ Worker and Scheduled Job Log in a real Desk: filters, pages, forms, buttons, live refresh.
//
//	SITE_URL=http://mysite.localhost:8000 USER=Administrator PASSWORD=admin node tests/browser/desk.mjs
//
// Needs playwright-core and a Chromium (CHROMIUM=/usr/bin/chromium), a running bench with workers on short and
// default, and jobs: `bench --site mysite.localhost execute job_monitor.tests.support.jobs.make_examples`.
// PICTURES=folder keeps a picture of every screen. Ends with 1 if anything is not as it should be.

import { check, desk, finish } from "./support.mjs";

const user = process.env.USER_NAME || "Administrator";
const { page, errors, open, settle, picture } = await desk(user, process.env.PASSWORD || "admin");

const rows = () => page.evaluate(() => cur_list.data.map((d) => ({ ...d })));

async function filter(...filters) {
	await page.evaluate(async (given) => {
		await cur_list.filter_area.clear(false);
		for (const [field, op, value] of given) {
			await cur_list.filter_area.add(cur_list.doctype, field, op, value);
		}
		await cur_list.refresh();
	}, filters);
	await page.waitForTimeout(3200); // Desk drops a refresh that equals the one before it for three seconds
	await page.evaluate(() => cur_list.refresh());
	await settle();
	return rows();
}

// RQ Job

await open("rq-job");
// The examples take the workers a while
const wanted = [
	["failed", "fail"],
	["started", "hang"],
];
for (const [status, name] of wanted) {
	const filters = { status, method: ["like", `%jobs.${name}`] };
	for (let turn = 0; turn < 30; turn++) {
		if (
			(await page.evaluate((f) => frappe.db.get_list("RQ Job", { filters: f }), filters))
				.length
		)
			break;
		await page.waitForTimeout(2000);
	}
}
await page.evaluate(() => cur_list.refresh());
await settle();
await picture("rq-job-list");
const all = await rows();
check("RQ Job: the list has rows", all.length > 0);
const moments = all.map((d) => d.modified);
check("RQ Job: newest first", String(moments) === String([...moments].sort().reverse()), moments);
check(
	"RQ Job: the queue filter holds the queues of the configuration",
	await page.evaluate(() =>
		frappe.boot.job_monitor.queues.every((q) =>
			cur_list.page.fields_dict.queue.df.options.split("\n").includes(q)
		)
	)
);
const { state } = await page.evaluate(() => frappe.job_monitor.get_scheduler());
const badge = await page.evaluate(() => cur_list.page.indicator.text());
const scheduler = { running: "Active" }[state] || state[0].toUpperCase() + state.slice(1);
check("RQ Job: the badge is the scheduler's state", badge === `Scheduler: ${scheduler}`, badge);
const failed = await filter(["status", "=", "failed"]);
check("RQ Job: status filter", failed.length > 0 && failed.every((d) => d.status === "failed"));
const long = await filter(["queue", "=", "long"]);
check("RQ Job: queue filter", long.length > 0 && long.every((d) => d.queue === "long"));
const method = await filter(["method", "like", "%jobs.hang%"]);
check("RQ Job: method filter", method.length > 0 && method.every((d) => /hang/.test(d.method)));
const text = await filter(["search_text", "like", "%SINV-0042%"]);
check("RQ Job: text in arguments", text.length > 0, text.length);
const day = all[0].created_at.slice(0, 10);
const created = await filter(["created_at", "Between", [day, day]]);
check("RQ Job: created range", created.length > 0);
check("RQ Job: nothing matches", (await filter(["name", "=", "nonexistent"])).length === 0);
await picture("rq-job-empty");
await filter();
await page.evaluate(() => {
	cur_list.page_length = cur_list.selected_page_count = 5;
	cur_list.start = 0;
	return cur_list.refresh();
});
await settle();
const first = await rows();
await page.click(".list-paging-area .btn-more");
await settle();
const second = await rows();
check("RQ Job: pages go on without a gap", first.length === 5 && second.length === 10, [
	first.length,
	second.length,
]);
check("RQ Job: no row twice", new Set(second.map((d) => d.name)).size === second.length);

// Live refresh

await open("rq-job");
await page.waitForTimeout(500);
let asked = 0;
page.on("request", (request) => request.url().includes("reportview.get") && asked++);
await page.waitForTimeout(7000);
check("live: the list asks again by itself", asked >= 1, asked);
asked = 0;
await open("todo");
asked = 0;
await page.waitForTimeout(7000);
check("live: it stops when the list is left", asked === 0, asked);

// Forms

await open(`rq-job/${encodeURIComponent(failed[0].name)}`);
await picture("rq-job-form");
const body = await page.innerText(".layout-main-section >> visible=true");
const crumbs = await page.evaluate(() =>
	$("#navbar-breadcrumbs, .navbar-breadcrumbs:visible").text()
);
check("RQ Job form: its list stands above it", /RQ Job/.test(crumbs), crumbs);
const heads = await page.evaluate(() => $(cur_frm.page.wrapper).find(".page-head").text());
check("RQ Job form: and its method", heads.includes(failed[0].method.split(".").pop()), heads);
check("RQ Job form: the traceback is shown", /Traceback/.test(body), body.slice(0, 300));
check(
	"RQ Job form: a failed job can be retried",
	await page.isVisible("button:has-text('Retry')")
);
check("RQ Job form: and not stopped", !(await page.isVisible("button:has-text('Force Stop')")));
await page.evaluate(() => document.documentElement.setAttribute("data-theme", "dark"));
await picture("rq-job-form-dark");
await page.evaluate(() => document.documentElement.setAttribute("data-theme", "light"));

await open("rq-job");
const running = (await filter(["status", "=", "started"], ["method", "like", "%hang%"]))[0];
check("RQ Job: a job runs", Boolean(running));
if (running) {
	await open(`rq-job/${encodeURIComponent(running.name)}`);
	await picture("rq-job-running");
	await page.click("button:text-is('Stack Trace')");
	await page.waitForSelector(".modal.show .modal-title", { timeout: 15000 });
	const shown = await page.innerText(".modal.show");
	check("RQ Job form: its stack, or why there is none", /process|stack/i.test(shown), shown);
	await picture("rq-job-stack");
	await page.keyboard.press("Escape");
	await page.waitForTimeout(800);
	check(
		"RQ Job form: a running job can be stopped",
		await page.isVisible("button:text-is('Stop')")
	);
	await page.click("button:text-is('Stop')");
	await page.click(".modal.show .btn-primary");
	const stopped = () => cur_frm.doc.status === "stopped";
	await page.waitForFunction(stopped, null, { timeout: 20000 }).catch(() => {});
	check("RQ Job form: Stop stops it, and the form shows it", await page.evaluate(stopped));
	await picture("rq-job-stopped");
}

// RQ Worker

await open("rq-worker");
await picture("rq-worker-list");
const workers = await rows();
check("RQ Worker: the list has rows", workers.length > 0);
const alive = workers.find((d) => d.status !== "dead");
if (alive) {
	await open(`rq-worker/${alive.name}`);
	await picture("rq-worker-form");
	check("RQ Worker form: its host and queues", await page.isVisible(`text=${alive.hostname}`));
}

// Scheduled Job Log

await open("scheduled-job-log");
await picture("scheduled-job-log");
const runs = await rows();
check("Scheduled Job Log: the list has rows", runs.length > 0);
check(
	"Scheduled Job Log: method and start are filled",
	runs.some((d) => d.method && d.started_at)
);
if (runs[0]) {
	await open(`scheduled-job-log/${runs[0].name}`);
	await picture("scheduled-job-log-form");
}

await finish(...errors);
