import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { runCommand } from '../process/run-command.ts';
import { startDockerEngine } from './docker-engine.ts';
import { buildRegistryImage } from './registry-image.ts';

const needs = { tags: ['root', 'own-docker'] };

test('a private engine runs the registry built from the Debian package, and leaves nothing', needs, async () => {
  const linksBefore = await linksOfDocker();
  const engine = await startDockerEngine(new AbortController().signal);
  const dir = engine.host.replace('unix://', '').replace('/docker.sock', '');
  try {
    await buildRegistryImage(engine, 'registry:test');
    const id = await engine.docker(['run', '--detach', '--publish', '127.0.0.1::5000', 'registry:test']);
    const address = await engine.docker(['port', id, '5000/tcp']);
    await expect.poll(async () => (await fetch(`http://${address}/v2/`)).status).toBe(200);
  } finally {
    await engine.stop();
  }
  expect(existsSync(dir)).toBe(false);
  expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(dir);
  expect(await linksOfDocker()).toEqual(linksBefore);
  expect(existsSync(`/sys/fs/cgroup/memory/slipway-docker-${process.pid}`)).toBe(false);
});

/** Bridges of Docker; its containers' links go with these. Others on this machine come and go. */
async function linksOfDocker(): Promise<readonly string[]> {
  const { output } = await runCommand('ip', ['-o', 'link', 'show', 'type', 'bridge']);
  return [...output.matchAll(/^\d+: ([^:@]+)/gm)].map((match) => match[1] as string);
}
