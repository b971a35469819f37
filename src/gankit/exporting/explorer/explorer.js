// Runs a generator in the browser. The page holds everything; nothing is fetched and nothing sent.
//
// A sample is {z, label, origin}: its latent, Float32Array [size]; what it is asked for, or null:
// shares of the classes or a vector; and which sample of a seed it is, {seed, number}, or null if
// its latent was changed.

const $ = (id) => document.getElementById(id);
const about = JSON.parse($('about').textContent);
const [channels, height, width] = about.shape;
const size = about.latent_size, noise = about.noise_size, classes = about.class_names;
const RANGES = { normal: [-3, 3], uniform: [-1, 1], uniform01: [0, 1], uniform_unit: [-1.73, 1.73] };
const [LOW, HIGH] = RANGES[about.prior];
const MIDDLE = (LOW + HIGH) / 2;
const PAGE = 24; // samples that the wall grows by
const PART = Math.max(1, Math.floor(24 * 28 * 28 / (height * width))); // samples in one run
const VALUES = [-2, -1, 0, 1, 2]; // of a code that is a number, in its row of pictures
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STRIP = 40; // with more classes, a list of names stands in place of pictures
const LEG = 1600; // milliseconds from one corner of the loop to the next

const state = {
  held: null, preview: null, history: [], psi: 1,
  seed: 0n, corners: [], at: [0, 0], slots: {}, playing: 0,
};

// Random numbers: numpy's Philox generator, so that a seed draws here what it draws in gankit

const WORD = (1n << 64n) - 1n;

class Philox {
  constructor(seed, purpose, block) {
    this.key = [BigInt(seed), BigInt(purpose)];
    this.counter = [0n, 0n, 0n, BigInt(block)];
    this.ready = [];
  }

  refill() {
    this.counter[0] += 1n;
    let [a, b, c, d] = this.counter, [k0, k1] = this.key;
    for (let round = 0; round < 10; round++) {
      const p = 0xD2E7470EE14C6C93n * a, q = 0xCA5A826395121157n * c;
      [a, b, c, d] = [(q >> 64n) ^ b ^ k0, q & WORD, (p >> 64n) ^ d ^ k1, p & WORD];
      k0 = (k0 + 0x9E3779B97F4A7C15n) & WORD;
      k1 = (k1 + 0xBB67AE8584CAA73Bn) & WORD;
    }
    this.ready = [d, c, b, a].flatMap((word) => [Number(word >> 32n), Number(word & 0xffffffffn)]);
  }

  next() { // 32 bits
    if (!this.ready.length) this.refill();
    return this.ready.pop();
  }

  unit() { return (this.next() >>> 8) * 2 ** -24; } // U(0, 1)

  below(n) { // a whole number, each as likely (Lemire)
    if (n === 1) return 0;
    for (;;) {
      const product = this.next() * n, low = product % 2 ** 32;
      if (low >= n || low >= (2 ** 32 - n) % n) return Math.floor(product / 2 ** 32);
    }
  }

  normal() { // N(0, 1), by 256 strips of equal area (Marsaglia and Tsang)
    for (;;) {
      const bits = this.next(), i = bits & 255, place = bits >>> 9;
      const x = Math.fround(place * STRIPS.width[i]), signed = bits & 256 ? -x : x;
      if (place < STRIPS.inside[i]) return signed;
      if (i === 0) return this.tail(place);
      const [upper, lower] = [STRIPS.height[i - 1], STRIPS.height[i]];
      const y = Math.fround(Math.fround(upper - lower) * this.unit() + lower);
      if (y < Math.exp(-0.5 * x * x)) return signed;
    }
  }

  tail(place) {
    for (;;) {
      const a = Math.fround(-Math.fround(1 / EDGE) * Math.fround(Math.log1p(-this.unit())));
      const b = Math.fround(-Math.log1p(-this.unit()));
      if (2 * b > Math.fround(a * a)) {
        const far = Math.fround(Math.fround(EDGE) + a);
        return (place >>> 8) & 1 ? -far : far;
      }
    }
  }
}

const EDGE = 3.6541528853610088, AREA = 0.004928673233992336;
const STRIPS = (() => {
  const inside = new Uint32Array(256), width = new Float32Array(256);
  const height = new Float32Array(256), bell = (x) => Math.exp(-x * x / 2), scale = 2 ** 23;
  const base = AREA / bell(EDGE);
  inside[0] = EDGE / base * scale;
  [width[0], width[255]] = [base / scale, EDGE / scale];
  [height[0], height[255]] = [1, bell(EDGE)];
  for (let i = 254, x = EDGE; i > 0; i--) {
    const next = Math.sqrt(-2 * Math.log(AREA / x + bell(x)));
    inside[i + 1] = next / x * scale;
    [width[i], height[i]] = [next / scale, bell(next)];
    x = next;
  }
  return { inside, width, height };
})();

const PRIORS = {
  normal: (random) => random.normal(),
  uniform: (random) => random.unit() * 2 - 1,
  uniform01: (random) => random.unit(),
  uniform_unit: (random) => (random.unit() * 2 - 1) * Math.fround(Math.sqrt(3)),
};

function drawBlock(seed, block) {
  const random = new Philox(seed, about.purpose, block), drawn = new Float32Array(about.block * size);
  let from = 0;
  for (const { kind, size: count } of about.draws) {
    for (let row = 0; row < about.block; row++) {
      const start = row * size + from;
      if (kind === 'category') drawn[start + random.below(count)] = 1;
      else for (let i = 0; i < count; i++) drawn[start + i] = PRIORS[kind](random);
    }
    from += count;
  }
  return drawn;
}

const blocks = new Map();

// The latent of a seed's sample; null if the page can neither draw it nor holds it.
function latentOf(seed, number) {
  const block = Math.floor(number / about.block);
  if (!about.draws && (seed >= about.stored || block)) return null;
  const key = `${seed}/${block}`;
  if (!blocks.has(key)) {
    if (blocks.size > 20) blocks.clear();
    const from = Number(seed) * about.block * size;
    blocks.set(key, about.draws ? drawBlock(seed, block)
      : stored.subarray(from, from + about.block * size));
  }
  const at = (number % about.block) * size;
  return blocks.get(key).slice(at, at + size);
}

// The generator

let ort, session, stored;

function bytes(id) {
  const text = $(id).textContent;
  $(id).remove();
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

async function unpacked(id) {
  const stream = new Blob([bytes(id)]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).arrayBuffer();
}

async function loadGenerator() {
  const script = new Blob([await unpacked('runtime-script')], { type: 'text/javascript' });
  ort = await import(URL.createObjectURL(script));
  ort.env.wasm.numThreads = 1; // more would need a server that isolates the page
  ort.env.wasm.wasmBinary = await unpacked('runtime-wasm');
  session = await ort.InferenceSession.create(bytes('model'), { executionProviders: ['wasm'] });
  if (!about.draws) stored = new Float32Array(bytes('latents').buffer);
}

// The latent as it is used: its noise scaled towards the middle of the prior.
function truncated(z) {
  if (state.psi === 1) return z;
  return z.map((number, i) => (i < noise ? MIDDLE + state.psi * (number - MIDDLE) : number));
}

let last = Promise.resolve();

// Return what an act that runs a network comes to. Acts wait for each other.
function queued(act) {
  const made = last.then(act);
  last = made.catch(() => {});
  return made;
}

// Return a picture, ImageData, for each sample.
const generate = (samples) => queued(() => runInParts(samples));

// A part is small enough that the page answers in between.
async function runInParts(samples) {
  const made = [];
  for (let i = 0; i < samples.length; i += PART) {
    if (i) await new Promise((next) => { setTimeout(next); });
    made.push(...await run(samples.slice(i, i + PART)));
  }
  return made;
}

async function run(samples) {
  const count = samples.length, latents = new Float32Array(count * size);
  samples.forEach((sample, i) => latents.set(truncated(sample.z), i * size));
  const given = { latents: new ort.Tensor('float32', latents, [count, size]) };
  if (samples[0].label) given.labels = labelTensor(samples.map((sample) => sample.label));
  const made = await session.run(given);
  return pictures(made[session.outputNames[0]].data, count);
}

function labelTensor(labels) {
  const count = labels.length;
  if (classes.length && !about.mixtures) {
    return new ort.Tensor('int64', BigInt64Array.from(labels, (l) => BigInt(top(l))), [count]);
  }
  const every = new Float32Array(count * labels[0].length);
  labels.forEach((label, i) => every.set(label, i * label.length));
  return new ort.Tensor('float32', every, [count, labels[0].length]);
}

function pictures(numbers, count) {
  const area = height * width;
  return Array.from({ length: count }, (_, n) => {
    const image = new ImageData(width, height), from = n * channels * area;
    for (let i = 0; i < area; i++) {
      for (let c = 0; c < 3; c++) { // a clamped array rounds as gankit does
        image.data[4 * i + c] = (numbers[from + (channels === 1 ? 0 : c) * area + i] + 1) * 127.5;
      }
      image.data[4 * i + 3] = 255;
    }
    return image;
  });
}

function paint(canvas, image) {
  if (canvas.width !== width || canvas.height !== height) {
    [canvas.width, canvas.height] = [width, height];
  }
  canvas.getContext('2d').putImageData(image, 0, 0);
}

// Samples

const top = (label) => label.indexOf(Math.max(...label));
const whole = (label) => !classes.length || !label || label[top(label)] > 0.9999;
const oneHot = (place) => Float32Array.from(classes, (_, i) => Number(i === place));

// The label of a sample that is asked for, or what the held one has.
function labelFor(number) {
  if (about.condition) return state.held ? state.held.label : new Float32Array(about.condition);
  if (!classes.length) return null;
  const asked = $('ask').value;
  if (asked === 'held' && state.held) return state.held.label;
  return oneHot(asked === '' || asked === 'held' ? number % classes.length : Number(asked));
}

function sampleOf(seed, number, label) {
  const z = latentOf(seed, number);
  return z && { z, label, origin: { seed, number } };
}

const withLatent = (sample, z) => ({ ...sample, z, origin: null });

function withNumber(sample, place, value) {
  const z = sample.z.slice();
  z[place] = value;
  return withLatent(sample, z);
}

function withCode(sample, code, value) {
  const z = sample.z.slice();
  z.fill(code.categories ? 0 : value, code.from, code.to);
  if (code.categories) z[code.from + value] = 1;
  return withLatent(sample, z);
}

// The sample at a share of the way from a to b: normal noise keeps its length on the way.
function between(a, b, share) {
  const z = a.z.map((number, i) => number + share * (b.z[i] - number));
  if (about.prior === 'normal') {
    const dot = (x, y) => { let sum = 0; for (let i = 0; i < noise; i++) sum += x[i] * y[i]; return sum; };
    const cosine = dot(a.z, b.z) / Math.sqrt(dot(a.z, a.z) * dot(b.z, b.z));
    const angle = Math.acos(Math.max(-1, Math.min(1, cosine)));
    if (Math.sin(angle) > 1e-4) {
      const [from, to] = [Math.sin((1 - share) * angle), Math.sin(share * angle)];
      for (let i = 0; i < noise; i++) z[i] = (from * a.z[i] + to * b.z[i]) / Math.sin(angle);
    }
  }
  return { z, label: betweenLabels(a.label, b.label, share), origin: null };
}

function betweenLabels(a, b, share) {
  if (!a) return null;
  if (classes.length && !about.mixtures) return share < 0.5 ? a : b;
  return a.map((number, i) => number + share * (b[i] - number));
}

function labelText(label) {
  if (!label) return '';
  if (!classes.length) return `, vector ${[...label].map((number) => +number.toFixed(2)).join(' ')}`;
  if (whole(label)) return `, label ${classes[top(label)]}`;
  const parts = classes.map((name, i) => [label[i], name]).filter(([share]) => share > 0.005);
  return `, ${parts.map(([share, name]) => `${Math.round(100 * share)} % ${name}`).join(' and ')}`;
}

function nameOf({ origin, label }) {
  const what = origin ? `sample ${origin.number} of seed ${origin.seed}` : 'a latent of your own';
  return what + labelText(label);
}

// The held sample

function hold(sample, remember = true) {
  if (remember && state.held) state.history.push(state.held);
  if (state.history.length > 100) state.history.shift();
  const labelled = state.held && state.held.label !== sample.label;
  [state.held, state.preview] = [sample, null];
  showHeld();
  draw();
  later();
  if (labelled && (about.condition || $('ask').value === 'held')) repaintLater();
}

function showHeld() {
  const { held } = state;
  $('name').textContent = nameOf(held);
  $('held').setAttribute('aria-label', nameOf(held));
  $('back').disabled = !state.history.length;
  $('line').hidden = true;
  $('said').textContent = '';
  showNumber();
  for (const show of shows) show(held);
  for (const cell of $('wall').children) {
    cell.setAttribute('aria-pressed', String(sameOrigin(cell.sample, held)));
  }
  for (const cell of $('grid').querySelectorAll('button')) {
    const same = sameOrigin(cell.sample, held) && top(cell.sample.label) === top(held.label);
    cell.setAttribute('aria-pressed', String(same));
  }
}

const sameOrigin = (a, b) => Boolean(a.origin && b.origin
  && a.origin.number === b.origin.number && a.origin.seed === b.origin.seed);

// Return a function that acts; calls that come while it does become one.
function oneAtATime(act) {
  let wanted = false, acting = false;
  return async () => {
    wanted = true;
    if (acting) return;
    acting = true;
    try {
      while (wanted) {
        wanted = false;
        await act();
      }
    } finally {
      acting = false;
    }
  };
}

// Draw what is held or looked at.
const draw = oneAtATime(async () => {
  const [image] = await generate([state.preview || state.held]);
  paint($('held'), image);
  if (film) film.add(image);
  $('held').dataset.drawn = Number($('held').dataset.drawn) + 1;
  await new Promise(requestAnimationFrame);
});

const shows = []; // functions of the held sample that set the controls
const strips = []; // functions of the held sample that paint small pictures, once it rests
const delayed = (act, wait) => {
  let timer = 0;
  return () => { clearTimeout(timer); timer = setTimeout(act, wait); };
};
const later = delayed(() => strips.forEach((strip) => strip(state.held)), 120);

// A row of small pictures of variants of the held sample; a click holds one.
function addStrip(box, names, variant, pressed) {
  const buttons = names.map((name, i) => {
    const button = pictureButton(name);
    button.onclick = () => hold(variant(state.held, i));
    return button;
  });
  box.append(...buttons);
  shows.push((held) => buttons.forEach((button, i) =>
    button.setAttribute('aria-pressed', String(pressed(held) === i))));
  strips.push(async (held) => {
    if (!box.closest('details').open) return;
    const made = await generate(names.map((_, i) => variant(held, i)));
    made.forEach((image, i) => paint(buttons[i].firstChild, image));
  });
}

function pictureButton(name) {
  const button = document.createElement('button'), text = document.createElement('span');
  text.textContent = name;
  button.append(document.createElement('canvas'), text);
  paint(button.firstChild, new ImageData(width, height));
  return button;
}

function slider(text, low, high, act) {
  const label = document.createElement('label'), input = document.createElement('input');
  Object.assign(input, { type: 'range', min: low, max: high, step: 0.01 });
  input.oninput = () => act(Number(input.value));
  label.append(text, input);
  return [label, input];
}

// Labels, codes, numbers, truncation

function setUpLabels() {
  if (classes.length) setUpClasses();
  else if (about.condition) setUpVector();
}

function setUpClasses() {
  $('labels-part').hidden = $('ask-part').hidden = false;
  const options = classes.map((name, i) => new Option(name, i));
  const asked = [new Option('every one in turn', ''), new Option('as held', 'held'), ...options];
  $('ask').append(...asked);
  $('ask').onchange = restart;
  const ask = (held, i) => ({ ...held, label: oneHot(i) });
  if (classes.length <= STRIP) {
    addStrip($('labels'), classes, ask, (held) => (whole(held.label) ? top(held.label) : -1));
  } else {
    const select = document.createElement('select');
    select.setAttribute('aria-label', 'label');
    select.append(...options.map((option) => option.cloneNode(true)));
    select.onchange = () => hold(ask(state.held, Number(select.value)));
    $('labels').replaceWith(select);
    shows.push((held) => { select.value = top(held.label); });
  }
  if (about.mixtures) setUpMixture(options);
}

function setUpMixture(options) {
  const [second, share] = [$('second'), $('share')];
  let first = null; // the class that the second is mixed with
  second.append(...options.map((option) => option.cloneNode(true)));
  second.value = Math.min(1, classes.length - 1);
  const mix = () => {
    first ??= top(state.held.label);
    const base = first;
    const label = betweenLabels(oneHot(base), oneHot(Number(second.value)), Number(share.value));
    hold({ ...state.held, label }, false);
    first = base;
  };
  second.oninput = share.oninput = mix;
  shows.push((held) => {
    first = null;
    if (whole(held.label)) share.value = 0;
  });
  $('mixture').hidden = false;
}

function setUpVector() {
  $('labels-part').hidden = false;
  for (let i = 0; i < about.condition; i++) {
    const set = (value) =>
      hold({ ...state.held, label: state.held.label.map((n, j) => (i === j ? value : n)) }, false);
    const [label, input] = slider(String(i), -1, 1, set), typed = document.createElement('input');
    Object.assign(typed, { type: 'number', step: 'any' }); // for what is beyond the slider
    typed.onchange = () => set(Number(typed.value) || 0);
    typed.setAttribute('aria-label', `number ${i} of the label`);
    shows.push((held) => {
      input.value = held.label[i];
      typed.value = +held.label[i].toFixed(4);
    });
    label.append(typed);
    $('vector').append(label);
  }
}

function setUpCodes() {
  $('codes-part').hidden = !about.codes.length;
  about.codes.forEach((code, i) => {
    const box = document.createElement('fieldset'), legend = document.createElement('legend');
    box.className = 'code';
    legend.textContent = `code ${i + 1}`;
    box.append(legend);
    $('codes').append(box);
    const row = document.createElement('div');
    row.className = 'strip';
    if (code.categories) {
      const names = Array.from({ length: code.categories }, (_, k) => String(k + 1));
      const chosen = (held) => top(held.z.slice(code.from, code.to));
      addStrip(row, names, (held, k) => withCode(held, code, k), chosen);
    } else {
      const [label, input] = slider('', -2, 2, (value) =>
        hold(withCode(state.held, code, value), false));
      input.setAttribute('aria-label', `code ${i + 1}`);
      shows.push((held) => { input.value = held.z[code.from]; });
      box.append(label);
      addStrip(row, VALUES.map(String), (held, k) => withCode(held, code, VALUES[k]),
        (held) => VALUES.indexOf(held.z[code.from]));
    }
    box.append(row);
  });
}

// Directions without labels

// Where a latent lies along a direction, in standard deviations of the prior from its mean.
function along(z, vector) {
  return vector.reduce((sum, x, i) => sum + x * (z[i] - MIDDLE), 0) / about.spread;
}

function movedTo(sample, vector, place) {
  const z = sample.z.slice(), step = (place - along(z, vector)) * about.spread;
  vector.forEach((x, i) => { z[i] += step * x; });
  return withLatent(sample, z);
}

function setUpDirections() {
  $('directions-part').hidden = !about.directions.length;
  about.directions.forEach(({ vector, strength }, i) => {
    const [label, input] = slider(String(i + 1), -3, 3, (place) =>
      hold(movedTo(state.held, vector, place), false));
    const said = document.createElement('output');
    input.setAttribute('aria-label', `direction ${i + 1}`);
    label.title = `The first layer stretches it ${strength.toPrecision(3)} times.`;
    label.append(said);
    shows.push(({ z }) => {
      input.value = along(z, vector);
      said.textContent = along(z, vector).toFixed(2);
    });
    $('directions').append(label);
  });
}

const place = () => Math.max(0, Math.min(noise - 1, Math.floor(Number($('place').value)) || 0));

function setUpNumbers() {
  Object.assign($('value'), { min: LOW, max: HIGH });
  $('place').max = noise - 1;
  $('palette').height = 24 * Math.ceil(Math.min(100, noise) / 10);
  $('place').oninput = showNumber;
  $('value').oninput = () =>
    hold(withNumber(state.held, place(), Number($('value').value)), false);
  const palette = $('palette');
  const under = (event) => {
    const side = palette.clientWidth / 10, box = palette.getBoundingClientRect();
    const column = Math.min(9, Math.floor((event.clientX - box.left) / side));
    const row = Math.floor((event.clientY - box.top) / side);
    const found = Math.floor(place() / 100) * 100 + row * 10 + column;
    return found >= 0 && found < noise ? found : null;
  };
  palette.onclick = (event) => {
    const found = under(event);
    if (found === null) return;
    $('place').value = found;
    hold(state.held, false);
  };
  palette.onpointermove = (event) => {
    const found = under(event);
    if (event.pointerType !== 'mouse' || found === null) return;
    state.preview = withNumber(state.held, found, 2 * MIDDLE - state.held.z[found]);
    draw();
  };
  palette.onpointerleave = () => { state.preview = null; draw(); };
}

function showNumber() {
  const value = state.held.z[place()];
  $('value').value = value;
  $('value-said').textContent = value.toFixed(2);
  const palette = $('palette'), context = palette.getContext('2d'), side = palette.width / 10;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);
  const first = Math.floor(place() / 100) * 100;
  context.clearRect(0, 0, palette.width, palette.height);
  for (let i = first; i < Math.min(noise, first + 100); i++) {
    const [x, y] = [((i - first) % 10) * side, Math.floor((i - first) / 10) * side];
    const far = (state.held.z[i] - MIDDLE) / (HIGH - MIDDLE);
    context.fillStyle = colour('--tint');
    context.fillRect(x + 1, y + 1, side - 2, side - 2);
    context.globalAlpha = Math.min(1, Math.abs(far));
    context.fillStyle = colour(far < 0 ? '--c1' : '--c0');
    context.fillRect(x + 1, y + 1, side - 2, side - 2);
    context.globalAlpha = 1;
    if (i === place()) {
      context.strokeStyle = colour('--ink');
      context.lineWidth = 2;
      context.strokeRect(x + 1, y + 1, side - 2, side - 2);
    }
  }
}

function setUpTruncation() {
  $('psi').oninput = () => {
    state.psi = Number($('psi').value);
    $('psi-said').textContent = state.psi.toFixed(2);
    showHeld();
    draw();
    later();
    repaintLater();
  };
}

// The map between four corners, and the loop through them

const TILES = 7;
const CORNERS = ['top left', 'top right', 'bottom left', 'bottom right'];
const ROUND = [0, 1, 3, 2];
let tiles = null, film = null;

function atMap(x, y) {
  const [a, b, c, d] = state.corners;
  return between(between(a, b, x), between(c, d, x), y);
}

function setUpMap() {
  state.corners = [0, 1, 2, 3].map((i) => sampleOf(state.seed, i, labelFor(i)));
  CORNERS.forEach((name, i) => {
    const button = document.createElement('button');
    button.textContent = name;
    button.onclick = () => { state.corners[i] = state.held; paintMap(); };
    $('corners').append(button);
  });
  const map = $('map');
  [map.width, map.height] = [336, Math.round(336 * height / width)];
  const go = (x, y) => {
    state.at = [x, y].map((number) => Math.max(0, Math.min(1, number)));
    hold(atMap(...state.at), false);
    markMap();
  };
  const drag = (event) => {
    const box = map.getBoundingClientRect();
    go((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  };
  map.onpointerdown = (event) => { map.setPointerCapture(event.pointerId); drag(event); };
  map.onpointermove = (event) => { if (map.hasPointerCapture(event.pointerId)) drag(event); };
  map.onkeydown = (event) => {
    if (!ARROWS[event.key]) return;
    event.preventDefault();
    go(...ARROWS[event.key].map((number, i) => state.at[i] + number / 20));
  };
  $('map-part').ontoggle = paintMap;
  $('play').onclick = () => (state.playing ? stop() : play());
  $('record').onclick = record;
  $('record').hidden = !window.MediaRecorder;
}

async function paintMap() {
  if (!$('map-part').open) return;
  const places = Array.from({ length: TILES ** 2 }, (_, i) =>
    [(i % TILES) / (TILES - 1), Math.floor(i / TILES) / (TILES - 1)]);
  const made = await generate(places.map((at) => atMap(...at)));
  tiles = made.map((image) => {
    const canvas = document.createElement('canvas');
    paint(canvas, image);
    return canvas;
  });
  markMap();
}

function markMap() {
  if (!tiles) return;
  const map = $('map'), context = map.getContext('2d');
  const [wide, high] = [map.width / TILES, map.height / TILES];
  context.imageSmoothingEnabled = false;
  tiles.forEach((tile, i) =>
    context.drawImage(tile, (i % TILES) * wide, Math.floor(i / TILES) * high, wide, high));
  // The middle of a corner's tile stands for the corner.
  const [x, y] = [(state.at[0] * (TILES - 1) + 0.5) * wide, (state.at[1] * (TILES - 1) + 0.5) * high];
  for (const [colour, line] of [['#000', 5], ['#fff', 2]]) {
    context.beginPath();
    context.arc(x, y, 9, 0, 7);
    [context.strokeStyle, context.lineWidth] = [colour, line];
    context.stroke();
  }
}

function onLoop(turn) {
  const leg = Math.floor(turn * 4) % 4, share = turn * 4 - Math.floor(turn * 4);
  const [from, to] = [ROUND[leg], ROUND[(leg + 1) % 4]].map((i) => state.corners[i]);
  return between(from, to, (1 - Math.cos(Math.PI * share)) / 2);
}

function play(done = null) {
  const start = performance.now();
  $('play').textContent = 'Stop';
  const next = (now) => {
    const turns = Math.max(0, now - start) / (4 * LEG);
    if (done && turns >= 1) return void stop().then(done);
    state.preview = onLoop(turns % 1);
    draw();
    state.playing = requestAnimationFrame(next);
  };
  state.playing = requestAnimationFrame(next);
}

async function stop() {
  cancelAnimationFrame(state.playing);
  state.playing = 0;
  $('play').textContent = 'Play the loop';
  if (state.preview) hold(state.preview);
}

// Record one round as a film in the browser's own format, enlarged to 256 pixels or more.
function record() {
  if (film) return;
  if (state.playing) stop();
  const canvas = document.createElement('canvas'), context = canvas.getContext('2d');
  const one = document.createElement('canvas'), scale = Math.ceil(256 / Math.min(width, height));
  [canvas.width, canvas.height] = [width * scale, height * scale];
  context.imageSmoothingEnabled = false;
  const recorder = new MediaRecorder(canvas.captureStream(30)), parts = [];
  recorder.ondataavailable = (event) => parts.push(event.data);
  recorder.onstop = () => {
    const type = recorder.mimeType.split(';')[0];
    save(new Blob(parts, { type }), `loop.${type.split('/')[1] || 'webm'}`);
    film = null;
    $('record').disabled = false;
  };
  film = { add: (image) => {
    paint(one, image);
    context.drawImage(one, 0, 0, canvas.width, canvas.height);
  } };
  $('record').disabled = true;
  $('said').textContent = 'Recording one round …';
  recorder.start();
  play(() => recorder.stop());
}

// A - B + C

let dragged = null;

function setUpSum() {
  const buttons = ['A', 'B', 'C', '='].map((name) => pictureButton(name));
  const [a, b, c, result] = buttons;
  const show = async () => {
    const filled = ['A', 'B', 'C'].filter((name) => state.slots[name]);
    const shown = filled.map((name) => state.slots[name]);
    if (filled.length === 3) shown.push(sum());
    if (!shown.length) return;
    const made = await generate(shown);
    filled.forEach((name, i) => paint(buttons['ABC'.indexOf(name)].firstChild, made[i]));
    if (made.length === 4) paint(result.firstChild, made[3]);
    result.disabled = made.length !== 4;
  };
  [a, b, c].forEach((button, i) => {
    const put = (sample) => { state.slots['ABC'[i]] = sample; show(); };
    button.onclick = () => put(state.held);
    button.ondragover = (event) => event.preventDefault();
    button.ondrop = (event) => { event.preventDefault(); if (dragged) put(dragged); };
  });
  result.disabled = true;
  result.onclick = () => hold(sum());
  $('sum').append(...buttons);
}

// A's codes and label are kept: only noise can be added up.
function sum() {
  const { A, B, C } = state.slots;
  return withLatent(A, A.z.map((number, i) => (i < noise ? number - B.z[i] + C.z[i] : number)));
}

// The wall

let shown = 0, filling = false, round = 0;

function restart() {
  [shown, round] = [0, round + 1];
  $('wall').replaceChildren();
  fill(true);
  paintGrid();
}

const atEnd = () => $('end').getBoundingClientRect().top < innerHeight + 300;

async function fill(once = false) {
  if (filling) return;
  filling = true;
  for (let more = once; (more || atEnd()) && !$('more').disabled; more = false) await grow();
  filling = false;
}

async function grow() {
  const mine = round, samples = [];
  for (let number = shown; number < shown + PAGE; number++) {
    const sample = sampleOf(state.seed, number, labelFor(number));
    if (sample) samples.push(sample);
  }
  $('more').disabled = samples.length < PAGE;
  if (!samples.length) return;
  const made = await generate(samples);
  if (mine !== round) return;
  shown += samples.length;
  $('wall').append(...samples.map((sample, i) => wallCell(sample, made[i])));
}

function wallCell(sample, image) {
  const cell = document.createElement('button'), canvas = document.createElement('canvas');
  paint(canvas, image);
  cell.append(canvas);
  cell.sample = sample;
  cell.tabIndex = $('wall').children.length || sample.origin.number ? -1 : 0;
  cell.draggable = true;
  cell.setAttribute('aria-label', nameOf(sample));
  cell.setAttribute('aria-pressed', String(sameOrigin(sample, state.held || { })));
  cell.onclick = () => { focusCell(cell); hold(cell.sample); };
  cell.ondragstart = (event) => { dragged = cell.sample; event.dataTransfer.setData('text', ''); };
  cell.ondragend = () => { dragged = null; };
  return cell;
}

function focusCell(cell) {
  for (const other of cell.parentNode.querySelectorAll('button')) {
    other.tabIndex = other === cell ? 0 : -1;
  }
  cell.focus();
}

// Let arrow keys move between the buttons of a box that shows so many in a row.
function moveByKeys(box, columns) {
  box.onkeydown = (event) => {
    const cells = [...box.querySelectorAll('button')], at = cells.indexOf(document.activeElement);
    const [right, down] = ARROWS[event.key] || [0, 0], next = cells[at + right + down * columns()];
    if (at < 0 || !(right || down) || !next) return;
    event.preventDefault();
    focusCell(next);
  };
}

// Paint the wall again where it stands, with the present truncation and labels.
const repaintLater = delayed(async () => {
  const mine = round, cells = [...$('wall').children];
  for (let i = 0; i < cells.length && mine === round; i += PAGE) {
    const part = cells.slice(i, i + PAGE);
    for (const cell of part) {
      cell.sample = { ...cell.sample, label: labelFor(cell.sample.origin.number) };
      cell.setAttribute('aria-label', nameOf(cell.sample));
    }
    const made = await generate(part.map((cell) => cell.sample));
    made.forEach((image, j) => paint(part[j].firstChild, image));
  }
  paintGrid();
}, 150);

function setUpWall() {
  moveByKeys($('wall'), () => getComputedStyle($('wall')).gridTemplateColumns.split(' ').length);
  $('seed').onchange = () => setSeed($('seed').value.trim());
  $('next-seed').onclick = () => setSeed(String(state.seed + 1n));
  $('more').onclick = () => fill(true);
  new IntersectionObserver(() => fill(), { rootMargin: '300px' }).observe($('end'));
}

function setSeed(text) {
  const last = about.draws ? 2n ** 63n - 1n : BigInt(about.stored - 1);
  const seed = /^\d{1,19}$/.test(text) ? BigInt(text) : null;
  const good = seed !== null && seed <= last;
  $('problem').hidden = good;
  if (!good) $('problem').textContent = `A seed here is a whole number from 0 to ${last}.`;
  if (good) state.seed = seed;
  $('seed').value = state.seed;
  $('more').disabled = false;
  if (good) restart();
}

// A grid of label by latent

const COLUMNS = 6;

function setUpGrid() {
  $('grid-part').hidden = !classes.length || classes.length > STRIP;
  $('grid-part').ontoggle = paintGrid;
  moveByKeys($('grid'), () => COLUMNS);
}

async function paintGrid() {
  if (!$('grid-part').open) return;
  const { seed } = state;
  const samples = classes.flatMap((_, label) =>
    Array.from({ length: COLUMNS }, (_, number) => sampleOf(seed, number, oneHot(label))));
  const made = await generate(samples);
  const cells = samples.map((sample, i) => wallCell(sample, made[i]));
  cells.forEach((cell, i) => { cell.tabIndex = i ? -1 : 0; });
  $('grid').replaceChildren(...classes.flatMap((name, i) => {
    const text = document.createElement('span');
    text.textContent = text.title = name;
    return [text, ...cells.slice(i * COLUMNS, (i + 1) * COLUMNS)];
  }));
  showHeld();
}

// What D makes of a picture

const FINE = Math.max(1, Math.round(280 / Math.max(width, height))); // of a sketch, for one of D's
const MOST = 12; // classes whose chances are shown
const sketch = Object.assign(document.createElement('canvas'),
  { width: width * FINE, height: height * FINE });
const ink = sketch.getContext('2d', { willReadFrequently: true });
let discriminator;

function setUpView() {
  const { view } = about;
  if (!view) return;
  const names = view.answer === 'chances';
  $('view-part').hidden = false;
  $('view-title').textContent = names ? 'D names a picture' : 'What D makes of a picture';
  if (!view.there) {
    $('view').hidden = $('view-buttons').hidden = $('view-note').hidden = true;
    $('view-said').textContent = 'D is not in this page: no checkpoint of the run was there when it '
      + 'was written.';
    return;
  }
  $(names ? 'chances' : 'answer').hidden = false;
  setUpSketch();
  setUpGiving();
  clearSketch();
  if (!names) giveHeld();
}

// What D is given: the sketch at D's own size, each number the mean of a square; grey if it sees grey.
function given() {
  const { data } = ink.getImageData(0, 0, sketch.width, sketch.height);
  const sums = new Float64Array(3 * width * height), image = new ImageData(width, height);
  for (let y = 0, i = 0; y < sketch.height; y++) {
    for (let x = 0; x < sketch.width; x++, i += 4) {
      const at = 3 * (Math.floor(y / FINE) * width + Math.floor(x / FINE));
      for (let c = 0; c < 3; c++) sums[at + c] += data[i + c];
    }
  }
  for (let i = 0; i < width * height; i++) {
    const colour = [0, 1, 2].map((c) => sums[3 * i + c] / FINE ** 2);
    const grey = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2];
    image.data.set(channels === 1 ? [grey, grey, grey, 255] : [...colour, 255], 4 * i);
  }
  return image;
}

function planes(image) {
  const area = width * height;
  return Float32Array.from({ length: channels * area }, (_, i) =>
    image.data[4 * (i % area) + Math.floor(i / area)] / 127.5 - 1);
}

const showAnswer = oneAtATime(async () => {
  const image = given(), numbers = planes(image);
  paint($('given'), image);
  const made = await queued(async () => {
    discriminator ??= await ort.InferenceSession.create(bytes('discriminator'),
      { executionProviders: ['wasm'] });
    const images = new ort.Tensor('float32', numbers, [1, channels, height, width]);
    return (await discriminator.run({ images }))[about.view.answer].data;
  });
  if (about.view.answer === 'chances') showChances(made);
  else showAgain(numbers, made);
  $('given').dataset.drawn = Number($('given').dataset.drawn) + 1;
});

function showAgain(numbers, made) {
  const far = made.reduce((sum, x, i) => sum + Math.abs(x - numbers[i]), 0) / made.length * 127.5;
  paint($('answer'), pictures(made, 1)[0]);
  $('view-said').textContent = `D made the right one: ${far.toFixed(1)} of 255 from the left one, in the mean.`;
}

function showChances(chances) {
  const { names } = about.view, percent = (i) => `${Math.round(100 * chances[i])} %`;
  const surest = [...chances.keys()].sort((a, b) => chances[b] - chances[a]);
  const shown = names.length > MOST ? surest.slice(0, MOST) : [...names.keys()];
  $('chances').replaceChildren(...shown.map((i) => {
    const row = document.createElement('div'), bar = document.createElement('i');
    const [name, number] = [names[i], percent(i)].map((text) => {
      const part = document.createElement('span');
      part.textContent = part.title = text;
      return part;
    });
    row.className = i === surest[0] ? 'chance surest' : 'chance';
    bar.style.width = `${100 * chances[i]}%`;
    row.append(name, bar, number);
    return row;
  }));
  $('view-said').textContent = `D takes it for ${names[surest[0]]}: ${percent(surest[0])}.`;
}

// The ground is black, or white if the pen is dark.
function clearSketch() {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt($('pen').value.slice(at, at + 2), 16));
  ink.fillStyle = 0.299 * red + 0.587 * green + 0.114 * blue < 128 ? '#fff' : '#000';
  ink.fillRect(0, 0, sketch.width, sketch.height);
  paint($('given'), given());
  paint($('answer'), new ImageData(width, height));
  $('chances').replaceChildren();
  $('view-said').textContent = '';
}

function setUpSketch() {
  const canvas = $('given'), mark = $('pen-at');
  let at = [sketch.width / 2, sketch.height / 2], down = false;
  const goTo = (to, drawn) => {
    if (drawn) drawLine(at, to);
    at = to;
  };
  const under = (event) => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width * sketch.width,
      (event.clientY - box.top) / box.height * sketch.height];
  };
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    mark.hidden = true;
    at = under(event);
    goTo(at, true);
  };
  canvas.onpointermove = (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) goTo(under(event), true);
  };
  canvas.onkeydown = (event) => {
    const step = ARROWS[event.key];
    if (!step && event.key !== ' ') return;
    event.preventDefault();
    if (!step) down = !down;
    const far = Math.max(sketch.width, sketch.height) / 28;
    const to = at.map((number, i) => number + (step ? step[i] * far : 0));
    goTo([Math.max(0, Math.min(sketch.width, to[0])), Math.max(0, Math.min(sketch.height, to[1]))], down);
    mark.hidden = false;
    mark.className = down ? 'down' : '';
    mark.style.left = `${100 * at[0] / sketch.width}%`;
    mark.style.top = `${100 * at[1] / sketch.height}%`;
  };
  canvas.onblur = () => { mark.hidden = true; };
}

function drawLine(from, to) {
  ink.strokeStyle = $('pen').value;
  ink.lineWidth = Math.max(sketch.width, sketch.height) / 12;
  ink.lineCap = 'round';
  ink.beginPath();
  ink.moveTo(...from);
  ink.lineTo(to[0] + 0.01, to[1]); // a line of no length would be no dot
  ink.stroke();
  showAnswer();
}

function setUpGiving() {
  const part = $('view-part'), file = $('picture-file');
  $('clear').onclick = clearSketch;
  $('give-held').onclick = () => giveHeld();
  $('open-picture').onclick = () => file.click();
  file.onchange = () => { if (file.files.length) givePicture(file.files[0]); };
  part.ondragover = (event) => event.preventDefault();
  part.ondrop = (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) givePicture(event.dataTransfer.files[0]);
    else if (dragged) giveHeld(dragged);
  };
}

async function giveHeld(sample = state.held) {
  const [image] = await generate([sample]), canvas = document.createElement('canvas');
  paint(canvas, image);
  ink.imageSmoothingEnabled = false;
  ink.drawImage(canvas, 0, 0, sketch.width, sketch.height);
  showAnswer();
}

// Give D the middle of a picture, as large as fits; what it shows through is the ground.
async function givePicture(file) {
  let picture;
  try {
    picture = await createImageBitmap(file);
  } catch {
    $('view-said').textContent = `${file.name} is no picture that the browser can read.`;
    return;
  }
  const scale = Math.max(sketch.width / picture.width, sketch.height / picture.height);
  const [wide, high] = [picture.width * scale, picture.height * scale];
  clearSketch();
  Object.assign(ink, { imageSmoothingEnabled: scale < 1, imageSmoothingQuality: 'high' });
  ink.drawImage(picture, (sketch.width - wide) / 2, (sketch.height - high) / 2, wide, high);
  showAnswer();
}

// What is taken along

function save(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function fileName(ending) {
  const { origin } = state.held;
  return `${about.family}${origin ? `-seed${origin.seed}-${origin.number}` : ''}.${ending}`;
}

const isSample = ({ origin, label }) => origin && state.psi === 1 && whole(label);
const quoted = (text) => JSON.stringify(text);
const listed = (numbers) => `[${[...numbers].join(', ')}]`;

// The lines of Python that make exactly the held picture, by gankit.
function python() {
  const { z, label, origin } = state.held;
  const load = `gan = gankit.load(${quoted(about.path)})`;
  const asked = !label ? '' : classes.length ? quoted(classes[top(label)]) : listed(label);
  if (isSample(state.held)) {
    const labels = label ? `labels=${asked}, ` : '';
    return `import gankit\n\n${load}\n`
      + `picture = gan.sample(${origin.number + 1}, ${labels}seed=${origin.seed})[${origin.number}]`;
  }
  const raw = new Uint8Array(truncated(z).slice().buffer);
  const latent = `np.frombuffer(base64.b64decode("${btoa(String.fromCharCode(...raw))}"), "<f4")`;
  const head = 'import base64\n\nimport numpy as np\n\nimport gankit\n'
    + 'from gankit.exporting.mixing import sample_at\n\n';
  const given = !label ? '' : whole(label) ? `, labels=${asked}` : `, shares=${listed(label)}`;
  return `${head}${load}\nlatent = ${latent}\npicture = sample_at(gan, latent${given})`;
}

// The command that writes it as the last of several pictures; null if there is none.
function command() {
  const { label, origin } = state.held;
  if (!isSample(state.held) || about.condition) return null;
  const shell = (text) => (/^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
  const asked = label ? ` --label ${shell(classes[top(label)])}` : '';
  return `gankit sample ${shell(about.path)} -n ${origin.number + 1}${asked} `
    + `--seed ${origin.seed} -o samples`;
}

async function copy(text, note) {
  $('line').textContent = text;
  $('line').hidden = false;
  try {
    await navigator.clipboard.writeText(text);
    $('said').textContent = `Copied. ${note}`;
  } catch {
    getSelection().selectAllChildren($('line'));
    $('said').textContent = `Selected: copy it by hand. ${note}`;
  }
}

// Files of numpy: an .npz is a zip archive of .npy files, here without compression.

function npy(data, shape) {
  const type = data instanceof BigInt64Array ? '<i8' : '<f4';
  const dimensions = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': (${dimensions}), }`;
  const padded = text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11) + '\n';
  const head = new Uint8Array([0x93, ...new TextEncoder().encode('NUMPY'), 1, 0,
    padded.length & 255, padded.length >> 8, ...new TextEncoder().encode(padded)]);
  return joined([head, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]);
}

function joined(parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => { all.set(part, at); return at + part.length; }, 0);
  return all;
}

function crc(data) {
  let sum = ~0;
  for (const byte of data) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
}

function fields(...pairs) { // little-endian numbers, each with its number of bytes
  return Uint8Array.from(pairs.flatMap(([number, count]) =>
    Array.from({ length: count }, (_, i) => Math.floor(number / 256 ** i) & 255)));
}

function zip(files) {
  const bodies = [], entries = [];
  let at = 0;
  for (const [name, data] of Object.entries(files)) {
    const letters = new TextEncoder().encode(name);
    const common = [[20, 2], [0, 2], [0, 2], [0, 2], [33, 2], [crc(data), 4],
      [data.length, 4], [data.length, 4], [letters.length, 2], [0, 2]];
    const body = [fields([0x04034b50, 4], ...common), letters, data];
    entries.push(fields([0x02014b50, 4], [20, 2], ...common, [0, 2], [0, 2], [0, 2], [0, 4], [at, 4]),
      letters);
    bodies.push(...body);
    at += body.reduce((sum, part) => sum + part.length, 0);
  }
  const directory = joined(entries), count = Object.keys(files).length;
  const end = fields([0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2],
    [directory.length, 4], [at, 4], [0, 2]);
  return joined([...bodies, directory, end]);
}

// Noise, and labels if there are any: a class, a vector, or the share of every class.
function latentsFile() {
  const { z, label } = state.held, files = { 'noise.npy': npy(truncated(z).slice(), [1, size]) };
  if (label && classes.length && whole(label)) {
    files['labels.npy'] = npy(BigInt64Array.of(BigInt(top(label))), [1]);
  } else if (label) {
    files['labels.npy'] = npy(label.slice(), [1, label.length]);
  }
  return zip(files);
}

function setUpTaking() {
  $('back').onclick = () => hold(state.history.pop(), false);
  $('random').onclick = () => {
    const [seed, number] = about.draws
      ? [BigInt(Math.floor(Math.random() * 2 ** 32)), Math.floor(Math.random() * 8)]
      : [state.seed, Math.floor(Math.random() * about.block)];
    hold(sampleOf(seed, number, state.held.label));
  };
  $('save-png').onclick = async () => {
    const [image] = await generate([state.held]), canvas = document.createElement('canvas');
    paint(canvas, image);
    canvas.toBlob((blob) => save(blob, fileName('png')));
  };
  $('save-latents').onclick = () => save(new Blob([latentsFile()]), fileName('npz'));
  $('copy-python').onclick = () => copy(python(), 'It makes exactly this picture.');
  $('copy-command').onclick = () => {
    const text = command();
    if (text) copy(text, 'It writes a folder; the picture is the last in it.');
    else $('said').textContent = 'No command makes this: copy Python, or save the latents.';
  };
}

// The start

async function start() {
  const steps = about.step.toLocaleString('en');
  $('title').textContent = `${about.family}: a generator after ${steps} steps`;
  $('lede').textContent = `Pictures of ${width} x ${height}, made on this page as you ask for them. `
    + 'Nothing is loaded from anywhere, and nothing is sent. Click a sample to hold it.';
  await loadGenerator();
  setUpLabels();
  setUpCodes();
  setUpDirections();
  setUpNumbers();
  setUpTruncation();
  setUpMap();
  setUpSum();
  setUpTaking();
  $('loading').hidden = true;
  $('app').hidden = false;
  if (innerWidth < 832) $('numbers-part').open = false; // the wall is in sight sooner
  setUpGrid();
  hold(sampleOf(0n, 0, labelFor(0)));
  setUpView();
  setUpWall();
  fill(true);
  matchMedia('(prefers-color-scheme: dark)').onchange = showNumber;
}

function fail(reason) {
  $('loading').hidden = true;
  $('problem').hidden = false;
  $('problem').textContent = `Something failed: ${reason && reason.message ? reason.message : reason}`;
}

addEventListener('error', (event) => fail(event.error || event.message));
addEventListener('unhandledrejection', (event) => fail(event.reason));
start();
