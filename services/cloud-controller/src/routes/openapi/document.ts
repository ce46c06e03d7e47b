import type { ZodType } from 'zod';
import { describeOperation } from '../../domain/openapi/describe-operation.ts';
import { API_VERSION } from '../../resources/root.ts';
import { errorsSchema } from '../../resources/shapes.ts';
import { bodyNotes } from './answers.ts';
import { type JsonSchema, SchemaComponents } from './json-schemas.ts';
import type { RegisteredRoute } from './routes-of.ts';

const JSON_TYPE = 'application/json';
const ERRORS = { '4XX': { $ref: '#/components/responses/Error' }, '5XX': { $ref: '#/components/responses/Error' } };

type Json = Record<string, unknown>;

/** The API's description (OpenAPI 3.1), made of the very schemas that requests and answers are checked with. */
export function openApiDocument(routes: readonly RegisteredRoute[], server: string): Json {
  const schemas = new SchemaComponents();
  const parameters = new ParameterComponents();
  const paths: Record<string, Json> = {};
  const tags = new Set<string>();
  const error = schemas.toJson(errorsSchema, 'output');
  for (const route of routes) {
    const names = describeOperation(route.method, route.path);
    tags.add(names.tag);
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}').replace('*', '{rest}');
    const operation = {
      operationId: route.schema.operationId ?? names.operationId,
      summary: route.schema.summary ?? names.summary,
      ...(route.schema.description === undefined ? {} : { description: route.schema.description }),
      tags: [names.tag],
      security: route.authenticated ? [{ bearer: [] }] : [],
      ...parametersOf(route, schemas, parameters),
      ...requestBodyOf(route.schema.body, schemas),
      // Few have errors of another form than the others.
      responses: { ...ERRORS, ...answersOf(route.schema.response ?? {}, schemas) },
    };
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Slipway',
      description: "Cloud Foundry's API v3, for apps that are Docker images.",
      version: API_VERSION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: server }],
    tags: [...tags].sort().map((name) => ({ name })),
    paths,
    components: {
      schemas: schemas.all(),
      parameters: parameters.all(),
      responses: { Error: { description: 'What is wrong.', content: { [JSON_TYPE]: { schema: error } } } },
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
    },
  };
}

/** Parameters that many endpoints have. One that differs from its namesake stays where it is. */
class ParameterComponents {
  readonly #parameters = new Map<string, Json>();

  reference(parameter: Json & { readonly name: string }): Json {
    const key = parameter.name.replaceAll(/[^\w]+/g, '_').replace(/_$/, '');
    const before = this.#parameters.get(key);
    if (before === undefined) this.#parameters.set(key, parameter);
    else if (JSON.stringify(before) !== JSON.stringify(parameter)) return parameter;
    return { $ref: `#/components/parameters/${key}` };
  }

  all(): Json {
    return Object.fromEntries(this.#parameters);
  }
}

function parametersOf(route: RegisteredRoute, schemas: SchemaComponents, parameters: ParameterComponents): Json {
  const { params, querystring } = route.schema;
  const ofPath = params === undefined ? {} : propertiesOf(schemas.toJson(params, 'input'));
  const names = [...route.path.matchAll(/:(\w+)|\*/g)].map(([, name]) => name);
  const inPath = names.map((name) =>
    parameters.reference({
      name: name ?? 'rest',
      in: 'path',
      required: true,
      // OpenAPI has no parameter of several path segments.
      ...(name === undefined ? { description: 'The rest of the path, slashes included.', 'x-rest-of-path': true } : {}),
      schema: ofPath[name ?? '*'] ?? { type: 'string' },
    }),
  );
  const query = querystring === undefined ? {} : schemas.toJson(querystring, 'input');
  const required = (query.required ?? []) as readonly string[];
  const inQuery = Object.entries(propertiesOf(query)).map(([name, { description, ...schema }]) =>
    parameters.reference({
      name,
      in: 'query',
      ...(description === undefined ? {} : { description }),
      ...(required.includes(name) ? { required: true } : {}),
      // Several values are one text with commas.
      ...(schema.type === 'array' ? { style: 'form', explode: false } : {}),
      schema,
    }),
  );
  const all = [...inPath, ...inQuery];
  return all.length === 0 ? {} : { parameters: all };
}

function propertiesOf(schema: JsonSchema): Readonly<Record<string, JsonSchema>> {
  return (schema.properties ?? {}) as Readonly<Record<string, JsonSchema>>;
}

function requestBodyOf(body: ZodType | undefined, schemas: SchemaComponents): Json {
  if (body === undefined) return {};
  const { contentType = JSON_TYPE, description } = bodyNotes.get(body) ?? {};
  return {
    requestBody: {
      ...(description === undefined ? {} : { description }),
      // A missing body is read as an empty one.
      required: !body.safeParse({}).success,
      content: { [contentType]: { schema: schemas.toJson(body, 'input') } },
    },
  };
}

function answersOf(response: Readonly<Record<string, ZodType>>, schemas: SchemaComponents): Json {
  const answers = Object.entries(response).map(([status, schema]) => {
    const { contentType = JSON_TYPE, description = 'It worked.', headers = {} } = bodyNotes.get(schema) ?? {};
    const answer = {
      description,
      ...(Object.keys(headers).length === 0 ? {} : { headers: headersOf(headers) }),
      // A schema that only takes undefined is that of an answer without a body.
      ...(schema.safeParse(undefined).success
        ? {}
        : { content: { [contentType]: { schema: schemas.toJson(schema, 'output') } } }),
    };
    return [status.toUpperCase(), answer] as const;
  });
  return Object.fromEntries(answers);
}

function headersOf(headers: Readonly<Record<string, string>>): Json {
  return Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [
      name,
      { description, required: true, schema: { type: 'string' } },
    ]),
  );
}
