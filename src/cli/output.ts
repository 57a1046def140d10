let output: NodeJS.WriteStream | undefined;

/**
 * Prints a line. A reader that has left ends the process, without a word.
 *
 * Standard output is opened at the first line: Node makes a pipe non-blocking, which a command that is given the same
 * pipe would not expect.
 */
export function print(line: string): void {
  output ??= process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
  output.write(`${line}\n`);
}
