frappe.ui.form.on("Job Alert Channel", {
	refresh(frm) {
		for (const field of ["url", "secret"]) frm.get_field(field).disable_password_checks?.();
		if (frm.is_new()) return;
		show_headline(frm);
		if (frm.perm[0].write) frm.add_custom_button(__("Send Test"), () => send_test(frm));
	},
});

function show_headline(frm) {
	const { headline, text } = frappe.job_monitor.show;
	const { status, last_error, failures_in_a_row, enabled } = frm.doc;
	const parts = enabled ? [] : [__("Disabled: no alert is sent here.")];
	if (status === "Failing") {
		parts.push(
			failures_in_a_row > 1
				? __("Failed {0} times in a row", [failures_in_a_row])
				: __("Failed")
		);
		parts.push(text(last_error));
	}
	headline(frm, parts, status === "Failing" ? "red" : "yellow");
}

async function send_test(frm) {
	if (frm.is_dirty()) await frm.save();
	frappe.dom.freeze(__("Sending…"));
	let outcome;
	try {
		outcome = await frappe.job_monitor.send_test(frm.doc.name);
	} finally {
		frappe.dom.unfreeze();
	}
	frm.reload_doc();
	const { text } = frappe.job_monitor.show;
	if (outcome.ok) {
		const message = __("Test sent: {0}", [text(outcome.detail)]);
		frappe.show_alert({ message, indicator: "green" }, 10);
	} else {
		const title = __("The test was not sent");
		frappe.msgprint({ title, message: text(outcome.error), indicator: "red" });
	}
}
