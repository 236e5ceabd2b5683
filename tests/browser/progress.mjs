// The panel of running tasks, with a real job, a real worker and a real socket.io server.
//
//	SITE_URL=http://mysite.localhost:8000 BENCH=~/frappe-bench SITE=mysite.localhost node tests/browser/progress.mjs
//
// Needs what desk.mjs needs. Starts a worker of its own on the queue short.

import { spawn, execFileSync } from "node:child_process";
import { check, desk, finish } from "./support.mjs";

const bench = process.env.BENCH.replace(/^~/, process.env.HOME);
const frappe = ["-m", "frappe.utils.bench_helper", "frappe"];
const python = `${bench}/env/bin/python`;
const options = { cwd: `${bench}/sites` };
const run = (method, kwargs) =>
	execFileSync(
		python,
		[
			...frappe,
			"--site",
			process.env.SITE,
			"execute",
			method,
			"--kwargs",
			JSON.stringify(kwargs),
		],
		options
	);

const { page, errors, open, picture } = await desk(
	"Administrator",
	process.env.PASSWORD || "admin"
);
const panel = () => page.locator(".jm-panel");
const text = () => panel().innerText();

await open("todo");
check("no panel while nothing runs", (await panel().count()) === 0);
check("the socket is connected", await page.evaluate(() => frappe.realtime.socket?.connected));

const worker = spawn(python, [...frappe, "worker", "--queue", "short"], {
	...options,
	stdio: "ignore",
});
run("job_monitor.tests.support.jobs.enqueue_examples_of_progress", {});
await page.waitForSelector(".jm-task[data-state=running]", { timeout: 40000 });
await page.waitForTimeout(1500);
check(
	"a job's progress comes to a page that knows nothing of it",
	/Import/.test(await text()),
	await text()
);
check(
	"steps and time left",
	/\d+ of 400/.test(await text()) && /left/.test(await text()),
	await text()
);
check(
	"its title leads to the job",
	/rq-job/.test(await panel().locator("b a").first().getAttribute("href"))
);
await picture("progress");
await page.evaluate(() => document.documentElement.setAttribute("data-theme", "dark"));
await picture("progress-dark");
await page.evaluate(() => document.documentElement.setAttribute("data-theme", "light"));
await page.evaluate(() =>
	frappe.job_monitor.publish_progress(35, "Upload of ledger.csv", "3 of 8 MB", "u1")
);
await page.waitForFunction(() => document.querySelectorAll(".jm-task").length >= 2, null, {
	timeout: 8000,
});
check("several tasks at once", /Upload of ledger/.test(await text()), await text());
await picture("progress-two");

await open("user");
await page.waitForSelector(".jm-task", { timeout: 8000 });
check("a reload catches up", /Import/.test(await text()), await text());
await page.click(".jm-panel-fold");
check("it folds", await page.isVisible(".jm-panel.jm-folded"));
await page.click(".jm-panel-fold");

await page.waitForSelector(".jm-task[data-state=done]", { timeout: 40000 });
check("done is told", true);
await page.reload();
await page.waitForTimeout(13000);
const done = () => page.locator(".jm-task[data-state=done]").count();
check("done goes by itself, also after a reload", (await done()) === 0);
await page.reload();
await page.waitForTimeout(4000);
check("and does not come back", (await done()) === 0);
await page.waitForSelector(".jm-task[data-state=failed]", { timeout: 40000 });
const failed = await page.innerText(".jm-task[data-state=failed]");
check(
	"failed is told, without secrets",
	/ValueError/.test(failed) && !/hunter2/.test(failed),
	failed
);
await picture("progress-failed");
await page.click(".jm-task[data-state=failed] .jm-task-close");
check(
	"a failed one stays until it is closed",
	(await page.locator(".jm-task[data-state=failed]").count()) === 0
);

worker.kill("SIGKILL");
await finish(...errors);
