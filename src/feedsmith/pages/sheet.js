for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const text = button.dataset.copy;
    try { await navigator.clipboard.writeText(text); } catch {
      const area = document.createElement("textarea");
      area.value = text; document.body.append(area); area.select();
      document.execCommand("copy"); area.remove(); button.focus();
    }
    const before = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = before; }, 1600);
  });
}
for (const slides of document.querySelectorAll(".slides")) {
  const dots = slides.parentElement.querySelectorAll(".dots i");
  const show = () => {
    const at = Math.round(slides.scrollLeft / slides.clientWidth);
    dots.forEach((dot, i) => dot.classList.toggle("on", i === at));
  };
  slides.addEventListener("scroll", show, { passive: true });
  show();
}
// Loops play only while they are seen, and not at all for people who asked for less motion.
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const loops = document.querySelectorAll("video[autoplay]");
if (still) {
  for (const film of loops) { film.removeAttribute("autoplay"); film.controls = true; }
} else {
  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) target.play().catch(() => { target.controls = true; }); else target.pause();
    }
  });
  for (const film of loops) seen.observe(film);
}
