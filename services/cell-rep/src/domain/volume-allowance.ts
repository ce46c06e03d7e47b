import type { DesiredLrp, LrpVolume } from '@slipway/contracts';

/** A directory of the host that the operator lets apps have, with all that is below it. */
export interface VolumeAllowance {
  readonly root: string;
  readonly writable: boolean;
  /** Names; undefined: anybody's. */
  readonly organization: string | undefined;
  readonly space: string | undefined;
}

export type VolumeDecision =
  | { readonly outcome: 'allowed'; readonly root: string; readonly path: string }
  | { readonly outcome: 'refused'; readonly reason: string };

/** `PATH`, `PATH:rw` or `PATH:ro`, then `@ORGANIZATION` or `@ORGANIZATION/SPACE`; undefined when it is none of these. */
export function parseVolumeAllowance(text: string): VolumeAllowance | undefined {
  const [place = '', who, ...more] = text.split('@');
  const [, path = '', mode = 'ro'] = /^(\/[^:]*?)(?::(ro|rw))?$/.exec(place) ?? [];
  const root = path.length > 1 ? path.replace(/\/+$/, '') : path;
  const [organization, space, ...rest] = who === undefined ? [] : who.split('/');
  const whole = more.length === 0 && rest.length === 0 && organization !== '' && space !== '';
  if (!isPlain(root) || root === '/' || !whole) return undefined;
  return { root, writable: mode === 'rw', organization, space };
}

/** The narrowest of the operator's directories in which a volume is, for an app of this space. */
export function decideVolume(
  { source, readOnly }: Pick<LrpVolume, 'source' | 'readOnly'>,
  allowances: readonly VolumeAllowance[],
  app: Pick<DesiredLrp['app'], 'organizationName' | 'spaceName'>,
): VolumeDecision {
  const who = `${app.organizationName}/${app.spaceName}`;
  const refused = (why: string): VolumeDecision => ({
    outcome: 'refused',
    reason: `The volume ${source} ${why}; the operator allows directories with CELL_VOLUMES`,
  });
  if (!isPlain(source)) return refused('is no plain absolute path');
  const around = allowances.filter(
    ({ root, organization, space }) =>
      (source === root || source.startsWith(`${root}/`)) &&
      (organization === undefined || organization === app.organizationName) &&
      (space === undefined || space === app.spaceName),
  );
  if (around.length === 0) return refused(`is in none of the directories that ${who} may use on this cell`);
  const fitting = around.filter(({ writable }) => writable || readOnly);
  const [narrowest] = fitting.toSorted((a, b) => b.root.length - a.root.length);
  if (narrowest === undefined) return refused(`may only be mounted read-only by ${who}`);
  return { outcome: 'allowed', root: narrowest.root, path: source.slice(narrowest.root.length + 1) };
}

/** Absolute, without empty parts, `.` or `..`. */
function isPlain(path: string): boolean {
  if (path.includes('\0') || !path.startsWith('/')) return false;
  return (
    path === '/' ||
    path
      .slice(1)
      .split('/')
      .every((part) => part !== '' && part !== '.' && part !== '..')
  );
}
