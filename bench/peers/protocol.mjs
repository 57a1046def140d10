import { createInterface } from 'node:readline';

/**
 * Speaks the protocol of a peer on standard input and output.
 *
 * @param {Record<string, () => Promise<(count: number) => Promise<void>>>} operations what each operation
 *   starts with; it returns what does the operation `count` times
 */
export async function serve(operations) {
  let run;
  for await (const line of createInterface({ input: process.stdin })) {
    const [verb, name, text] = line.split(' ');
    const count = Number(text);
    run ??= await operations[name]();
    if (verb === 'batch') {
      const start = process.hrtime.bigint();
      await run(count);
      console.log(String(process.hrtime.bigint() - start));
    } else {
      const times = new Array(count);
      for (let i = 0; i < count; i++) {
        const start = process.hrtime.bigint();
        await run(1);
        times[i] = process.hrtime.bigint() - start;
      }
      console.log(times.join(' '));
    }
  }
  process.exit();
}
