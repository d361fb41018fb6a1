// What a page owes everybody, looked at in the page itself. Returns an object of what is wrong, or null:
// sideways (it scrolls sideways), small (targets under 44 px), contrast (text under 4.5:1), nosize and
// noalt (pictures), h1, twice (ids), unnamed (controls without a name).
() => {
  const out = {};
  const add = (k, v) => { (out[k] ||= []).includes(v) || out[k].push(v); };
  const vis = (el) => el.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && el.getClientRects().length;
  const name = (el) => el.tagName.toLowerCase() + (el.className?.baseVal === undefined && el.className ? "." + String(el.className).replace(/ /g, ".") : "") + ":" + (el.textContent || el.getAttribute("aria-label") || "").trim().slice(0, 24);
  if (document.documentElement.scrollWidth > innerWidth) { add("sideways", document.documentElement.scrollWidth);
    for (const el of document.querySelectorAll("body *")) { const r = el.getBoundingClientRect(); if (r.right > innerWidth + 1 && vis(el) && !el.closest(".slides,.stories,.tabs")) add("wide", name(el) + Math.round(r.right)); } }
  for (const el of document.querySelectorAll("a, button, input:not([type=hidden]), select, textarea, summary")) {
    if (!vis(el) || el.closest(".skip, .sr")) continue;
    let r = el.getBoundingClientRect();
    const l = el.closest("label"); if (l) r = l.getBoundingClientRect();
    if (r.width < 43.5 || r.height < 43.5) add("small", name(el) + ` ${Math.round(r.width)}x${Math.round(r.height)}`);
  }
  const cv = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (c) => { cv.clearRect(0, 0, 1, 1); cv.fillStyle = c; cv.fillRect(0, 0, 1, 1); return [...cv.getImageData(0, 0, 1, 1).data]; };
  const lum = (c) => { const f = c.slice(0, 3).map((v) => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * f[0] + .7152 * f[1] + .0722 * f[2]; };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const el = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !vis(el) || el.closest(".over, .skip, .sr, dialog, script, template, option")) continue;
    let g = el, ground = [0, 0, 0, 0];
    while (g && ground[3] < 250) { const c = rgb(getComputedStyle(g).backgroundColor); if (c[3] > 250) ground = c; g = g.parentElement; }
    const [a, b] = [lum(rgb(getComputedStyle(el).color)), lum(ground)].sort((x, y) => y - x);
    const k = (a + .05) / (b + .05);
    if (k < 4.5) add("contrast", name(el) + " " + k.toFixed(2));
  }
  for (const i of document.querySelectorAll("img, video")) if (!i.getAttribute("width") || !i.getAttribute("height")) add("nosize", i.src);
  for (const i of document.querySelectorAll("img:not([alt])")) add("noalt", i.src);
  if (document.querySelectorAll("h1").length !== 1) add("h1", document.querySelectorAll("h1").length);
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id); for (const i of ids) if (ids.filter((x) => x === i).length > 1) add("twice", i);
  for (const el of document.querySelectorAll("a, button, input:not([type=hidden]), select, textarea, summary")) {
    const said = el.getAttribute("aria-label") || el.textContent.trim() || el.labels?.length || el.alt || el.querySelector("[aria-label], img[alt]:not([alt=''])");
    if (vis(el) && !said && el.getAttribute("aria-hidden") !== "true") add("unnamed", el.outerHTML.slice(0, 80));
  }
  return Object.keys(out).length ? out : null;
}
