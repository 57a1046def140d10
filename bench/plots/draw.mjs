// Draws the pictures of a run: node bench/plots/draw.mjs RUN.json FOLDER
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, View } from 'vega';
import { compile } from 'vega-lite';
import { axisPlot } from './axis.mjs';
import { latencyPlot } from './latency.mjs';
import { layersPlot } from './layers.mjs';
import { CONFIG } from './theme.mjs';

const [, , runFile, folder] = process.argv;
const { machine, results } = JSON.parse(readFileSync(runFile, 'utf8'));
const machineLines = [
  `${machine.processor}, ${machine.kernel}`,
  `Node ${machine.node}, koffi ${machine.koffi}, fdchannel ${machine.fdchannel} (${machine.commit}), ${machine.date.slice(0, 10)}`,
];

/** Of these, the tail matters as well as the middle. */
const LATENCY = ['pass', 'round-trip', 'round-trip-one-processor', 'round-trip-two-processors', 'async'];

/** Which pictures a question is drawn as, each with its file's name. */
function plotsOf(result) {
  if (result.axis) return [[result.question, axisPlot(result, machineLines)]];
  if (result.question === 'where-time-goes') return [[result.question, layersPlot(result, machineLines)]];
  if (LATENCY.includes(result.question)) {
    return [[`${result.question}-latency`, latencyPlot(result, machineLines)]];
  }
  return [];
}

mkdirSync(folder, { recursive: true });
for (const [name, plot] of results.flatMap(plotsOf)) {
  if (!plot) continue;
  const { spec } = compile({ ...plot, config: CONFIG });
  const view = new View(parse(spec), { renderer: 'none' });
  const file = join(folder, `${name}.svg`);
  writeFileSync(file, `${await view.toSVG()}\n`);
  console.log(file);
}
