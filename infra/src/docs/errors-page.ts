import { join } from 'node:path';
import { z } from 'zod';
import { repositoryRoot } from '../process/repository-root.ts';

/** The module of each part that has a table of its errors, in the order of the page. */
const parts: readonly { readonly title: string; readonly module: string }[] = [
  { title: 'cloud-controller (the API)', module: 'services/cloud-controller/src/errors.ts' },
  { title: 'uaa', module: 'services/uaa/src/errors.ts' },
  { title: 'log-cache', module: 'services/log-cache/src/errors.ts' },
  { title: 'stager', module: 'services/stager/src/errors.ts' },
  { title: 'cell-rep', module: 'services/cell-rep/src/errors.ts' },
  { title: 'images and registries (packages/oci)', module: 'packages/oci/src/errors.ts' },
  { title: 'layers and containers (packages/garden)', module: 'packages/garden/src/errors.ts' },
  { title: 'the bus (packages/bus)', module: 'packages/bus/src/bus-error.ts' },
  { title: 'every service (packages/service-kit)', module: 'packages/service-kit/src/errors.ts' },
];

const tableSchema = z.record(
  z.string(),
  z.looseObject({
    kind: z.string(),
    means: z.string().min(1),
    /** HTTP status. */
    status: z.int().optional(),
    /** Cloud Foundry's number. */
    code: z.int().optional(),
  }),
);

/** docs/errors.md, made from the tables in the code. */
export async function errorsPage(): Promise<string> {
  const sections = await Promise.all(
    parts.map(async ({ title, module }) => {
      const exported = (await import(join(repositoryRoot, module))) as Record<string, unknown>;
      const tables = Object.values(exported)
        .map((value) => tableSchema.safeParse(value))
        .flatMap((result) => (result.success && Object.keys(result.data).length > 0 ? [result.data] : []));
      if (tables.length !== 1) throw new Error(`${module} exports ${tables.length} tables of errors, expected 1`);
      const rows = Object.entries(tables[0] ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
      const lines = rows.map(([name, { kind, means, status, code }]) => {
        const number = code === undefined ? '' : ` ${code}`;
        const http = status === undefined ? '' : `, HTTP ${status}`;
        return `| \`${name}\`${number} | ${kind}${http} | ${means.replaceAll('|', '\\|')} |`;
      });
      return [`## ${title}`, '', '| code | kind | means |', '|---|---|---|', ...lines, ''].join('\n');
    }),
  );
  return [
    '# Errors',
    '',
    'Made from the tables in the code by `node infra/src/docs/main.ts`; a test checks that it is current. The kind decides',
    'the HTTP status where an error reaches a user, and whether trying again can help.',
    '',
    ...sections,
  ].join('\n');
}
