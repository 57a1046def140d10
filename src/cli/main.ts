#!/usr/bin/env node
import { HELP, parse, USAGE, UsageError } from './command-line.ts';
import { demo } from './demo.ts';
import { print } from './output.ts';
import { version } from './package.ts';
import { receive } from './receive.ts';
import { send } from './send.ts';

/** @returns the status to end with */
async function main(args: readonly string[]): Promise<number> {
  const line = parse(args);
  switch (line.command) {
    case 'demo':
      await demo();
      return 0;
    case 'help':
      print(HELP);
      return 0;
    case 'version':
      print(version());
      return 0;
    case 'receive':
      return receive(line);
    case 'send':
      await send(line);
      return 0;
  }
}

function failed(error: unknown): number {
  console.error(`fdchannel: ${error instanceof Error ? error.message : error}`);
  if (!(error instanceof UsageError)) return 1;
  console.error(USAGE);
  return 2;
}

main(process.argv.slice(2))
  .catch(failed)
  .then((status) => {
    process.exitCode = status;
  });
