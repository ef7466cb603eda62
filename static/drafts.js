// A reflection is kept on this device while it is written, and saved on the server every few seconds;
// what could not be sent waits here. Without this, the button "save" does it.
"use strict";
const NAMES = ["title", "about", "text"];
const placeOf = (owner, key) => ["draft", owner, key].join("|");
function readDraft(place) {
  try { return JSON.parse(localStorage.getItem(place)); } catch { return null; }
}
function keepDraft(place, draft) {
  try { localStorage.setItem(place, JSON.stringify(draft)); return true; } catch { return false; }
}
function forgetDraft(place) {
  try { localStorage.removeItem(place); } catch { /* there is none, then */ }
}

function writeOn(form) {
  const place = placeOf(form.dataset.owner, form.dataset.draft);
  const state = form.querySelector("[data-state]");
  const box = form.querySelector("[data-other]");
  let timer = 0;
  let sending = false;
  let other = null; // what waits for a choice
  let sent = null; // what was sent last: it may stand on the server though no answer came
  const tell = (text) => { if (state.textContent !== text) state.textContent = text; };
  const consent = () => form.elements.consent.checked;
  const written = () => ({ ...Object.fromEntries(NAMES.map((name) => [name, form.elements[name].value])), consent: consent() });
  const same = (one, two) => one.consent === two.consent && NAMES.every((name) => one[name].trimEnd() === two[name].trimEnd());
  function fill(draft) {
    const choice = form.elements.about;
    const offered = [...choice.options].some((option) => option.value === draft.about);
    if (!offered) choice.add(new Option("另一份里所选的", draft.about));
    for (const name of NAMES) form.elements[name].value = draft[name];
    form.elements.consent.checked = draft.consent;
  }
  function keep() {
    return keepDraft(place, { ...written(), version: form.elements.version.value, sent });
  }
  function soon(delay) {
    clearTimeout(timer);
    timer = setTimeout(save, delay);
  }
  function ask(draft, what) {
    other = draft;
    box.hidden = false;
    box.querySelector("[data-other-what]").textContent = what;
    box.querySelector("[data-other-title]").textContent = draft.title || "无题";
    box.querySelector("[data-other-text]").textContent = draft.text;
    tell("两份都还在，选用一份后继续保存。");
  }
  function waits(text, retry) {
    keep();
    tell(text);
    if (retry) soon(10000);
  }
  async function save() {
    clearTimeout(timer);
    if (other) return;
    if (sending) { soon(1000); return; }
    if (!navigator.onLine) { waits("只存在本机，联网后再存", true); return; }
    sending = true;
    sent = written();
    keep();
    try {
      const body = new FormData(form);
      const response = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" }, redirect: "manual" });
      if (response.type === "opaqueredirect" || response.status === 403) {
        waits("登录已过期：文字存在本机，重新登录后打开这一页再存", false);
        return;
      }
      const told = await response.json();
      if (response.ok) {
        form.elements.version.value = told.version;
        if (same(sent, written())) { forgetDraft(place); tell(`已保存 ${told.saved}`); } else { keep(); soon(1000); }
      } else if (response.status === 409) {
        keep();
        ask(told, `另一台设备上 ${told.saved} 保存的：`);
      } else {
        waits(`没有保存到平台：${told.message}`, false);
      }
    } catch {
      waits("只存在本机，联网后再存", true);
    } finally {
      sending = false;
    }
  }
  function begin() {
    const kept = readDraft(place);
    const early = ["title", "text"].some((name) => form.elements[name].value !== form.elements[name].defaultValue);
    if (early && !kept) { keep(); soon(2000); } // written before this script had come
    if (early || !kept) return;
    if (same(kept, written())) {
      if (!("sentBack" in form.dataset)) forgetDraft(place);
    } else if (kept.version === form.elements.version.value || (kept.sent && same(kept.sent, written()))) {
      fill(kept);
      tell("只存在本机，联网后再存");
      soon(500);
    } else {
      ask({ ...kept, version: form.elements.version.value }, "这台设备上没有来得及保存的：");
    }
  }
  form.addEventListener("input", () => {
    tell(keep() ? "正在写……" : "这台设备存不下草稿，请勤点“保存”。");
    soon(2000);
  });
  form.querySelector("[data-use-form]").addEventListener("click", () => {
    form.elements.version.value = other.version;
    other = null;
    box.hidden = true;
    keep();
    save();
  });
  form.querySelector("[data-use-other]").addEventListener("click", () => {
    fill(other);
    form.elements.version.value = other.version;
    other = null;
    box.hidden = true;
    keep();
    save();
  });
  form.addEventListener("submit", (event) => { // not while a saving is under way, which it would contradict
    clearTimeout(timer);
    if (!sending) return;
    event.preventDefault();
    event.stopPropagation();
    setTimeout(() => form.requestSubmit(event.submitter), 300);
  });
  window.addEventListener("online", save);
  begin();
}

// What waits on this device for this member, and is to be opened to be saved.
function listWaiting(box) {
  const start = placeOf(box.dataset.local, "");
  let keys = [];
  try { keys = Object.keys(localStorage).filter((name) => name.startsWith(start)); } catch { /* none */ }
  for (const name of keys) {
    const link = document.createElement("a");
    link.className = "tall";
    link.href = box.dataset.write.replace("KEY", encodeURIComponent(name.slice(start.length)));
    link.textContent = (readDraft(name) || {}).title || "无题";
    box.querySelector("ul").appendChild(document.createElement("li")).appendChild(link);
  }
  box.hidden = !keys.length;
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("form[data-draft]").forEach(writeOn);
  document.querySelectorAll("[data-local]").forEach(listWaiting);
  document.querySelectorAll("[data-handed-in]").forEach((head) => forgetDraft(placeOf(head.dataset.owner, head.dataset.handedIn)));
});
document.addEventListener("submit", (event) => { // after app.js, which asks before
  const { discard, owner } = event.target.dataset;
  if (discard && !event.defaultPrevented) forgetDraft(placeOf(owner, discard));
});
