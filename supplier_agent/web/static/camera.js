// Scans with the camera, where the browser itself can read barcodes. Each scan needs a tap: a camera that stays open would read
// the box in front of it twice, and the second scan marks it as shipped.
"use strict";
(() => {
  const LOOK = 150;
  const button = document.getElementById("camera"), picture = document.getElementById("picture"), field = document.getElementById("scan");
  if (!button || !("BarcodeDetector" in window) || !navigator.mediaDevices) return;
  let stream = null;
  button.hidden = false;

  function close() {
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    picture.hidden = true;
  }

  async function open() {
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch {
      alert(button.dataset.refused);
      return;
    }
    picture.srcObject = stream;
    picture.hidden = false;
    await picture.play();
    const detector = new BarcodeDetector();
    while (stream) {
      const [found] = await detector.detect(picture).catch(() => []);
      if (found && stream) {
        close();
        field.value = found.rawValue;
        field.form.requestSubmit();
      }
      await new Promise((next) => setTimeout(next, LOOK));
    }
  }

  button.addEventListener("click", () => { if (stream) close(); else open(); });
})();
