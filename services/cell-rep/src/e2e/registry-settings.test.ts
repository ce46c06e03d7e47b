// @module-tag root
import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DesiredLrp } from '@slipway/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestCell } from './cell.test-support.ts';
import { fetchFrom } from './host.test-support.ts';
import { askHealth, type RepProcess } from './rep-process.test-support.ts';

const credentials = { username: 'puller', password: 'the-secret-of-the-platform' };
const patient = { timeout: 45_000 };

let directory: string;
let cell: TestCell;
let rep: RepProcess;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-registries-'));
  // The credential helper is no root, and comes by here.
  await chmod(directory, 0o777);
  cell = await TestCell.create({ auth: { kind: 'basic', ...credentials } });
  const env = { REGISTRIES_FILE: join(directory, 'registries.yaml'), CREDENTIAL_HELPER_USER: '60804:60805' };
  rep = await cell.startRep({ env });
});
afterAll(async () => {
  await cell.dispose();
  await rm(directory, { recursive: true, force: true });
});

/** An app of an image that only a mirror of its registry has. */
async function app(): Promise<DesiredLrp> {
  const lrp = await cell.lrp({}, { credentials }, randomUUID());
  return { ...lrp, image: { ...lrp.image, registry: 'registry.invalid' } };
}

async function writeSettings(text: string, outcome: string): Promise<void> {
  const heard = (): number => rep.lines.filter(({ msg }) => msg === `registry-settings.${outcome}`).length;
  const before = heard();
  await writeFile(join(directory, 'new'), text);
  await rename(join(directory, 'new'), join(directory, 'registries.yaml'));
  await expect.poll(heard, patient).toBe(before + 1);
}

test('a cell takes mirrors and credential helpers over while it runs, and keeps them when the next version is bad', async () => {
  const [lost, found, kept] = [await app(), await app(), await app()];
  await cell.desire(lost);
  const { instanceGuid } = await cell.place(lost);
  await cell.untilState(instanceGuid, 'CRASHED');
  expect(cell.record(instanceGuid)?.crash?.reason).toContain('no such host name');
  await cell.unplace(instanceGuid);
  await cell.untilGone(instanceGuid);

  const helper = join(directory, 'docker-credential-test');
  const answer = JSON.stringify({ ServerURL: 'x', Username: credentials.username, Secret: credentials.password });
  await writeFile(helper, `#!/bin/sh\nid -u > ${directory}/ids\nid -G >> ${directory}/ids\necho '${answer}'\n`, {
    mode: 0o755,
  });
  const registries = {
    'registry.invalid': { mirrors: [cell.registry.address] },
    [cell.registry.address]: { credentialHelper: helper },
  };
  await writeSettings(JSON.stringify({ registries }), 'loaded');
  expect((await fetchFrom(await cell.run(found))).status).toBe(200);
  // The rep is root, its helper is not, in any group.
  expect(await readFile(join(directory, 'ids'), 'utf8')).toBe('60804\n60805\n');

  await writeSettings('registries: {registry.invalid: {mirors: []}}\n', 'refused');
  expect((await fetchFrom(await cell.run(kept))).status).toBe(200);
  const metrics = (await askHealth(rep, '/metrics')).body;
  expect(metrics).toMatch(/^slipway_registry_settings_valid\{[^}]*\} 0$/m);
  expect(JSON.stringify(rep.lines)).not.toContain(credentials.password);
});
