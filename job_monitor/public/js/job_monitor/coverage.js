// Says above a list how far its search came, with a button to go on.
// The server adds `job_monitor: { looked_at, out_of, cursor }` to its answers; a cursor means: not to the end.

import { get_count } from "./calls";

const number = (value) => format_number(value, null, 0);

/** Call it once, in the list's `onload`. */
export function attach(listview) {
	const prepare_data = listview.prepare_data.bind(listview);
	listview.prepare_data = (r) => {
		prepare_data(r);
		listview.jm_continued = false;
		listview.jm_complete = false;
		show(listview, r.job_monitor, listview.selected_page_count || listview.page_length);
	};
	listview.get_count_str = () => count(listview);
}

function show(listview, coverage, length) {
	listview.jm_coverage?.remove();
	listview.jm_coverage = null;
	if (!coverage?.cursor) return;
	const { looked_at, out_of } = coverage;
	const text = __("Searched {0} of {1} jobs", [number(looked_at), number(out_of)]);
	listview.jm_coverage = $(`<div class="jm-coverage" role="status">
		<span>${text}</span>
		<button type="button" class="btn btn-xs btn-default">${__("Continue")}</button>
	</div>`);
	listview.jm_coverage
		.find("button")
		.on("click", () => go_on(listview, coverage.cursor, length))
		.on("keydown", (event) => event.stopPropagation()); // Desk opens the focused row on Enter
	// Frappe 16 hides what holds the rows while there are none
	const $rows = listview.$result.closest(".result-container");
	listview.jm_coverage.insertBefore($rows.length ? $rows : listview.$result);
}

/** Append up to `length` rows that lie behind the cursor. */
function go_on(listview, cursor, length) {
	const button = listview.jm_coverage.find("button");
	const had_focus = button.is(document.activeElement);
	button.prop("disabled", true);
	listview.jm_continued = true;
	const { method, args } = listview.get_call_args();
	frappe
		.call({ method, args: { ...args, start: 0, page_length: length, cursor } })
		.then((r) => {
			const rows = Array.isArray(r.message)
				? r.message
				: frappe.utils.dict(r.message?.keys, r.message?.values);
			append(listview, rows || []);
			// A full page has no cursor of its own: ask for a longer one behind the same
			const is_full = !r.job_monitor?.cursor && rows?.length >= length;
			const next = is_full ? cursor : r.job_monitor?.cursor;
			listview.jm_complete = !next;
			show(listview, { ...r.job_monitor, cursor: next }, is_full ? 2 * length : length);
			listview.render_count();
			if (had_focus) listview.jm_coverage?.find("button").trigger("focus");
		})
		.catch(() => button.prop("disabled", false));
}

function append(listview, rows) {
	listview.data = listview.data.concat(rows).uniqBy((doc) => doc.name);
	listview.toggle_result_area();
	listview.$paging_area.find(".btn-more").hide(); // it would begin at the start again
	listview.render_header();
	listview.render_list();
	listview.set_rows_as_checked();
}

function count(listview) {
	const limit = listview.count_upper_bound;
	const text = (total, more) =>
		__("{0} of {1}", [number(listview.data.length), number(total) + more]);
	if (listview.jm_complete) return Promise.resolve(text(listview.data.length, ""));
	return get_count(listview.doctype, listview.get_filters_for_args(), limit).then((r) => {
		// The search may have gone on meanwhile
		if (listview.jm_complete) return text(listview.data.length, "");
		const total = (listview.total_count = Math.max(r.message || 0, listview.data.length));
		if (limit && total === limit) return text(total - 1, "+");
		return text(total, r.job_monitor?.cursor ? "+" : "");
	});
}
