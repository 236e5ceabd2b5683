// Texts from jobs are data: markup, quotes, entities, newlines and marks of direction in every field that a job can
// fill, on every list, form, report view, report, print, page, dialog, notice and mail. Nothing runs, all is shown.
//
//	BENCH=~/frappe-bench SITE=mysite.localhost SITE_URL=http://mysite.localhost:8000 node tests/browser/markup.mjs
//
// And the variables of support.mjs. `hostile.py` writes the texts and takes them away. Takes three minutes; ends with 1
// if anything is not as it should be.

import { check, desk, finish, stage, url } from "./support.mjs";

const { documents, mail, title } = JSON.parse(stage("hostile.py", "make"));
const doctypes = [...new Set(documents.map(({ doctype }) => doctype))];
const { page, errors, open, picture } = await desk(
	"Administrator",
	process.env.PASSWORD || "admin"
);

const squeezed = (text) => text.replace(/\s+/g, " ").trim();

/** Waits for what is on its way, then for images that could not be loaded. */
async function settle() {
	await page.waitForFunction(() => !window.frappe?.request?.ajax_count, null, {
		timeout: 20000,
	});
	await page.waitForTimeout(600);
}

/** Nothing has run here, and no text has become an element that could. */
async function check_harmless(place) {
	const found = await page.evaluate(() => {
		const ran = String(window.hostile || "");
		window.hostile = undefined;
		const made =
			'img[src="x"], svg[onload], [onerror], a[href^="javascript:window"], .jm-data *, bdi *';
		const nodes = [...document.querySelectorAll(made)];
		const alive = nodes.map((node) => node.outerHTML.slice(0, 120));
		for (const node of nodes) node.remove(); // told once
		return { ran, alive };
	});
	check(`${place}: nothing runs`, !found.ran, found.ran);
	check(
		`${place}: no text becomes markup`,
		!found.alive.length,
		found.alive.slice(0, 3).join(" ")
	);
}

/** Every text stands in the text of what is shown. */
function check_letters(place, shown, texts) {
	const whole = squeezed(shown);
	const missing = Object.entries(texts).filter(([, text]) => !whole.includes(squeezed(text)));
	check(`${place}: to the letter`, !missing.length, JSON.stringify(missing).slice(0, 300));
}

const go = async (...route) => {
	await page.evaluate((r) => frappe.set_route(...r), route);
	await page.waitForTimeout(400);
	await settle();
};
const shown_list = () => page.evaluate(() => cur_list.$result.text());
/** Texts of those fields, of all documents, that the server has given to the list or report view. */
async function in_columns(doctype, fields) {
	const data = await page.evaluate(() =>
		Object.fromEntries(cur_list.data.map((doc) => [doc.name, doc]))
	);
	const own = documents.filter((one) => one.doctype === doctype);
	check(
		`${doctype}: all are listed`,
		own.every(({ name }) => data[name]),
		Object.keys(data).join()
	);
	return Object.fromEntries(
		own.flatMap(({ name, texts }) =>
			fields
				.filter((f) => texts[f] && data[name]?.[f])
				.map((f) => [`${name} ${f}`, texts[f]])
		)
	);
}

async function list(doctype) {
	await go("List", doctype, "List");
	await page.evaluate(() => cur_list.filter_area.clear());
	await settle();
	const columns = await page.evaluate(() =>
		cur_list.columns.map((c) => c.df?.fieldname).filter(Boolean)
	);
	await check_harmless(`${doctype} list`);
	check_letters(
		`${doctype} list`,
		await shown_list(),
		await in_columns(doctype, columns.filter(is_whole))
	);
	await picture(`hostile-list-${doctype}`);
	await filter_by(doctype);
}

/** A list's cells with names of their own: an error instead of an address, host and process id, and the like. */
const is_whole = (field) => !["goes_to", "hostname"].includes(field);

/** Frappe 15's sidebar, where its "Filter By" has a text of a job. */
async function filter_by(doctype) {
	const has = await page.evaluate(() => {
		const groups = cur_list.list_sidebar?.list_group_by;
		const df = cur_list.meta.fields.find(
			(f) => f.fieldname === "method" && f.fieldtype === "Data"
		);
		if (!groups || !df) return false;
		const $dropdown = $("<ul>").appendTo(document.body);
		return groups
			.get_group_by_count("method")
			.then((counts) => {
				groups.render_dropdown_items(counts, "Data", $dropdown, null);
				return counts.length;
			})
			.catch(() => 0);
	});
	await settle();
	if (has) await check_harmless(`${doctype} "Filter By"`);
}

async function report_view(doctype) {
	await go("List", doctype, "Report");
	const fields = await page.evaluate(async () => {
		const shown = cur_list.meta.fields.filter(
			(df) => frappe.model.is_value_type(df) && !df.is_virtual && df.fieldtype !== "Password"
		);
		cur_list.fields = ["name", ...shown.map((df) => df.fieldname)].map((f) => [
			f,
			cur_list.doctype,
		]);
		cur_list.build_fields();
		cur_list.setup_columns();
		cur_list.datatable?.destroy();
		cur_list.datatable = null;
		cur_list.refresh();
		return shown.map((df) => df.fieldname);
	});
	await page.waitForFunction(() => cur_list.datatable?.datamanager?.rows?.length, null, {
		timeout: 15000,
	});
	await settle();
	await check_harmless(`${doctype} report view`);
	// A data table draws only the columns and rows that are seen
	const cells = await page.evaluate(() =>
		cur_list.datatable.datamanager.rows.flatMap((row) =>
			row.map((cell) =>
				$("<p>")
					.html(cell.html ?? "")
					.text()
			)
		)
	);
	await settle();
	await check_harmless(`${doctype} report view's cells`);
	const texts = await in_columns(
		doctype,
		fields.filter((f) => f !== "arguments" && f !== "job_meta")
	);
	check_letters(`${doctype} report view`, cells.join(" "), texts);
	await picture(`hostile-report-${doctype}`);
}

async function form({ doctype, name, texts }) {
	await go("Form", doctype, name);
	await page.waitForFunction((n) => cur_frm?.doc?.name === n && !cur_frm.is_loading, name, {
		timeout: 15000,
	});
	await settle();
	const place = `${doctype} form ${name.split(/-/).pop()}`;
	await check_harmless(place);
	const { shown, codes, tab } = await page.evaluate(() => ({
		shown: $(cur_frm.page.wrapper).text(),
		codes: $(cur_frm.page.wrapper).find("pre").text(),
		tab: document.title,
	}));
	const hidden = await page.evaluate(() =>
		cur_frm.meta.fields.filter((f) => f.hidden).map((f) => f.fieldname)
	);
	for (const field of hidden) delete texts[field];
	check_letters(place, `${shown} ${tab} ${unjson(codes)}`, texts);
	if (name.endsWith("3")) await picture(`hostile-form-${doctype}`);
}

/** JSON in a form shows quotes and what is no ASCII with escapes of its own. */
const unjson = (text) =>
	text
		.replace(/\\u([0-9a-f]{4})/g, (_all, code) => String.fromCharCode(parseInt(code, 16)))
		.replace(/\\n/g, "\n")
		.replace(/\\(["\\])/g, "$1");

async function print({ doctype, name, texts }) {
	const parameters = new URLSearchParams({
		doctype,
		name,
		format: "Standard",
		no_letterhead: 1,
	});
	const answer = await page.goto(`${url}/printview?${parameters}`);
	await page.waitForTimeout(500);
	if (answer.status() === 403) return;
	check(`${doctype} print: there is one`, answer.ok(), answer.status());
	await check_harmless(`${doctype} print`);
	const seen = await page.evaluate(() => document.body.textContent);
	const printed = Object.entries(texts).filter(([field]) => seen.includes(`_${field}`));
	check_letters(`${doctype} print`, unjson(seen), Object.fromEntries(printed));
}

await open("todo");
for (const doctype of [...doctypes, "Job Metric", "Scheduled Job Type", "Job Alert Rule"]) {
	await list(doctype);
	if (doctype !== "Scheduled Job Type") await report_view(doctype);
}
for (const document of documents) await form(document);

// Reports

for (const [report, filters] of [
	["Job Throughput", { range: "Last Hour", group_by: "Method" }],
	["Job Throughput", { range: "Last Hour", group_by: "Queue" }],
	["Job Latency", { range: "Last Hour", group_by: "Method" }],
	["Job Latency", { range: "Last Hour", group_by: "Queue" }],
	["Job Performance", {}],
	["Schedule Health", {}],
]) {
	await open(`query-report/${report}?${new URLSearchParams(filters)}`);
	await page.waitForTimeout(1500);
	await settle();
	const place = `${report} ${filters.group_by || ""}`;
	await check_harmless(place);
	const { rows, cells } = await page.evaluate(() => ({
		rows: frappe.query_report.data.length,
		cells: (frappe.query_report.datatable?.datamanager.rows || []).flatMap((row) =>
			row.map((cell) =>
				$("<p>")
					.html(cell.html ?? "")
					.text()
			)
		),
	}));
	await settle();
	await check_harmless(`${place} cells`);
	check(`${place}: rows`, rows > 0, rows);
	const field = { Method: "Job_Metric_method", Queue: "Job_Metric_queue" }[filters.group_by];
	const name = report === "Job Performance" ? "Job_Performance_method" : field;
	if (name) {
		const jobs = documents.filter(({ doctype }) => doctype === "Job Failure");
		const texts = jobs.map((d) => [
			d.name,
			d.texts.method.replaceAll("Job_Failure_method", name),
		]);
		check_letters(place, cells.join(" "), Object.fromEntries(texts));
	}
	await picture(`hostile-report-${report}-${filters.group_by}`);
}

// Panel, bell, log page, dialogs, search of a link

await open("todo");
check("panel: tasks are shown", (await page.locator(".jm-task").count()) > 0);
await check_harmless("panel");
const task = documents
	.filter(({ doctype }) => doctype === "Job Failure")
	.map((d) => d.texts.method);
for (const field of ["task_title", "task_message"]) {
	const texts = Object.fromEntries(
		task.map((t, n) => [n, t.replaceAll("Job_Failure_method", field)])
	);
	check_letters(`panel ${field}`, await page.evaluate(() => $(".jm-panel").text()), texts);
}
await picture("hostile-panel");
await page.evaluate(() => $(".jm-task-close").trigger("click"));

await page.evaluate(() =>
	$(".dropdown-notifications .notifications-icon, .sidebar-notification")
		.first()
		.trigger("click")
);
await page.waitForTimeout(1500);
await settle();
await check_harmless("bell");
await picture("hostile-bell");
const bell = await page.evaluate(() => $(".notifications-list, .dropdown-notifications").text());
check_letters("bell", bell, { title: title.slice(0, 90) });

await open("job-monitor-logs?log=frappe");
await page.waitForTimeout(1500);
await settle();
await check_harmless("log page");
// The page parts an entry of several lines
const lines = task
	.filter((t) => !t.includes("\n"))
	.map((t) => t.replaceAll("Job_Failure_method", "log_line"));
check_letters("log page", await page.evaluate(() => $(".jm-log").text()), { ...lines });

for (const document of documents.filter(({ doctype }) => doctype === "RQ Job")) {
	await go("Form", document.doctype, document.name);
	await page.click("button:text-is('Retry') >> visible=true");
	await page.waitForTimeout(500);
	const place = `question ${document.name.split(/-/).pop()}`;
	await check_harmless(place);
	check_letters(place, await page.innerText(".modal.show"), { method: document.texts.method });
	await page.keyboard.press("Escape");
	await page.waitForTimeout(500);
}

await go("List", "Job Failure", "List");
await page.evaluate(() =>
	cur_list.page.fields_dict.failure_group.$input.trigger("focus").val("hostile").trigger("input")
);
await page.waitForTimeout(1500);
await settle();
await check_harmless("search of a link");

// Prints, and the mail

for (const doctype of doctypes)
	for (const document of documents.filter((one) => one.doctype === doctype))
		await print(document);
await page.setContent(mail);
await page.waitForTimeout(500);
await check_harmless("mail");
check_letters("mail", await page.evaluate(() => document.body.textContent), { title });

stage("hostile.py", "clean");
// A line chart of one moment has an empty path
const own = errors.filter((text) => !/404|ERR_|Failed to load resource|attribute d:/.test(text));
await finish(...own);
