// @module-tag root
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DesiredLrp } from '@slipway/contracts';
import { seal } from '@slipway/service-kit';
import { type RegistryProcess, startRegistry } from '@slipway/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestCell } from './cell.test-support.ts';
import { fetchFrom } from './host.test-support.ts';

const old = { username: 'puller', password: 'the-password-before' };
const rotated = { username: 'puller', password: 'the-password-after' };
/** What one cell has it would give the other, without asking the registry. */
const env = { CELL_PEER_PORT: 'off' };

let storage: string;
let cells: readonly TestCell[];
let registry: RegistryProcess | undefined;
beforeAll(async () => {
  storage = await mkdtemp(join(tmpdir(), 'slipway-rotation-'));
  cells = await TestCell.createSeveral(2, { auth: { kind: 'basic', ...old }, storage });
});
afterAll(async () => {
  for (const cell of cells.toReversed()) await cell.dispose();
  await registry?.stop();
  await rm(storage, { recursive: true, force: true });
});

test('a rotated password is what the next pull uses, on a cell without the image, and nothing that runs restarts', async () => {
  const [here, there] = cells as [TestCell, TestCell];
  await Promise.all([here.startRep({ env }), there.startRep({ env })]);
  const lrp = await here.lrp({}, { credentials: old });
  const withLogin = (login: typeof old): DesiredLrp => {
    const credentials = seal(JSON.stringify(login), here.sealing.publicKey);
    return { ...lrp, image: { ...lrp.image, credentials } };
  };
  const running = await here.run(withLogin(old));

  await here.registry.kill();
  registry = await startRegistry({ auth: { kind: 'basic', ...rotated }, port: here.registry.port, storage });
  // With what is in the record the registry gives nothing any more.
  const refused = await there.place(withLogin(old), 1);
  const { crash } = await there.untilState(refused.instanceGuid, 'CRASHED');
  expect(crash?.reason).toMatch(/answered 401/);
  await there.unplace(refused.instanceGuid);
  await there.untilGone(refused.instanceGuid);

  // As cloud-controller rewrites it: the same process guid, no other time, and other credentials.
  await here.desire(withLogin(rotated));
  const { instanceGuid } = await there.place(withLogin(rotated), 1);
  expect((await fetchFrom(await there.untilState(instanceGuid, 'RUNNING'))).status).toBe(200);
  expect(await registry.asked()).toContainEqual(expect.stringMatching(/^GET \/v2\/app-\w+\/blobs\/sha256:\w+ 200$/));
  expect(here.record(running.instanceGuid)).toEqual(running);
  expect((await fetchFrom(running)).status).toBe(200);
  expect(here.linesOf(lrp).filter((line) => /Stopping instance|crashed/i.test(line))).toEqual([]);
});
