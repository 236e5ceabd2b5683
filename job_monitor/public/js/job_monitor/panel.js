// The user's running tasks, on whatever page the user is: events of job_monitor.progress, and of any job that publishes
// `task_progress`, `task_complete` or `task_failed` itself.

import { ask_to_stop, get_tasks } from "./calls";
import { bar, escape, seconds, text } from "./show";

const EVENTS = { task_progress: "running", task_complete: "done", task_failed: "failed" };
const STORED = "job_monitor_tasks";
const DONE_SECONDS = 10;
const STALE_SECONDS = 600;
const POLL_SECONDS = 15;

const tasks = new Map();
let $panel;
let folded = false;

/** Begin to listen. Called once, when Desk has started. */
export function start() {
	mend_core();
	for (const [event, state] of Object.entries(EVENTS)) {
		frappe.realtime.on(event, (message) => take({ state, ...(message || {}) }));
	}
	JSON.parse(sessionStorage.getItem(STORED) || "[]").forEach((task) =>
		tasks.set(task.key, task)
	);
	catch_up();
	draw();
}

/** Frappe's own listener loses its `this`, and its error keeps all others from being called. */
function mend_core() {
	const { realtime } = frappe;
	realtime.socket?.off("task_progress");
	realtime.on("task_progress", (data) => {
		if (realtime.open_tasks?.[data?.task_id]) realtime.process_response(data, "progress");
	});
}

function catch_up() {
	if (frappe.session.user === "Guest") return;
	get_tasks().then((found) => found.forEach((task) => take({ ...task, found: true })));
}

function take(message) {
	// An event without ids is the only one of its kind that the user can have
	const key = message.task_id || message.title || "task";
	const before = tasks.get(key) || {};
	// That it is done is news only to a page that saw it run
	const is_old = message.state === "done" && !before.key;
	if (message.found && (is_old || before.state === message.state || before.closed)) return;
	tasks.set(key, { ...before, ...message, key, seen: Date.now(), closed: false });
	draw();
}

function shown() {
	const now = Date.now();
	for (const [key, task] of tasks) {
		const age = (now - task.seen) / 1000;
		const over = { done: DONE_SECONDS, running: STALE_SECONDS }[task.state];
		if (over && age > over) tasks.delete(key);
	}
	sessionStorage.setItem(STORED, JSON.stringify([...tasks.values()]));
	return [...tasks.values()].filter((task) => !task.closed);
}

function draw() {
	const list = shown();
	if (!list.length) {
		$panel?.remove();
		$panel = null;
		return;
	}
	$panel ??= make();
	const running = list.filter((task) => task.state === "running").length;
	$panel.toggleClass("jm-folded", folded);
	$panel.find(".jm-panel-title").text(running ? __("{0} running", [running]) : __("Tasks"));
	$panel.find(".jm-panel-fold").attr("aria-expanded", String(!folded));
	const $cards = $panel.find(".jm-panel-cards");
	const keys = list.map((task) => task.key);
	$cards.children().each((_n, card) => {
		if (!keys.includes($(card).data("key"))) card.remove();
	});
	list.forEach((task) => fill(card_of($cards, task), task));
	clearTimeout(draw.timer);
	clearTimeout(draw.done_timer);
	if (list.some((task) => task.state === "done")) draw.done_timer = setTimeout(draw, 1000);
	if (running && !frappe.realtime.socket?.connected) {
		draw.timer = setTimeout(() => !document.hidden && catch_up(), POLL_SECONDS * 1000);
	}
}

function make() {
	const $made = $(`<section class="jm-panel" aria-live="polite" aria-label="${__("Tasks")}">
		<button type="button" class="jm-panel-fold"><span class="jm-panel-title"></span>
			<span aria-hidden="true">▾</span></button>
		<div class="jm-panel-cards"></div></section>`).appendTo(document.body);
	$made.find(".jm-panel-fold").on("click", () => {
		folded = !folded;
		draw();
	});
	return $made;
}

function card_of($cards, task) {
	const found = $cards.children().filter((_n, card) => $(card).data("key") === task.key);
	if (found.length) return found;
	const $card = $(`<article class="jm-task">
		<header><b></b><span><button type="button" class="jm-task-stop btn btn-xs btn-default">${__(
			"Stop"
		)}</button>
			<button type="button" class="jm-task-close" aria-label="${__("Close")}">×</button></span></header>
		<div class="jm-task-bar"></div><footer></footer></article>`);
	$card.data("key", task.key).appendTo($cards);
	$card.find(".jm-task-close").on("click", () => {
		tasks.get(task.key).closed = true;
		draw();
	});
	$card.find(".jm-task-stop").on("click", (event) => {
		$(event.currentTarget).prop("disabled", true);
		ask_to_stop(tasks.get(task.key).job_id).then((outcome) =>
			frappe.show_alert(escape(outcome.message))
		);
	});
	return $card;
}

function fill($card, task) {
	const may_open = task.job_id && frappe.model.can_read("RQ Job");
	const title = text(task.title || __("Task"));
	const link = may_open && frappe.utils.get_form_link("RQ Job", task.job_id);
	$card.find("b").html(link ? `<a href="${escape(link)}">${title}</a>` : title);
	$card.attr("data-state", task.state);
	$card.find(".jm-task-stop").toggle(task.state === "running" && Boolean(task.job_id));
	const known = typeof task.progress === "number";
	const percent = task.state === "done" ? 100 : task.progress;
	$card.find(".jm-task-bar").html(known || task.state === "done" ? bar(percent) : "");
	$card.find("footer").text(words(task));
}

function words(task) {
	if (task.state !== "running")
		return task.message || { done: __("Done"), failed: __("Failed") }[task.state];
	const steps = task.total
		? __("{0} of {1}", [
				format_number(task.current, null, 0),
				format_number(task.total, null, 0),
		  ])
		: task.current && format_number(task.current, null, 0);
	const left = task.eta > 0 && __("{0} left", [seconds(task.eta)]);
	return [steps, left, task.description].filter(Boolean).join(" · ");
}
