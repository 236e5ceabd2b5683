// Every endpoint of this app that Desk calls. No other file knows their paths.

const call = (method, args) => frappe.xcall(`job_monitor.api.${method}`, args);
const post = (method, args) =>
	frappe.call({ method: `job_monitor.api.${method}`, args, type: "POST" }).then((r) => r.message);

/** Depth by status, oldest waiting job and workers of every queue: `{ queues, pending, workers }`. */
export const get_queue_info = () => call("queues.get_queue_info");

/** Where one job is: `{ status, progress, wait, time_taken, … }`. */
export const get_job_status = (job_id) => call("jobs.get_job_status", { job_id });

/** Jobs of this site, newest first. `filters`: `{ queue, status, start, page_length }`. */
export const get_jobs = (filters = {}) => call("jobs.get_jobs", filters);

/** Act on a job; for managers. Each answers `{ done, status, message }`. */
export const stop = (job_id) => post("jobs.stop", { job_id });
export const retry = (job_id) => post("jobs.retry", { job_id });
export const remove = (job_id) => post("jobs.remove", { job_id });

/** Frappe's own: whether schedules run, and a switch for the Administrator. */
export const get_scheduler_status = () =>
	frappe.xcall("frappe.utils.scheduler.get_scheduler_status");
export const activate_scheduler = () => frappe.xcall("frappe.utils.scheduler.activate_scheduler");
