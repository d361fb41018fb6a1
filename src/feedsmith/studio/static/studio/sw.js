// The studio's service worker: the studio's own files from the device, and a page that says so when
// the studio does not answer. No page, picture or answer of anybody is ever kept. The server puts two
// constants in front: VERSION (of all files) and KEPT (their addresses, and the offline page's).
"use strict";
const NAME = `studio-${VERSION}`;
const OFFLINE = "/offline";

self.addEventListener("install", (e) => {
  e.waitUntil((async () => {
    const cache = await caches.open(NAME);
    await Promise.all(KEPT.map(async (address) => {
      // Without cookies: what is kept is what anybody would get.
      const answer = await fetch(address, { credentials: "omit", cache: address === OFFLINE ? "no-cache" : "default" });
      if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
      await cache.put(address, answer);
    }));
    await self.skipWaiting();
  })());
});

self.addEventListener("activate", (e) => {
  e.waitUntil((async () => {
    for (const name of await caches.keys()) if (name.startsWith("studio-") && name !== NAME) await caches.delete(name);
    await self.clients.claim();
  })());
});

self.addEventListener("fetch", (e) => {
  const { request } = e;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (url.pathname.startsWith("/static/") && KEPT.includes(url.pathname)) {
    e.respondWith((async () => (await (await caches.open(NAME)).match(url.pathname)) || fetch(request))());
  } else if (request.mode === "navigate") {
    e.respondWith((async () => {
      try { return await fetch(request); }
      catch { return (await (await caches.open(NAME)).match(OFFLINE)) || Response.error(); }
    })());
  }
});
