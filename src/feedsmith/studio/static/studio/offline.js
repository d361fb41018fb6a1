// The offline page: which of the two it is, and back to the studio as soon as there is a connection.
"use strict";
(() => {
  const tell = () => { document.getElementById("why").textContent = navigator.onLine
    ? "This device is online, but the studio does not answer. Perhaps it is not running, or this device is not in its network."
    : "This device has no connection."; };
  tell();
  addEventListener("offline", tell);
  addEventListener("online", () => location.reload());
})();
