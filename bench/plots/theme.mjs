// Colours of middle lightness on no background: they read on white as on black.
const INK = '#768390';
const GRID = '#76839033';

const GREY = '#8b949e';
const BLUE = '#2f81f7';
const AMBER = '#bf8700';
const VIOLET = '#986ee2';

const SIDES = {
  C: GREY,
  'C, epoll': GREY,
  'C, in batches': '#57606a',
  'C, in batches, two threads': '#b08ad9',
  'koffi, bare': AMBER,
  fdchannel: BLUE,
  'fdchannel, one waiting': VIOLET,
  'fdchannel, one by one': VIOLET,
  'fdchannel, in batches': BLUE,
  Go: '#1b9aaa',
  Rust: '#db6d28',
  Python: '#3fa650',
  Ruby: '#e5534b',
  usocket: '#c2569a',
};

/** A colour for each side, the same in every picture. */
export function sideColours(names) {
  return { domain: names, range: names.map((name) => SIDES[name] ?? INK) };
}

const LAYERS = {
  'system calls': GREY,
  epoll: '#57606a',
  'epoll in epoll': '#1b9aaa',
  'being threaded': VIOLET,
  FFI: AMBER,
  'Node’s loop and FFI': AMBER,
  fdchannel: BLUE,
};

/** A colour for each layer. */
export function layerColours(names) {
  return { domain: names, range: names.map((name) => LAYERS[name] ?? INK) };
}

export function quantitative(field, title, rest) {
  return { field, type: 'quantitative', title, ...rest };
}

export function nominal(field, rest) {
  return { field, type: 'nominal', title: null, ...rest };
}

const AXIS_TITLE = { titleColor: INK, titleFontSize: 11, titleFontWeight: 'normal', titlePadding: 10 };
export const CONFIG = {
  background: 'transparent',
  font: 'system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif',
  padding: 12,
  title: {
    color: INK,
    subtitleColor: INK,
    anchor: 'start',
    frame: 'bounds',
    fontSize: 15,
    subtitleFontSize: 11,
    subtitlePadding: 5,
    offset: 14,
  },
  axis: {
    labelColor: INK,
    gridColor: GRID,
    domainColor: INK,
    tickColor: INK,
    labelFontSize: 11,
    ...AXIS_TITLE,
  },
  legend: { labelColor: INK, titleColor: INK, labelFontSize: 11, symbolStrokeWidth: 2.5, labelLimit: 260 },
  text: { color: INK, fontSize: 11 },
  view: { stroke: null },
};

/** A title whose part behind the colon is a line of its own, above what the run was made on. */
export function heading(title, machineLines) {
  const [text, ...rest] = title.split(': ');
  return { text, subtitle: [...(rest.length > 0 ? [rest.join(': ')] : []), ...machineLines] };
}

/** Nanoseconds in the unit that a reader expects, as a Vega expression. */
export const TIME_LABELS = `datum.value == 0 ? '0'
  : datum.value >= 1e6 ? format(datum.value / 1e6, '~g') + ' ms'
  : datum.value >= 1e3 ? format(datum.value / 1e3, '~g') + ' us'
  : format(datum.value, '~g') + ' ns'`;
