// Draws the pictures of a run: node bench/plots/draw.mjs RUN.json FOLDER
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, View } from 'vega';
import { compile } from 'vega-lite';
import { axisPlot } from './axis.mjs';
import { latencyPlot } from './latency.mjs';
import { layersPlot } from './layers.mjs';
import { CONFIG, heading } from './theme.mjs';

/** Which questions are drawn, how, and under what name: the pictures that bench/README.md shows. */
const PICTURES = [
  { question: 'where-time-goes', plot: layersPlot, name: 'where-time-goes' },
  { question: 'where-a-wake-goes', plot: layersPlot, name: 'where-a-wake-goes' },
  { question: 'pass', plot: latencyPlot, name: 'pass-latency' },
  { question: 'waiting', plot: axisPlot, name: 'waiting' },
  { question: 'batches', plot: axisPlot, name: 'batches' },
];

const [, , runFile, folder] = process.argv;
const { machine, results } = JSON.parse(readFileSync(runFile, 'utf8'));
const machineLines = [
  `${machine.processor}, ${machine.kernel}`,
  `Node ${machine.node}, koffi ${machine.koffi}, fdchannel ${machine.fdchannel} (${machine.commit}), ${machine.date.slice(0, 10)}`,
];

mkdirSync(folder, { recursive: true });
for (const { question, plot, name } of PICTURES) {
  const result = results.find((result) => result.question === question);
  const picture = result && plot(result);
  if (!picture) continue;
  const title = heading(result.title, machineLines);
  const { spec } = compile({ title, width: 640, ...picture, config: CONFIG });
  const view = new View(parse(spec), { renderer: 'none' });
  const file = join(folder, `${name}.svg`);
  writeFileSync(file, `${await view.toSVG()}\n`);
  console.log(file);
}
