import type { History, Step } from './history.ts';

/** Whether a history still goes wrong. */
export type Fails = (history: History) => Promise<boolean>;

/**
 * Looks for a short history that fails as the long one does, with the same ends: leaves out as many steps as it can, and
 * makes the others simpler.
 *
 * @param enough tells when it has taken long enough; then the shortest one so far has to do
 */
export async function shrink(history: History, fails: Fails, enough: () => boolean): Promise<History> {
  let shortest = history;
  const attempt = async (steps: readonly Step[]): Promise<boolean> => {
    if (enough()) return false;
    const candidate = { ...history, steps };
    if (!(await fails(candidate))) return false;
    shortest = candidate;
    return true;
  };
  let before: History;
  do {
    before = shortest;
    await leaveOut(() => shortest.steps, attempt);
    await simplify(() => shortest.steps, attempt);
  } while (shortest !== before);
  return shortest;
}

type Steps = () => readonly Step[];
type Attempt = (steps: readonly Step[]) => Promise<boolean>;

/** Leaves out large pieces first, from the end on, and then ever smaller ones. */
async function leaveOut(steps: Steps, attempt: Attempt): Promise<void> {
  for (let size = steps().length; size >= 1; size = Math.floor(size / 2)) {
    for (let end = steps().length; end > 0; end -= size) {
      await attempt([...steps().slice(0, Math.max(0, end - size)), ...steps().slice(end)]);
    }
  }
}

/** Puts a simpler step in the place of each, as often as that is possible. */
async function simplify(steps: Steps, attempt: Attempt): Promise<void> {
  for (let i = 0; i < steps().length; i++) {
    let simpler: readonly Step[];
    do {
      simpler = simplerThan(steps()[i] as Step);
    } while (await anyOf(simpler, (step) => attempt(steps().with(i, step))));
  }
}

async function anyOf<T>(values: readonly T[], holds: (value: T) => Promise<boolean>): Promise<boolean> {
  for (const value of values) {
    if (await holds(value)) return true;
  }
  return false;
}

/** The simplest comes first. */
function simplerThan(step: Step): Step[] {
  const found: Step[] = [];
  if ('count' in step && step.count !== undefined && step.count > 1) {
    const { count } = step;
    const counts = new Set([1, Math.ceil(count / 2), count - 1].filter((fewer) => fewer < count));
    found.push(...[...counts].map((fewer) => ({ ...step, count: fewer })));
  }
  if (step.do === 'send' || step.do === 'receive') {
    const { ms, signal, ...plain } = step;
    if (signal !== undefined) found.push(ms === undefined ? plain : { ...plain, ms });
    if (ms !== undefined && ms > 0) found.push({ ...step, ms: 0 });
  }
  return found;
}
