import { expect, test } from 'vitest';
import { testNeeds } from './test-needs.ts';

const nowhere = { DOCKER_HOST: 'unix:///nowhere.sock' };

async function metWith(env: NodeJS.ProcessEnv, name: string): Promise<boolean | undefined> {
  return (await testNeeds(env)).find((need) => need.name === name)?.met;
}

test('Docker is there when it answers or is insisted on, and an engine of their own when asked for', async () => {
  expect(await metWith(nowhere, 'docker')).toBe(false);
  expect(await metWith({ ...nowhere, SLIPWAY_TEST_REGISTRY: 'container' }, 'docker')).toBe(true);
  expect(await metWith(nowhere, 'own-docker')).toBe(false);
  expect(await metWith({ ...nowhere, SLIPWAY_TEST_DOCKER: '1' }, 'own-docker')).toBe(true);
});

test('root can do what root must', { tags: 'root' }, async () => {
  expect(await metWith(nowhere, 'root')).toBe(true);
  expect(process.getuid?.()).toBe(0);
});
