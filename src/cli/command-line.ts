import { parseArgs } from 'node:util';
import type { SocketType } from '../index.ts';

/** What the words of the command line ask for. */
export type CommandLine =
  | { readonly command: 'demo' | 'help' | 'version' }
  | (Receive & { readonly command: 'receive' })
  | (Send & { readonly command: 'send' });

interface Place {
  /** As the library writes it: an abstract name begins with a NUL. */
  readonly address: string;
  readonly type: SocketType | undefined;
}

export interface Receive extends Place {
  /** The command that gets the descriptors, and its arguments; empty where they are to be printed. */
  readonly run: readonly string[];
  /** Whether the command keeps this process's standard input. */
  readonly exec: boolean;
}

export interface Send extends Place {
  /** Empty for standard input. */
  readonly files: readonly string[];
}

/** Words that mean nothing. */
export class UsageError extends Error {}

export const USAGE = `Usage:
  fdchannel                                             show what it does
  fdchannel receive ADDRESS [--exec] [-- COMMAND...]    take open files from another process
  fdchannel send ADDRESS [FILE...]                      give open files to another process
  fdchannel --help | --version`;

export const HELP: string = `${USAGE}

Passes open files between processes that share nothing but a name. The sender opens a file, with its own
permissions; the receiver uses the very same open file, whatever it may open itself.

receive listens at ADDRESS, a path that is replaced where nobody listens any more. Only processes of the same
user, and root's, may connect. It takes the first message with open files, removes the path, and
  without COMMAND    prints what came;
  with COMMAND       runs it: the first file is its standard input, the others are descriptors 3, 4, ...;
  with --exec, too   runs it: all files are descriptors 3, 4, ..., and its standard input is receive's own.
It ends with the command's own status.

send opens each FILE for reading; without, it takes its own standard input, which the shell opens in any way.
It passes up to 253 of them by one message, and ends when the receiver has taken it.

Options:
  --type TYPE    seqpacket, stream or dgram, the same on both sides; if not given, seqpacket on Linux, stream
                 elsewhere. The sender of a dgram is not told whether it was taken.
  --abstract     ADDRESS is an abstract name, without a file (Linux). Not for receive --type dgram: a datagram
                 does not say whose it is.
  --help, --version

Status: 0; 1 for what failed; 2 for words that mean nothing; 126 where COMMAND cannot be run; 127 where it is
not found.

A file that only root may read, counted by another user's wc:
  $ npx fdchannel receive /tmp/here -- wc -l
  # npx fdchannel send /tmp/here /etc/shadow`;

const OPTIONS = {
  type: { type: 'string' },
  abstract: { type: 'boolean', default: false },
  exec: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
  version: { type: 'boolean', default: false },
} as const;

const TYPES: readonly SocketType[] = ['seqpacket', 'stream', 'dgram'];

/**
 * Reads the command line.
 *
 * @throws UsageError
 */
export function parse(args: readonly string[]): CommandLine {
  if (args.length === 0) return { command: 'demo' };
  const { options, words, behind } = wordsOf(args);
  if (options.help) return { command: 'help' };
  if (options.version) return { command: 'version' };
  const [command, name, ...others] = words;
  if (command !== 'receive' && command !== 'send') {
    throw new UsageError(command === undefined ? 'receive or send?' : `unknown word: ${command}`);
  }
  if (!name) throw new UsageError(`${command}: no address`);
  const place = { address: options.abstract ? `\0${name}` : name, type: checkType(options.type) };
  if (command === 'send') {
    if (options.exec) throw new UsageError('--exec is for receive');
    return { command, ...place, files: [...others, ...(behind ?? [])] };
  }
  if (others[0] !== undefined)
    throw new UsageError(`unknown word: ${others[0]} (a command stands behind --)`);
  if (behind?.length === 0 || (options.exec && !behind)) throw new UsageError('no command behind --');
  if (options.abstract && place.type === 'dgram') {
    throw new UsageError('--abstract: a datagram does not say whose it is');
  }
  return { command, ...place, exec: options.exec, run: behind ?? [] };
}

function wordsOf(args: readonly string[]): {
  options: ReturnType<typeof optionsOf>['values'];
  words: string[];
  behind: string[] | undefined;
} {
  const { values, positionals, tokens } = optionsOf(args);
  const end = tokens.find(({ kind }) => kind === 'option-terminator')?.index;
  const behind = end === undefined ? undefined : args.slice(end + 1);
  const words = positionals.slice(0, positionals.length - (behind?.length ?? 0));
  return { options: values, words, behind };
}

function optionsOf(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true, tokens: true });
  } catch (error) {
    // The first sentence; the others speak of how to write a word that begins with a dash.
    throw new UsageError(error instanceof Error ? error.message.replace(/\. .*/s, '') : String(error));
  }
}

function checkType(word: string | undefined): SocketType | undefined {
  const type = TYPES.find((one) => one === word);
  if (word !== undefined && type === undefined) throw new UsageError(`unknown type: ${word}`);
  return type;
}
