/* ---- Unpacking: gzip in base64, see packing.py. */

async function unpack(id) {
  const packed = Uint8Array.from(atob(byId(id).textContent.trim()), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const asText = (bytes) => new TextDecoder().decode(bytes);

function asFloats(planes) {
  const count = planes.length / 4;
  const bytes = new Uint8Array(planes.length);
  for (let plane = 0; plane < 4; plane++)
    for (let place = 0; place < count; place++) bytes[4 * place + plane] = planes[plane * count + place];
  const numbers = new DataView(bytes.buffer);
  return Float32Array.from({ length: count }, (_, place) => numbers.getFloat32(4 * place, true));
}

function run(source) {
  const script = document.createElement("script");
  script.textContent = source;
  document.head.append(script);
}
