// What the page asks of its server: masks go as PNG images of the views' own size, brighter than 127 of 255 = hidden.

const THRESHOLD = 127;

// Another mask lies on disk than the one that was to be replaced; tag: the present one's, null where there is none.
export class Stale extends Error {
  constructor(message, tag) {
    super(message);
    this.tag = tag;
  }
}

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
  if (response.status === 412) throw new Stale(await response.text(), response.headers.get("ETag"));
  if (!response.ok) throw Object.assign(new Error(await response.text()), { status: response.status });
  return response;
}

export async function about() {
  return (await answer("about.json")).json();
}

export const imageUrl = (number, name) => `view/${number}/${name}`;

const bitmapOf = async (response) => createImageBitmap(await response.blob());

export async function image(number, name) {
  return bitmapOf(await answer(imageUrl(number, name)));
}

export async function mask(number, name) {
  return pixelsOf(await answer(imageUrl(number, name)));
}

// A byte a pixel, 1 = white.
async function pixelsOf(response) {
  const bitmap = await bitmapOf(response);
  const context = canvasOf(bitmap.width, bitmap.height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const rgba = context.getImageData(0, 0, bitmap.width, bitmap.height).data;
  bitmap.close();
  return Uint8Array.from({ length: rgba.length / 4 }, (_, i) => Number(rgba[4 * i] > THRESHOLD));
}

// The mask on disk and its tag, by which a later write tells which one it means to replace.
export async function drawn(number) {
  try {
    const response = await answer(imageUrl(number, "drawn.png"));
    return { drawn: await pixelsOf(response), tag: response.headers.get("ETag") };
  } catch (error) {
    if (error.status !== 404) throw error;
    return { drawn: null, tag: null };
  }
}

const replacing = (tag) => (tag ? { "If-Match": tag } : { "If-None-Match": "*" });

// Gives the new mask's tag.  Throws Stale.
export async function save(number, tag, { width, height, data }) {
  const canvas = canvasOf(width, height);
  const image = new ImageData(width, height);
  for (let i = 0; i < data.length; i++) image.data.fill(data[i] ? 255 : 0, 4 * i, 4 * i + 3);
  for (let i = 3; i < image.data.length; i += 4) image.data[i] = 255;
  canvas.getContext("2d").putImageData(image, 0, 0);
  const body = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  const response = await answer(imageUrl(number, "drawn.png"), { method: "PUT", body, headers: replacing(tag) });
  return response.headers.get("ETag");
}

// Throws Stale.
export async function remove(number, tag) {
  await answer(imageUrl(number, "drawn.png"), { method: "DELETE", headers: replacing(tag) });
}
