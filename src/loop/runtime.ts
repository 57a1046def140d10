/**
 * Whether this is Node itself. Other runtimes have its modules, too, but their streams read on their own, and their
 * threads close no descriptors when they end. They name themselves beside the Node that they stand for.
 */
export const isNode: boolean =
  process.versions['bun'] === undefined && process.versions['deno'] === undefined;
