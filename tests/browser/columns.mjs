// No column of our lists is cut off or beside the screen, at 1440 and 1024 px; on a phone no row is wider than it.
//
//	BENCH=~/frappe-bench SITE=mysite.localhost SITE_URL=http://mysite.localhost:8000 node tests/browser/columns.mjs
//
// And the variables of support.mjs. `stage.py` and `hostile.py` write rows, some with texts that are long, and take
// them away. PICTURES=folder keeps a picture of every list. Ends with 1 if anything is not as it should be.

import { check, desk, finish, stage } from "./support.mjs";

stage("stage.py", "make");
stage("hostile.py", "make");
const { page, errors, open, settle, picture } = await desk(
	"Administrator",
	process.env.PASSWORD || "admin"
);

/** The last column of each list, which the others push out first, and the least width in which it can be read. */
const LISTS = {
	"rq-job": ["time_taken", 60],
	"rq-worker": ["memory", 50],
	"scheduled-job-log": ["error", 120],
	"scheduled-job-type": ["missed", 60],
	"job-failure": ["duration", 60],
	"job-failure-group": ["method", 70],
	"job-alert": ["seconds", 60],
	"job-alert-rule": ["subject", 60],
	"job-alert-channel": ["last_sent", 60],
	"job-monitor-audit": ["user", 60],
	"job-metric": ["killed", 50],
};

/** Where the columns of the first row stand, within the part of the screen that a list has for them. */
function measure() {
	const visible = (node) => node.offsetWidth > 0;
	const edges = (node) => {
		const { left, right } = node.getBoundingClientRect();
		return [Math.round(left), Math.round(right)];
	};
	const $box = cur_list.$result.closest(".result-container, .frappe-list");
	const row = cur_list.$result.find(".list-row-container .list-row").not(".list-row-head")[0];
	const heads = [...cur_list.$result.find(".list-row-head .list-row-col")].filter(visible);
	const more = row?.querySelector(".level-right");
	return {
		box: edges($box[0]),
		scrolls: $box[0].scrollWidth > $box[0].clientWidth + 1,
		columns: [...(row?.querySelectorAll(".level-left > .list-row-col") || [])]
			.filter(visible)
			.map(edges),
		more: more && visible(more) ? edges(more)[0] : Infinity,
		fields: cur_list.columns.map((column) => column.df?.fieldname || column.type),
		heads: heads.length,
		// Each letter of a head, the whole status, and at the end of what is longer a sign of it
		cut: [...heads, ...(row?.querySelectorAll(".indicator-pill") || [])]
			.flatMap((node) => [node, ...node.querySelectorAll("*")])
			.filter((node) => node.clientWidth && node.scrollWidth > node.clientWidth + 1)
			.map((node) => node.innerText.trim())
			.filter(Boolean),
		subjects: [...cur_list.$result.find(".list-subject a.ellipsis")].filter(
			(node) => edges(node)[1] > edges(node.closest(".list-row-col"))[1]
		).length,
	};
}

for (const [width, height] of [
	[1440, 900],
	[1024, 768],
]) {
	await page.setViewportSize({ width, height });
	for (const [list, [last, least]] of Object.entries(LISTS)) {
		await open(list);
		await page.evaluate(() => cur_list.filter_area.clear());
		await settle();
		const place = `${list} at ${width} px`;
		const { box, scrolls, columns, more, fields, heads, cut, subjects } = await page.evaluate(
			measure
		);
		const told = JSON.stringify({ box, columns, more, fields });
		check(`${place}: it has rows`, columns.length > 2, told);
		check(`${place}: nothing is beside the screen`, !scrolls && box[1] <= width, told);
		const end = columns.at(-1) || [0, Infinity];
		check(`${place}: ${last} is the last column`, fields.at(-1) === last, fields);
		check(
			`${place}: it is seen`,
			end[1] <= Math.min(box[1], more) && end[1] - end[0] >= least,
			told
		);
		check(`${place}: each column has its head`, heads === columns.length, told);
		check(`${place}: no head and no status is cut`, !cut.length, cut);
		check(`${place}: what is cut of a name ends with a sign of it`, !subjects, subjects);
		await picture(`columns-${width}-${list}`);
	}
}

await page.setViewportSize({ width: 390, height: 844 });
for (const list of Object.keys(LISTS)) {
	await open(list);
	const { box, columns } = await page.evaluate(measure);
	const ends = columns.map(([, right]) => right);
	check(`${list} on a phone: no wider than it`, Math.max(...ends) <= box[1] + 1, [box, ends]);
	await picture(`columns-390-${list}`);
}

stage("hostile.py", "clean");
stage("stage.py", "clean");
await finish(...errors.filter((text) => !/socket\.io|ERR_|Failed to load resource/.test(text)));
