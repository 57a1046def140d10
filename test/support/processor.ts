import { setTimeout as delay } from 'node:timers/promises';

const WINDOW = 100;

/**
 * The processor time that this process needs while it waits, as a share of one processor. Nothing is waited for with
 * the delays: they are the time in which it is looked at. What is left of earlier work, the collection of garbage for
 * one, falls into one of them; a loop that never rests shows in all.
 */
export async function load(): Promise<number> {
  const shares: number[] = [];
  for (let i = 0; i < 4; i++) {
    const [start, before] = [performance.now(), process.cpuUsage()];
    await delay(WINDOW);
    const { user, system } = process.cpuUsage(before);
    shares.push((user + system) / 1000 / (performance.now() - start));
  }
  return Math.min(...shares);
}
