// Large words: the largest size from data-max down at which they fit data-height and data-lines.
document.fonts.ready.then(() => {
  for (const p of document.querySelectorAll("[data-max]")) {
    const { max, min, height, lines, lead } = p.dataset;
    for (let size = +max; size >= +min; size *= 0.965) {
      const step = Math.round((size * lead) / 4) * 4;
      p.style.fontSize = size + "px";
      p.style.lineHeight = step + "px";
      const tall = p.offsetHeight;
      if (tall <= +height && Math.round((tall - 0.7 * size) / step) + 1 <= +lines && p.scrollWidth <= p.clientWidth) break;
    }
  }
  return Promise.all([...document.images].map((image) => image.decode()));
}).then(() => { window.fitted = true; });
