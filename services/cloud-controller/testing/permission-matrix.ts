import { readFileSync } from 'node:fs';
import { type Holder, holders } from './world.ts';

/** A line of the matrix for one method: what each holder gets. */
export interface PermissionRow {
  /** `GET /v3/apps/{guid}`, with the case in parentheses where there are several. */
  readonly endpoint: string;
  readonly statuses: Readonly<Record<Holder, number>>;
}

/** The lines of `permission-matrix.txt`; one with several methods is several. */
export function permissionMatrix(): readonly PermissionRow[] {
  const text = readFileSync(new URL('permission-matrix.txt', import.meta.url), 'utf8');
  return text.split('\n').flatMap((line, index) => {
    if (line === '' || line.startsWith('#')) return [];
    const found = /^([A-Z,]+) (\/\S*)( \(.+?\))? +((?:\d{3} *)+)$/.exec(line);
    const [, methods = '', path = '', variant = '', columns = ''] = found ?? [];
    const statuses = columns.trim().split(/ +/).map(Number);
    if (statuses.length !== holders.length) throw new Error(`line ${index + 1} of the matrix is not read: ${line}`);
    return methods.split(',').map((method) => ({
      endpoint: `${method} ${path}${variant}`,
      statuses: Object.fromEntries(
        holders.map((holder, column) => [holder, statuses[column]]),
      ) as PermissionRow['statuses'],
    }));
  });
}
