import { type SidecarSettings, sameSidecars } from '../lrp/sidecars.ts';

/** What a revision keeps of an app: all that decides what runs, but how much of it. */
export interface AppVersion {
  readonly dropletGuid: string;
  readonly environment: Readonly<Record<string, string>>;
  /** By process type; null: what the image says. */
  readonly commands: Readonly<Record<string, string | null>>;
  readonly sidecars: readonly SidecarSettings[];
}

/** In cloud_controller_ng's words (`revision_resolver.rb`); empty when both are the same. */
export function describeChange(before: AppVersion, after: AppVersion): string[] {
  const texts: string[] = [];
  if (before.dropletGuid !== after.dropletGuid) texts.push('New droplet deployed.');
  if (!sameEntries(before.environment, after.environment)) texts.push('New environment variables deployed.');
  const types = [...new Set([...Object.keys(before.commands), ...Object.keys(after.commands)])].sort();
  for (const type of types) {
    const was = before.commands[type] ?? null;
    const is = after.commands[type] ?? null;
    if (was === is) continue;
    const what = was === null ? 'added' : is === null ? 'removed' : 'updated';
    texts.push(`Custom start command ${what} for '${type}' process.`);
  }
  if (!sameSidecars(before.sidecars, after.sidecars)) texts.push('Sidecars updated.');
  return texts;
}

function sameEntries(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key]);
}
