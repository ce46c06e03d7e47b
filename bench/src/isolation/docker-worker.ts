import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DockerEngine, startDockerEngine } from '@slipway/infra';
import {
  ESCAPES,
  type Escape,
  type EscapeOutcome,
  isolationProbes,
  lookAround,
  openSealedMachine,
  type ProbeOutcome,
  probeBase,
  probeEntries,
  probeOutcomes,
  type SealedMachine,
  type TarEntry,
  tarArchive,
} from '@slipway/testing';
import type { IsolationReport } from './isolation-report.ts';

// A program for `runSealed`: plays the same probes and escapes with `docker run` as it is without further options.

async function main(): Promise<IsolationReport & { readonly version: string }> {
  const machine = await openSealedMachine();
  const never = new AbortController().signal;
  const docker = await startDockerEngine(never, {
    dataRoot: join(machine.cellDirectory, 'docker'),
    ownsNetwork: true,
  });
  try {
    const version = await docker.docker(['version', '--format', '{{.Server.Version}}']);
    return { version, probes: await playProbes(docker, machine), escapes: await playEscapes(docker, machine) };
  } finally {
    await docker.stop();
    await machine.close();
  }
}

async function playProbes(
  docker: DockerEngine,
  machine: SealedMachine,
): Promise<Readonly<Record<string, ProbeOutcome>>> {
  const families = isolationProbes(process.pid);
  const base = await importImage(docker, machine, probeBase(), []);
  const neighbour = await docker.docker(['run', '--detach', base, 'httpd', '-f', '-p', '8080', '-h', '/etc']);
  const NEIGHBOUR = await docker.docker(['inspect', '--format', '{{.NetworkSettings.IPAddress}}', neighbour]);
  const [SECRET_A, SECRET_B] = machine.secret;
  const { outside: OUTSIDE } = machine;
  const variables = { SECRET_A, SECRET_B, OUTSIDE, HOST_PID: String(process.pid), NEIGHBOUR };
  const image = await importImage(docker, machine, probeEntries(families, variables), []);
  const printed = await docker.docker(['run', '--rm', image, 'sh', '/probe/run']);
  await docker.docker(['rm', '--force', neighbour]);
  machine.checkOutside();
  return Object.fromEntries(probeOutcomes(families, printed.split('\n')));
}

async function playEscapes(
  docker: DockerEngine,
  machine: SealedMachine,
): Promise<Readonly<Record<string, EscapeOutcome>>> {
  const outcomes: Record<string, EscapeOutcome> = {};
  for (const trick of ESCAPES) {
    outcomes[trick.name] = await playEscape(docker, machine, trick);
    machine.checkOutside();
  }
  return outcomes;
}

async function playEscape(docker: DockerEngine, machine: SealedMachine, trick: Escape): Promise<EscapeOutcome> {
  const program = trick.entrypoint ?? ['/bin/sh', '-c', lookAround(machine.outside)];
  const second = trick.by === 'exec';
  const config = trick.workdir === undefined || second ? [] : ['--change', `WORKDIR ${trick.workdir}`];
  const image = await importImage(docker, machine, trick.entries(machine.outside), config);
  const name = `probe-${randomBytes(4).toString('hex')}`;
  const first = second ? ['--detach', '--name', name, image, 'sleep', '1000'] : ['--name', name, image, ...program];
  try {
    const said = await docker.docker(['run', ...first]);
    const more = second ? await docker.docker(['exec', '--workdir', trick.workdir ?? '/', name, ...program]) : '';
    return `${said}${more}`.includes(machine.secret.join('')) ? 'escaped' : 'harmless';
  } catch (error) {
    // Its message has all that was printed.
    const text = String(error);
    if (text.includes(machine.secret.join(''))) return 'escaped';
    return /OCI runtime|Error response from daemon/.test(text) ? 'refused' : 'harmless';
  } finally {
    await docker.docker(['rm', '--force', name]);
  }
}

async function importImage(
  docker: DockerEngine,
  { cellDirectory }: SealedMachine,
  entries: readonly TarEntry[],
  changes: readonly string[],
): Promise<string> {
  const name = `image-${randomBytes(4).toString('hex')}`;
  const file = join(cellDirectory, `${name}.tar`);
  await writeFile(file, tarArchive(entries));
  await docker.docker(['import', '--change', 'ENV PATH=/bin', ...changes, file, name]);
  return name;
}

console.log(JSON.stringify(await main()));
