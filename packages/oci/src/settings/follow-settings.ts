import { Counter, Gauge, type Logger, type Registry } from '@slipway/service-kit';
import type { RegistryClient } from '../registry/registry-client.ts';
import { SettingsWatcher } from './settings-watcher.ts';

export interface FollowSettingsOptions {
  /** `REGISTRIES_FILE`; undefined: there are no settings. */
  readonly file: string | undefined;
  readonly client: Pick<RegistryClient, 'useSettings'>;
  readonly logger: Logger;
  readonly metrics: Registry;
}

/**
 * Lets a client use the registries settings file, and each new version of it from when it is there. A version with errors
 * is refused, loudly, and the last good one stays. Resolves when the file was read for the first time.
 */
export async function followRegistrySettings(
  options: FollowSettingsOptions,
): Promise<{ readonly close: () => Promise<void> }> {
  const { file, client, logger, metrics } = options;
  if (file === undefined) return { close: () => Promise.resolve() };
  const versions = new Counter({
    name: 'slipway_registry_settings_versions_total',
    help: 'Versions of the registries settings file, by what became of them: loaded, missing, refused',
    labelNames: ['outcome'],
    registers: [metrics],
  });
  const valid = new Gauge({
    name: 'slipway_registry_settings_valid',
    help: '1 while the registries settings file as it is now is in use, 0 while it is refused and an earlier version is',
    registers: [metrics],
  });
  const watcher = new SettingsWatcher({
    file,
    onSettings: (settings, outcome) => {
      client.useSettings(settings);
      versions.inc({ outcome });
      valid.set(1);
      logger.info({ file, registries: settings.entries.length }, `registry-settings.${outcome}`);
    },
    onRefused: (err) => {
      versions.inc({ outcome: 'refused' });
      valid.set(0);
      logger.error({ file, err }, 'registry-settings.refused');
    },
  });
  await watcher.start();
  return { close: () => watcher.close() };
}
