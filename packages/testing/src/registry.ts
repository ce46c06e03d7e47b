import { dockerEngineAnswers } from './docker-engine.ts';
import { startRegistryContainer } from './registry-container.ts';
import type { RegistryHandle } from './registry-handle.ts';
import { startRegistry } from './registry-process.ts';

/**
 * Starts a registry through Testcontainers when a Docker engine answers, else as a plain process; `reason` says which
 * and why. SLIPWAY_TEST_REGISTRY set to `container` or `process` insists.
 */
export async function startAnyRegistry(env: NodeJS.ProcessEnv = process.env): Promise<RegistryHandle> {
  const wanted = env.SLIPWAY_TEST_REGISTRY;
  if (wanted !== undefined && wanted !== 'container' && wanted !== 'process') {
    throw new Error(`SLIPWAY_TEST_REGISTRY is ${JSON.stringify(wanted)}; it can be "container" or "process"`);
  }
  if (wanted === 'container') {
    return startRegistryContainer();
  }
  if (wanted === 'process') {
    return startRegistry();
  }
  if (!(await dockerEngineAnswers(env))) {
    return { ...(await startRegistry()), reason: 'no Docker engine answers: docker-registry as a plain process' };
  }
  try {
    return await startRegistryContainer();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { ...(await startRegistry()), reason: `Docker answers, but not with a registry (${why}): a plain process` };
  }
}
