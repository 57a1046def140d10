import { setFlagsFromString } from 'node:v8';

/** Whether Node runs this project's TypeScript by itself, which it does better than tsx: in nested threads, too. */
export const NATIVE: boolean = Reflect.get(process.features, 'typescript') === 'strip';

/** What makes a Node run this project's TypeScript, and say nothing about it. */
export const LOADER: string[] = NATIVE
  ? ['--disable-warning=ExperimentalWarning']
  : ['--import', import.meta.resolve('tsx')];

/**
 * V8 aborts, or crashes, when it frees a wrapper of WebAssembly's imports that another thread has replaced by a faster one
 * (nodejs/node#64500): Node takes types away by WebAssembly, in each thread. No thread makes so many calls that V8 would
 * replace one.
 */
if (NATIVE) setFlagsFromString('--wasm-wrapper-tiering-budget=2147483647');
