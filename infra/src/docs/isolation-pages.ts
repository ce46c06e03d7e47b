import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ESCAPES, isolationProbes } from '@slipway/testing';
import { z } from 'zod';
import { repositoryRoot } from '../process/repository-root.ts';

const PAGE = 'docs/isolation.md';
const SECURITY = 'docs/security.md';
/** Between these lines docs/security.md is made. */
const BEGIN = '<!-- made by node infra/src/docs/main.ts: begin -->';
const END = '<!-- end -->';

const recordedSchema = z.object({
  version: z.string(),
  probes: z.record(z.string(), z.string()),
  escapes: z.record(z.string(), z.string()),
});
type Recorded = z.infer<typeof recordedSchema>;

/** Errors by which a filter, a capability or a mount refuses. */
const REFUSALS = ['EPERM', 'EACCES', 'ENOSYS', 'killed', 'refused'];
/** What was meant is not there: another process namespace, another name space of sockets. */
const ABSENCES = ['ESRCH', 'EBADF', 'ECONNREFUSED'];

/** The pages on isolation by their files: what the suite expects of Slipway, and what was recorded of Docker. */
export async function isolationPages(): Promise<ReadonlyMap<string, string>> {
  const file = join(repositoryRoot, 'bench/src/isolation/docker-outcomes.json');
  const docker = recordedSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  const security = await readFile(join(repositoryRoot, SECURITY), 'utf8');
  return new Map([
    [PAGE, wholeTable(docker)],
    [SECURITY, withSummary(security, docker)],
  ]);
}

function wholeTable(docker: Recorded): string {
  const families = isolationProbes(0).flatMap(({ title, probes }) => [
    `## ${title}`,
    '',
    '| what is tried | Slipway | Docker |',
    '|---|---|---|',
    ...probes.map(({ name, slipway }) => `| ${cell(name)} | ${said(slipway)} | ${said(docker.probes[name])} |`),
    '',
  ]);
  return [
    '# Isolation, probe by probe',
    '',
    'What a container can do. Every row is tried by root of a real container, on a machine with a network and mounts of its',
    'own on which the things worth reaching are there. No probe does harm when it succeeds. Slipway’s column is asserted by',
    '`packages/garden/src/isolation`; Docker’s is what `docker run` without options did',
    `(${docker.version}, recorded by \`npm run bench -- isolation record\`). How it is done: [security](security.md).`,
    '',
    '**Possible**: it was done. *Let through*: only something else than isolation stopped it, such as a kernel that was built',
    'without the feature. Not there: what was meant does not exist in the container.',
    '',
    'Made by `node infra/src/docs/main.ts`; a test checks that it is current.',
    '',
    ...families,
    '## Images that lead runtimes astray',
    '',
    'Escaped would mean that the container read a file of the host or changed one. What Slipway refuses before the runtime is',
    'started does not depend on how the runtime was patched.',
    '',
    '| the image | Slipway | Docker |',
    '|---|---|---|',
    ...ESCAPES.map(({ name, slipway }) => `| ${cell(name)} | ${became(slipway)} | ${became(docker.escapes[name])} |`),
    '',
  ].join('\n');
}

function withSummary(page: string, docker: Recorded): string {
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`${SECURITY} has no place for the table`);
  const rows = isolationProbes(0).map(({ title, probes }) => {
    const own = probes.filter(({ slipway }) => isOpen(slipway));
    const dockers = probes.filter(({ name }) => isOpen(docker.probes[name]));
    const only = dockers.filter((probe) => !own.includes(probe)).map(({ name }) => cell(name));
    return `| ${title} | ${probes.length} | ${own.length} | ${dockers.length} | ${only.join('; ')} |`;
  });
  const escaped = (outcomes: readonly (string | undefined)[]): number =>
    outcomes.filter((outcome) => outcome === 'escaped').length;
  const escapes = [
    ESCAPES.length,
    escaped(ESCAPES.map(({ slipway }) => slipway)),
    escaped(ESCAPES.map(({ name }) => docker.escapes[name])),
  ];
  return [
    before + BEGIN,
    '| tried by root of a container | probes | let through by Slipway | by Docker | by Docker alone |',
    '|---|---|---|---|---|',
    ...rows,
    `| Images that lead runtimes astray | ${escapes.join(' | ')} |  |`,
    END + after,
  ].join('\n');
}

function isOpen(outcome: string | undefined): boolean {
  return outcome !== undefined && !REFUSALS.includes(outcome) && !ABSENCES.includes(outcome);
}

function said(outcome: string | undefined): string {
  if (outcome === undefined) return 'not tried';
  if (outcome === 'ok') return '**possible**';
  if (outcome === 'refused' || outcome === 'killed') return outcome;
  if (REFUSALS.includes(outcome)) return `refused (${outcome})`;
  return ABSENCES.includes(outcome) ? `not there (${outcome})` : `*let through* (${outcome})`;
}

function became(outcome: string | undefined): string {
  if (outcome === undefined) return 'not tried';
  if (outcome === 'escaped') return '**escaped**';
  return outcome === 'harmless' || outcome === 'refused' ? outcome : `refused (\`${outcome}\`)`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
