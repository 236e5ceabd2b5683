// How things look: colours of states, times, texts from jobs.

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
};

const escape = (text) => frappe.utils.escape_html(String(text ?? ""));

/** Indicator of a job, worker or scheduled run: `[label, color, filter]`. */
export function indicator(doc) {
	const status = doc.status || "";
	return [__(status), COLORS[status] || "gray", `status,=,${status}`];
}

/** Seconds as people say them: "85 ms", "4.2 s", "12 min", "3.5 h". */
export function seconds(value) {
	if (value === null || value === undefined || value === "") return "";
	value = Number(value);
	if (value > 0 && value < 0.9995) return __("{0} ms", [Math.round(value * 1000)]);
	if (value < 60) return __("{0} s", [value < 9.95 ? +value.toFixed(1) : Math.round(value)]);
	if (value < 3600) return __("{0} min", [Math.round(value / 60)]);
	if (value < 86400) return __("{0} h", [+(value / 3600).toFixed(1)]);
	return __("{0} d", [+(value / 86400).toFixed(1)]);
}

/** A moment as its distance from now, with the moment itself as tooltip. */
export function when(value) {
	if (!value) return "";
	const full = frappe.datetime.str_to_user(value);
	return `<span class="ellipsis" title="${escape(full)}">${comment_when(value)}</span>`;
}

/** A dotted path by its end, which tells methods apart; whole as tooltip. */
export function method(value) {
	const parts = String(value || "").split(".");
	const short = parts.length > 3 ? parts.slice(-2).join(".") : parts.join(".");
	return `<span class="ellipsis" title="${escape(value)}">${escape(short)}</span>`;
}

/** A cell of a list with a duration. */
export function duration(value, df) {
	const title = `${__(df.label)}: ${seconds(value)}`;
	return `<span class="ellipsis" title="${escape(title)}">${seconds(value)}</span>`;
}

/** A cell that filters the list by its value when it is clicked, as Desk's own do. */
export function filterable(value, df, title = "") {
	const filter = `${df.fieldname},=,${value}`;
	return `<a class="filterable ellipsis" data-filter="${escape(filter)}"
		title="${escape(title || `${__(df.label)}: ${value}`)}">${escape(value)}</a>`;
}

/** A bar from 0 to 100. */
export function bar(percent) {
	const width = Math.max(0, Math.min(100, Number(percent) || 0));
	return `<div class="progress jm-bar" title="${width.toFixed(0)} %">
		<div class="progress-bar" role="progressbar" aria-valuenow="${width}" aria-valuemin="0"
			aria-valuemax="100" style="width: ${width}%"></div></div>`;
}

/** Show a Code field of a form as text that can be read, scrolled and copied. */
export function text_field(frm, fieldname, { emphasize_last_line = false } = {}) {
	const field = frm.fields_dict[fieldname];
	const value = frm.doc[fieldname];
	if (!field || !field.$wrapper) return;
	field.$wrapper.find(".jm-text").remove();
	field.$wrapper.find(".control-input-wrapper, .clearfix").toggle(!value);
	if (!value) return;
	const lines = value.trimEnd().split("\n");
	const last = emphasize_last_line && lines.length > 1 ? lines.pop() : "";
	const $text = $(`<div class="jm-text">
		<div class="jm-text-head">
			<span class="control-label">${escape(__(field.df.label))}</span>
			<button type="button" class="btn btn-xs btn-default">${__("Copy")}</button>
		</div>
		${last ? `<div class="jm-text-last">${escape(last)}</div>` : ""}
		<pre tabindex="0" dir="ltr"></pre>
	</div>`);
	$text.find("pre").text(lines.join("\n"));
	$text.find("button").on("click", () => frappe.utils.copy_to_clipboard(value));
	field.$wrapper.append($text);
}

/** Names of jobs, one a line, as links to their forms. */
export function job_links(frm, fieldname) {
	const field = frm.fields_dict[fieldname];
	const names = (frm.doc[fieldname] || "").split("\n").filter(Boolean);
	if (!field || !names.length) return;
	const links = names.map((name) => {
		const link = frappe.utils.get_form_link("RQ Job", name);
		return `<div><a href="${link}">${escape(name)}</a></div>`;
	});
	field.$wrapper.find(".control-value").html(links.join(""));
}

/** The words of an empty list. */
export function empty_list(listview, text) {
	if (listview.filter_area.get().length) return;
	listview.$no_result.html(
		`<div class="no-result text-muted flex justify-center align-center">${text}</div>`
	);
}
