// SPDX-License-Identifier: GPL-2.0
"use strict";
(() => {
	const list = document.getElementById("list");
	if (list) {
		const findings = [...list.children];
		const texts = new Map(findings.map((one) => [one, (
			one.querySelector("summary").textContent + " " +
			[...one.querySelectorAll(".command code, .signature, .sign > summary, ul")].map((part) => part.textContent).join(" ")
		).toLowerCase()]));
		const search = document.getElementById("search");
		const sort = document.getElementById("sort");
		const oracle = document.getElementById("oracle");
		const boxes = [...document.querySelectorAll("input[name=status]")];
		const shown = document.getElementById("shown");
		const by = {
			status: () => 0,
			often: (a, b) => b.dataset.often - a.dataset.often,
			scenario: (a, b) => a.dataset.scenario.localeCompare(b.dataset.scenario),
			oracle: (a, b) => a.dataset.oracle.localeCompare(b.dataset.oracle),
		};
		const arrange = () => {
			list.append(...findings.sort((a, b) =>
				by[sort.value](a, b) || a.dataset.order - b.dataset.order));
		};
		const filter = () => {
			const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
			const statuses = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
			let number = 0;
			for (const one of findings) {
				const text = texts.get(one);
				const fits = statuses.has(one.dataset.status) &&
					(!oracle.value || one.dataset.oracle.split("|").includes(oracle.value)) &&
					words.every((word) => text.includes(word));
				one.hidden = !fits;
				number += fits;
			}
			shown.textContent = number === findings.length ? "" :
				`${number} of ${findings.length} shown`;
		};
		sort.addEventListener("change", arrange);
		search.addEventListener("input", filter);
		oracle.addEventListener("change", filter);
		boxes.forEach((box) => box.addEventListener("change", filter));
		document.querySelector(".controls").addEventListener("submit", (event) => event.preventDefault());
		// A browser keeps what was typed when a page is loaded again.
		arrange();
		filter();
	}

	const copied = async (text, code) => {
		try {
			await navigator.clipboard.writeText(text);
			return true;
		} catch {
			// Not every browser lets a file do that: the old way.
			const range = document.createRange();
			range.selectNodeContents(code);
			getSelection().removeAllRanges();
			getSelection().addRange(range);
			return document.execCommand("copy");
		}
	};
	document.addEventListener("click", async (event) => {
		const button = event.target.closest(".copy");
		if (!button)
			return;
		const code = button.parentElement.querySelector("code");
		const done = await copied(code.textContent, code);
		button.textContent = done ? "copied" : "select it";
		setTimeout(() => { button.textContent = "copy"; }, 2000);
	});

	// Only where there is more than is seen: that depends on the window, and on what is open.
	const watcher = new ResizeObserver((entries) => {
		for (const { target } of entries)
			target.parentElement.querySelector(".hint").hidden = target.scrollWidth <= target.clientWidth;
	});
	document.querySelectorAll(".picture, .chart.wide, .scroll").forEach((one) => {
		if (one.parentElement.querySelector(".hint"))
			watcher.observe(one);
	});

	// On paper nothing can be opened.
	addEventListener("beforeprint", () => {
		document.querySelectorAll(".finding.new:not([hidden])").forEach((one) => { one.open = true; });
	});
})();
