// Keeping book bags and lessons on this device, and saying which are kept. Without this they are read online.
"use strict";
const MOST = 30; // opened lessons are kept by themselves, the newest ones
const keptOf = (name) => { const [kind, slug, version, ...title] = name.split("|"); return { name, kind, slug, version, title: title.join("|") }; };
const nameOf = ({ kind, slug, version, title }) => [kind, slug, version, title].join("|");
const pageOf = { bag: (slug) => `/bags/${slug}/offline/`, lesson: (slug) => `/lessons/${slug}/` };
const canKeep = "serviceWorker" in navigator && "caches" in window;
async function kept(kind) { // the oldest first
  return (await caches.keys()).map(keptOf).filter((one) => one.kind === kind);
}
async function forget({ kind, slug }, except) {
  for (const one of await kept(kind)) if (one.slug === slug && one.name !== except) await caches.delete(one.name);
}
// A page of its own for the network, none from the sign-in page: what cannot be had is not kept at all.
async function keep(box, tell) {
  const { urls, copy } = box.dataset;
  const name = nameOf(box.dataset);
  const wanted = urls.trim().split(/\s+/);
  try {
    await navigator.serviceWorker.register("/service-worker.js", { updateViaCache: "none" });
    const cache = await caches.open(name);
    for (const [index, url] of wanted.entries()) {
      const from = copy && url === location.pathname ? copy : url; // this page, without what is the reader's
      const response = await fetch(from, { redirect: "error", cache: url.startsWith("/static/") ? "default" : "no-cache" });
      if (!response.ok) throw new Error(url);
      await cache.put(url, response);
      tell(`正在保存 ${index + 1}/${wanted.length}……`);
    }
    await navigator.serviceWorker.ready;
    await forget(box.dataset, name);
  } catch {
    await caches.delete(name);
    return false;
  }
  return true;
}
// The text's pictures, and over Wi-Fi the transcripts; the text is kept without what does not come.
async function keepBesides(box) {
  const { pictures, words } = box.dataset, name = nameOf(box.dataset), link = navigator.connection;
  const wanted = ["wifi", "ethernet"].includes(link?.type) ? [pictures, words] : [pictures];
  if (link?.saveData || !await caches.has(name)) return;
  const cache = await caches.open(name);
  for (const url of wanted.filter(Boolean).join(" ").split(" ").filter(Boolean)) {
    if (await cache.match(url)) continue;
    const response = await fetch(url, { redirect: "error" }).catch(() => null);
    if (response?.ok) await cache.put(url, response);
  }
}
async function showState(box, failed) {
  const copies = (await kept(box.dataset.kind)).filter((one) => one.slug === box.dataset.slug);
  const current = copies.some((one) => one.version === box.dataset.version);
  const button = box.querySelector("[data-keep]");
  box.querySelector("[data-state]").textContent = failed ? "没有保存成功，请在网络好的时候再试。"
    : current ? "已保存在这台设备，没有网络也能读。"
    : copies.length ? "这台设备上保存的是旧的内容，已有更新。" : "还没有保存在这台设备。";
  button.hidden = current;
  button.textContent = copies.length ? "更新" : "保存到这台设备";
  box.querySelector("[data-forget]").hidden = !copies.length || "auto" in box.dataset;
  return current;
}
async function offerToKeep(box) {
  const state = box.querySelector("[data-state]");
  if (!canKeep) {
    state.textContent = box.dataset.without;
    return;
  }
  const button = box.querySelector("[data-keep]");
  const keepNow = async () => {
    button.disabled = true;
    const done = await keep(box, (text) => { state.textContent = text; });
    button.disabled = false;
    showState(box, !done);
  };
  button.addEventListener("click", keepNow);
  box.querySelector("[data-forget]").addEventListener("click", async () => {
    await forget(box.dataset, "");
    showState(box, false);
  });
  const current = await showState(box, false);
  if (!("auto" in box.dataset)) return;
  if (!current) await keepNow();
  for (const one of (await kept(box.dataset.kind)).slice(0, -MOST)) await caches.delete(one.name);
  await keepBesides(box);
}
async function listKept(list) {
  const copies = await kept(list.dataset.kept);
  list.nextElementSibling.hidden = copies.length > 0;
  for (const { kind, slug, title } of copies) {
    const link = document.createElement("a");
    link.href = pageOf[kind](slug);
    link.textContent = title;
    list.appendChild(document.createElement("li")).appendChild(link);
  }
}
document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("[data-urls]").forEach(offerToKeep);
  if ("caches" in window) document.querySelectorAll("[data-kept]").forEach(listKept);
});
