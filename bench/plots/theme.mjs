// Colours of middle lightness on no background: they read on white as on black.
const INK = '#768390';
const GRID = '#76839033';

const GREY = '#8b949e';
const BLUE = '#2f81f7';
const AMBER = '#bf8700';
const TEAL = '#1b9aaa';
const ORANGE = '#db6d28';
const GREEN = '#3fa650';
const RED = '#e5534b';
const VIOLET = '#986ee2';
const PINK = '#c2569a';

const SIDES = {
  C: GREY,
  'C, poll(2)': GREY,
  'koffi, bare': AMBER,
  'koffi, bare poll': AMBER,
  fdchannel: BLUE,
  'fdchannel, blocking': BLUE,
  'fdchannel, async': VIOLET,
  'fdchannel, async, woken': VIOLET,
  'fdchannel, async, pending': TEAL,
  'fdchannel, worker': TEAL,
  Go: TEAL,
  Rust: ORANGE,
  Python: GREEN,
  Ruby: RED,
  usocket: PINK,
  'child_process.send': RED,
};
// For sides of a name that is not above.
const MORE = [ORANGE, GREEN, RED, TEAL, VIOLET, AMBER];

/** One colour for each side, the same in every picture as far as its name is known. */
export function sideColours(names) {
  const spare = MORE.filter((colour) => !names.some((name) => SIDES[name] === colour));
  return { domain: names, range: names.map((name, i) => SIDES[name] ?? spare[i % spare.length] ?? INK) };
}

/** Tells sides of one colour apart. */
export function dashes(name) {
  return name === 'C, poll(2)' ? [5, 3] : [1, 0];
}

/** From the kernel up. */
export const LAYER_COLOURS = [GREY, VIOLET, AMBER, BLUE];

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
    titleColor: INK,
    gridColor: GRID,
    domainColor: INK,
    tickColor: INK,
    labelFontSize: 11,
    titleFontSize: 11,
    titleFontWeight: 'normal',
    titlePadding: 10,
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

/** The same for a label of ours. */
export function timeLabel(ns) {
  return ns >= 1e3 ? `${(ns / 1e3).toFixed(2)} us` : `${ns.toFixed(0)} ns`;
}

/** The ones, twos and fives around some values, for a logarithmic axis. */
export function logTicks(values) {
  const ticks = [];
  const last = Math.max(...values);
  for (let decade = 10 ** Math.floor(Math.log10(Math.min(...values))); decade <= last * 2; decade *= 10) {
    ticks.push(decade, 2 * decade, 5 * decade);
  }
  const from = ticks.findLastIndex((tick) => tick <= Math.min(...values));
  const to = ticks.findIndex((tick) => tick >= last);
  return ticks.slice(Math.max(0, from), to + 1);
}
