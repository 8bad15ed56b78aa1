"""Pictures of pages as small files: PNG with a palette, of the colours that are there most."""

import base64
import struct
import zlib

from playwright.sync_api import Page

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = 256
# Colours that are hardly told apart are one. Squared, over red, green and blue.
_NEAR = 75
# Draws the file, counts its colours, and answers the frequent ones with the nearest of them for each pixel.
_REDUCE = """async ([file, most, near]) => {
  const picture = await createImageBitmap(await (await fetch(`data:image/png;base64,${file}`)).blob());
  const context = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
  context.drawImage(picture, 0, 0);
  const pixels = context.getImageData(0, 0, picture.width, picture.height).data, counts = new Map();
  const colour = (at) => (pixels[at] << 16) | (pixels[at + 1] << 8) | pixels[at + 2];
  for (let at = 0; at < pixels.length; at += 4) counts.set(colour(at), (counts.get(colour(at)) || 0) + 1);
  const part = (found, bits) => (found >> bits) & 255;
  const apart = (one, other) => [16, 8, 0].reduce((sum, bits) => sum + (part(one, bits) - part(other, bits)) ** 2, 0);
  const palette = [], places = new Map();
  for (const [found] of [...counts].sort((one, other) => other[1] - one[1])) {
    const [distance, place] = palette
      .map((known, place) => [apart(known, found), place])
      .reduce((best, each) => (each[0] < best[0] ? each : best), [Infinity, 0]);
    if (distance > near && palette.length < most) palette.push(found);
    places.set(found, distance > near && palette[palette.length - 1] === found ? palette.length - 1 : place);
  }
  let lines = "";
  for (let at = 0; at < pixels.length; at += 4) lines += String.fromCharCode(places.get(colour(at)));
  return { width: picture.width, height: picture.height, palette, lines: btoa(lines) };
}"""


def small(png: bytes, page: Page) -> bytes:
    """`png` with 256 colours. `page`: one whose policy lets it read what it is given, such as an empty one."""
    found = page.evaluate(_REDUCE, [base64.b64encode(png).decode(), _COLOURS, _NEAR])
    width, height = int(found["width"]), int(found["height"])
    places = base64.b64decode(found["lines"])
    # Each line begins with its filter, of which none is best for a palette.
    lines = b"".join(b"\0" + places[row * width : (row + 1) * width] for row in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    palette = b"".join(int(colour).to_bytes(3, "big") for colour in found["palette"])
    chunks = [(b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b"")]
    return _SIGNATURE + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
