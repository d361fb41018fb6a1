// A brush over a photo: what is kept stands clear, what is left out lies under a checkered veil.
// Strokes are points in shares of the photo, so that they say the same on every screen and can be drawn
// again at any size; the worker draws them as this page does.
"use strict";
(() => {
  const form = document.querySelector("[data-brush]");
  if (!form) return;
  const $ = (q, from = form) => from.querySelector(q);
  const board = $(".board"), layer = $(".layer"), canvas = $("canvas"), ring = $(".ring"), said = $("[data-said]");
  const pen = canvas.getContext("2d"), size = form.elements.size;
  const MOST = { strokes: +form.dataset.strokesMost, points: +form.dataset.pointsMost, zoom: 8 };
  const RADIUS = [+form.dataset.radiusLeast, +form.dataset.radiusMost];

  // History: every state is a list of strokes [keeps, radius, [[x, y], ...]]; a stroke without points is everywhere.
  let states = [JSON.parse(form.dataset.strokes)], at = 0, saved = states[0];
  const strokes = () => states[at];
  const tell = (words) => { said.textContent = words; };

  // The canvas has the photo's shape; at 1024 pixels a stroke is drawn in a fraction of a frame.
  const w = +form.dataset.width, h = +form.dataset.height, long = 1024;
  canvas.width = Math.round(w * long / Math.max(w, h)); canvas.height = Math.round(h * long / Math.max(w, h));
  const film = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
  let loaded = "";
  function load() {  // the cut-out without the strokes, as the worker made it
    const address = document.querySelector("#cut")?.dataset.veil || "";
    if (form.hidden || !address || address === loaded) return;
    const veil = new Image();
    veil.onload = () => {
      loaded = address;
      const to = film.getContext("2d");
      to.globalCompositeOperation = "copy"; to.drawImage(veil, 0, 0, film.width, film.height);
      to.globalCompositeOperation = "source-in"; to.fillStyle = checks = pattern(); to.fillRect(0, 0, film.width, film.height);
      form.dataset.ready = ""; redraw();
    };
    veil.src = address;
  }
  let checks = null;
  function pattern() {  // as under the finished cut-out: no product has this colour
    const side = 24, tile = Object.assign(document.createElement("canvas"), { width: 2 * side, height: 2 * side });
    const to = tile.getContext("2d"), look = getComputedStyle(canvas);
    to.fillStyle = look.getPropertyValue("--card").trim(); to.fillRect(0, 0, 2 * side, 2 * side);
    to.fillStyle = look.getPropertyValue("--line-strong").trim(); to.fillRect(0, 0, side, side); to.fillRect(side, side, side, side);
    return pen.createPattern(tile, "repeat");
  }
  function line(keeps, radius, points) {
    pen.globalCompositeOperation = keeps ? "destination-out" : "source-over";
    if (!points.length) { pen.fillStyle = checks; pen.fillRect(0, 0, canvas.width, canvas.height); return; }
    pen.strokeStyle = checks; pen.lineWidth = 2 * radius * long; pen.lineCap = pen.lineJoin = "round";
    pen.beginPath();
    points.forEach(([x, y], i) => pen[i ? "lineTo" : "moveTo"](x * canvas.width, y * canvas.height));
    if (points.length === 1) pen.lineTo(points[0][0] * canvas.width, points[0][1] * canvas.height);
    pen.stroke();
  }
  function redraw() {
    pen.globalCompositeOperation = "copy";
    pen.drawImage(film, 0, 0);
    for (const stroke of strokes()) line(...stroke);
  }
  function changed() {
    redraw();
    form.elements.strokes.value = JSON.stringify(strokes());
    const same = JSON.stringify(saved) === form.elements.strokes.value;
    $("[data-do=undo]").disabled = at === 0;
    $("[data-do=redo]").disabled = at === states.length - 1;
    $("[data-do=reset]").disabled = !strokes().length;
    $("button.main").disabled = same;
    if (same) delete form.dataset.dirty; else form.dataset.dirty = "";
  }
  function push(list) {
    const points = list.reduce((n, stroke) => n + stroke[2].length, 0);
    if (list.length > MOST.strokes || points > MOST.points) {
      tell("This is as much painting as one photo takes. Take some back, or start again with a larger brush.");
      redraw();
      return;
    }
    states.length = at + 1; states.push(list); at += 1;
    changed();
  }

  // Points that say nothing are left out (Douglas and Peucker 1973), in shares of the longer side.
  function simpler(points, most) {
    if (points.length < 3) return points;
    const [ax, ay] = points[0], [bx, by] = points.at(-1);
    const dx = (bx - ax) * w, dy = (by - ay) * h, length = dx * dx + dy * dy;
    let far = 0, index = 0;
    for (let i = 1; i < points.length - 1; i++) {
      const px = (points[i][0] - ax) * w, py = (points[i][1] - ay) * h;
      const t = length ? Math.max(0, Math.min(1, (px * dx + py * dy) / length)) : 0;
      const d = Math.hypot(px - t * dx, py - t * dy) / Math.max(w, h);
      if (d > far) { far = d; index = i; }
    }
    if (far <= most) return [points[0], points.at(-1)];
    return [...simpler(points.slice(0, index + 1), most).slice(0, -1), ...simpler(points.slice(index), most)];
  }
  const cut = (n) => Math.round(n * 1e4) / 1e4;

  // Where the photo lies on the board: z times its size, moved by x and y pixels
  const view = { z: 1, x: 0, y: 0 };
  function look(z, cx, cy) {  // zoom to z, the place (cx, cy) of the board staying where it is
    const before = view.z;
    view.z = Math.max(1, Math.min(MOST.zoom, z));
    view.x = cx - (cx - view.x) * view.z / before;
    view.y = cy - (cy - view.y) * view.z / before;
    settle();
  }
  function settle() {
    const { clientWidth: W, clientHeight: H } = board;
    view.x = Math.min(0, Math.max(W - W * view.z, view.x));
    view.y = Math.min(0, Math.max(H - H * view.z, view.y));
    layer.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.z})`;
    $("[data-do=out]").disabled = $("[data-do=fit]").disabled = view.z === 1;
    $("[data-do=in]").disabled = view.z === MOST.zoom;
    show();
  }
  const share = (px, py) => [(px - view.x) / (view.z * board.clientWidth), (py - view.y) / (view.z * board.clientHeight)];
  // The brush is as large on the screen at every zoom: who looks closer, paints finer.
  const radius = () => {
    const side = Math.max(board.clientWidth, board.clientHeight) * view.z;
    return cut(Math.max(RADIUS[0], Math.min(RADIUS[1], size.value / 2 / side)));
  };
  let spot = null;  // the brush's place on the board
  function show() {
    ring.hidden = !spot;
    if (!spot) return;
    const d = 2 * radius() * Math.max(board.clientWidth, board.clientHeight) * view.z;
    ring.style.width = ring.style.height = `${d}px`;
    ring.style.transform = `translate(${spot[0] - d / 2}px, ${spot[1] - d / 2}px)`;
    ring.classList.toggle("down", !!stroke);
  }

  // Painting. While it goes on, only the new piece is drawn.
  let stroke = null;
  function start(place, keeps) {
    stroke = [keeps, radius(), [place]];
    line(...stroke);
  }
  function go(place) {
    const last = stroke[2].at(-1);
    if (place[0] === last[0] && place[1] === last[1]) return;
    stroke[2].push(place);
    line(stroke[0], stroke[1], [last, place]);
  }
  function end() {
    if (!stroke) return;
    const [keeps, r, points] = stroke;
    stroke = null;
    push([...strokes(), [keeps, r, simpler(points, Math.max(r * .06, .0004)).map(([x, y]) => [cut(x), cut(y)])]]);
    show();
  }
  function drop() { if (stroke) { stroke = null; redraw(); show(); } }
  const keeping = () => form.elements.brush.value === "1" ? 1 : 0;

  // Fingers, mouse and pen. One paints, two move and zoom.
  const down = new Map();
  let pinch = null, pan = null;
  const here = (e) => { const box = board.getBoundingClientRect(); return [e.clientX - box.left - board.clientLeft, e.clientY - box.top - board.clientTop]; };
  const held = (p) => Math.max(-.2, Math.min(1.2, p));
  const place = (e) => share(...here(e)).map(held);
  board.addEventListener("pointerdown", (e) => {
    if (!("ready" in form.dataset)) { tell("The cut-out is still being made."); return; }
    if (e.pointerType === "touch" && [...down.values()].some((p) => p.pen)) return;  // the palm beside the pen
    if (e.pointerType === "mouse" && e.button > 1) return;
    e.preventDefault();
    board.focus({ preventScroll: true });
    board.setPointerCapture(e.pointerId);
    down.set(e.pointerId, { at: here(e), pen: e.pointerType === "pen" });
    spot = e.pointerType === "touch" ? null : here(e);
    if (e.button === 1) { pan = here(e); return; }
    if (down.size === 1) start(place(e), e.buttons & 32 ? 0 : keeping());  // 32: the pen's other end
    else if (down.size === 2) {
      drop();
      const [a, b] = [...down.values()].map((p) => p.at);
      pinch = { far: Math.hypot(a[0] - b[0], a[1] - b[1]), z: view.z, x: (a[0] + b[0]) / 2, y: (a[1] + b[1]) / 2 };
    }
    show();
  });
  board.addEventListener("pointermove", (e) => {
    const now = here(e), known = down.get(e.pointerId);
    if (e.pointerType !== "touch") spot = now;
    if (known) known.at = now;
    if (pinch && down.size === 2) {
      const [a, b] = [...down.values()].map((p) => p.at);
      const x = (a[0] + b[0]) / 2, y = (a[1] + b[1]) / 2;
      view.x += x - pinch.x; view.y += y - pinch.y; pinch.x = x; pinch.y = y;
      look(pinch.z * Math.hypot(a[0] - b[0], a[1] - b[1]) / Math.max(pinch.far, 1), x, y);
    } else if (pan && known) {
      view.x += now[0] - pan[0]; view.y += now[1] - pan[1]; pan = now; settle();
    } else if (stroke && known && !pinch) {
      const all = e.getCoalescedEvents?.() || [];
      for (const one of all.length ? all : [e]) go(place(one));
    }
    show();
  });
  for (const what of ["pointerup", "pointercancel"]) board.addEventListener(what, (e) => {
    if (!down.delete(e.pointerId)) return;
    if (what === "pointercancel") drop(); else if (!pinch && !pan) end();
    if (!down.size) pinch = pan = null;
    show();
  });
  board.addEventListener("pointerleave", () => { if (!down.size) { spot = null; show(); } });
  board.addEventListener("wheel", (e) => {
    const [x, y] = here(e);
    if (e.ctrlKey) { e.preventDefault(); look(view.z * Math.exp(-e.deltaY / 200), x, y); }
    else if (view.z > 1) {
      const before = [view.x, view.y];
      view.x -= e.deltaX; view.y -= e.deltaY; settle();
      if (before[0] !== view.x || before[1] !== view.y) e.preventDefault();  // at its end the page goes on
    }
  }, { passive: false });

  // Keys: arrows move the brush, Space or Enter holds it down while it moves
  let held_by = "";
  function walk(dx, dy) {
    const step = Math.max(2, size.value / 4);
    spot = spot || [board.clientWidth / 2, board.clientHeight / 2];
    const to = [spot[0] + dx * step, spot[1] + dy * step];
    const margin = 12;  // near the board's border the photo comes along
    const dX = to[0] < margin ? margin - to[0] : Math.min(0, board.clientWidth - margin - to[0]);
    const dY = to[1] < margin ? margin - to[1] : Math.min(0, board.clientHeight - margin - to[1]);
    const before = [view.x, view.y];
    view.x += dX; view.y += dY; settle();
    spot = [to[0] + view.x - before[0], to[1] + view.y - before[1]].map((n, i) => Math.max(0, Math.min(i ? board.clientHeight : board.clientWidth, n)));
    if (stroke) go(share(...spot));
    show();
  }
  const name = () => `${keeping() ? "Keeps" : "Takes out"}, ${size.value} pixels wide`;
  const keys = {
    ArrowLeft: () => walk(-1, 0), ArrowRight: () => walk(1, 0), ArrowUp: () => walk(0, -1), ArrowDown: () => walk(0, 1),
    "[": () => { size.value -= 4; show(); tell(name()); },
    "]": () => { size.value = +size.value + 4; show(); tell(name()); },
    x: () => { form.elements.brush.value = keeping() ? "0" : "1"; tell(name()); },
    "+": () => act("in"), "=": () => act("in"), "-": () => act("out"), 0: () => act("fit"),
    Escape: () => { drop(); held_by = ""; tell("Brush lifted, nothing painted."); },
  };
  function hold(key) {
    if (!("ready" in form.dataset)) { tell("The cut-out is still being made."); return; }
    spot = spot || [board.clientWidth / 2, board.clientHeight / 2];
    held_by = key; start(share(...spot), keeping()); show(); tell("Brush down.");
  }
  function lift() { held_by = ""; end(); tell("Brush lifted."); }
  board.addEventListener("keydown", (e) => {
    const steps = (e.ctrlKey || e.metaKey) && e.key.toLowerCase();
    let done = true;
    if (steps === "z") act(e.shiftKey ? "redo" : "undo");
    else if (steps === "y") act("redo");
    else if (steps === "s") form.requestSubmit();
    else if (steps || e.altKey) done = false;
    else if (e.key === " ") { if (!e.repeat && !stroke) hold(" "); }
    else if (e.key === "Enter") { if (!e.repeat) { if (held_by === "Enter") lift(); else if (!stroke) hold("Enter"); } }
    else if (keys[e.key]) keys[e.key]();
    else done = false;
    if (done) { e.preventDefault(); e.stopPropagation(); }
  });
  board.addEventListener("keyup", (e) => { if (e.key === " " && held_by === " ") lift(); });
  board.addEventListener("blur", () => { if (held_by) lift(); spot = null; show(); });
  board.addEventListener("focus", () => { if (board.matches(":focus-visible")) { spot = spot || [board.clientWidth / 2, board.clientHeight / 2]; show(); } });

  function act(what) {
    if (stroke) return;
    const middle = spot || [board.clientWidth / 2, board.clientHeight / 2];
    if (what === "undo" && at > 0) { at -= 1; changed(); tell("Taken back."); }
    else if (what === "redo" && at < states.length - 1) { at += 1; changed(); tell("Done again."); }
    else if (what === "reset" && strokes().length) { push([]); tell("As it was cut."); }
    else if (what === "empty") { push([[0, RADIUS[0], []]]); tell("Empty. Paint what is to be kept."); form.elements.brush.value = "1"; }
    else if (what === "in") look(view.z * 1.6, ...middle);
    else if (what === "out") look(view.z / 1.6, ...middle);
    else if (what === "fit") look(1, 0, 0);
    if (what === "in" || what === "out" || what === "fit") tell(`${Math.round(view.z * 100)} %`);
  }
  form.addEventListener("click", (e) => { const b = e.target.closest("[data-do]"); if (b) act(b.dataset.do); });
  size.addEventListener("input", () => { spot = [board.clientWidth / 2, board.clientHeight / 2]; show(); });
  size.addEventListener("change", () => { spot = null; show(); });

  // Saving keeps the page, the zoom and the way back
  form.addEventListener("submit", async (e) => {
    e.preventDefault();
    const list = strokes(), button = $("button.main");
    button.disabled = true; tell("Saving.");
    try {
      const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { "HX-Request": "true" } });
      const text = await answer.text();
      if (answer.ok) {
        const page = new DOMParser().parseFromString(text, "text/html");
        document.querySelector("#banner").replaceChildren();
        document.querySelector("#cut").replaceWith(document.adoptNode(page.querySelector("#cut")));
        htmx.process(document.querySelector("#cut"));
        form.elements.seen.value = page.querySelector("[data-brush]").elements.seen.value;
        saved = list; tell("Saved. It is being cut.");
      } else {
        if (answer.status === 409) form.elements.seen.value = answer.headers.get("X-Seen");
        document.querySelector("#banner").innerHTML = text; tell("");
      }
    } catch { tell("The studio does not answer. What you painted is still here; try again."); }
    changed();
  });

  // Pressing or painting
  const modes = document.querySelector("[data-modes]"), clicks = document.querySelector("[data-clicks]");
  function mode(what) {
    clicks.hidden = what === "paint"; form.hidden = what !== "paint";
    for (const b of modes.querySelectorAll("button")) b.setAttribute("aria-pressed", b.value === what);
    try { sessionStorage.setItem("cutout", what); } catch { /* a browser that keeps nothing */ }
    if (what === "paint") { settle(); load(); }
  }
  modes.hidden = false;
  modes.addEventListener("click", (e) => { const b = e.target.closest("button"); if (b) mode(b.value); });
  let last = "";
  try { last = sessionStorage.getItem("cutout"); } catch { /* as above */ }
  changed(); settle();
  if (last === "paint" || (strokes().length && last !== "press")) mode("paint");
  addEventListener("resize", settle);
  document.addEventListener("htmx:afterSettle", load);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { loaded = ""; load(); });
})();
