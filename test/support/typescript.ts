/** Whether Node runs this project's TypeScript by itself, which it does better than tsx: in nested threads, too. */
export const NATIVE: boolean = Reflect.get(process.features, 'typescript') === 'strip';

/** What makes a Node run this project's TypeScript, and say nothing about it. */
export const LOADER: string[] = NATIVE
  ? ['--disable-warning=ExperimentalWarning']
  : ['--import', import.meta.resolve('tsx')];
