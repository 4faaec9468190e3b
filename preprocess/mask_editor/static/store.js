// What the page asks of its server: masks go as PNG images of the views' own size, brighter than 127 of 255 = hidden.

const THRESHOLD = 127;

function canvasOf(width, height) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  return canvas;
}

async function answer(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch {
    throw new Error("The editor does not answer; was it ended in the terminal?");
  }
  if (!response.ok) throw new Error(await response.text());
  return response;
}

export async function about() {
  return (await answer("about.json")).json();
}

export const imageUrl = (number, name) => `view/${number}/${name}`;

export async function image(number, name) {
  return createImageBitmap(await (await answer(imageUrl(number, name))).blob());
}

// A byte a pixel, 1 = white.
export async function mask(number, name) {
  const bitmap = await image(number, name);
  const context = canvasOf(bitmap.width, bitmap.height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const rgba = context.getImageData(0, 0, bitmap.width, bitmap.height).data;
  return Uint8Array.from({ length: rgba.length / 4 }, (_, i) => Number(rgba[4 * i] > THRESHOLD));
}

export async function save(number, { width, height, data }) {
  const canvas = canvasOf(width, height);
  const image = new ImageData(width, height);
  for (let i = 0; i < data.length; i++) image.data.fill(data[i] ? 255 : 0, 4 * i, 4 * i + 3);
  for (let i = 3; i < image.data.length; i += 4) image.data[i] = 255;
  canvas.getContext("2d").putImageData(image, 0, 0);
  const body = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  await answer(imageUrl(number, "drawn.png"), { method: "PUT", body });
}

export async function remove(number) {
  await answer(imageUrl(number, "drawn.png"), { method: "DELETE" });
}
