// Lists and forms that stay fresh: the next look is planned when the last answer has come, never before.

import { peek } from "./calls";

const SECONDS = 5;
const SHARE = 10; // looks take at most a tenth of the time
const SECONDS_WITHOUT_ANSWER = 30;
const IN_USE = ".modal.show, .popover.show, .dropdown-menu.show, .datepicker.active";

const waiting = new Map(); // view -> its next look, for when the tab is shown again

document.addEventListener("visibilitychange", () => {
	if (document.hidden) return;
	const looks = [...waiting.values()];
	waiting.clear();
	looks.forEach((look) => look());
});

function plan(view, seconds, look) {
	clearTimeout(view.jm_timer);
	waiting.delete(view);
	view.jm_timer = setTimeout(
		() => (document.hidden ? waiting.set(view, look) : look()),
		seconds * 1000
	);
}

const pause = (asked_at) => Math.max(SECONDS, (SHARE * (Date.now() - asked_at)) / 1000);

/** Make a list ready for `list`. Call it once, in the list's `onload`. */
export function attach(listview) {
	const freeze = listview.freeze.bind(listview);
	listview.freeze = (starts) => {
		if (starts) listview.jm_asked_at = Date.now();
		if (!listview.jm_quiet) freeze(starts);
	};
}

/**
 * Keep a list fresh. Call it in the list's `refresh`, which Desk calls after each answer.
 * Stops when the tab is hidden or the list is left; goes on when it is shown again.
 */
export function list(listview) {
	if (listview.view_name !== "List") return;
	focus(listview, listview.jm_focused);
	listview.jm_quiet = false;
	listview.jm_focused = null;
	if (listview.list_view_settings?.disable_auto_refresh) return clearTimeout(listview.jm_timer);
	plan(listview, pause(listview.jm_asked_at), () => look(listview));
}

function look(listview) {
	if (cur_list !== listview || !$(listview.parent).is(":visible")) return; // showing it refreshes it
	// Whatever comes of this look, there is a next one: an error does not call `list`
	plan(listview, in_use(listview) ? SECONDS : SECONDS_WITHOUT_ANSWER, () => look(listview));
	if (in_use(listview)) return;
	listview.jm_quiet = true;
	listview.jm_focused = focused(listview);
	listview.refresh();
}

function in_use(listview) {
	return (
		listview.jm_continued ||
		listview.$result.find(".list-row-checkbox:checked").length > 0 ||
		!window.getSelection().isCollapsed ||
		$(IN_USE).length > 0
	);
}

function focused(listview) {
	const row = $(document.activeElement).closest(".list-row-container", listview.$result[0]);
	return row.find(".list-subject [data-name]").attr("data-name");
}

function focus(listview, name) {
	if (!name) return;
	const links = listview.$result.find(".list-subject a[data-name]");
	links
		.filter((_index, link) => link.dataset.name === name)
		.closest(".list-row-container")
		.trigger("focus");
}

/**
 * Keep a form fresh while `goes_on(doc)` says so. Call it in the form's `refresh`.
 * Only `fields` are asked for and drawn anew, then `update(frm)` is called; another status reloads the form.
 */
export function form(frm, { goes_on, fields, update }, asked_at = Date.now()) {
	clearTimeout(frm.jm_timer);
	waiting.delete(frm);
	const { doctype, name } = frm.doc;
	const is_shown = () =>
		cur_frm === frm && frm.doc.name === name && $(frm.page.wrapper).is(":visible");

	async function look() {
		if (!is_shown()) return; // showing it refreshes it
		plan(frm, $(IN_USE).length ? SECONDS : SECONDS_WITHOUT_ANSWER, look);
		if ($(IN_USE).length) return;
		const asked_at = Date.now();
		const now = await peek(doctype, name, ["name", "status", ...fields]).catch(() => null);
		if (now === null || !is_shown()) return;
		if (!now) return gone(frm);
		if (now.status !== frm.doc.status) return frm.reload_doc();
		Object.assign(frm.doc, now);
		fields.forEach((fieldname) => frm.refresh_field(fieldname));
		update(frm);
		form(frm, { goes_on, fields, update }, asked_at);
	}

	if (goes_on(frm.doc)) plan(frm, pause(asked_at), look);
}

function gone(frm) {
	clearTimeout(frm.jm_timer);
	frm.clear_custom_buttons();
	frm.dashboard.clear_headline();
	frm.dashboard.set_headline(__("It is gone. This is what was last known."), "orange");
}
