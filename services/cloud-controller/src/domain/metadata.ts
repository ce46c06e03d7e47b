/** Labels and annotations of a resource (API v3, "Metadata"). */
export interface Metadata {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Null removes a key. */
export interface MetadataUpdate {
  readonly labels?: Readonly<Record<string, string | null>> | undefined;
  readonly annotations?: Readonly<Record<string, string | null>> | undefined;
}

/** How many a resource has at most: cloud_controller_ng's `max_labels_per_resource` and `max_annotations_per_resource`. */
export const METADATA_LIMITS = { label: 50, annotation: 200 } as const;

const MAX_NAME = 63;
const MAX_PREFIX = 253;
const MAX_ANNOTATION = 5000;
const NAME = /^[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?$/;
const PREFIX = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$/i;

/**
 * Whether an update leaves more entries of a kind than there may be. As on Cloud Foundry, what has too many already may
 * still be changed and lose some.
 */
export function exceedsLimit(
  kind: keyof typeof METADATA_LIMITS,
  keys: readonly string[],
  entries: Readonly<Record<string, string | null>>,
): boolean {
  const after = new Set(keys);
  for (const [key, value] of Object.entries(entries)) {
    if (value === null) after.delete(key);
    else after.add(key);
  }
  return after.size > keys.length && after.size > METADATA_LIMITS[kind];
}

/** What is wrong with an update, in cloud_controller_ng's words (`metadata_validator.rb`). */
export function metadataProblems(update: MetadataUpdate): string[] {
  const labels = Object.entries(update.labels ?? {}).flatMap(([key, value]) => [
    ...keyProblems(key, 'label'),
    ...(value === null || value === '' ? [] : labelValueProblems(value)),
  ]);
  const annotations = Object.entries(update.annotations ?? {}).flatMap(([key, value]) => [
    ...keyProblems(key, 'annotation'),
    ...(value !== null && value.length > MAX_ANNOTATION
      ? [`Metadata annotations error: '${value.slice(0, 8)}...' is greater than ${MAX_ANNOTATION} characters`]
      : []),
  ]);
  return [...labels, ...annotations];
}

function keyProblems(key: string, what: 'label' | 'annotation'): string[] {
  const fail = (text: string): string[] => [`Metadata ${what} key error: ${text}`];
  const parts = key.split('/');
  if (parts.length > 2) return fail("key has more than one '/'");
  const name = parts.at(-1) ?? '';
  const prefix = parts.length === 2 ? parts[0] : undefined;
  if (name === '') return fail('key cannot be empty string');
  if (name.length > MAX_NAME) return fail(`'${name.slice(0, 8)}...' is greater than ${MAX_NAME} characters`);
  if (!NAME.test(name))
    return fail(`'${name}' contains invalid characters or does not start and end with alphanumeric characters`);
  if (prefix === undefined) return [];
  if (prefix.length > MAX_PREFIX)
    return fail(`prefix '${prefix.slice(0, 8)}...' is greater than ${MAX_PREFIX} characters`);
  if (!PREFIX.test(prefix)) return fail(`prefix '${prefix}' must be in valid dns format`);
  return prefix.toLowerCase() === 'cloudfoundry.org' ? fail("prefix 'cloudfoundry.org' is reserved") : [];
}

function labelValueProblems(value: string): string[] {
  if (value.length > MAX_NAME) {
    return [`Metadata label value error: '${value.slice(0, 8)}...' is greater than ${MAX_NAME} characters`];
  }
  if (NAME.test(value)) return [];
  return [
    `Metadata label value error: '${value}' contains invalid characters or does not start and end with alphanumeric characters`,
  ];
}
