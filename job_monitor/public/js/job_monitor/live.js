// Lists and forms that stay fresh: the next look is planned when the last answer has come, never before.

const SECONDS = 5;
const SHARE = 10; // looks take at most a tenth of the time

function when_visible(work) {
	if (!document.hidden) return work();
	const once = () => {
		if (document.hidden) return;
		document.removeEventListener("visibilitychange", once);
		work();
	};
	document.addEventListener("visibilitychange", once);
}

function is_shown(view) {
	return view.doctype && view.page && $(view.page.wrapper || view.wrapper).is(":visible");
}

function is_busy(listview) {
	const open = ".modal.show, .filter-popover.show, .dropdown-menu.show, .popover.show";
	return listview.$checks?.length > 0 || $(open).length > 0 || listview.start > 0;
}

/**
 * Keep a list fresh. Call it in the list's `refresh`, which Desk calls after each answer.
 * Stops when the tab is hidden or the list is left; goes on when it is shown again.
 */
export function list(listview) {
	const took = Date.now() - (listview.jm_asked_at || Date.now());
	clearTimeout(listview.jm_timer);
	if (listview.list_view_settings?.disable_auto_refresh) return;
	listview.jm_timer = setTimeout(
		() => when_visible(() => look(listview)),
		Math.max(SECONDS * 1000, took * SHARE)
	);
}

function look(listview) {
	if (cur_list !== listview || !is_shown(listview)) return; // showing it again refreshes it
	if (is_busy(listview)) return list(listview);
	listview.jm_asked_at = Date.now();
	listview.refresh();
}

/**
 * Keep a form fresh while `goes_on(doc)` says so. Call it in the form's `refresh`.
 * Keeps the scroll position; stops when the tab is hidden or the form is left.
 */
export function form(frm, goes_on) {
	clearTimeout(frm.jm_timer);
	if (!goes_on(frm.doc)) return;
	const name = frm.doc.name;
	frm.jm_timer = setTimeout(
		() =>
			when_visible(() => {
				if (cur_frm === frm && frm.doc.name === name && $(frm.wrapper).is(":visible")) {
					frm.reload_doc();
				}
			}),
		SECONDS * 1000
	);
}

/**
 * Tell above a list how far its search came, with a button to go on. Call it once, in the list's `onload`.
 * The server adds `job_monitor: { looked_at, out_of, cursor }` to its answers.
 */
export function coverage(listview) {
	const prepare = listview.prepare_data.bind(listview);
	listview.prepare_data = (r) => {
		prepare(r);
		show_coverage(listview, r.job_monitor);
	};
	count_as_lower_bound(listview);
}

function show_coverage(listview, told) {
	listview.jm_coverage?.remove();
	if (!told?.cursor) return;
	const text = __("Searched {0} of {1} jobs.", [
		format_number(told.looked_at, null, 0),
		format_number(told.out_of, null, 0),
	]);
	listview.jm_coverage = $(`<div class="jm-coverage" role="status"><span>${text}</span>
		<button type="button" class="btn btn-xs btn-default">${__("Continue")}</button></div>`);
	listview.jm_coverage.find("button").on("click", () => go_on(listview, told.cursor));
	listview.jm_coverage.insertBefore(listview.$result);
}

function go_on(listview, cursor) {
	const button = listview.jm_coverage.find("button").prop("disabled", true);
	const { method, args } = listview.get_call_args();
	clearTimeout(listview.jm_timer);
	frappe
		.call({ method, args: { ...args, start: 0, cursor } })
		.then((r) => {
			const more = Array.isArray(r.message)
				? r.message
				: frappe.utils.dict(r.message?.keys, r.message?.values);
			listview.data = listview.data.concat(more || []).uniqBy((d) => d.name);
			listview.render();
			listview.toggle_result_area();
			show_coverage(listview, r.job_monitor);
		})
		.catch(() => button.prop("disabled", false));
}

function count_as_lower_bound(listview) {
	listview.get_count_str = () =>
		frappe
			.call({
				method: "frappe.desk.reportview.get_count",
				type: "GET",
				args: {
					doctype: listview.doctype,
					filters: listview.get_filters_for_args(),
					limit: listview.count_upper_bound,
				},
			})
			.then((r) => {
				const shown = listview.data.length;
				const counted = Math.max(r.message || 0, shown);
				const capped = listview.count_upper_bound && counted >= listview.count_upper_bound;
				const more = capped || r.job_monitor?.cursor ? "+" : "";
				listview.total_count = counted;
				const total = format_number(capped ? counted - 1 : counted, null, 0);
				return __("{0} of {1}", [format_number(shown, null, 0), total + more]);
			});
}
