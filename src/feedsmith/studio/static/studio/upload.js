// Files into the library, piece by piece. A broken connection is waited for; after a reload the same file,
// chosen again, goes on where it was. Without this file the form sends whole files at once.
"use strict";
(() => {
  const $ = (q, from = document) => from.querySelector(q);
  const form = $("[data-upload]");
  if (!form) return;
  const root = form.dataset.upload, list = $("[data-uploads]", form), field = $("input[type=file]", form);
  const token = () => $("[name=csrfmiddlewaretoken]", form).value;
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  const send = (path, body) => fetch(root + path, { method: "POST", body, headers: { "X-CSRFToken": token() } });
  let busy = 0;

  function row(file) {
    const li = document.createElement("li"), name = document.createElement("b"), words = document.createElement("span"), bar = document.createElement("progress");
    name.textContent = file.name;
    words.className = "quiet figure small";
    words.textContent = "Waiting";
    bar.max = file.size;
    bar.value = 0;
    bar.setAttribute("aria-label", file.name);
    li.append(name, words, bar);
    list.append(li);
    return { words, bar };
  }

  async function upload(file, shown) {
    const asked = new URLSearchParams({ name: file.name, size: file.size, mark: String(file.lastModified) });
    let begun = null;
    while (!begun) {
      try {
        const answer = await send("/uploads", asked);
        const told = await answer.json();
        if (answer.status === 503) { shown.words.textContent = `${told.said} It is tried again.`; await wait(2000); continue; }
        if (!answer.ok) { shown.words.textContent = told.said; shown.words.className = "bad small"; return null; }
        begun = told;
      } catch { shown.words.textContent = "The studio does not answer. It is tried again."; await wait(2000); }
    }
    let have = begun.have, pause = 500;
    const began = performance.now(), first = have;
    while (have < file.size) {
      shown.bar.value = have;
      const left = have > first ? ((performance.now() - began) / (have - first)) * (file.size - have) / 1000 : 0;
      shown.words.textContent = `${Math.floor(100 * have / file.size)} %` + (left > 5 ? `, ${left > 90 ? Math.round(left / 60) + " minutes" : Math.round(left) + " seconds"} left` : "");
      try {
        const answer = await send(`/uploads/${begun.key}?from=${have}`, file.slice(have, have + begun.piece));
        if (answer.ok || answer.status === 409) { have = (await answer.json()).have; pause = 500; continue; }
        if (answer.status === 422) { shown.words.textContent = (await answer.json()).said; shown.words.className = "bad small"; return null; }
        throw new Error(answer.status === 503 ? (await answer.json()).said : "");
      } catch (error) {
        const said = error instanceof SyntaxError || error instanceof TypeError ? "" : error.message;
        shown.words.textContent = `${Math.floor(100 * have / file.size)} %. ${said ? `${said} It is tried again.` : "The connection broke; it goes on by itself."}`;
        await wait(pause);
        pause = Math.min(pause * 2, 15000);
      }
    }
    shown.bar.value = file.size;
    shown.words.textContent = "Arrived";
    return begun.key;
  }

  async function take(files) {
    if (!files.length) return;
    busy += 1;
    const rows = files.map((file) => [file, row(file)]), keys = [];
    for (const [file, shown] of rows) { const key = await upload(file, shown); if (key) keys.push(["key", key]); }
    busy -= 1;
    if (!keys.length) return;
    const answer = await send("/import", new URLSearchParams(keys)).catch(() => null);
    if (!answer || !answer.ok) {
      const told = answer ? await answer.json().catch(() => null) : null;
      rows[0][1].words.textContent = told ? told.said : "The studio does not answer. What has arrived is kept.";
      rows[0][1].words.className = "bad small";
    }
    await htmx.ajax("GET", root + "/imports", { target: "#imports", swap: "outerHTML" });
    if (answer && answer.ok) list.replaceChildren();
  }
  field.addEventListener("change", () => { const files = [...field.files]; field.value = ""; take(files); });
  const drop = $(".drop", form);
  drop.addEventListener("dragover", (e) => e.preventDefault());
  drop.addEventListener("drop", (e) => { e.preventDefault(); take([...e.dataTransfer.files]); });
  addEventListener("beforeunload", (e) => { if (busy) e.preventDefault(); });
})();
