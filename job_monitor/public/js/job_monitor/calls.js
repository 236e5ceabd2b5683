// Every endpoint that this app's scripts call. No other file knows their paths.

const call = (method, args) => frappe.xcall(`job_monitor.api.${method}`, args);
const post = (method, args) =>
	frappe
		.call({ method: `job_monitor.api.${method}`, args, type: "POST" })
		.then((r) => r.message);

/** Depth by status, oldest waiting job and workers of every queue: `{ queues, pending, workers }`. */
export const get_queue_info = () => call("queues.get_queue_info");

/** Where one job is: `{ status, progress, wait, time_taken, … }`. */
export const get_job_status = (job_id) => call("jobs.get_job_status", { job_id });

/** Jobs of this site, newest first. `filters`: `{ queue, status, start, page_length }`. */
export const get_jobs = (filters = {}) => call("jobs.get_jobs", filters);

/** Act on a job; for managers. Each answers `{ done, status, message }`. */
export const stop = (job_id) => post("jobs.stop", { job_id });
export const retry = (job_id) => post("jobs.retry", { job_id });
export const cancel = (job_id) => post("jobs.cancel", { job_id });
export const remove = (job_id) => post("jobs.remove", { job_id });

/** What the process of a running job, or of a worker, does right now: `{ text, pid, by }` or `{ text: "", problem }`. */
export const get_stack = (job_id) => post("jobs.get_stack", { job_id });
export const get_worker_stack = (worker) => post("workers.get_stack", { worker });

/** The user's tasks; a state of one's own for the panel (progress 100 ends it); ask a job to stop by itself. */
export const get_tasks = () => call("progress.get_tasks");
export const publish_progress = (progress, title, description = "", task_id = "") =>
	post("progress.publish_progress", { progress, title, description, task_id });
export const ask_to_stop = (job_id) => post("progress.ask_to_stop", { job_id });

/** Make Job Failure Groups `Open`, `Resolved` or `Ignored`; for managers: `{ done, skipped, message }`. */
export const set_failure_state = (names, state) => post("failures.set_state", { names, state });

/** The bench's logs, and entries of one: `{ records: [{ key, at, level, text }], older, newer, note }`; for managers. */
export const get_log_files = () => call("logs.get_files");
export const read_log = (filters) => call("logs.read", filters);

/** How schedules are, the worst first: `[{ name, state, label, message, hint, next_due_at, missed_runs, blocked_by, … }]`. */
export const get_schedule_health = (names) => call("schedules.get_health", { names });

/** Delete the dead job that blocks a schedule; for managers: `{ done, status, message }`. */
export const release_schedule = (schedule) => post("schedules.release", { schedule });

/** A message on an alert channel that says it is a test; for managers: `{ ok, detail, error }`. */
export const send_test = (channel) => post("alerts.send_test", { channel });

/** Alerts: how many fire and when the rules were last looked at:
 * `{ firing: { Critical, Warning }, at, by, late, unconfirmed }`. */
export const get_alert_status = () => call("alerts.get_status");

/** Acknowledge an alert; mute it until then; evaluate all rules now. For managers. */
export const acknowledge = (alert) => post("alerts.acknowledge", { alert });
export const mute = (alert, until = "") => post("alerts.mute", { alert, until });
export const evaluate_alerts = () => post("alerts.evaluate");

/** Confirm that this site, restored or copied, is the live one: people are notified again. For managers. */
export const confirm_live_site = () => post("alerts.confirm_live_site");

/** What a rule sees now, without notifications: `{ seen: [{ subject, title, text, value }], problem }`. */
export const try_rule = (rule) => post("alerts.try_rule", { rule });

/** What rules can look for, by kind. */
export const get_rule_kinds = () => call("alerts.get_kinds");

/** Some fields of one document as they are now, `undefined` if it is gone. */
export const peek = (doctype, name, fields) =>
	frappe
		.call({
			method: "frappe.desk.reportview.get_list",
			args: { doctype, fields, filters: [[doctype, "name", "=", name]], limit: 1 },
			silent: true,
		})
		.then((r) => r.message?.[0]);

/** Frappe's own count of a list: the whole answer, which may say that the search was not complete. */
export const get_count = (doctype, filters, limit) =>
	frappe.call({
		method: "frappe.desk.reportview.get_count",
		type: "GET",
		args: { doctype, filters, limit },
		silent: true,
	});

/** Whether the site's schedules are started: `{ state, label, detail }`. */
export const get_scheduler = () =>
	frappe
		.call({ method: "job_monitor.api.schedules.get_scheduler", silent: true })
		.then((r) => r.message);

/** Frappe's own switch of the scheduler, for the Administrator. */
export const activate_scheduler = () => frappe.xcall("frappe.utils.scheduler.activate_scheduler");
