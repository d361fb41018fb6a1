// What the studio's pages do beyond links and forms. Every page works without it, more slowly.
// One listener a kind of event on the document, so that fragments swapped in need no setting up.
"use strict";
(() => {
  const $ = (q, from = document) => from.querySelector(q);
  const $$ = (q, from = document) => [...from.querySelectorAll(q)];
  const token = () => $("meta[name=csrf]")?.content || $("[name=csrfmiddlewaretoken]")?.value || "";
  const typing = (el) => el.matches?.("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");
  const send = (url, data) =>
    fetch(url, { method: "POST", body: new URLSearchParams(data), headers: { "X-CSRFToken": token(), "HX-Request": "true" } });

  // Words that come and go
  function toast(words, action) {
    const box = $("#toasts");
    if (!box) return;
    const el = document.createElement("div");
    el.className = "toast";
    el.append(Object.assign(document.createElement("span"), { textContent: words }));
    if (action) {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: action.words });
      button.addEventListener("click", () => { el.remove(); action.act(); });
      el.append(button);
    }
    box.replaceChildren(el);
    setTimeout(() => el.remove(), action ? 9000 : 5000);
  }
  setTimeout(() => { for (const el of $$("#toasts .toast")) el.remove(); }, 7000);  // what the server said
  document.addEventListener("said", (e) => toast(e.detail.value || e.detail));  // HX-Trigger: {"said": "..."}

  // Menus, dialogs, theme
  document.addEventListener("click", (e) => {
    for (const menu of $$("details.menu[open]")) if (!menu.contains(e.target)) menu.open = false;
    const opener = e.target.closest("[data-opens]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.opens);
      if (dialog?.showModal) { e.preventDefault(); opener.closest("details.menu")?.removeAttribute("open"); dialog.showModal(); }
    }
    if (e.target.closest("[data-closes]")) { const d = e.target.closest("dialog"); if (d) { e.preventDefault(); d.close(); } }
    if (e.target.matches("dialog[open]")) {
      const r = e.target.getBoundingClientRect();
      if (e.clientY < r.top || e.clientY > r.bottom || e.clientX < r.left || e.clientX > r.right) e.target.close();
    }
    const theme = e.target.closest("button[name=theme]");
    if (theme) {
      e.preventDefault();
      if (theme.value) document.documentElement.dataset.theme = theme.value;
      else delete document.documentElement.dataset.theme;
      for (const b of $$("button[name=theme]")) b.setAttribute("aria-pressed", b.value === theme.value);
      send(theme.form.action, { theme: theme.value });
    }
  });

  // Copy, and share the finished files with the caption on the clipboard
  async function copy(text, words) {
    try { await navigator.clipboard.writeText(text); toast(words || "Copied."); }
    catch { toast("The browser would not copy. Select the text and copy it by hand."); }
  }
  document.addEventListener("click", async (e) => {
    const copier = e.target.closest("[data-copy]");
    if (copier) copy(copier.dataset.copy, copier.dataset.said);
    if (e.target.closest("[data-copy-caption]")) copy(whole(e.target.closest("form")), "Caption copied.");
    const sharer = e.target.closest("[data-share]");
    if (sharer) post(sharer);
  });

  // Post it yourself: the caption into the clipboard, then the files to the phone's share sheet, or to
  // the disk where there is none. The caption comes first: a sheet that is open lets nothing be copied.
  async function post(sharer) {
    const words = $("#edit") ? whole($("#edit")) : $("[data-copy]")?.dataset.copy || "";
    const copied = words ? await navigator.clipboard?.writeText(words).then(() => true, () => false) : false;
    sharer.disabled = true;
    try {
      const files = await Promise.all(sharer.dataset.share.split(" ").map(async (url) => {
        const answer = await fetch(url);
        if (!answer.ok) throw new Error(url);
        const blob = await answer.blob();
        return new File([blob], url.split("/").pop(), { type: blob.type });
      }));
      if (navigator.share && navigator.canShare?.({ files })) await hand(files, copied);
      else keep(files, copied, words);
    } catch { toast("The files did not arrive. Try again."); }
    finally { sharer.disabled = false; }
  }
  async function hand(files, copied) {
    try {
      if (copied) toast("Caption copied. Paste it in Instagram.");
      await navigator.share({ files });
    } catch (error) {
      if (error.name === "AbortError") return;  // the person closed the sheet
      // Large files take longer than a press counts for: a second one goes at once.
      if (error.name === "NotAllowedError") toast("The files are ready.", { words: "Share", act: () => hand(files, copied) });
      else keep(files, copied, true);
    }
  }
  function keep(files, copied, words) {
    for (const file of files) {
      const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(file), download: file.name });
      document.body.append(link);
      link.click();
      link.remove();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    }
    const saved = files.length === 1 ? "The file is saved" : `${files.length} files are saved`;
    toast(copied ? `${saved}, the caption is copied.` : words ? `${saved}. Copy the caption by hand.` : `${saved}.`);
  }

  // Installed, the studio keeps its own files, and says so when it does not answer
  if ($("link[rel=manifest]")) addEventListener("load", () => navigator.serviceWorker?.register("/sw.js").catch(() => {}));

  // Counting while typing, as Instagram counts: Unicode characters, #tags, @names
  const count = {
    characters: (text) => [...text].length,
    hashtags: (text) => (text.match(/#[\p{L}\p{N}_]+/gu) || []).length,
    mentions: (text) => (text.match(/(?<![\p{L}\p{N}_.])@[\p{L}\p{N}_.]+/gu) || []).length,
  };
  function whole(form) {
    const tags = $$("[name=hashtag]", form).map((i) => i.value.trim()).filter(Boolean);
    return [$("[data-caption]", form).value.trim(), tags.map((t) => "#" + t).join(" ")].filter(Boolean).join("\n\n");
  }
  function recount(form) {
    if (!$("[data-caption]", form)) return;
    const text = whole(form);
    for (const out of $$("[data-count]", form)) {
      const n = count[out.dataset.count](text), most = Number(out.dataset.most);
      out.firstElementChild.textContent = n.toLocaleString("en");
      out.classList.toggle("over", n > most);
    }
    const never = ($("[data-caption]", form).dataset.never || "").split("\n").filter((word) => word &&
      new RegExp(`(?<![\\p{L}\\p{N}_])${word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?![\\p{L}\\p{N}_])`, "iu").test(text));
    const note = $("[data-never-said]", form);
    if (note) { note.hidden = !never.length; note.textContent = never.length ? `Never used: ${never.join(", ")}` : ""; }
    for (const shown of $$("[data-live]")) shown.textContent = text;
  }
  const wrote = (form) => {
    if (!form?.matches("[data-guard]")) return;
    form.dataset.dirty = "1";
    const note = $("[data-saved]", form);
    if (note) note.textContent = "Not saved yet";
  };
  // With whom, and where: what Instagram would refuse is said while it is typed
  function refuse(field) {
    const { names, number } = field.dataset;
    if (names === undefined && number === undefined) return;
    const said = field.value.trim(), each = said.split(/[\s,;]+/).filter(Boolean).map((n) => n.replace(/^@+/, ""));
    const odd = each.find((n) => !/^[A-Za-z0-9._]{1,30}$/.test(n));
    const wrong = number !== undefined ? (said && !/^\d{1,20}$/.test(said) ? "A place is a number, in digits alone." : "")
      : odd ? `“${odd}” is no user name.`
      : new Set(each.map((n) => n.toLowerCase())).size < each.length ? "A name stands twice."
      : each.length > names ? `${each.length} names; Instagram takes ${names}.` : "";
    const note = document.getElementById(`${field.id}-wrong`);
    if (wrong) field.setAttribute("aria-invalid", "true"); else field.removeAttribute("aria-invalid");
    note.textContent = wrong;
    note.hidden = !wrong;
  }
  document.addEventListener("input", (e) => {
    const form = e.target.form;
    if (!form) return;
    recount(form);
    wrote(form);
    refuse(e.target);
    const own = e.target.dataset.own;
    if (own) { const out = document.getElementById(own); out.firstElementChild.textContent = [...e.target.value].length; out.classList.toggle("over", [...e.target.value].length > e.target.dataset.most); }
  });
  document.addEventListener("change", (e) => { if (e.target.matches("[data-submits]")) e.target.form.requestSubmit(); });
  const mayLeave = (form) => {
    const dirty = $("form[data-dirty]");
    if (!dirty || dirty === form || form.closest("dialog, .menu .themes")) return true;
    toast("Your edit is not saved yet.", { words: "Save it", act: () => dirty.requestSubmit() });
    return false;
  };
  document.addEventListener("submit", (e) => {
    if (!mayLeave(e.target)) { e.preventDefault(); e.stopPropagation(); return; }
    delete e.target.dataset.dirty;
  }, true);
  addEventListener("beforeunload", (e) => { if ($("form[data-dirty]")) e.preventDefault(); });

  // Hashtags: Enter, comma or space makes a chip; Backspace in the empty field takes the last one back
  const clean = (text) => text.replace(/^#+/, "").replace(/[^\p{L}\p{N}_]/gu, "");
  function addTag(field) {
    const box = field.closest("[data-tags]");
    const had = $$(".chip [name=hashtag]", box).map((i) => i.value.toLowerCase());
    for (const word of field.value.split(/[\s,#]+/).map(clean).filter(Boolean)) {
      if (had.includes(word.toLowerCase())) continue;
      const chip = $("template", box).content.firstElementChild.cloneNode(true);
      $("bdi", chip).textContent = "#" + word;
      $("[name=hashtag]", chip).value = word;
      $("button", chip).setAttribute("aria-label", "Remove #" + word);
      field.closest("li").before(chip);
      had.push(word.toLowerCase());
    }
    field.value = "";
    recount(field.form); wrote(field.form);
  }
  document.addEventListener("keydown", (e) => {
    if (!e.target.matches?.("[data-new-tag]")) return;
    if (["Enter", ",", " "].includes(e.key) && e.target.value.trim() && !e.isComposing) { e.preventDefault(); addTag(e.target); }
    else if (e.key === "Enter" && !e.ctrlKey && !e.metaKey) e.preventDefault();
    else if (e.key === "Backspace" && !e.target.value) { $$(".chip", e.target.closest("[data-tags]")).pop()?.remove(); recount(e.target.form); wrote(e.target.form); }
  });
  document.addEventListener("focusout", (e) => { if (e.target.matches?.("[data-new-tag]") && e.target.value.trim()) addTag(e.target); });
  document.addEventListener("click", (e) => {
    const drop = e.target.closest("[data-drop-tag]");
    if (!drop) return;
    e.preventDefault();
    const form = drop.form, next = drop.closest("li").nextElementSibling;
    drop.closest("li").remove();
    $("button, input:not([type=hidden])", next)?.focus();
    recount(form); wrote(form);
  });

  // Swipes
  function turn(swipe, by) {
    const list = $(".slides", swipe);
    list.scrollBy({ left: by * list.clientWidth });
  }
  document.addEventListener("click", (e) => {
    const go = e.target.closest("[data-go]");
    if (go) turn(go.closest(".swipe"), Number(go.dataset.go));
  });
  document.addEventListener("scroll", (e) => {
    if (!e.target.classList?.contains("slides")) return;
    const at = Math.round(e.target.scrollLeft / e.target.clientWidth), swipe = e.target.closest(".swipe");
    const out = $(".at", swipe), frame = swipe.closest(".phone");
    if (out) out.textContent = `${at + 1}/${e.target.children.length}`;
    $$(".dots i", frame || swipe).forEach((dot, i) => dot.classList.toggle("on", i === at));
    for (const go of $$("[data-go]", swipe)) go.hidden = at + Number(go.dataset.go) < 0 || at + Number(go.dataset.go) >= e.target.children.length;
  }, true);

  // Reels
  document.addEventListener("click", (e) => {
    const start = e.target.closest("[data-play]");
    if (!start) return;
    const film = $("video", start.closest(".screen"));
    if (film.paused) film.play(); else film.pause();
  });
  for (const what of ["play", "pause"]) document.addEventListener(what, (e) => {
    const start = e.target.closest?.(".screen") && $("[data-play]", e.target.closest(".screen"));
    if (!start) return;
    start.setAttribute("aria-label", what === "play" ? "Pause" : "Play");
    start.firstElementChild.toggleAttribute("hidden", what === "play");
    $("svg", start).style.visibility = what === "play" ? "hidden" : "";
  }, true);
  document.addEventListener("click", (e) => {
    const zones = e.target.closest("[data-zones]");
    if (!zones) return;
    const on = $(".phone").classList.toggle("zones");
    zones.setAttribute("aria-pressed", on);
  });

  // The grid: choose several, put in order
  const feed = () => $("[data-feed]");
  const tiles = () => $$(".tile[data-id], .line[data-id]", feed() || document);
  function chosen() {
    const bar = $("[data-bulk]");
    if (!bar) return;
    const n = $$("[name=post]:checked").length;
    bar.hidden = n === 0;
    $("output", bar).textContent = n === 1 ? "1 post chosen" : `${n} posts chosen`;
    document.body.classList.toggle("selecting", n > 0 || document.body.dataset.selecting === "1");
  }
  let last = null;
  document.addEventListener("click", (e) => {
    if (!e.target.matches("[name=post]")) return;
    const all = $$("[name=post]");
    if (e.shiftKey && last) {
      const [a, b] = [all.indexOf(last), all.indexOf(e.target)].sort((x, y) => x - y);
      for (const box of all.slice(a, b + 1)) box.checked = e.target.checked;
    }
    last = e.target;
    chosen();
  });
  document.addEventListener("click", (e) => {
    if (e.target.closest("[data-choose=none]")) { for (const box of $$("[name=post]:checked")) box.checked = false; delete document.body.dataset.selecting; chosen(); }
    if (e.target.closest("[data-choose=all]")) { for (const box of $$("[name=post]")) box.checked = true; chosen(); }
    const mode = e.target.closest("[data-mode]");
    if (!mode) return;
    const on = mode.getAttribute("aria-pressed") !== "true";
    mode.setAttribute("aria-pressed", on);
    if (mode.dataset.mode === "select") { document.body.dataset.selecting = on ? "1" : ""; chosen(); }
    if (mode.dataset.mode === "arrange") {
      document.body.classList.toggle("arranging", on);
      if (on) toast("Drag a picture, or tap one and then its new place.");
      lift(null);
    }
  });

  let lifted = null;
  function lift(tile) {
    lifted?.classList.remove("lifted");
    lifted = tile;
    tile?.classList.add("lifted");
  }
  async function place(tile, reference, after) {
    // Moves on the page first; the server's word decides, and takes it back where it says no.
    const home = tile.nextElementSibling, list = tile.parentElement;
    if (reference === tile) return;
    if (after) reference.after(tile); else reference.before(tile);
    const all = tiles(), at = all.indexOf(tile);
    const back = () => list.insertBefore(tile, home);
    try {
      const answer = await send(feed().dataset.order, { post: tile.dataset.id, before: all[at + 1]?.dataset.id || "", after: all[at - 1]?.dataset.id || "" });
      if (!answer.ok) throw new Error(answer.status);
      toast(`Moved to place ${at + 1} of ${all.length}.`);
    } catch { back(); toast("The order was not saved. Try again."); }
  }
  const mayOrder = () => feed()?.dataset.order;
  let drag = null;
  const undrop = () => { for (const el of $$(".tile.before, .tile.after")) el.classList.remove("before", "after"); };
  document.addEventListener("dragstart", (e) => { if (mayOrder() && e.target.closest(".tile")) e.preventDefault(); });
  document.addEventListener("pointerdown", (e) => {
    const tile = e.target.closest?.(".tile[data-id]");
    if (!tile || e.button || !mayOrder() || e.target.closest(".pick")) return;
    if (e.pointerType !== "mouse" && !document.body.classList.contains("arranging")) return;
    drag = { tile, x: e.clientX, y: e.clientY, id: e.pointerId, ghost: null, over: null };
  });
  document.addEventListener("pointermove", (e) => {
    if (!drag || e.pointerId !== drag.id) return;
    if (!drag.ghost) {
      if (Math.hypot(e.clientX - drag.x, e.clientY - drag.y) < 8) return;
      const picture = $("img", drag.tile).cloneNode();
      picture.alt = "";
      drag.ghost = document.createElement("div");
      drag.ghost.className = "ghost";
      drag.ghost.append(picture);
      document.body.append(drag.ghost);
      drag.tile.classList.add("lifted");
      getSelection()?.removeAllRanges();
    }
    e.preventDefault();
    drag.ghost.style.transform = `translate(${e.clientX - 66}px, ${e.clientY - 88}px)`;
    if (e.clientY < 90) scrollBy(0, -14);
    if (e.clientY > innerHeight - 90) scrollBy(0, 14);
    undrop();
    const over = document.elementFromPoint(e.clientX, e.clientY)?.closest(".tile[data-id]");
    drag.over = over && over !== drag.tile ? over : null;
    if (drag.over) {
      const r = over.getBoundingClientRect();
      drag.after = e.clientX > r.left + r.width / 2;
      over.classList.add(drag.after ? "after" : "before");
    }
  });
  function dropped(e) {
    if (!drag || e.pointerId !== drag.id) return;
    const { tile, ghost, over, after } = drag;
    drag = null;
    undrop();
    if (!ghost) return;
    ghost.remove();
    tile.classList.remove("lifted");
    const swallow = (click) => { click.preventDefault(); click.stopPropagation(); };
    addEventListener("click", swallow, { capture: true, once: true });
    setTimeout(() => removeEventListener("click", swallow, true), 50);
    if (over && e.type === "pointerup") place(tile, over, after);
  }
  document.addEventListener("pointerup", dropped);
  document.addEventListener("pointercancel", dropped);
  document.addEventListener("click", (e) => {
    const tile = e.target.closest(".tile[data-id]");
    if (!tile || e.target.closest(".pick")) return;
    if (document.body.classList.contains("arranging")) {
      e.preventDefault();
      if (lifted) { const moved = lifted; lift(null); const all = tiles(); place(moved, tile, all.indexOf(moved) < all.indexOf(tile)); }
      else lift(tile);
    } else if (document.body.dataset.selecting === "1") { e.preventDefault(); $("[name=post]", tile).click(); }
  });

  // Keys. None while typing; "?" lists them.
  const press = (q) => { const el = $(q); if (!el) return false; el.focus?.(); el.click(); return true; };
  let first = "";
  document.addEventListener("keydown", (e) => {
    if ((e.ctrlKey || e.metaKey) && (e.key === "s" || e.key === "Enter")) {
      const form = document.activeElement?.form?.matches("[data-guard]") ? document.activeElement.form : $("form[data-guard]");
      if (form) { e.preventDefault(); form.requestSubmit(); }
      return;
    }
    if (e.key === "Escape") {
      for (const menu of $$("details.menu[open]")) { menu.open = false; $("summary", menu).focus(); }
      if (drag) dropped({ pointerId: drag.id, type: "escape" });
      lift(null);
      if (typing(e.target)) e.target.blur();
      else if ($("[name=post]:checked")) press("[data-choose=none]");
      return;
    }
    if (typing(e.target) || $("dialog[open]") || e.ctrlKey || e.metaKey) return;
    const tile = document.activeElement?.closest?.(".tile[data-id]");
    if (tile && e.key.startsWith("Arrow")) {
      const all = tiles(), at = all.indexOf(tile);
      const columns = getComputedStyle(tile.parentElement).gridTemplateColumns.split(" ").length;
      const to = all[at + { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[e.key]];
      if (!to) return;
      e.preventDefault();
      if (e.altKey && mayOrder()) place(tile, to, all.indexOf(to) > at).then(() => $("a", tile).focus());
      else $("a", to).focus();
      if (e.altKey) $("a", tile).focus();
      return;
    }
    if (e.altKey) return;
    if ($(".phone .swipe") && (e.key === "ArrowLeft" || e.key === "ArrowRight")) { turn($(".phone .swipe"), e.key === "ArrowLeft" ? -1 : 1); return; }
    if (tile && e.key === "x") { $("[name=post]", tile)?.click(); return; }
    if (first === "g") { first = ""; if (press(`[data-goto="${e.key}"]`)) e.preventDefault(); return; }
    if (e.key === "g") { first = "g"; setTimeout(() => { first = ""; }, 1200); return; }
    const key = e.key === " " ? "space" : e.key;
    const el = $(`[data-key="${CSS.escape(key)}"]`);
    if (!el || el.disabled) return;
    e.preventDefault();
    if (typing(el)) { el.focus(); el.select?.(); } else el.click();
  });

  // Beside the grid: the post that is looked at. htmx fetches it; this marks its tile.
  document.addEventListener("focusin", (e) => {
    const tile = e.target.closest?.(".tile[data-id]");
    if (tile && $("#beside")) for (const t of tiles()) t.toggleAttribute("aria-current", false), t === tile && t.setAttribute("aria-current", "true");
  });

  // Steppers
  document.addEventListener("click", (e) => {
    const step = e.target.closest("[data-step]");
    if (!step) return;
    const field = $("input", step.parentElement);
    if (Number(step.dataset.step) > 0) field.stepUp(); else field.stepDown();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });

  // Files dropped on a zone
  for (const what of ["dragenter", "dragover"]) document.addEventListener(what, (e) => e.target.closest?.(".drop")?.classList.add("over"));
  for (const what of ["dragleave", "drop"]) document.addEventListener(what, (e) => e.target.closest?.(".drop")?.classList.remove("over"));

  for (const form of $$("form")) recount(form);
  chosen();
  document.addEventListener("htmx:afterSettle", () => { for (const form of $$("form")) recount(form); chosen(); });
  document.addEventListener("htmx:beforeSwap", (e) => {  // two edits at once: the page that shows both
    if (e.detail.xhr.status !== 409) return;
    e.detail.shouldSwap = true; e.detail.isError = false;
    e.detail.target = $("#main"); e.detail.selectOverride = "#main"; e.detail.swapOverride = "outerHTML show:window:top";
  });
  document.addEventListener("htmx:afterSettle", (e) => {  // on a phone the jobs are below the form
    const jobs = $("#jobs");
    if (jobs && e.detail.requestConfig?.verb === "post" && jobs.getBoundingClientRect().top > innerHeight * .7) jobs.scrollIntoView();
  });
  document.addEventListener("htmx:afterSettle", () => {
    const problem = $("#problems > .banner:not([data-seen])");
    if (problem) { problem.dataset.seen = ""; problem.scrollIntoView({ block: "center" }); }
  });
  let remade = "", stale = false;
  // A post that was made anew while its page is open: shown at once, but what is being typed stays
  document.addEventListener("htmx:afterSettle", () => {
    if (remade && stale && !$("form[data-dirty]")) { location.reload(); return; }
    const made = $("#reworking[data-version]");
    if (!made || made.dataset.version === remade) return;
    remade = made.dataset.version;
    if (!$("form[data-dirty]")) { location.reload(); return; }
    if ("words" in made.dataset) { toast("The post has other words now. Saving yours shows you both."); return; }
    const alts = $$("[data-alt]", made).map((el) => el.content.textContent), fields = $$("[name=alt]");
    if (fields.length === alts.length) fields.forEach((field, i) => { if (field.value === field.defaultValue) field.value = field.defaultValue = alts[i]; });
    for (const field of $$("[name=version]")) field.value = remade;
    stale = true;
    toast("The post was made anew. Save your edit to see it.");
  });
  document.addEventListener("htmx:beforeRequest", (e) => {  // what somebody is choosing is not swapped away
    const part = e.detail.elt, at = document.activeElement;
    if (part.id === "publication" && part.contains(at) && at.matches("select, input")) e.preventDefault();
  });
  document.addEventListener("htmx:sendError", () => toast("The studio does not answer. Is it still running?"));
})();
