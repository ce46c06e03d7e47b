import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { runCommand } from '@slipway/infra';
import { ESCAPES, isolationProbes, runSealed } from '@slipway/testing';
import type { IsolationReport } from './isolation-report.ts';

const SLIPWAY = new URL('../../../packages/garden/src/isolation/isolation-player.test-support.ts', import.meta.url);
const DOCKER = new URL('./docker-worker.ts', import.meta.url);
/** What docs/isolation.md has in Docker's column. */
const RECORDED = new URL('./docker-outcomes.json', import.meta.url);

/**
 * `npm run bench -- isolation [record]`: what a container can do, by Slipway and by `docker run` without options, each on
 * a machine with a network and mounts of its own. `record` keeps Docker's outcomes for the docs.
 */
export async function benchIsolation(args: readonly string[]): Promise<object> {
  const slipway = await play(SLIPWAY);
  const hasDocker = (await runCommand('sh', ['-c', 'command -v dockerd'])).exitCode === 0;
  if (!hasDocker) console.log('SKIPPED against docker: dockerd is not installed ("apt-get install docker.io").');
  const docker = hasDocker ? await play(DOCKER) : undefined;
  const probes = isolationProbes(process.pid).flatMap((family) => family.probes);
  for (const { name, slipway: expected } of probes) {
    printRow(name, slipway.probes[name], docker?.probes[name], expected);
  }
  for (const { name, slipway: expected } of ESCAPES) {
    printRow(name, slipway.escapes[name], docker?.escapes[name], expected);
  }
  if (args[0] === 'record' && docker !== undefined) {
    await writeFile(RECORDED, `${JSON.stringify(docker, undefined, 2)}\n`);
    console.log('Recorded. Now: node infra/src/docs/main.ts');
  }
  const reached = (report: IsolationReport | undefined): number | undefined =>
    report && probes.filter(({ name }) => report.probes[name] === 'ok').length;
  const escaped = (report: IsolationReport | undefined): number | undefined =>
    report && ESCAPES.filter(({ name }) => report.escapes[name] === 'escaped').length;
  return {
    bench: 'isolation',
    probes: probes.length,
    escapes: ESCAPES.length,
    slipway: { possible: reached(slipway), escaped: escaped(slipway) },
    docker: docker && { version: docker.version, possible: reached(docker), escaped: escaped(docker) },
  };
}

async function play(program: URL): Promise<IsolationReport> {
  return (await runSealed(fileURLToPath(program))) as IsolationReport;
}

function printRow(name: string, slipway: string | undefined, docker: string | undefined, expected: string): void {
  const surprise = slipway === expected ? '' : `  (expected ${expected})`;
  console.log(`${name.padEnd(80)} ${(slipway ?? '-').padEnd(26)} ${docker ?? '-'}${surprise}`);
}
