// Reports and failures: filters, cells, the week of a failure as a picture.

import { cell, escape, report_cell as text_cell, seconds } from "./show";

const RANGES = () => ({
	"Last Hour": __("Last Hour"),
	"Last 3 Hours": __("Last 3 Hours"),
	"Last 24 Hours": __("Last 24 Hours"),
	"Last 7 Days": __("Last 7 Days"),
	"Last 30 Days": __("Last 30 Days"),
	"Last 90 Days": __("Last 90 Days"),
	Custom: __("Custom"),
});
const GROUPS = () => ({ Time: __("Time"), Method: __("Method"), Queue: __("Queue") });
const SECONDS = /^(wait_)?(p50|p95|p99|max)$|^(seconds|cpu|oldest_age)$/;

const choices = (labels) => Object.entries(labels).map(([value, label]) => ({ value, label }));

/** Filters of a report over time. `group_by`: a key of GROUPS. `more`: further filters. */
export function filters(group_by, more = []) {
	const custom = "eval:doc.range == 'Custom'";
	return [
		{
			fieldname: "range",
			label: __("Time"),
			fieldtype: "Select",
			options: choices(RANGES()),
			default: "Last 24 Hours",
			on_change: (report) => change_range(report),
		},
		{ fieldname: "since", label: __("From"), fieldtype: "Datetime", depends_on: custom },
		{ fieldname: "until", label: __("Until"), fieldtype: "Datetime", depends_on: custom },
		{
			fieldname: "group_by",
			label: __("Group By"),
			fieldtype: "Select",
			options: choices(GROUPS()),
			default: group_by,
		},
		{
			fieldname: "queue",
			label: __("Queue"),
			fieldtype: "Select",
			options: ["", ...(frappe.boot.job_monitor?.queues || [])],
		},
		{ fieldname: "method", label: __("Method"), fieldtype: "Data" },
		...more,
	];
}

/** A custom range begins as the last day; any other forgets it. Setting From and To shows the report anew. */
function change_range(report) {
	const custom = report.get_filter_value("range") === "Custom";
	if (!custom && !report.get_filter_value("since") && !report.get_filter_value("until"))
		return report.refresh();
	const until = custom ? frappe.datetime.system_datetime() : "";
	const day_before = moment(until || undefined).subtract(1, "day");
	const since = custom ? frappe.datetime.get_datetime_as_string(day_before) : "";
	report.set_filter_value({ since, until });
}

/** `formatter` of a report's cells: durations as people say them, bad news in red. */
export function report_cell(value, row, column, data, formatter) {
	const { fieldname } = column;
	if (value === null || value === undefined) return "";
	if (SECONDS.test(fieldname)) {
		const text = seconds(value);
		return `<div style="text-align: right" title="${escape(value)} s">${text}</div>`;
	}
	const shown = text_cell(value, row, column, data, formatter);
	if (["failed", "timeout", "killed", "failure_rate"].includes(fieldname) && value > 0)
		return `<span class="jm-bad">${shown}</span>`;
	return value === 0 ? `<span class="text-muted">${shown}</span>` : shown;
}

const AXES = {
	runs: (value) =>
		value >= 10000 ? frappe.utils.format_chart_axis_number(value) : String(value ?? 0),
	seconds: (value) => (value === null ? __("no run") : seconds(value) || "0"),
};

/** Beside an axis there is room for one unit. */
const short = (format, value) =>
	format === AXES.seconds && value >= 60 && value < 600
		? __("{0} min", [+(value / 60).toFixed(1)])
		: format(value);

/**
 * Let this app's charts name some of many places on their x axis, and numbers as people say them; Desk gives every
 * chart of a report the same options. Call it in a report's `onload`.
 */
export function chart_axes(report) {
	if (report.jm_render_chart) return; // one object for all reports
	report.jm_render_chart = report.render_chart;
	report.render_chart = (options) => {
		const format = AXES[options.job_monitor_axis];
		if (format) {
			const axes = {
				xIsSeries: 1,
				xAxisMode: "tick",
				numberFormatter: (n) => short(format, n),
			};
			Object.assign(options.axisOptions, axes);
			options.tooltipOptions = { formatTooltipY: format };
		}
		return report.jm_render_chart(options);
	};
}

const OUTCOMES = { failed: "red", timeout: "orange", stopped: "gray", killed: "red" };

/** Indicator of a Job Failure. */
export function outcome(doc) {
	const label = frappe.boot.job_monitor?.outcomes[doc.outcome] || doc.outcome;
	const color = OUTCOMES[doc.outcome] || "gray";
	return [escape(label), color, escape(`outcome,=,${doc.outcome}`)];
}

const STATES = { Open: "red", Resolved: "green", Ignored: "gray" };

/** Indicator of a Job Failure Group. */
export const state = (doc) => [
	state_label(doc.state),
	STATES[doc.state] || "gray",
	`state,=,${doc.state}`,
];

const state_label = (state) => __(state, null, "Job Failure Group");

/** What can be done with a group: label by state that it leads to. */
export const decisions = () => ({
	Resolved: __("Resolve"),
	Ignored: __("Ignore"),
	Open: __("Reopen"),
});

/** JSON with a line for each value; other text as it is. */
export function pretty(text) {
	try {
		return JSON.stringify(JSON.parse(text), null, 2);
	} catch {
		return text;
	}
}

const WIDTH = 84;
const HEIGHT = 20;
const BAR = 10;

/**
 * Seven days up to today as bars, from the days up to the last failure: `0 0 3 5 0 1 9`. Drawn in the colour of the
 * text around it.
 */
export function sparkline(days, last_at) {
	const counts = week(days, last_at);
	const highest = Math.max(1, ...counts);
	const bars = counts.map((count, n) => {
		const height = count ? Math.max(3, Math.round((count / highest) * HEIGHT)) : 1;
		return `<rect x="${n * 12 + 1}" y="${
			HEIGHT - height
		}" width="${BAR}" height="${height}" rx="1"
			opacity="${count ? 1 : 0.3}"></rect>`;
	});
	const summary = __("Failures a day, up to today: {0}", [counts.join(", ")]);
	return cell(
		`<svg class="jm-sparkline" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img"
			aria-label="${escape(summary)}">${bars.join("")}</svg>`,
		summary
	);
}

/** The days up to today: those before the last failure move to the left. */
export function week(days, last_at) {
	const known = String(days || "")
		.split(" ")
		.map((count) => parseInt(count) || 0);
	const today = moment(frappe.datetime.system_datetime()).startOf("day");
	const since = last_at ? Math.max(0, today.diff(moment(last_at).startOf("day"), "days")) : 0;
	const padded = [...Array(7).fill(0), ...known, ...Array(Math.min(7, since)).fill(0)];
	return padded.slice(-7);
}
