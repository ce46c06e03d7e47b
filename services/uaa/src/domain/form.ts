/** As a form or query string parser gives it: several values of one name as an array. */
export type FormFields = Readonly<Record<string, unknown>>;

export type FieldResult =
  | { readonly outcome: 'read'; readonly value: string | undefined }
  | { readonly outcome: 'repeated'; readonly name: string };

/** A parameter of an OAuth 2 request: at most once, and an empty one counts as not sent (RFC 6749 3.2). */
export function readField(fields: FormFields, name: string): FieldResult {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (value === undefined || value === '') return { outcome: 'read', value: undefined };
  if (typeof value === 'string') return { outcome: 'read', value };
  return { outcome: 'repeated', name };
}
