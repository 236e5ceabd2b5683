// A browser on a Desk, and checks that are counted.
//
// Environment: SITE_URL, PASSWORD (of Administrator), CHROMIUM, NODE_MODULES (folder with playwright-core in it);
// BENCH and SITE where a test writes what it looks at.

import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const require = createRequire(`${process.env.NODE_MODULES || process.cwd()}/`);
const { chromium } = require("playwright-core");

export const url = process.env.SITE_URL || "http://localhost:8000";
const pictures = process.env.PICTURES;
if (pictures) mkdirSync(pictures, { recursive: true });
const problems = [];

export function check(what, ok, detail = "") {
	console.log(`${ok ? "ok  " : "FAIL"} ${what}${ok ? "" : `: ${detail}`}`);
	if (!ok) problems.push(what);
}

export const browser = await chromium.launch({
	executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
	args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
});

/** Runs a Python script of this folder within a site of BENCH, and returns what it prints. */
export function stage(script, ...words) {
	const options = { cwd: `${process.env.BENCH}/sites`, stdio: ["ignore", "pipe", "ignore"] };
	const path = fileURLToPath(new URL(script, import.meta.url));
	return String(execFileSync("../env/bin/python", [path, process.env.SITE, ...words], options));
}

/** A user's Desk: `{ page, errors, requests, root, open, settle, picture }`. `root`: address of Desk. */
export async function desk(user, password, viewport = { width: 1400, height: 900 }) {
	const context = await browser.newContext({ viewport });
	const form = { usr: user, pwd: password };
	const login = await context.request.post(`${url}/api/method/login`, { form });
	check(`login of ${user}`, login.ok(), login.status());
	const is_16 = (await context.request.get(`${url}/desk`, { maxRedirects: 0 })).ok(); // 15 has /app
	const root = `${url}/${is_16 ? "desk" : "app"}`;
	const page = await context.newPage();
	const errors = [];
	const requests = [];
	page.on("pageerror", (error) => errors.push(error.message));
	page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
	page.on("request", (request) => requests.push(decodeURIComponent(request.url())));

	async function settle() {
		await page.waitForFunction(
			() => window.frappe?.boot && frappe.get_route?.()?.length && !frappe.request.ajax_count
		);
		await page.waitForTimeout(1200);
	}
	async function open(path) {
		await page.goto(`${root}/${path}`, { waitUntil: "load" });
		await settle();
	}
	async function picture(name) {
		if (pictures) await page.screenshot({ path: `${pictures}/${name}.png` });
	}
	return { page, errors, requests, root, open, settle, picture };
}

export async function finish(...errors) {
	check("no error on the console", errors.length === 0, errors.join(" | ").slice(0, 600));
	await browser.close();
	process.exit(problems.length ? 1 : 0);
}
