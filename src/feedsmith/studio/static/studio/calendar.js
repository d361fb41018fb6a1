// Dragging on the calendar. A slot that is dropped on a day keeps its time of day; the server says what it
// did, and the page shows what the server has. Without this file, or with a finger, a slot opens its form.
"use strict";
(() => {
  const $ = (q, from = document) => from.querySelector(q);
  const token = () => $("[name=csrfmiddlewaretoken]")?.value || "";
  const say = (words) => document.dispatchEvent(new CustomEvent("said", { detail: { value: words } }));
  let drag = null;
  const unmark = () => { for (const el of document.querySelectorAll(".day.target")) el.classList.remove("target"); };

  document.addEventListener("dragstart", (e) => { if (e.target.closest?.("[data-what]")) e.preventDefault(); });
  document.addEventListener("pointerdown", (e) => {
    const slot = e.target.closest?.("[data-what]");
    if (!slot || e.button || e.pointerType === "touch" || !$("#calendar")?.dataset.move) return;
    drag = { slot, x: e.clientX, y: e.clientY, id: e.pointerId, ghost: null, day: null };
  });
  document.addEventListener("pointermove", (e) => {
    if (!drag || e.pointerId !== drag.id) return;
    if (!drag.ghost) {
      if (Math.hypot(e.clientX - drag.x, e.clientY - drag.y) < 8) return;
      drag.ghost = drag.slot.cloneNode(true);
      drag.ghost.removeAttribute("data-what");
      drag.ghost.classList.add("carried");
      drag.ghost.setAttribute("aria-hidden", "true");
      document.body.append(drag.ghost);
      drag.slot.classList.add("lifted");
      getSelection()?.removeAllRanges();
    }
    e.preventDefault();
    drag.ghost.style.transform = `translate(${e.clientX - 60}px, ${e.clientY - 22}px)`;
    if (e.clientY < 90) scrollBy(0, -14);
    if (e.clientY > innerHeight - 60) scrollBy(0, 14);
    unmark();
    drag.day = document.elementFromPoint(e.clientX, e.clientY)?.closest("[data-day]") || null;
    drag.day?.classList.add("target");
  });
  async function drop(slot, day) {
    const calendar = $("#calendar");
    try {
      const answer = await fetch(calendar.dataset.move, {
        method: "POST", headers: { "X-CSRFToken": token() },
        body: new URLSearchParams({ what: slot.dataset.what, version: slot.dataset.version || "", day: day.dataset.day }),
      });
      const told = (answer.headers.get("Content-Type") || "").includes("json") ? await answer.json() : {};
      if (answer.ok || answer.status === 409) await htmx.ajax("GET", location.href, { target: "#calendar", select: "#calendar", swap: "outerHTML" });
      say(told.said || (answer.ok ? "Moved." : "It was not moved. Reload the page and try again."));
    } catch { say("It was not moved: the studio does not answer."); }
  }
  function end(e) {
    if (!drag || e.pointerId !== drag.id) return;
    const { slot, ghost, day } = drag;
    drag = null;
    unmark();
    if (!ghost) return;
    ghost.remove();
    slot.classList.remove("lifted");
    const swallow = (click) => { click.preventDefault(); click.stopPropagation(); };
    addEventListener("click", swallow, { capture: true, once: true });
    setTimeout(() => removeEventListener("click", swallow, true), 50);
    if (day && e.type === "pointerup" && day !== slot.closest("[data-day]")) drop(slot, day);
  }
  document.addEventListener("pointerup", end);
  document.addEventListener("pointercancel", end);
  document.addEventListener("keydown", (e) => { if (e.key === "Escape" && drag) end({ pointerId: drag.id, type: "escape" }); });
})();
