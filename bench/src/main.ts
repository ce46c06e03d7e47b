import { describeError } from '@slipway/service-kit';
import { benchApi } from './api/bench-api.ts';
import { benchDemo } from './demo/bench-demo.ts';
import { benchDensity } from './density/bench-density.ts';
import { benchIsolation } from './isolation/bench-isolation.ts';
import { benchPull } from './pull/bench-pull.ts';
import { benchRegistryLoad } from './registry-load/bench-registry-load.ts';
import { benchStart } from './start/bench-start.ts';

/** Each prints what it likes and returns the object of its last line. */
const benchmarks: Readonly<Record<string, (args: readonly string[], stopped: AbortSignal) => Promise<object>>> = {
  api: benchApi,
  demo: benchDemo,
  density: benchDensity,
  isolation: benchIsolation,
  'registry-load': benchRegistryLoad,
  pull: benchPull,
  start: benchStart,
};

const stopped = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopped.abort());

const [name = '', ...args] = process.argv.slice(2);
const benchmark = benchmarks[name];
if (benchmark === undefined) {
  console.error(`usage: npm run bench -- ${Object.keys(benchmarks).join('|')}`);
  process.exitCode = 2;
} else {
  try {
    console.log(JSON.stringify(await benchmark(args, stopped.signal)));
  } catch (error) {
    console.error(describeError(error));
    process.exitCode = stopped.signal.aborted ? 130 : 1;
  }
}
