// A press on the photo becomes two shares of its size, which say the same on every screen.
"use strict";
document.addEventListener("click", (e) => {
  const picture = e.target.closest?.("[data-clicks] input[type=image]");
  if (!picture || picture.disabled) return;
  e.preventDefault();
  if (!e.clientX && !e.clientY) return;  // by the keyboard: no place was meant
  const box = picture.getBoundingClientRect(), form = picture.form;
  form.elements.x.value = ((e.clientX - box.left) / box.width).toFixed(4);
  form.elements.y.value = ((e.clientY - box.top) / box.height).toFixed(4);
  form.requestSubmit();
});
