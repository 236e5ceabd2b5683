// How things look: colours of states, times, cells of lists, texts from jobs.

import { escape, link, list_to_the_letter, text, to_the_letter } from "./text";

export * from "./text";

const COLORS = {
	queued: "yellow",
	started: "blue",
	finished: "green",
	failed: "red",
	deferred: "gray",
	scheduled: "purple",
	stopped: "orange",
	canceled: "gray",
	busy: "blue",
	idle: "green",
	suspended: "orange",
	late: "orange",
	dead: "red",
	Scheduled: "gray",
	Running: "blue",
	Complete: "green",
	Failed: "red",
	Killed: "red",
	Stopped: "gray",
};

export const SCHEDULE_COLORS = {
	blocked: "red",
	missed: "red",
	failing: "red",
	overdue: "orange",
	"never ran": "blue",
	paused: "yellow",
	stopped: "gray",
	ok: "green",
};

const COLUMNS = 8;

/** Indicator of a job, worker or scheduled run: `[label, color, filter]`. */
export function indicator(doc) {
	const status = doc.status || "";
	return [escape(__(status)), COLORS[status] || "gray", escape(`status,=,${status}`)];
}

/** Indicator of a schedule's health: `[label, color, filter]`. */
export const schedule_indicator = ({ state, label, stopped }) => [
	label,
	SCHEDULE_COLORS[state],
	`stopped,=,${Number(stopped)}`,
];

/** When a schedule is due, from now. */
export function due({ due_in }) {
	if (due_in === null || due_in === undefined) return "";
	return due_in < 0 ? __("{0} ago", [seconds(-due_in)]) : __("in {0}", [seconds(due_in)]);
}

/** Call it once for a DocType of which nothing is written by hand, before Desk builds its list or form. */
export function prepare(doctype) {
	to_the_letter(doctype);
	const meta = frappe.get_meta(doctype);
	meta.states = []; // they would be stronger than `indicator`
	for (const df of meta.fields) {
		df.read_only = 1;
		df.reqd = 0;
		df.hide_timezone = 1;
		if (df.fieldtype === "Duration") df.formatter = (value) => seconds(value);
	}
}

/**
 * Call it in a form's `setup`. Frappe hides fields whose value it takes for none: in 16 a duration with a fraction, and
 * a link that is all markup.
 */
export function values_as_they_are(frm) {
	const fields = frm.fields.filter((field) => ["Duration", "Link"].includes(field.df.fieldtype));
	for (const field of fields) field.parse = (value) => value;
}

/**
 * Use the width of a list for these columns, unless the user has chosen others. Call it in the list's `onload`.
 * `wide` is the place of a column with long texts; subject, tags and status are the first three.
 */
export function columns(listview, order, wide = 0) {
	list_to_the_letter(listview);
	const settings = listview.list_view_settings;
	settings.disable_comment_count = 1;
	// 16 makes each column at least 150 px wide, and what does not fit is beside the screen
	settings.disable_scrolling = 1;
	listview.$page.addClass("jm-list");
	if (settings.fields || settings.total_fields) return;
	settings.total_fields = COLUMNS;
	listview.setup_columns();
	const place = (column) => order.indexOf(column.df?.fieldname);
	listview.columns.sort((a, b) => place(a) - place(b)); // subject, tags and status are none of them
	if (wide) listview.$page.addClass(`jm-wide-${wide}`);
	keep_heads(listview);
	listview.render_header(true);
}

/** No column becomes narrower than its head, a status or a moment: "Successful Jobs" must not end as "Success…". */
function keep_heads({ columns, doctype, $page }) {
	columns.forEach(({ type, df = {} }, index) => {
		const minimum =
			type === "Status" ? status_letters(doctype) : df.fieldtype === "Datetime" ? 14 : 0;
		const letters = Math.max(minimum, __(df.label || "", null, df.parent).length);
		$page[0].style.setProperty(`--jm-letters-${index + 1}`, letters);
	});
}

/** Letters of the longest status in the user's language. */
function status_letters(doctype) {
	const { options = "" } = frappe.meta.get_docfield(doctype, "status") || {};
	return Math.max(8, ...options.split("\n").map((status) => __(status, null, doctype).length));
}

/** Seconds as people say them: "85 ms", "4.2 s", "12 min", "3.5 h". */
export function seconds(value) {
	if (value === null || value === undefined || value === "") return "";
	value = Number(value);
	if (value > 0 && value < 0.9995) return __("{0} ms", [Math.max(1, Math.round(value * 1000))]);
	if (value < 59.5) return __("{0} s", [value < 9.95 ? +value.toFixed(1) : Math.round(value)]);
	if (value < 600) return minutes(Math.round(value));
	if (value < 3570) return __("{0} min", [Math.round(value / 60)]);
	if (value < 86400) return __("{0} h", [+(value / 3600).toFixed(1)]);
	return __("{0} d", [+(value / 86400).toFixed(1)]);
}

function minutes(value) {
	const rest = value % 60;
	const whole = __("{0} min", [(value - rest) / 60]);
	return rest ? `${whole} ${__("{0} s", [rest])}` : whole;
}

/** A dotted path by its end, which tells methods apart. */
export function method(value) {
	const parts = String(value || "").split(".");
	return parts.length > 3 ? parts.slice(-2).join(".") : parts.join(".");
}

/** Whole names as tooltips of the shortened ones in a list's first column. Call it in the list's `refresh`. */
export function full_names(listview, name_of) {
	const names = new Map(listview.data.map((doc) => [doc.name, name_of(doc)]));
	listview.$result.find(".list-subject a[data-name]").each((_index, link) => {
		link.title = names.get(link.dataset.name) || link.dataset.name;
	});
}

/** A cell with HTML in it, and what it says in words as tooltip. */
export function cell(html, title) {
	return `<span class="ellipsis" title="${escape(title)}">${html}</span>`;
}

/** A cell with a moment as its distance from now, and the moment itself as tooltip. */
export function when(value, df) {
	if (!value) return "";
	const full = frappe.datetime.str_to_user(value);
	return cell(frappe.datetime.prettyDate(value), `${__(df.label)}: ${full}`);
}

/** A cell with a duration. */
export function duration(value, df) {
	return cell(seconds(value), `${__(df.label)}: ${seconds(value)}`);
}

/** A bar from 0 to 100. */
export function bar(percent) {
	const width = Math.max(0, Math.min(100, Number(percent) || 0));
	const label = `${Math.round(width)} %`;
	return `<span class="jm-progress" title="${label}">
		<span class="progress jm-bar"><span class="progress-bar" role="progressbar" aria-valuemin="0"
			aria-valuemax="100" aria-valuenow="${width}" style="width: ${width}%"></span></span>
		<span>${label}</span></span>`;
}

/** One line under a form's title, in place of the one before. `parts`: HTML; empty ones are left out. */
export function headline(frm, parts, color) {
	const html = parts
		.filter(Boolean)
		.map((part) => `<span>${part}</span>`)
		.join("<span>·</span>");
	frm.dashboard.clear_headline();
	if (html) frm.dashboard.set_headline(`<div class="jm-headline">${html}</div>`, color);
}

/**
 * Show a Code field of a form as text that can be read, selected, scrolled and copied. `text`: in place of its value,
 * for a field that has none.
 */
export function text_field(frm, fieldname, { emphasize_last_line = false, text: other } = {}) {
	const field = frm.fields_dict[fieldname];
	const value = other ?? (frm.doc[fieldname] || "");
	if (!field?.$wrapper) return;
	const $old = field.$wrapper.find(".jm-text");
	if ($old.data("value") === value) return; // keeps a selection and how far it is scrolled
	$old.remove();
	field.$wrapper.toggleClass("jm-has-text", Boolean(value));
	if (!value) return;
	const lines = value.trimEnd().split("\n");
	const last = emphasize_last_line && lines.length > 1 ? lines.pop() : "";
	const $text = $(`<div class="jm-text">
		<div class="jm-text-head">
			<span class="control-label">${escape(__(field.df.label))}</span>
			<button type="button" class="btn btn-xs btn-default">${__("Copy")}</button>
		</div>
		${last && `<div class="jm-text-last" dir="ltr">${text(last)}</div>`}
		<pre tabindex="0" dir="ltr"></pre>
	</div>`);
	$text.data("value", value).find("pre").text(lines.join("\n"));
	$text.find("button").on("click", () => frappe.utils.copy_to_clipboard(value));
	field.$wrapper.append($text);
}

/** The stack of a process in a dialog, or why there is none. */
export async function stack_dialog(answer) {
	const { text: stack, problem, pid, by } = await answer;
	const dialog = new frappe.ui.Dialog({
		title: stack ? __("Stack of process {0}", [pid]) : __("No Stack"),
		size: "extra-large",
		primary_action_label: stack ? __("Copy") : __("Close"),
		primary_action: () => (stack ? frappe.utils.copy_to_clipboard(stack) : dialog.hide()),
	});
	const message = stack ? __("Taken with {0}", [by]) : problem;
	dialog.$body.append(`<p class="text-muted">${text(message)}</p>`);
	if (stack)
		$('<div class="jm-text"><pre tabindex="0" dir="ltr"></pre></div>')
			.appendTo(dialog.$body)
			.find("pre")
			.text(stack);
	dialog.show();
}

/** Names of jobs, one a line, as links to their forms. */
export function job_links(frm, fieldname) {
	const names = (frm.doc[fieldname] || "").split("\n").filter(Boolean);
	const links = names.map((name) => `<div>${link("RQ Job", name, name, name)}</div>`);
	if (names.length)
		frm.fields_dict[fieldname].$wrapper.find(".control-value").html(links.join(""));
}

/** The words of an empty list; Desk's own where filters are set. */
export function empty_list(listview, html) {
	const text = listview.jm_coverage
		? __("Nothing found so far.")
		: !listview.filter_area.get().length && html;
	if (text) listview.$no_result.html(`<div class="msg-box no-border"><p>${text}</p></div>`);
}
