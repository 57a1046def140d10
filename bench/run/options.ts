import { parseArgs } from 'node:util';

export interface Options {
  readonly quick: boolean;
  readonly peers: boolean;
  readonly only: readonly string[];
  readonly json?: string;
  readonly compare?: string;
  readonly plots?: string;
}

export const USAGE = `Usage: npm run bench -- [options]

  --quick               fewer and shorter rounds, under a minute in all
  --only NAME[,NAME…]   only these questions
  --peers               the same in Go, Rust, Python, Ruby and npm packages, as far as they are there
  --json FILE           writes every figure with its spread
  --compare OLD.json    tells what differs from an earlier run by more than the spread
  --plots FOLDER        draws pictures (installs what it draws with into bench/node_modules)
  --help                this

Ctrl-C ends the run and keeps what was measured.`;

/** @throws Error that says what is wrong with the command line */
export function parseOptions(args: readonly string[], questions: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      peers: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      json: { type: 'string' },
      compare: { type: 'string' },
      plots: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const only = values.only.flatMap((names) => names.split(','));
  const unknown = only.filter((name) => !questions.includes(name));
  if (unknown.length > 0) {
    throw new Error(`no question is called '${unknown.join("', '")}'; there are ${questions.join(', ')}`);
  }
  return {
    quick: values.quick,
    peers: values.peers,
    only,
    ...(values.json !== undefined && { json: values.json }),
    ...(values.compare !== undefined && { compare: values.compare }),
    ...(values.plots !== undefined && { plots: values.plots }),
  };
}
