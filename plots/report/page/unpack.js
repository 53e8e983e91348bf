/* ---- Unpacking: gzip in base64, see packing.py. */

async function unpack(id) {
  const text = atob(byId(id).textContent.trim());
  const packed = new Uint8Array(text.length);
  for (let place = 0; place < text.length; place++) packed[place] = text.charCodeAt(place);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const asText = (bytes) => new TextDecoder().decode(bytes);

/* Little-endian, as every machine that browsers run on. */
function asFloats(planes) {
  const count = planes.length / 4;
  const bytes = new Uint8Array(planes.length);
  for (let plane = 0; plane < 4; plane++)
    for (let place = 0; place < count; place++) bytes[4 * place + plane] = planes[plane * count + place];
  return new Float32Array(bytes.buffer);
}

function run(source) {
  const script = document.createElement("script");
  script.textContent = source;
  document.head.append(script);
}
