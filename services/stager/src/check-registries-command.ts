import { resolve } from 'node:path';
import { loadRegistrySettings } from '@slipway/oci';
import { describeError } from '@slipway/service-kit';

/** `node check-registries-command.ts FILE`: whether stagers and cells would take these registries settings. */
const [name] = process.argv.slice(2);
try {
  if (name === undefined) throw new Error('give the file to check: check-registries-command.ts FILE');
  const loaded = await loadRegistrySettings(resolve(name));
  if (loaded === undefined) throw new Error(`${name}: there is no such file`);
  process.stdout.write(`${name}: good, ${loaded.settings.entries.length} registries\n`);
} catch (error) {
  process.stderr.write(`${describeError(error).replaceAll('; ', '\n')}\n`);
  process.exitCode = 1;
}
