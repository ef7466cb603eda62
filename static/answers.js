// Answers to a lesson's questions: written down on this phone first, then sent, in order, each under the
// token of its attempt, for which the server counts it once. Without this the form posts as usual.
"use strict";
{
  const AGAIN = 60000; // ms between two tries while a page is open
  const PATIENCE = 60000; // ms that the server has for one answer
  const SHOWN = 30 * 24 * 3600 * 1000; // ms that sent answers stay in the list
  const who = document.querySelector("[data-member]").dataset.member;
  const form = document.querySelector("form[data-answers]");
  let trouble = ""; // why the last try sent nothing: network, server or sign-in
  let again = 0;
  const seen = new Set(); // what waited on this page stays in its list when it was sent
  // crypto.randomUUID is there in secure contexts only.
  const fresh = () => "10000000-1000-4000-8000-100000000000".replace(/[018]/g,
    (c) => (c ^ crypto.getRandomValues(new Uint8Array(1))[0] & 15 >> c / 4).toString(16));
  let token = fresh();
  const tabs = "BroadcastChannel" in window ? new BroadcastChannel("answers") : null;

  // The phone's own store. `work` asks it one thing; this resolves when that is on the disk.
  const opened = () => new Promise((resolve, reject) => {
    const asked = indexedDB.open("answers", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("answers", { keyPath: "number", autoIncrement: true });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
  async function stored(mode, work) {
    const base = await opened();
    try {
      return await new Promise((resolve, reject) => {
        const turn = base.transaction("answers", mode, { durability: "strict" });
        const asked = work(turn.objectStore("answers"));
        turn.oncomplete = () => resolve(asked.result);
        turn.onabort = () => reject(turn.error);
      });
    } finally {
      base.close();
      if (tabs && mode === "readwrite") tabs.postMessage("changed");
    }
  }
  const all = () => stored("readonly", (store) => store.getAll()).catch(() => []);
  const mine = (answer) => answer.member === who;
  const ofForm = (answer) => form && mine(answer) && answer.address === new URL(form.action).pathname
    && (answer.waiting || answer.turn === form.elements.turn.value && answer.version === form.elements.version.value);
  const stands = (answer) => ofForm(answer) && (answer.waiting || !answer.said.refused); // no other one is asked for
  // In one transaction, so that two tabs do not both write down an answer to the same questions.
  const writeDown = (answer) => stored("readwrite", (store) => {
    const asked = store.getAll();
    asked.onsuccess = () => { if (!asked.result.some(stands)) store.add(answer); };
    return asked;
  });
  async function tidy() {
    const old = (await all()).filter((one) => !one.waiting && (!mine(one) || Date.now() - one.at > SHOWN));
    for (const one of old) await stored("readwrite", (store) => store.delete(one.number));
  }

  // One attempt to the server: what it decided, or nothing where it may still decide.
  async function deliver(answer) {
    if (!navigator.onLine) {
      trouble = "network";
      return null;
    }
    const stop = new AbortController();
    const clock = setTimeout(() => stop.abort(), PATIENCE);
    const secret = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/);
    const headers = { Accept: "application/json", "X-CSRFToken": secret ? secret[1] : "" };
    const body = new URLSearchParams(answer.fields);
    try {
      const response = await fetch(answer.address, { method: "POST", body, headers, redirect: "error", signal: stop.signal });
      if ([200, 409, 422].includes(response.status)) return { refused: !response.ok, ...await response.json() };
      trouble = [401, 403].includes(response.status) ? "sign-in" : "server";
    } catch {
      trouble = "network";
    } finally {
      clearTimeout(clock);
    }
    return null;
  }
  async function sendAll() {
    trouble = "";
    for (const answer of (await all()).filter((one) => mine(one) && one.waiting)) {
      const said = await deliver(answer);
      if (!said) break; // in order
      await stored("readwrite", (store) => store.put({ ...answer, fields: [], waiting: false, said }));
    }
  }
  async function send() {
    if (navigator.locks) await navigator.locks.request("answers", sendAll); // one tab at a time
    else await sendAll();
    clearTimeout(again);
    if (trouble === "network" || trouble === "server") again = setTimeout(send, AGAIN);
    await show();
  }

  // What the member sees: beside the questions, and in the list of all their answers.
  const moment = (at) => new Date(at).toLocaleString("zh-CN", { month: "long", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false });
  function element(name, text, look) {
    const made = document.createElement(name);
    made.textContent = text;
    if (look) made.className = look;
    return made;
  }
  function wordsOf(answer) {
    if (!answer.waiting) return answer.said.message;
    if (trouble === "sign-in") return "需要重新登录才能发送，答案还在这台手机上。";
    if (trouble === "server") return "平台暂时收不到，答案还在这台手机上，会自动再发，不用重答。";
    return `答案已存在这台手机上，有网络时自动发送，不用重答。${answer.earns ? "学时记在送到平台的那一天，请在专题教育截止前联一次网。" : ""}`;
  }
  function state(answer) {
    const line = element("p", "");
    line.append(element("span", answer.waiting ? "待发送" : "已发送", answer.waiting ? "tag wait" : answer.said.refused ? "tag no" : "tag ok"),
      ` ${moment(answer.at)} 答题。`, wordsOf(answer));
    if (answer.waiting && trouble === "sign-in") {
      const link = element("a", "去登录", "tall");
      link.href = `/sign-in/?next=${encodeURIComponent(location.pathname)}`;
      line.append(" ", link);
    }
    return line;
  }
  async function show() {
    const answers = await all();
    const beside = document.querySelector("[data-answer-state]");
    const found = answers.filter(ofForm).pop();
    if (found) {
      form.hidden = stands(found);
      beside.replaceChildren(state(found));
    }
    const list = document.querySelector("[data-my-answers]");
    if (!list) return;
    const others = answers.filter((one) => !mine(one) && one.waiting).length;
    const wanted = (answer) => list.dataset.myAnswers !== "waiting" || answer.waiting || seen.has(answer.number);
    const items = answers.filter(mine).filter(wanted).reverse().map((answer) => {
      seen.add(answer.number);
      const item = document.createElement("li");
      const link = element("a", answer.title);
      link.href = answer.page;
      item.append(link, state(answer));
      return item;
    });
    list.querySelector("ul").replaceChildren(...items);
    const note = list.querySelector("[data-others]");
    note.textContent = others ? `这台手机上还有别的同志的 ${others} 份答题待发送，本人在这台手机上登录后自动发送。` : "";
    note.hidden = !others;
    list.hidden = !items.length && !others;
  }
  async function handIn(event) {
    event.preventDefault();
    const beside = document.querySelector("[data-answer-state]");
    const open = [...form.querySelectorAll("fieldset")].findIndex((one) => !one.querySelector(":checked"));
    if (open >= 0) { // boxes to tick have no `required`
      beside.replaceChildren(element("p", `第 ${open + 1} 题还没有作答，请选好后再提交。`, "note bad"));
      beside.scrollIntoView({ block: "center" });
      return;
    }
    const button = form.querySelector("button:not([type=button])");
    button.disabled = true;
    form.elements.token.value = token;
    const fields = [...new FormData(form)].filter(([name]) => name !== "csrfmiddlewaretoken").concat([["reader", who]]);
    const answer = {
      member: who, address: new URL(form.action).pathname, page: location.pathname, title: form.dataset.title,
      earns: "earns" in form.dataset, version: form.elements.version.value, turn: form.elements.turn.value, at: Date.now(), waiting: true, fields,
    };
    let said = null;
    try {
      await writeDown(answer);
      await show();
      await send();
      const found = (await all()).filter(ofForm).pop();
      said = found && !found.waiting ? found.said : null;
    } catch { // private browsing, or no room: there is only this page
      said = await deliver(answer);
      if (!said) beside.replaceChildren(element("p",
        "没有发出去，这台手机也存不下答案（空间已满或无痕浏览）。答案还在这一页上：不要关掉，有网络时再点“提交”。", "note bad"));
    }
    button.disabled = false;
    if (!said) return;
    token = fresh();
    if (said.refused) return;
    history.replaceState(null, "", said.address); // this page, at what it says of the result
    location.reload();
  }

  if (tabs) tabs.onmessage = show;
  if (form) form.addEventListener("submit", handIn);
  window.addEventListener("online", send);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) send(); });
  tidy().then(show).then(send);
}
