// Makes the readme's pictures of Desk anew, in .github/images.
//
//	BENCH=~/frappe-bench SITE=mysite.localhost SITE_URL=http://mysite.localhost:8000 node tests/browser/pictures.mjs
//
// And the variables of support.mjs. `stage.py` writes what is seen, and takes it away; alerts are the site's own, so let
// some fire. The panel of tasks is `.jm-panel` while progress.mjs runs.

import { fileURLToPath } from "node:url";
import { check, desk, finish, stage } from "./support.mjs";

const ids = JSON.parse(stage("stage.py", "make"));
const { page, errors, open } = await desk("Administrator", process.env.PASSWORD || "admin");

async function shot(name, width, height) {
	await page.setViewportSize({ width, height });
	await page.mouse.move(0, height - 1);
	await page.waitForTimeout(1500);
	const path = fileURLToPath(new URL(`../../.github/images/${name}.png`, import.meta.url));
	await page.screenshot({ path });
}

/** A list of what `stage.py` wrote, beside our sidebar where Desk has one. */
async function list(path, where = "") {
	await open("job-alert-rule");
	await open(path);
	await page.evaluate(async (name) => {
		frappe.app.sidebar?.setup?.("Job Monitor");
		await cur_list.filter_area.clear(false);
		if (name) await cur_list.filter_area.add(cur_list.doctype, "name", "like", name);
		await cur_list.refresh();
	}, where);
}

await list("rq-job", "%browser-test%");
await shot("rq-job-list", 1400, 900);
await list("rq-worker", "%browser-test%");
await shot("rq-worker-list", 1400, 470);
await open(`rq-job/${encodeURIComponent(ids.failed)}`);
await page.evaluate(() => frappe.app.sidebar?.setup?.("Job Monitor"));
check("the failed job is shown", await page.isVisible("text=HostNotFoundError"));
await shot("rq-job-form", 1400, 1160);
await open("job-alert");
await page.evaluate(async () => {
	await frappe.job_monitor.evaluate_alerts();
	await cur_list.refresh();
});
await shot("alerts", 1280, 430);

stage("stage.py", "clean");
await finish(...errors);
