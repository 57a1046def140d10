/** A program that does the same, in `peers/FOLDER`. `bench/README.md` has its protocol. */
export interface Peer {
  readonly name: string;
  readonly folder: string;
  /** The operations that it is asked for by `bench.peers`. */
  readonly operations: readonly string[];
  /** The program that it needs, and where to get that. Without one, Node is enough. */
  readonly tool?: {
    readonly name: string;
    /** The argument that prints its version. */
    readonly version: string;
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

/** The floor first: what comes after is compared with it. */
export const PEERS: readonly Peer[] = [
  {
    name: 'C',
    folder: 'c',
    // Beside those that are asked for of the floor alone.
    operations: ['pass', 'round-trip', 'message'],
    tool: {
      name: 'cc',
      version: '--version',
      get: 'any C compiler, such as apt-get install gcc libc6-dev',
    },
    always: true,
    build: (source, output) => [
      ...['cc', '-O2', '-pthread', '-o', output],
      ...[`${source}/floor.c`, `${source}/messages.c`],
    ],
    start: (_source, output) => [output],
  },
  {
    name: 'child_process.send',
    folder: 'child-process',
    operations: ['round-trip'],
    always: true,
    start: (source) => [process.execPath, `${source}/peer.mjs`],
  },
  {
    name: 'Go',
    folder: 'go',
    operations: ['pass', 'pass-beside-batches', 'message'],
    tool: { name: 'go', version: 'version', get: 'https://go.dev/dl, or apt-get install golang-go' },
    build: (source, output) => ['go', 'build', '-o', output, `${source}/main.go`],
    start: (_source, output) => [output],
  },
  {
    name: 'Python',
    folder: 'python',
    operations: ['pass', 'message'],
    tool: { name: 'python3', version: '--version', get: 'apt-get install python3' },
    start: (source) => ['python3', `${source}/peer.py`],
  },
  {
    name: 'Ruby',
    folder: 'ruby',
    operations: ['pass'],
    tool: { name: 'ruby', version: '--version', get: 'apt-get install ruby' },
    start: (source) => ['ruby', `${source}/peer.rb`],
  },
  {
    name: 'Rust',
    folder: 'rust',
    operations: ['pass'],
    tool: {
      name: 'rustc',
      version: '--version',
      get: 'https://rustup.rs, or apt-get install rustc',
    },
    build: (source, output) => ['rustc', '--edition=2021', '-O', '-o', output, `${source}/main.rs`],
    start: (_source, output) => [output],
  },
  {
    name: 'usocket',
    folder: 'usocket',
    operations: ['pass', 'pass-async', 'stream-echo'],
    packages: true,
    start: (source) => [process.execPath, `${source}/peer.mjs`],
  },
  {
    name: 'unix-dgram',
    folder: 'unix-dgram',
    operations: ['datagram'],
    packages: true,
    start: (source) => [process.execPath, `${source}/peer.mjs`],
  },
];
