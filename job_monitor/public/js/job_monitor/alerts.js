// What lists and forms of alerts and their rules share.

/** Indicator of an alert: `[label, color, filter]`. */
export function indicator({ state, severity, acknowledged_by }) {
	const colors = { Pending: "yellow", Resolved: "green" };
	const firing = acknowledged_by ? "blue" : severity === "Critical" ? "red" : "orange";
	const label = state === "Firing" ? (acknowledged_by ? "Acknowledged" : severity) : state;
	return [__(label), colors[state] || firing, `state,=,${state}`];
}

/** Ask for a moment to come, in the site's time zone. */
export function ask_until(then) {
	const later = (hours) => moment(frappe.datetime.system_datetime()).add(hours, "hours");
	const choices = { 1: __("1 hour"), 4: __("4 hours"), 24: __("1 day"), 168: __("1 week") };
	const other = __("Until…");
	const options = [...Object.values(choices), other];
	const dialog = new frappe.ui.Dialog({
		title: __("Mute"),
		fields: [
			{
				fieldname: "length",
				fieldtype: "Select",
				label: __("For"),
				options,
				default: options[0],
			},
			{
				fieldname: "until",
				fieldtype: "Datetime",
				label: __("Until"),
				depends_on: `eval:doc.length === "${other}"`,
			},
		],
		primary_action_label: __("Mute"),
		primary_action(values) {
			const hours = Object.keys(choices).find((key) => choices[key] === values.length);
			const until = hours ? later(hours).format("YYYY-MM-DD HH:mm:ss") : values.until;
			if (!until) return;
			dialog.hide();
			then(until);
		},
	});
	dialog.show();
}

/** Whether an alert, or a rule, is muted now. */
export const is_muted = (doc) =>
	Boolean(doc.muted_until && doc.muted_until > frappe.datetime.system_datetime());

/** Seconds for which an alert has gone on. */
export const lasts = (doc) =>
	(new Date(doc.resolved_at || frappe.datetime.system_datetime()) - new Date(doc.began_at)) /
	1000;
