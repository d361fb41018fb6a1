// The crop: a frame of the picture's shape that is dragged, pinched, zoomed or moved with keys, and a focal
// point. The form's numbers are the truth; without this script they are typed.
"use strict";
(() => {
  const form = document.querySelector("[data-crop]");
  if (!form) return;
  const source = form.querySelector(".source"), frame = form.querySelector("[data-frame]"), focal = form.querySelector("[data-focal]");
  const result = form.querySelector("[data-result]"), shown = result.querySelector("img");
  const field = (name) => form.elements[name];
  const [fullWidth, fullHeight] = form.dataset.full.split(" ").map(Number), [wide, high] = form.dataset.size.split(" ").map(Number);
  const clamp = (value, least, most) => Math.min(Math.max(value, least), Math.max(least, most));
  const bare = "bare" in form.dataset;
  const zoomMax = Number(form.dataset.zoomMax);
  const at = { x: field("x").value / 100, y: field("y").value / 100, zoom: field("zoom").value / 100 };
  let focus = field("focus_x").value && field("focus_y").value ? { x: field("focus_x").value / 100, y: field("focus_y").value / 100 } : null;

  const size = () => ({ w: fullWidth / at.zoom, h: fullHeight / at.zoom });
  function draw() {
    const { w, h } = size();
    Object.assign(frame.style, { left: `${at.x * 100}%`, top: `${at.y * 100}%`, width: `${w * 100}%`, height: `${h * 100}%` });
    const spot = focus || { x: at.x + w / 2, y: at.y + h / 2 };
    Object.assign(focal.style, { left: `${spot.x * 100}%`, top: `${spot.y * 100}%` });
    focal.toggleAttribute("data-unset", !focus);
    Object.assign(shown.style, { width: `${100 / w}%`, left: `${-100 * at.x / w}%`, top: `${-100 * at.y / h}%` });
  }
  function write() {
    const { w, h } = size();
    at.x = clamp(at.x, 0, 1 - w); at.y = clamp(at.y, 0, 1 - h);
    if (focus) focus = { x: clamp(focus.x, at.x, at.x + w), y: clamp(focus.y, at.y, at.y + h) };
    field("x").value = (at.x * 100).toFixed(2); field("y").value = (at.y * 100).toFixed(2); field("zoom").value = Math.round(at.zoom * 100);
    field("focus_x").value = focus ? (focus.x * 100).toFixed(1) : ""; field("focus_y").value = focus ? (focus.y * 100).toFixed(1) : "";
    frame.setAttribute("aria-label", `Frame, ${Math.round(at.x * 100)} % from the left, ${Math.round(at.y * 100)} % from the top, zoom ${Math.round(at.zoom * 100)} %. Arrow keys move it, plus and minus zoom`);
    draw();
  }
  function focusOn(x, y) {  // on a bare picture the frame goes round it; a template cuts round it itself
    const { w, h } = size();
    focus = { x: clamp(x, 0, 1), y: clamp(y, 0, 1) };
    if (bare) { at.x = focus.x - w / 2; at.y = focus.y - h / 2; }
  }
  function zoomTo(zoom, cx, cy) {  // around a point of the frame, its middle else
    const before = size(), px = cx ?? .5, py = cy ?? .5;
    const fx = at.x + before.w * px, fy = at.y + before.h * py;
    at.zoom = clamp(zoom, 1, zoomMax);
    const after = size();
    at.x = fx - after.w * px; at.y = fy - after.h * py;
    write();
  }

  // One pointer moves the frame (or the focal point), two pinch.
  const pointers = new Map();
  let held = null, span = 0;
  const apart = () => { const [a, b] = [...pointers.values()]; return Math.hypot(a.x - b.x, a.y - b.y); };
  source.addEventListener("pointerdown", (e) => {
    if (e.button) return;
    e.preventDefault();
    source.setPointerCapture(e.pointerId);
    pointers.set(e.pointerId, { x: e.clientX, y: e.clientY });
    const box = source.getBoundingClientRect();
    if (pointers.size === 2) { span = apart(); held = { what: "pinch", zoom: at.zoom }; return; }
    const there = { x: (e.clientX - box.left) / box.width, y: (e.clientY - box.top) / box.height };
    if (e.target.closest("[data-focal]")) { held = { what: "focal", moved: false }; focal.focus(); return; }
    const { w, h } = size();
    if (there.x < at.x || there.x > at.x + w || there.y < at.y || there.y > at.y + h) { at.x = there.x - w / 2; at.y = there.y - h / 2; write(); }
    held = { what: "frame", dx: there.x - at.x, dy: there.y - at.y, fx: focus && focus.x - at.x, fy: focus && focus.y - at.y };
    frame.focus({ preventScroll: true });
  });
  source.addEventListener("pointermove", (e) => {
    if (!held || !pointers.has(e.pointerId)) return;
    pointers.set(e.pointerId, { x: e.clientX, y: e.clientY });
    if (held.what === "pinch") { if (pointers.size === 2) zoomTo(held.zoom * apart() / span); return; }
    const box = source.getBoundingClientRect(), x = (e.clientX - box.left) / box.width, y = (e.clientY - box.top) / box.height;
    if (held.what === "focal") focusOn(x, y);
    else { at.x = x - held.dx; at.y = y - held.dy; const { w, h } = size(); at.x = clamp(at.x, 0, 1 - w); at.y = clamp(at.y, 0, 1 - h); if (held.fx !== null) focus = { x: at.x + held.fx, y: at.y + held.fy }; }
    write();
  });
  const drop = (e) => { pointers.delete(e.pointerId); held = null; };
  source.addEventListener("pointerup", drop);
  source.addEventListener("pointercancel", drop);
  source.addEventListener("wheel", (e) => { e.preventDefault(); zoomTo(at.zoom * Math.exp(-e.deltaY / 500)); }, { passive: false });

  const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  source.addEventListener("keydown", (e) => {
    const step = e.shiftKey ? .05 : .01, by = way[e.key];
    if (by && e.target === frame) { at.x += by[0] * step; at.y += by[1] * step; if (focus) focus = { x: focus.x + by[0] * step, y: focus.y + by[1] * step }; }
    else if (by && e.target === focal) { const { w, h } = size(); const from = focus || { x: at.x + w / 2, y: at.y + h / 2 }; focusOn(from.x + by[0] * step, from.y + by[1] * step); }
    else if (e.target === frame && (e.key === "+" || e.key === "=")) { e.preventDefault(); e.stopPropagation(); zoomTo(at.zoom * 1.05); return; }
    else if (e.target === frame && e.key === "-") { e.preventDefault(); e.stopPropagation(); zoomTo(at.zoom / 1.05); return; }
    else if ((e.key === "Delete" || e.key === "Backspace") && e.target === focal) focus = null;
    else return;
    e.preventDefault(); e.stopPropagation();
    write();
  });
  form.addEventListener("input", (e) => {
    if (e.target.name === "zoom") { zoomTo(e.target.value / 100); return; }
    const value = Number(e.target.value) / 100;
    if (e.target.name === "x" || e.target.name === "y") { at[e.target.name] = clamp(value, 0, 1); draw(); }
    else if (field("focus_x").value && field("focus_y").value) { focus = { x: field("focus_x").value / 100, y: field("focus_y").value / 100 }; draw(); }
    else { focus = null; draw(); }
  });
  form.addEventListener("change", () => write());
  frame.hidden = focal.hidden = false;
  form.classList.add("scripted");
  write();
})();
