// What moves by itself, what stands still, who sees what: on jobs that `stage.py` writes and takes away.
//
//	BENCH=~/frappe-bench SITE=mysite.localhost SITE_URL=http://mysite.localhost:8000 node tests/browser/live.mjs
//
// And the variables of support.mjs. No worker may serve the queue `long`. Takes about two minutes; ends with 1 if
// anything is not as it should be.

import { check, desk, finish, stage as run } from "./support.mjs";

const PASSWORD = "Browser-Test-1"; // of the users that stage.py makes
const MANY = 60000;

const stage = (...words) => run("stage.py", ...words);
const ids = JSON.parse(stage("make"));
stage("users");
const form_of = (name) => `rq-job/${encodeURIComponent(ids[name])}`;
const { page, errors, requests, open, settle, picture } = await desk(
	"Administrator",
	process.env.PASSWORD || "admin"
);
const asked = () => requests.filter((u) => /reportview\.get(\?|$|_list)/.test(u)).length;

async function asked_within(seconds) {
	const before = asked();
	await page.waitForTimeout(seconds * 1000);
	return asked() - before;
}

const hide = (hidden) =>
	page.evaluate((value) => {
		Object.defineProperty(document, "hidden", { configurable: true, get: () => value });
		document.dispatchEvent(new Event("visibilitychange"));
	}, hidden);

// The list

await open("rq-job");
await page.evaluate(() => cur_list.filter_area.clear());
await settle();
await page.evaluate(() => {
	window.flickers = 0;
	const watch = () => /Refreshing/.test($(".list-count:visible").text()) && window.flickers++;
	new MutationObserver(watch).observe(cur_list.$result[0], { childList: true, subtree: true });
	cur_list.$result
		.find(".list-row-container a[data-name]")
		.eq(2)
		.closest(".list-row-container")
		.focus();
});
const focused = () =>
	page.evaluate(
		() =>
			document.activeElement.closest(".list-row-container")?.querySelector("a[data-name]")
				?.dataset.name
	);
const focused_before = await focused();
check("list: it looks again by itself", (await asked_within(8)) >= 1);
check(
	"list: the focused row stays focused",
	focused_before && (await focused()) === focused_before
);
check("list: the count does not flicker", (await page.evaluate(() => window.flickers)) === 0);
check(
	"list: nobody is offered to delete all failed jobs",
	!(await page.isVisible("text=Remove Failed Jobs"))
);

await page.click(".list-row-container .list-row-checkbox >> nth=0");
check("list: it stands still while rows are checked", (await asked_within(8)) === 0);
await page.click(".list-row-container .list-row-checkbox:checked >> nth=0");
await page.click(".filter-button:visible");
check("list: and while the filters are open", (await asked_within(8)) === 0);
await page.click(".filter-button:visible");
check("list: then it goes on", (await asked_within(8)) >= 1);

await hide(true);
await page.waitForTimeout(1000);
check("list: a hidden tab does not ask", (await asked_within(8)) === 0);
const before_shown = asked();
await hide(false);
await page.waitForTimeout(1500);
check("list: it asks at once when it is shown", asked() > before_shown);
await page.evaluate(() => frappe.set_route("List", "ToDo"));
await settle();
check("list: it stops when it is left", (await asked_within(8)) === 0);
await page.evaluate(() => frappe.set_route("List", "RQ Job"));
await settle();
check("list: it goes on when it is shown again", (await asked_within(8)) >= 1);

// A search that takes longer than one answer

stage("many", String(MANY));
await page.evaluate(() => cur_list.filter_area.add("RQ Job", "search_text", "like", "%absent%"));
await settle();
const without = page.locator(".jm-coverage:visible");
check("search without a hit: it says how far it came", (await without.count()) === 1);
check(
	"search without a hit: it can go on",
	(await without.locator("button").count()) === 1 &&
		(await page.isVisible("text=Nothing found so far."))
);
await picture("rq-job-search-nothing");
await page.evaluate(() => cur_list.filter_area.clear());
await settle();
await page.evaluate(() => cur_list.filter_area.add("RQ Job", "search_text", "like", "%needle%"));
await settle();
const banner = page.locator(".jm-coverage:visible");
check(
	"search: it says how far it came",
	/^Searched [\d,.]+ of 6\d.\d+ jobs/.test(await banner.innerText())
);
check(
	"search: the count is a lower bound",
	/\+$/.test(await page.innerText(".list-count:visible >> nth=0").catch(() => "+"))
);
await picture("rq-job-search");
for (let turn = 0; turn < 60 && (await banner.count()); turn++) {
	await banner.locator("button").focus();
	await page.keyboard.press("Enter");
	await page.waitForFunction(() => !$(".jm-coverage button:disabled").length);
}
const found = await page.evaluate(() => cur_list.data.map((doc) => doc.name));
check(
	"search: Continue finds all, by keyboard",
	found.length === 45 && new Set(found).size === 45,
	found.length
);
await settle();
const count = await page.innerText(".list-count:visible >> nth=0");
check("search: then the count is exact", count.trim() === "45 of 45", count);
check("search: what was found stays", (await asked_within(8)) === 0);
await page.evaluate(() => cur_list.filter_area.clear());
await settle();
check("search: the next whole answer has no banner", (await banner.count()) === 0);

// The form

await open(form_of("running"));
const bar = page.locator(".jm-headline .progress-bar");
check(
	"form: a running job shows its progress",
	(await bar.getAttribute("aria-valuenow")) === "62"
);
await page.evaluate(() => {
	$(".jm-text:visible")[0].kept = true;
	window.scrollTo(0, 200);
	$(".main-section, .page-container:visible").scrollTop(200);
});
const scrolled = () => page.evaluate(() => window.scrollY + $(".main-section").scrollTop());
const scrolled_before = await scrolled();
stage("progress", "81");
await page.waitForTimeout(8000);
check("form: progress moves", (await bar.getAttribute("aria-valuenow")) === "81");
check(
	"form: what is read stays where it is",
	(await scrolled()) === scrolled_before,
	await scrolled()
);
check("form: texts are not drawn anew", await page.evaluate(() => $(".jm-text:visible")[0].kept));
check("form: a running job can be stopped", await page.isVisible("button:text-is('Stop')"));
check(
	"form: Frappe's own button is gone",
	!(await page.isVisible("button:text-is('Force Stop job')"))
);
await hide(true);
await page.waitForTimeout(1000);
check("form: a hidden tab does not ask", (await asked_within(8)) === 0);
await hide(false);

await open(form_of("failed"));
check("form: an ended job is not asked about", (await asked_within(8)) === 0);
check(
	"form: the error stands on top",
	/HostNotFoundError/.test(await page.innerText(".jm-headline"))
);
check("form: secrets are masked", !/never shown/.test(await page.innerText(".jm-text >> nth=0")));
await open(form_of("queued-3"));
await page.click("button:text-is('Cancel'):visible");
await page.click(".modal.show .btn-primary");
const canceled = () => cur_frm.doc.status === "canceled";
await page.waitForFunction(canceled, null, { timeout: 8000 }).catch(() => {});
check("form: Cancel takes a job out of its queue", await page.evaluate(canceled));

await open(form_of("zombie"));
check("form: a zombie is named", /zombie/i.test(await page.innerText(".jm-headline")));
await picture("rq-job-zombie");
await page.click("button:text-is('Remove'):visible");
check(
	"form: and removed after a question",
	/Nothing will ever run or end/.test(await page.innerText(".modal.show"))
);
await page.click(".modal.show .btn-primary");
const said = page.locator(".desk-alert", { hasText: "the zombie was deleted" });
await said.waitFor({ timeout: 8000 }).catch(() => {});
check("form: its end is told", (await said.count()) === 1);
await settle();
const gone = await page.evaluate(
	(name) => frappe.db.get_list("RQ Job", { filters: { name } }),
	ids.zombie
);
check("form: then it is gone", gone.length === 0);

// Deleting many at once

await open("rq-job");
await page.evaluate(() => cur_list.filter_area.clear());
await settle();
await page.evaluate((name) => {
	const $box = cur_list.$result
		.find(".list-row-checkbox")
		.filter((_n, b) => b.dataset.name === name);
	$box.trigger("click");
}, ids.running);
await page.evaluate(() => $(".actions-btn-group .btn:visible").trigger("click"));
await page.click(".actions-btn-group .dropdown-item:has-text('Delete') >> visible=true");
await page.click(".modal.show .btn-primary >> visible=true");
await page.waitForTimeout(2500);
const deleted = await page.evaluate(() => $(".desk-alert, .msgprint-dialog:visible").text());
check(
	"list: a running job is not told to be deleted",
	/must be stopped first/.test(deleted) && !/successfully/.test(deleted),
	deleted
);

// Who sees what

const reader = await desk("jm-user@example.com", PASSWORD);
await reader.open("rq-job");
check("reader: sees the list", (await reader.page.evaluate(() => cur_list.data.length)) > 0);
await reader.open(form_of("failed"));
check(
	"reader: sees the form",
	/HostNotFoundError/.test(await reader.page.innerText(".jm-headline"))
);
check("reader: is offered nothing", !(await reader.page.isVisible("button:text-is('Retry')")));
await reader.open("rq-worker");
check("reader: sees workers", (await reader.page.evaluate(() => cur_list.data.length)) > 0);
await reader.open("scheduled-job-log");
check("reader: sees runs", (await reader.page.evaluate(() => cur_list.data.length)) > 0);

const nobody = await desk("jm-nobody@example.com", PASSWORD);
await nobody.open("rq-job").catch(() => {});
const words = await nobody.page.innerText("body");
check("nobody: is not let in", /permi(tted|ssion)|not found/i.test(words), words.slice(0, 200));
const rows = await nobody.page.evaluate(() => $(".list-row-container a[data-name]").length);
check("nobody: sees no job", rows === 0, rows);

stage("clean");
await finish(...errors, ...reader.errors);
