// Keeping a book bag on this device, and saying which are kept. Without this the pages are read online.
"use strict";
const bagOf = (name) => { const [, slug, version, ...title] = name.split("|"); return { name, slug, version, title: title.join("|") }; };
async function keptBags() {
  return (await caches.keys()).filter((name) => name.startsWith("bag|")).map(bagOf);
}
async function forgetBag(slug, except) {
  for (const bag of await keptBags()) if (bag.slug === slug && bag.name !== except) await caches.delete(bag.name);
}
// A page of its own for the network, none from the sign-in page: what cannot be had is not kept at all.
async function keepBag(box, tell) {
  const { slug, version, title, urls } = box.dataset;
  const name = ["bag", slug, version, title].join("|");
  const wanted = urls.trim().split(/\s+/);
  try {
    await navigator.serviceWorker.register("/service-worker.js", { updateViaCache: "none" });
    const cache = await caches.open(name);
    for (const [index, url] of wanted.entries()) {
      const response = await fetch(url, { redirect: "error", cache: "no-cache" });
      if (!response.ok) throw new Error(url);
      await cache.put(url, response);
      tell(`正在保存 ${index + 1}/${wanted.length}……`);
    }
    await navigator.serviceWorker.ready;
    await forgetBag(slug, name);
  } catch {
    await caches.delete(name);
    return false;
  }
  return true;
}
async function showState(box, failed) {
  const kept = (await keptBags()).filter((bag) => bag.slug === box.dataset.slug);
  const current = kept.some((bag) => bag.version === box.dataset.version);
  const keep = box.querySelector("[data-keep]");
  box.querySelector("[data-state]").textContent = failed ? "没有保存成功，请在网络好的时候再试。"
    : current ? "已保存在这台设备，没有网络也能读。"
    : kept.length ? "这台设备上保存的是旧的内容，书包已有更新。" : "还没有保存在这台设备。";
  keep.hidden = current;
  keep.textContent = kept.length ? "更新" : "保存到这台设备";
  box.querySelector("[data-forget]").hidden = !kept.length;
}
function offerToKeep(box) {
  const state = box.querySelector("[data-state]");
  if (!("serviceWorker" in navigator) || !("caches" in window)) {
    state.textContent = "这个浏览器不能离线保存，请下载 EPUB。";
    return;
  }
  showState(box, false);
  box.querySelector("[data-keep]").addEventListener("click", async (event) => {
    event.target.disabled = true;
    const done = await keepBag(box, (text) => { state.textContent = text; });
    event.target.disabled = false;
    showState(box, !done);
  });
  box.querySelector("[data-forget]").addEventListener("click", async () => {
    await forgetBag(box.dataset.slug, "");
    showState(box, false);
  });
}
async function listKept(list) {
  const bags = await keptBags();
  list.nextElementSibling.hidden = bags.length > 0;
  for (const bag of bags) {
    const link = document.createElement("a");
    link.href = `/bags/${bag.slug}/offline/`;
    link.textContent = bag.title;
    list.appendChild(document.createElement("li")).appendChild(link);
  }
}
document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("[data-urls]").forEach(offerToKeep);
  if ("caches" in window) document.querySelectorAll("[data-kept]").forEach(listKept);
});
