const READINGS = 10_000;

/** The monotonic clock, in nanoseconds since some moment. */
export function now(): number {
  return performance.now() * 1e6;
}

/** What one reading of the clock costs when nothing disturbs it, in nanoseconds. */
export function clockCost(): number {
  const costs = Array.from({ length: 50 }, () => {
    const start = now();
    let last = start;
    for (let i = 0; i < READINGS; i++) last = now();
    return (last - start) / READINGS;
  });
  return Math.min(...costs);
}
