// @module-tag root
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { generateSealingKeys, seal } from '@slipway/service-kit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestCell } from './cell.test-support.ts';
import { fetchFrom } from './host.test-support.ts';
import type { RepProcess } from './rep-process.test-support.ts';

const credentials = { username: 'puller', password: 'the-secret-of-the-puller' };
const patient = { timeout: 30_000 };

let cell: TestCell;
let rep: RepProcess;
beforeAll(async () => {
  cell = await TestCell.create({ auth: { kind: 'basic', ...credentials } });
  rep = await cell.startRep();
});
afterAll(() => cell.dispose());

async function crashOf(sealed: string | undefined): Promise<string> {
  const lrp = await cell.lrp({}, { credentials });
  const image = sealed === undefined ? lrp.image : { ...lrp.image, credentials: sealed };
  const private_ = { ...lrp, image };
  await cell.desire(private_);
  const { instanceGuid } = await cell.place(private_);
  const { crash } = await cell.untilState(instanceGuid, 'CRASHED');
  await cell.unplace(instanceGuid);
  await cell.untilGone(instanceGuid);
  expect(crash?.phase).toBe('pull');
  return crash?.reason ?? '';
}

test('an image that the registry does not give says so, and to whom it was not given', async () => {
  expect(await crashOf(undefined)).toMatch(/failed to create container: .*(401|unauthorized|credentials)/i);
  const wrong = seal(JSON.stringify({ ...credentials, password: 'wrong' }), cell.sealing.publicKey);
  expect(await crashOf(wrong)).toMatch(/failed to create container: .*(401|unauthorized|credentials)/i);
  const foreign = seal(JSON.stringify(credentials), generateSealingKeys().publicKey);
  expect(await crashOf(foreign)).toContain('cannot open sealed credentials');
});

test('a private image runs with credentials that are sealed to the cells, and they are written nowhere', async () => {
  const lrp = await cell.lrp({}, { credentials });
  const sealed = seal(JSON.stringify(credentials), cell.sealing.publicKey);
  const instance = await cell.run({ ...lrp, image: { ...lrp.image, credentials: sealed } });
  expect((await fetchFrom(instance)).status).toBe(200);
  const downloaded = /^CELL: Cell \S+ downloaded 3 layers, \d+\.\d MB, in \d+\.\d s for instance /;
  await expect.poll(() => cell.linesOf(lrp), patient).toContainEqual(expect.stringMatching(downloaded));

  expect(JSON.stringify(rep.lines)).not.toContain(credentials.password);
  expect(JSON.stringify(cell.logs)).not.toContain(Buffer.from(credentials.password).toString('base64').slice(0, 16));
  const grep = promisify(execFile)('grep', ['-r', '-l', credentials.password, cell.dataDir]);
  await expect(grep).rejects.toMatchObject({ code: 1 });

  // Its layers are here now: the next instance asks the registry for nothing, so it needs no credentials either.
  const second = await cell.run(await cell.lrp({}, { credentials }));
  for (const { instanceGuid } of [instance, second]) {
    await cell.unplace(instanceGuid);
    await expect.poll(() => cell.record(instanceGuid), patient).toBeUndefined();
  }
});

test('when its registry is gone, a cached image starts, and the app of another hears that it is asked again', async () => {
  const cached = await cell.lrp({}, { credentials });
  const other = await cell.lrp({}, { credentials });
  await cell.registry.kill();
  expect((await fetchFrom(await cell.run(cached))).status).toBe(200);

  const [layer] = other.image.layers;
  if (layer === undefined) throw new Error('the sample has no layers');
  const missing = { ...layer, digest: `sha256:${'ab'.repeat(32)}` };
  const uncached = { ...other, image: { ...other.image, layers: [missing] } };
  await cell.desire(uncached);
  const { instanceGuid } = await cell.place(uncached);
  const again = new RegExp(`failed to download the image for instance ${instanceGuid}: .*; trying again in \\d`);
  await expect.poll(() => cell.linesOf(uncached), patient).toContainEqual(expect.stringMatching(again));
  await cell.unplace(instanceGuid);
  await cell.untilGone(instanceGuid);
});
