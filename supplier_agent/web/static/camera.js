// Scans with the camera, where the browser itself can read barcodes. Each scan needs a tap: a camera that stays open would read
// the box in front of it twice, and the second scan marks it as shipped.
"use strict";
(() => {
  const LOOK = 150;
  if (!("BarcodeDetector" in window) || !navigator.mediaDevices) return;
  const button = () => document.getElementById("camera"), picture = () => document.getElementById("picture");
  let stream = null;

  function close() {
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    if (picture()) picture().hidden = true;
  }

  async function open() {
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch {
      alert(button().dataset.refused);
      return;
    }
    picture().srcObject = stream;
    picture().hidden = false;
    await picture().play();
    const detector = new BarcodeDetector();
    while (stream) {
      const [found] = await detector.detect(picture()).catch(() => []);
      if (found && stream) {
        close();
        const field = document.getElementById("scan");
        field.value = found.rawValue;
        field.form.requestSubmit();
      }
      await new Promise((next) => setTimeout(next, LOOK));
    }
  }

  const show = () => { if (button()) button().hidden = false; };
  document.addEventListener("click", (event) => { if (event.target.closest?.("#camera")) { if (stream) close(); else open(); } });
  document.addEventListener("swapped", show);
  show();
})();
