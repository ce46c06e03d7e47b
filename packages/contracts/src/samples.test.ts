import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import * as contracts from './index.ts';
import { kinds } from './message-kinds.test-support.ts';

const directory = fileURLToPath(new URL('../samples/', import.meta.url));

interface Sample {
  readonly file: string;
  readonly type: string;
  readonly version: number;
  readonly value: unknown;
}

const samples: readonly Sample[] = readdirSync(directory).map((file) => {
  const match = /^(.+)\.v(\d+)(?:-[a-z-]+)?\.json$/.exec(file);
  if (match === null) throw new Error(`${file} is not named <type>.v<version>[-<case>].json`);
  const value: unknown = JSON.parse(readFileSync(`${directory}${file}`, 'utf8'));
  return { file, type: match[1] ?? '', version: Number(match[2]), value };
});

/** Every place in a value, as a function that gives a copy with something else there. */
function* places(value: unknown): Iterable<{ readonly path: string; readonly replace: (by: unknown) => unknown }> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    const put = (by: unknown): unknown =>
      Array.isArray(value) ? value.with(Number(key), by) : { ...value, [key]: by };
    yield { path: key, replace: put };
    for (const { path, replace } of places(inner)) yield { path: `${key}.${path}`, replace: (by) => put(replace(by)) };
  }
}

describe.each(samples)('$file', ({ type, version, value }) => {
  const kind = kinds[type];

  test('is of a known kind and version', () => {
    expect(kind?.version).toBe(version);
  });

  test('parses, and nothing of it is lost', () => {
    expect(kind?.parse(value)).toEqual(value);
  });

  test('parses with fields that this version does not know, wherever they are', () => {
    const withMore = (at: unknown): unknown => {
      if (Array.isArray(at)) return at.map(withMore);
      if (typeof at !== 'object' || at === null) return at;
      const inner = Object.entries(at).map(([key, field]) => [key, withMore(field)] as const);
      return { ...Object.fromEntries(inner), fieldOfTheFuture: 'x' };
    };
    expect(() => kind?.parse(withMore(value))).not.toThrow();
  });

  test('does not parse with null in the place of any field', () => {
    // What the schema does not name, Gorouter's fields of the future, may be anything.
    const known = [...places(value)].filter(({ path }) => path !== 'a_field_of_the_future');
    expect(known.length).toBeGreaterThan(0);
    for (const { path, replace } of known) {
      expect(() => kind?.parse(replace(null)), `null at ${path}`).toThrow();
    }
  });
});

test('every kind has a sample of its present version', () => {
  const covered = new Set(samples.map(({ type, version }) => `${type}.v${version}`));
  const missing = Object.entries(kinds).filter(([type, { version }]) => !covered.has(`${type}.v${version}`));
  expect(missing.map(([type]) => type)).toEqual([]);
});

/** Schemas of parts, which the samples of the whole cover. */
const parts = [
  'cellIdSchema',
  'cellSubnetSchema',
  'digestSchema',
  'executionMetadataSchema',
  'exposedPortSchema',
  'guidSchema',
  'healthCheckSchema',
  'imageSignaturesSchema',
  'instancePhaseSchema',
  'layerSchema',
  'lrpRouteSchema',
  'nanosecondsSchema',
  'networkRecordSchema',
  'placementRecordSchema',
  'portSchema',
  'processGuidSchema',
  'resolvedImageSchema',
  'sealedSchema',
  'signaturePolicySchema',
  'signatureProofSchema',
  'stagingPhaseSchema',
  'taskRecordSchema',
  'terminalSizeSchema',
  'timeSchema',
];

test('every schema that is exported is of a kind with samples, or a named part of one', () => {
  const ofKinds = new Set(Object.values(kinds).map(({ schema }) => schema));
  const exported = Object.entries(contracts).filter(([name]) => name.endsWith('Schema'));
  const without = exported.filter(([name, schema]) => !parts.includes(name) && !ofKinds.has(schema as z.ZodType));
  expect(without.map(([name]) => name)).toEqual([]);
  for (const part of parts) expect(exported.map(([name]) => name)).toContain(part);
});

const definitions = Object.values(contracts as Record<string, unknown>).filter(
  (value): value is contracts.MessageDefinition<unknown> =>
    typeof value === 'object' && value !== null && 'subjectFor' in value && 'data' in value,
);

test('every message definition is a kind, and its samples go where they are looked for', () => {
  expect(definitions.length).toBeGreaterThan(0);
  for (const definition of definitions) {
    const { type, v, data, subject, subjectFor } = definition;
    expect(kinds[type]).toMatchObject({ version: v, enveloped: true });
    expect(kinds[type]?.schema).toBe(data);
    const pattern = new RegExp(`^${subject.replaceAll('.', '\\.').replaceAll('*', '[^.]+')}$`);
    for (const { value } of samples.filter((sample) => sample.type === type)) {
      expect(subjectFor(contracts.parseMessage(definition, value).data)).toMatch(pattern);
    }
  }
});

test('the records of every bucket are samples of it, and no others', () => {
  const ofBucket: Record<string, readonly string[]> = {
    'desired-lrps': ['desired-lrp', 'domain-freshness'],
    placements: ['placement', 'unplaced'],
    instances: ['instance'],
    tasks: ['desired-task', 'tasks-freshness', 'task-placed', 'task-refused', 'task-failed', 'task-state'],
    cells: ['cell-presence'],
    'cell-disks': ['cell-disk'],
    'wanted-images': ['wanted-image', 'images-freshness'],
    'network-policies': ['network-policy', 'internal-domain', 'network-freshness'],
    leases: ['lease'],
  };
  for (const { name, value: schema } of Object.values(contracts.buckets)) {
    expect(ofBucket[name]).toBeDefined();
    for (const { file, type, value } of samples) {
      const accepted = schema.safeParse(value).success;
      expect(accepted, `${file} in ${name}`).toBe(ofBucket[name]?.includes(type) === true);
    }
  }
});
