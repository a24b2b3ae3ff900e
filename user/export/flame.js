// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// flame - zoom, search and details of a flame graph, inside the SVG
"use strict";
(() => {
const svg = document.currentScript.ownerSVGElement || document.documentElement;
const get = id => svg.querySelector("#" + id);
const width = +svg.getAttribute("data-width"), letter = 6.6, gap = 6;

const nodes = Array.from(svg.querySelectorAll("#flames > g"), group => {
	const rect = group.querySelector("rect"), title = group.querySelector("title").textContent;
	return {
		group, rect, title,
		text: group.querySelector("text"),
		name: title.split("\n")[0],
		x: +rect.getAttribute("x"), w: +rect.getAttribute("width"), y: +rect.getAttribute("y"),
	};
});

function fit(name, w) {
	const letters = Math.floor((w - gap) / letter), all = Array.from(name);

	if (letters < 3)
		return "";
	return all.length <= letters ? name : all.slice(0, letters - 1).join("") + "…";
}

function place(node, x, w) {
	node.group.style.display = "";
	node.rect.setAttribute("x", x.toFixed(2));
	node.rect.setAttribute("width", Math.max(w, 0.1).toFixed(2));
	const label = fit(node.name, w);

	if (!node.text && label) {
		node.text = document.createElementNS("http://www.w3.org/2000/svg", "text");
		node.text.setAttribute("y", node.y + 12);
		node.group.appendChild(node.text);
	}
	if (!node.text)
		return;
	node.text.setAttribute("x", (x + gap / 2).toFixed(2));
	node.text.textContent = label;
}

// Callers of what is shown take the whole width, what it calls its share, all else is hidden.
function zoom(to) {
	const slack = 0.01, scale = width / to.w;

	for (const node of nodes) {
		const holds = node.x <= to.x + slack && node.x + node.w >= to.x + to.w - slack;
		const inside = node.x >= to.x - slack && node.x + node.w <= to.x + to.w + slack;

		node.group.classList.toggle("above", node.y < to.y && holds);
		if (node.y < to.y && holds)
			place(node, 0, width);
		else if (node.y >= to.y && inside)
			place(node, (node.x - to.x) * scale, node.w * scale);
		else
			node.group.style.display = "none";
	}
	get("reset").style.display = to === nodes[0] ? "none" : "";
}

// How much of the whole width the nodes cover together
function covered(found) {
	let end = 0, sum = 0;

	for (const node of found.slice().sort((a, b) => a.x - b.x)) {
		const from = Math.max(node.x, end), to = node.x + node.w;

		if (to > from) {
			sum += to - from;
			end = to;
		}
	}
	return sum;
}

function search(words) {
	const wanted = words.toLowerCase();
	const found = nodes.filter(node => wanted && node.name.toLowerCase().includes(wanted));
	const hits = new Set(found);

	for (const node of nodes)
		node.group.classList.toggle("hit", hits.has(node));
	get("found").textContent = wanted ?
		(100 * covered(found) / width).toFixed(1) + " % in " + found.length + " frames" : "";
}

function node_of(event) {
	const group = event.target.closest("#flames > g");

	return group && nodes.find(node => node.group === group);
}

get("flames").addEventListener("click", event => {
	const node = node_of(event);

	if (node)
		zoom(node);
});
get("flames").addEventListener("mouseover", event => {
	const node = node_of(event);

	get("detail").textContent = node ? node.title.split("\n").join("   ") : "";
});
get("reset").addEventListener("click", () => zoom(nodes[0]));
get("search").addEventListener("input", event => search(event.target.value));
document.addEventListener("keydown", event => {
	if (event.key !== "Escape" || !nodes.length)
		return;
	get("search").value = "";
	search("");
	zoom(nodes[0]);
});
get("tools").style.display = "";
get("reset").style.display = "none";
})();
