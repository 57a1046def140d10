/** A peer: one folder with a `peer.ts` whose default export this is. `bench/README.md` has its protocol. */
export interface Peer {
  readonly name: string;
  /** The operations it knows: a question asks for peers by operation. */
  readonly operations: readonly string[];
  /** The program that it needs, and where to get that. Without one, Node is enough. */
  readonly tool?: {
    readonly name: string;
    /** What prints its version. */
    readonly version: readonly string[];
    readonly get: string;
  };
  /** Its folder has a `package.json` and a lock file, to be installed before. */
  readonly packages?: boolean;
  /** Runs in every bench, not only with `--peers`. */
  readonly always?: boolean;
  /** Compiles its source folder into one file. */
  build?(source: string, output: string): readonly string[];
  /** Starts what was built, or the source. */
  start(source: string, output: string): readonly string[];
}
