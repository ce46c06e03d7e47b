import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, watch } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { testNeeds } from '@slipway/testing';
import { type DockerEngine, startDockerEngine } from '../docker/docker-engine.ts';
import { buildRegistryImage } from '../docker/registry-image.ts';
import { repositoryRoot } from '../process/repository-root.ts';
import { listenForStop } from '../process/stop-signal.ts';
import { countTests, describeCount, describeSkipped } from './count-tests.ts';

const REGISTRY_IMAGE = 'slipway/registry:test';
/** What vitest gets to run the tests' own cleaning-up after a stop. */
const STOP_GRACE_MS = 30_000;
/** A run that takes longer hangs. CI gives up after 40 minutes. */
const RUN_DEADLINE_MS = 35 * 60_000;
/** What is left when the report is there is vitest's own cleaning-up, which has 120 s. */
const CLEANING_DEADLINE_MS = 150_000;

/** Testcontainers locks itself with this file and leaves it. */
const testcontainersLock = join(tmpdir(), `testcontainers-node-${process.getuid?.()}.lock`);

const stopped = listenForStop();
const lockWasThere = existsSync(testcontainersLock);
const reportDir = await mkdtemp(join(tmpdir(), 'slipway-test-'));
let engine: DockerEngine | undefined;
try {
  if (process.env.SLIPWAY_TEST_DOCKER === '1') {
    const started = performance.now();
    console.log('Docker: starting an engine of our own, building the image of the registry');
    engine = await startDockerEngine(stopped);
    await buildRegistryImage(engine, REGISTRY_IMAGE);
    console.log(`  ... done in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  }
  const reportFile = join(reportDir, 'report.json');
  const env = { ...process.env, ...dockerEnvironment(engine) };
  const unmet = (await testNeeds(env)).filter((need) => !need.met);
  for (const { what } of unmet) console.log(`Tests are skipped that need ${what}`);
  const exitCode = await runVitest(reportFile, env);
  const report: unknown = await readFile(reportFile, 'utf8').then(JSON.parse, () => undefined);
  const count = countTests(
    report,
    exitCode,
    unmet.map((need) => need.name),
  );
  process.exitCode = stopped.aborted ? 130 : count.failed > 0 || exitCode !== 0 ? 1 : 0;
  for (const line of describeSkipped(count, unmet)) console.log(line);
  console.log(describeCount(count));
} finally {
  await engine?.stop();
  if (!lockWasThere) await rm(testcontainersLock, { force: true });
  await rm(reportDir, { recursive: true, force: true });
}

/** For Testcontainers, and the tests that ask whether they shall use it. */
function dockerEnvironment(docker: DockerEngine | undefined): NodeJS.ProcessEnv {
  if (docker === undefined) return {};
  return {
    DOCKER_HOST: docker.host,
    // Its helper image cannot be pulled everywhere; the engine goes with all its containers anyway.
    TESTCONTAINERS_RYUK_DISABLED: 'true',
    TESTCONTAINERS_HOST_OVERRIDE: '127.0.0.1',
    SLIPWAY_TEST_REGISTRY_IMAGE: REGISTRY_IMAGE,
    // A container that does not start is a failure then, not a reason to use a plain process.
    SLIPWAY_TEST_REGISTRY: 'container',
  };
}

async function runVitest(reportFile: string, env: NodeJS.ProcessEnv): Promise<number | null> {
  stopped.throwIfAborted();
  const vitest = join(repositoryRoot, 'node_modules/vitest/vitest.mjs');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`];
  const child: ChildProcess = spawn(process.execPath, [vitest, 'run', ...reporters, ...process.argv.slice(2)], {
    cwd: repositoryRoot,
    stdio: ['ignore', 'inherit', 'inherit'],
    env,
    detached: true,
  });
  let killer: NodeJS.Timeout | undefined;
  const end = (): void => {
    child.kill('SIGINT');
    killer = setTimeout(() => killGroup(child), STOP_GRACE_MS);
  };
  stopped.addEventListener('abort', end, { once: true });
  const deadline = setTimeout(() => {
    console.log(`The tests have not ended after ${RUN_DEADLINE_MS / 60_000} minutes: ending them.`);
    end();
  }, RUN_DEADLINE_MS);
  // A process that a test left holds vitest's pipes, and vitest would wait for it for ever.
  let cleaning: NodeJS.Timeout | undefined;
  const watcher = watch(dirname(reportFile), () => {
    if (cleaning !== undefined || !existsSync(reportFile)) return;
    cleaning = setTimeout(() => {
      console.log(
        'All tests are through, but a process that one of them started keeps the run from ending: ending it.',
      );
      killGroup(child);
    }, CLEANING_DEADLINE_MS);
  });
  const [exitCode] = (await once(child, 'exit')) as [number | null];
  watcher.close();
  clearTimeout(cleaning);
  clearTimeout(deadline);
  clearTimeout(killer);
  // What a test started and did not end must not outlive the run.
  killGroup(child);
  return exitCode;
}

function killGroup(child: ChildProcess): void {
  try {
    process.kill(-(child.pid as number), 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
