// Kept book bags and lessons without a network. This answers for pages and keeps nothing by itself:
// static/keep.js puts into a cache the pages of the bags that a member chose to keep and of the lessons
// that they opened, and those alone.
"use strict";
const PATIENCE = 4000; // ms that the network has before a kept page is shown instead
const LEAVING = ["/sign-out/", "/sign-out-everywhere/"];
const ANYHOW = { ignoreVary: true };

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const request = event.request;
  const url = new URL(request.url);
  if (url.origin !== self.location.origin) return;
  if (request.method === "POST" && LEAVING.includes(url.pathname)) event.waitUntil(forget());
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(page(request, url));
  else if (request.destination) event.respondWith(file(request)); // a style, script or picture
});

// A page from the network; where that fails or is slow, the kept copy, or which ones are kept.
async function page(request, url) {
  const copy = await caches.match(request.url, ANYHOW);
  const answer = fetch(request);
  try {
    const response = await (copy ? Promise.race([answer, late(answer)]) : answer);
    if (copy && response.status >= 500) throw new Error("The server is not well.");
    if (response.ok && url.pathname === "/sign-in/") await forget(); // nobody is signed in any longer
    return response;
  } catch {
    const shown = copy || await caches.match("/no-network/", ANYHOW);
    return shown ? marked(shown) : Response.error();
  }
}
async function late(answer) {
  answer.catch(() => {}); // it may fail after the copy was shown
  await new Promise((resolve) => setTimeout(resolve, PATIENCE));
  throw new Error("The network is slow.");
}
async function file(request) {
  return await caches.match(request.url, ANYHOW) || fetch(request);
}
// The page says by itself that it is a copy: reading.css shows the line that it holds for that.
async function marked(response) {
  const text = (await response.text()).replace("<html", "<html data-offline");
  return new Response(text, { headers: response.headers });
}
async function forget() {
  const names = (await caches.keys()).filter((name) => /^(bag|lesson)\|/.test(name));
  await Promise.all(names.map((name) => caches.delete(name)));
}
