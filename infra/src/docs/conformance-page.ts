import { join } from 'node:path';
import { z } from 'zod';
import { repositoryRoot } from '../process/repository-root.ts';

const MODULE = 'e2e/src/conformance/rows.ts';

const rowSchema = z.looseObject({
  field: z.string(),
  docker: z.string(),
  cloudFoundry: z.string(),
  slipway: z.string(),
  cases: z.array(z.looseObject({ name: z.string() })).min(1),
});

/** docs/conformance.md: what becomes of each field of an image config, from the table that `e2e/conformance.test.ts` plays. */
export async function conformancePage(): Promise<string> {
  const { CONFORMANCE_ROWS } = (await import(join(repositoryRoot, MODULE))) as Record<string, unknown>;
  const rows = z.array(rowSchema).parse(CONFORMANCE_ROWS);
  const cases = rows.reduce((sum, row) => sum + row.cases.length, 0);
  const cell = (text: string): string => text.replaceAll('|', '\\|');
  return [
    '# What becomes of an image',
    '',
    'Each field of an image config (OCI image-spec `config.md`, Docker `container.Config`): what Docker does with it, what',
    'Cloud Foundry does, and what Slipway does. Every row is shown by tests on real containers: `e2e/conformance.test.ts`',
    'pushes an image with the field to a registry, runs it on a whole platform through the public API, and reads what the',
    'process in it was given.',
    '',
    `Made from \`${MODULE}\` by \`node infra/src/docs/main.ts\`; a test checks that it is current. ${cases} cases.`,
    '',
    '| field | Docker | Cloud Foundry | Slipway | shown by |',
    '|---|---|---|---|---|',
    ...rows.map(({ field, docker, cloudFoundry, slipway, cases: played }) => {
      const shown = played.map(({ name }) => name).join('; ');
      return `| ${[field, docker, cloudFoundry, slipway, shown].map(cell).join(' | ')} |`;
    }),
    '',
  ].join('\n');
}
