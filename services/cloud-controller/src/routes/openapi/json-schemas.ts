import { type ZodType, z } from 'zod';

export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * JSON schemas (2020-12, as OpenAPI 3.1 takes them) of zod's. A schema with an `id` in its metadata becomes a component,
 * which others refer to.
 */
export class SchemaComponents {
  readonly #schemas = new Map<string, JsonSchema>();

  /** What is checked (`input`) or what is sent (`output`). Throws when two different schemas have one id. */
  toJson(schema: ZodType, io: 'input' | 'output'): JsonSchema {
    const { $schema: _, $defs = {}, ...root } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
    for (const [name, definition] of Object.entries($defs)) this.#add(name, definition as JsonSchema);
    return withReferences(root);
  }

  all(): Readonly<Record<string, JsonSchema>> {
    const sorted = [...this.#schemas].sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(sorted);
  }

  #add(name: string, definition: JsonSchema): void {
    const schema = withReferences(definition);
    const before = this.#schemas.get(name);
    if (before !== undefined && JSON.stringify(before) !== JSON.stringify(schema)) {
      throw new Error(`two schemas are called ${name}`);
    }
    this.#schemas.set(name, schema);
  }
}

function withReferences(schema: JsonSchema): JsonSchema {
  return JSON.parse(JSON.stringify(schema), (key, value: unknown) =>
    key === '$ref' && typeof value === 'string' ? value.replace('#/$defs/', '#/components/schemas/') : value,
  ) as JsonSchema;
}
