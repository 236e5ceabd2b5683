// Text that comes from jobs is data: every place shows it to the letter, and none as HTML.

const TEXTS = ["Data", "Small Text", "Text", "Long Text", "Read Only"];

export const escape = (value) => frappe.utils.escape_html(String(value ?? ""));

/** HTML that shows a text to the letter; marks in it that turn the direction end with it. */
export const text = (value) => `<bdi class="jm-data">${escape(value)}</bdi>`;

/** A link to a document, as HTML. */
export function link(doctype, name, label, title) {
	const href = escape(frappe.utils.get_form_link(doctype, name));
	return `<a class="ellipsis" href="${href}" title="${escape(title)}">${text(label)}</a>`;
}

/** A list's cell that filters the list by its value when it is clicked, as Desk's own do. */
export function filterable(value, df) {
	const shown = choice(value, df);
	return `<a class="filterable ellipsis" data-filter="${escape(`${df.fieldname},=,${value}`)}"
		title="${escape(`${__(df.label, null, df.parent)}: ${shown}`)}">${text(shown)}</a>`;
}

/** One of a Select's options in the user's language; names of queues and other values as they are. */
const choice = (value, df) =>
	df.fieldtype === "Select" && df.fieldname !== "queue" ? __(value, null, df.parent) : value;

/**
 * Forms, report views, grids and prints of a DocType show its texts to the letter. Call it before Desk builds its first
 * list or form: in the list script, which comes with the DocType.
 */
export function to_the_letter(doctype) {
	if (!doctypes.size) mend_breadcrumbs();
	doctypes.add(doctype);
	for (const df of frappe.get_meta(doctype).fields) {
		if (TEXTS.includes(df.fieldtype)) df.formatter = field_text;
		if (df.fieldtype === "Select")
			df.formatter = (...args) => text(choice(raw(...args) || "", df));
		if (df.fieldtype === "Link") df.formatter = field_link;
	}
}

const doctypes = new Set();

/** Desk makes HTML of a document's title (16) or name (15) above its form, and runs scripts in it. */
function mend_breadcrumbs() {
	const { breadcrumbs } = frappe;
	const { set_form_breadcrumb } = breadcrumbs;
	breadcrumbs.set_form_breadcrumb = function (crumb, view) {
		if (!doctypes.has(crumb.doctype)) return set_form_breadcrumb.call(this, crumb, view);
		const name = frappe.get_route().slice(2).join("/");
		const doc = frappe.get_doc(crumb.doctype, name);
		const append = (route, label, has_title) => {
			const title = has_title && doc?.[frappe.get_meta(crumb.doctype).title_field];
			this.append_breadcrumb_element(route, text(title || name), has_title);
			// 15 shows the markup itself, where 16 makes HTML of it
			this.$breadcrumbs
				.find("li a")
				.last()
				.html(text(title || name));
		};
		const as_text = Object.create(this, { append_breadcrumb_element: { value: append } });
		if (doc && !doc.__islocal) set_form_breadcrumb.call(as_text, crumb, view);
		else set_form_breadcrumb.call(this, crumb, view);
	};
}

// A form passes some values escaped: it is the one place that says `no_icon`
const raw = (value, df, options, doc) => (options?.no_icon && doc ? doc[df.fieldname] : value);

function field_text(...args) {
	const value = raw(...args);
	return value === null || value === undefined || value === "" ? "" : text(value);
}

function field_link(...args) {
	const value = raw(...args);
	const { options: doctype } = args[1];
	if (!value) return "";
	const title = frappe.utils.get_link_title(doctype, value) || value; // 16 names schedules by random letters
	return frappe.model.can_read(doctype) ? link(doctype, value, title, title) : text(title);
}

/** The same for what a list shows that has no `formatters` of its own. Call it once, in the list's `onload`. */
export function list_to_the_letter(listview) {
	const formatters = (listview.settings.formatters ??= {});
	for (const df of listview.meta.fields) {
		const is_text = [...TEXTS, "Link", "Select"].includes(df.fieldtype);
		// A list's subject is set as text by Desk itself
		if (is_text && df.fieldname !== listview.meta.title_field)
			formatters[df.fieldname] ??= (value) => (value ? filterable(value, df) : "");
	}
	const group_by = listview.list_sidebar?.list_group_by;
	if (group_by) groups_to_the_letter(group_by);
}

/** Frappe 15's "Filter By" makes HTML of the values it offers. */
function groups_to_the_letter(group_by) {
	const { get_dropdown_html } = group_by;
	group_by.get_dropdown_html = (field, ...more) =>
		get_dropdown_html.call(
			group_by,
			typeof field.name === "string" ? { ...field, name: escape(field.name) } : field,
			...more
		);
}

/** A cell of a query report: texts to the letter, other values as Desk shows them. */
export function report_cell(value, row, column, data, formatter) {
	const is_text = !column.fieldtype || TEXTS.includes(column.fieldtype);
	return is_text && typeof value === "string"
		? text(value)
		: formatter(value, row, column, data);
}

/** Title of a form's page and of its tab. */
export function page_title(frm, value) {
	const $crumb = frm.page.$title_area.find(".title-text-form"); // 16, where `set_title` writes over the list's crumb
	if (!$crumb.length) frm.page.set_title(escape(value), null, false);
	const $title = $crumb.length ? $crumb : frm.page.$title_area.find(".title-text");
	$title.html(text(value)).attr("title", value);
	frappe.utils.set_title(value);
}
