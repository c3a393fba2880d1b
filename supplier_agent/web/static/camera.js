// Scans with the camera. If the browser reads no barcodes itself, the page does: a grey strip of the picture's middle is sent to it.
// Each scan needs a tap: a camera that stays open would read the box in front of it twice, and the second scan marks it as shipped.
"use strict";
(() => {
  const LOOK = 150, WIDTH = 640, HEIGHT = 270;
  if (!navigator.mediaDevices) return;
  const detector = "BarcodeDetector" in window ? new BarcodeDetector() : null;
  const canvas = Object.assign(document.createElement("canvas"), { width: WIDTH, height: HEIGHT });
  const button = () => document.getElementById("camera"), picture = () => document.getElementById("picture");
  let stream = null;

  function close() {
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    if (picture()) picture().hidden = true;
  }

  async function codeIn(video) {
    return detector ? (await detector.detect(video))[0]?.rawValue : (await ask(grey(video)))[0];
  }

  function grey(video) {
    const brush = canvas.getContext("2d", { willReadFrequently: true });
    const high = Math.min(video.videoHeight, (video.videoWidth * HEIGHT) / WIDTH);
    brush.drawImage(video, 0, (video.videoHeight - high) / 2, video.videoWidth, high, 0, 0, WIDTH, HEIGHT);
    const { data } = brush.getImageData(0, 0, WIDTH, HEIGHT), pixels = new Uint8Array(WIDTH * HEIGHT);
    for (let i = 0; i < pixels.length; i++) pixels[i] = 0.3 * data[4 * i] + 0.6 * data[4 * i + 1] + 0.1 * data[4 * i + 2];
    return pixels;
  }

  async function ask(pixels) {
    let text = "";
    for (let i = 0; i < pixels.length; i += 8190) text += String.fromCharCode(...pixels.subarray(i, i + 8190));
    const picture = btoa(text).replaceAll("+", "-").replaceAll("/", "_"), token = document.querySelector("input[name=token]").value;
    const answer = await fetch("/camera", { method: "POST", body: new URLSearchParams({ token, width: WIDTH, picture }) });
    return answer.ok ? answer.json() : [];
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
    while (stream) {
      const code = await codeIn(picture()).catch(() => "");
      if (code && stream) {
        close();
        const field = document.getElementById("scan");
        field.value = code;
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
