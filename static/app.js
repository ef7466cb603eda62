// The little that pages do beyond links and forms. Every page works without it.
"use strict";
document.documentElement.classList.add("js");

// Roll call: a tap turns a mark to the next one; sums follow. The select is what is sent.
const CYCLE = ["present", "late", "left_early", "leave:unstated", "absent"];
function paint(mark) {
  const select = mark.querySelector("select");
  const status = select.value.split(":")[0];
  mark.className = "mark " + status;
  const word = mark.querySelector(".word");
  word.textContent = status === "leave" ? "请假" : select.selectedOptions[0].textContent;
  mark.querySelector(".tap").setAttribute("aria-label", mark.dataset.name + "：" + select.selectedOptions[0].textContent);
}
function addUp(form) {
  const sums = { due: 0, there: 0, leave: 0, absent: 0, not_yet: 0 };
  form.querySelectorAll(".mark[data-own=yes]").forEach((mark) => {
    const status = mark.querySelector("select").value.split(":")[0];
    if (status === "observer") return;
    sums.due += 1;
    sums[["present", "late", "left_early"].includes(status) ? "there" : status] += 1;
  });
  for (const [name, value] of Object.entries(sums)) {
    const place = form.querySelector(`[data-sum="${name}"]`);
    if (place) { place.textContent = value; if (name === "not_yet") place.parentElement.hidden = !value; }
  }
  const rate = form.querySelector('[data-sum="rate"]');
  const share = sums.there < sums.due ? Math.min(sums.there / sums.due * 100, 99.9) : 100;
  if (rate) rate.textContent = sums.due ? share.toFixed(1) + "%" : "—";
}
document.addEventListener("click", (event) => {
  const tap = event.target.closest(".mark .tap");
  if (!tap) return;
  const mark = tap.closest(".mark");
  const select = mark.querySelector("select");
  const now = select.value.startsWith("leave") ? "leave:unstated" : select.value;
  const has = (value) => [...select.options].some((option) => option.value === value);
  const turns = [...["not_yet", "observer"].filter(has), ...CYCLE]; // back to where it came from
  select.value = turns[(turns.indexOf(now) + 1) % turns.length];
  paint(mark);
  addUp(mark.closest("form"));
});
document.addEventListener("change", (event) => {
  const mark = event.target.closest(".mark");
  if (mark && event.target.matches("select")) { paint(mark); addUp(mark.closest("form")); }
  if (event.target.matches("[data-all]")) {
    document.querySelectorAll(event.target.dataset.all).forEach((box) => { box.checked = event.target.checked; });
    countChosen();
  }
  if (event.target.matches("[data-chosen]")) countChosen();
  if (event.target.matches("[data-go]") && event.target.value) window.location.href = event.target.value;
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

// An opened group of the menu closes when something else is tapped, or by Escape.
function closeMenu(event) {
  if (event.type === "keydown" && event.key !== "Escape") return;
  document.querySelectorAll(".nav-more[open]").forEach((group) => {
    if (event.type === "keydown" || !group.contains(event.target)) group.open = false;
  });
}
document.addEventListener("click", closeMenu);
document.addEventListener("keydown", closeMenu);

// Bulk actions say how many rows they will touch: exactly those on the screen that are ticked.
function countChosen() {
  const count = document.querySelectorAll("[data-chosen]:checked").length;
  document.querySelectorAll("[data-count]").forEach((place) => { place.textContent = count; });
}

// A scanned code: the page posts its proof by itself (one button without JavaScript).
function postProof() {
  const form = document.querySelector("form[data-post]");
  if (form) form.requestSubmit();
}

// A slip's QR carries number and code behind the #, which no server sees or logs.
function fillSlip() {
  const form = document.querySelector("form[data-slip]");
  if (!form || !location.hash) return;
  const [number, code] = location.hash.slice(1).split(".");
  form.elements.number.value = number || "";
  form.elements.code.value = code || "";
  history.replaceState(null, "", location.pathname);
}

// Forms are sent once: a second tap on a slow connection does nothing.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || form.hasAttribute("hx-post")) return;
  if (form.dataset.sent) { event.preventDefault(); return; }
  const question = event.submitter && event.submitter.dataset.confirm;
  if (question && !window.confirm(question)) { event.preventDefault(); return; }
  form.dataset.sent = "1";
  if (event.submitter) event.submitter.classList.add("busy");
  setTimeout(() => rest(form), 8000);
});
function rest(form) {
  delete form.dataset.sent;
  form.querySelectorAll(".busy").forEach((button) => button.classList.remove("busy"));
}
window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(rest));

// On a phone a table of records folds into blocks: each cell then says its column by itself.
function labelCells() {
  document.querySelectorAll("table.fold").forEach((table) => {
    const names = [...table.querySelectorAll("thead th")].map((heading) => heading.textContent.trim());
    table.querySelectorAll("tbody tr").forEach((row) => {
      [...row.cells].forEach((cell, index) => { cell.dataset.label = names[index] || ""; });
    });
  });
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("form[data-roll]").forEach((form) => {
    form.querySelectorAll(".mark").forEach(paint);
    addUp(form);
  });
  document.querySelectorAll("[data-print]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  });
  const here = document.querySelector(".nav-bar [aria-current]");
  if (here) here.parentElement.scrollLeft = here.offsetLeft - here.parentElement.clientWidth / 2 + here.offsetWidth / 2;
  labelCells();
  fillSlip();
  postProof();
  countChosen();
});
