import { parseArgs } from 'node:util';
import { followRegistrySettings, RegistryClient, registryClientOptions, registryConfig } from '@slipway/oci';
import { createLogger, createMetrics, describeError, loadConfig } from '@slipway/service-kit';
import { z } from 'zod';
import { type Copy, listCopies } from './adapters/copy-list.ts';
import { DropletApi } from './adapters/droplet-digests.ts';

// Deletes the copies in the droplet registry that no droplet runs any more; started with the stager's environment.
const USAGE = 'usage: CF_TOKEN="$(cf oauth-token)" node services/stager/src/prune-copies.ts --api URL [--delete]';

try {
  const { values } = parseArgs({ options: { api: { type: 'string' }, delete: { type: 'boolean', default: false } } });
  const { CF_TOKEN: token } = process.env;
  if (values.api === undefined || token === undefined) throw new Error(USAGE);
  const config = loadConfig('prune-copies', z.object(registryConfig), process.env);
  const droplets = config.DROPLET_REGISTRY;
  if (droplets === undefined) throw new Error('DROPLET_REGISTRY is not set');
  const logger = createLogger('prune-copies', 'error');
  const options = registryClientOptions(config, logger);
  const client = new RegistryClient(options);
  const settings = await followRegistrySettings({
    file: config.REGISTRIES_FILE,
    client,
    logger,
    metrics: createMetrics('prune-copies'),
  });
  try {
    const api = new DropletApi(values.api, token);
    const copies: Copy[] = [];
    // Before the droplets: a copy that is made meanwhile is not among them.
    for await (const copy of listCopies(client, droplets, options.droplets?.credentials)) copies.push(copy);
    await api.stagingsDone((text) => process.stderr.write(`${text}\n`));
    const needed = await api.digests();
    const unneeded = copies.filter(({ digest }) => !needed.has(digest));
    for (const { repository, digest } of unneeded) {
      const target = client.uploads({ registry: droplets.registry, repository });
      if (values.delete) await target.deleteManifest(digest);
      process.stdout.write(`${values.delete ? 'deleted' : 'of no droplet'}: ${repository}@${digest}\n`);
    }
    process.stdout.write(`${copies.length} copies, ${unneeded.length} of no droplet\n`);
  } finally {
    await settings.close();
    await client.close();
  }
} catch (error) {
  process.stderr.write(`prune-copies: ${describeError(error)}\n`);
  process.exitCode = 1;
}
