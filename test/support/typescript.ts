import { setFlagsFromString } from 'node:v8';
import { isNode } from '../../src/loop/runtime.ts';

/**
 * Whether Node, or another runtime, runs this project's TypeScript by itself, which it does better than tsx: in nested
 * threads, too.
 */
export const NATIVE: boolean = Boolean(Reflect.get(process.features, 'typescript'));

/** What makes a runtime like this one run this project's TypeScript, and say nothing about it. */
export const LOADER: string[] = loader();

function loader(): string[] {
  if (!NATIVE) return ['--import', import.meta.resolve('tsx')];
  return isNode ? ['--disable-warning=ExperimentalWarning'] : [];
}

/**
 * V8 aborts, or crashes, when it frees a wrapper of WebAssembly's imports that another thread has replaced by a faster one
 * (nodejs/node#64500): Node takes types away by WebAssembly, in each thread. No thread makes so many calls that V8 would
 * replace one.
 */
if (NATIVE) setFlagsFromString('--wasm-wrapper-tiering-budget=2147483647');
