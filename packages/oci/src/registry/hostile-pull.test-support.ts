import { inspect } from 'node:util';
import { buildImage, buildLayer } from '@slipway/testing';
import { afterEach, expect } from 'vitest';
import type { OciErrorCode } from '../errors.ts';
import { parseReference } from '../reference.ts';
import { RegistryCredentials } from './credentials.ts';
import { type Handler, type HostileServer, startHostile } from './hostile-registry.test-support.ts';
import type { Deadlines } from './limits.ts';
import { RegistryClient, type RegistryClientOptions, type RepositoryAccess } from './registry-client.ts';
import { RegistryError } from './registry-error.ts';
import type { RepositoryClient } from './repository-client.ts';
import { type InspectedImage, inspectImage } from './resolve.ts';

export const PASSWORD = 'canary-password';
const ENCODED = Buffer.from(`alice:${PASSWORD}`).toString('base64');
const credentials = new RegistryCredentials('alice', PASSWORD);
export const platform = { os: 'linux', architecture: 'amd64' };
export const retries = { baseMs: 1, capMs: 2 };
/** Short, but long enough for a busy machine to answer what is meant to be answered. */
export const SHORT: Partial<Deadlines> = {
  headersMs: 300,
  bodyIdleMs: 300,
  documentMs: 900,
  probeMs: 300,
  blobGraceMs: 300,
};

export const image = buildImage({ layers: [buildLayer([{ name: 'a', content: 'a'.repeat(5000) }], 'none')] });
export const layer = firstOf(image.layers);

export const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) {
    await close();
  }
});

export async function serve(handler: Handler, options?: { tls?: boolean }): Promise<HostileServer> {
  const server = await startHostile(handler, options);
  closing.push(() => server.stop());
  return server;
}

export function repositoryAt(
  server: { readonly address: string },
  options: RegistryClientOptions & { steps?: string[] } = {},
  access: RepositoryAccess = {},
): { readonly repository: RepositoryClient; readonly inspect: () => Promise<InspectedImage> } {
  const client = new RegistryClient({ retries, ...options });
  closing.push(() => client.close());
  const reference = parseReference(`${server.address}/team/app:v1`);
  const repository = client.repository(reference, {
    credentials,
    onStep: (text) => options.steps?.push(text),
    ...access,
  });
  return { repository, inspect: () => inspectImage(repository, reference, { platform }) };
}

/** The error of a promise that must fail; and it must not hold the password in any form or place. */
export async function failure(promise: Promise<unknown>): Promise<RegistryError> {
  const error = await promise.then(
    () => {
      throw new Error('succeeded');
    },
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(RegistryError);
  const printed = `${inspect(error, { depth: 9 })} ${JSON.stringify(error)}`;
  expect(printed).not.toContain(PASSWORD);
  expect(printed).not.toContain(ENCODED);
  return error as RegistryError;
}

export async function code(server: HostileServer, options?: RegistryClientOptions): Promise<OciErrorCode> {
  return (await failure(repositoryAt(server, options).inspect())).code;
}

function firstOf<T>([first]: readonly T[]): T {
  if (first === undefined) throw new Error('the image has a layer');
  return first;
}
