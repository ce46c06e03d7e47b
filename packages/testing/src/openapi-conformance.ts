import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

/** One answer of an API. */
export interface ApiExchange {
  readonly method: string;
  /** With or without a query. */
  readonly path: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  /** As it came. */
  readonly body: string;
  /** What was sent. When it was accepted, the document must say that it is. Default: not looked at. */
  readonly sent?: string | undefined;
}

type Json = Readonly<Record<string, unknown>>;

interface Operation {
  readonly name: string;
  readonly pattern: RegExp;
  readonly parameters: readonly Json[];
  readonly requestBody: Json | undefined;
  readonly responses: Readonly<Record<string, Json>>;
}

const METHODS = ['get', 'put', 'post', 'delete', 'patch'];
const DOCUMENT = 'https://openapi.test/';

/** Compares what an API answers with what its OpenAPI 3.1 document says. */
export class OpenApiConformance {
  readonly #ajv: Ajv2020;
  readonly #document: Json;
  readonly #operations = new Map<string, readonly Operation[]>();
  readonly #validators = new Map<Json, ValidateFunction>();

  constructor(document: Json) {
    this.#document = document;
    // OpenAPI's own keywords are no part of JSON schema.
    this.#ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: true });
    formats.default(this.#ajv);
    this.#ajv.addSchema({ $id: DOCUMENT, components: document.components });
    const paths = document.paths as Readonly<Record<string, Json>>;
    for (const method of METHODS) {
      const operations = Object.entries(paths).flatMap(([path, item]) => {
        const operation = item[method] as Json | undefined;
        return operation === undefined ? [] : [this.#operation(method, path, operation)];
      });
      this.#operations.set(method, operations.sort(mostParticularFirst));
    }
  }

  /** What is not as the document says; empty when all is. */
  problems(exchange: ApiExchange): readonly string[] {
    const { status, body } = exchange;
    const path = exchange.path.split('?')[0] ?? '';
    // A HEAD is a GET without a body.
    const head = exchange.method === 'HEAD';
    const operation = this.#find(head ? 'GET' : exchange.method, path);
    if (operation === undefined) {
      return status === 404 ? [] : [`${exchange.method} ${path} is not described, and answered ${status}`];
    }
    const response = this.#resolve(operation.responses[status] ?? operation.responses[`${Math.floor(status / 100)}XX`]);
    if (response === undefined) return [`${operation.name} does not describe status ${status}`];
    const headers = Object.keys((response.headers ?? {}) as Json).filter(
      (name) => typeof exchange.headers[name.toLowerCase()] !== 'string',
    );
    const problems = [
      ...headers.map((name) => `the header ${name} is missing`),
      ...(status < 400 ? unknownParameters(operation, exchange.path) : []),
      ...(status < 400 ? this.#requestProblems(operation, exchange.sent) : []),
      ...(head ? [] : this.#bodyProblems(response, contentType(exchange), body)),
    ];
    return problems.map((problem) => `${operation.name}, ${status}: ${problem}`);
  }

  #requestProblems({ requestBody }: Operation, sent: string | undefined): readonly string[] {
    const content = requestBody?.content as Readonly<Record<string, Json>> | undefined;
    const schema = content?.['application/json']?.schema as Json | undefined;
    if (schema === undefined || sent === undefined) return [];
    const validate = this.#validator(schema);
    // As on Cloud Foundry nothing, and null, are an empty body.
    const valid = validate(sent.trim() === '' ? {} : (JSON.parse(sent) ?? {}));
    return valid ? [] : (validate.errors ?? []).map((error) => `what was accepted: ${errorText(error)}`);
  }

  #bodyProblems(response: Json, type: string, body: string): readonly string[] {
    const content = response.content as Readonly<Record<string, Json>> | undefined;
    if (content === undefined) return body === '' ? [] : ['there is a body'];
    const media = content[type];
    if (media === undefined) return [`the content type is ${type} and not ${Object.keys(content).join(', ')}`];
    let value: unknown = body;
    if (type === 'application/json') {
      try {
        value = JSON.parse(body);
      } catch {
        return [`the body is not JSON: ${body.slice(0, 100)}`];
      }
    }
    const validate = this.#validator(media.schema as Json);
    if (validate(value)) return [];
    return (validate.errors ?? []).map(errorText);
  }

  #validator(schema: Json): ValidateFunction {
    const known = this.#validators.get(schema);
    if (known !== undefined) return known;
    const validate = this.#ajv.compile(
      JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', `"${DOCUMENT}#/components/`)) as Json,
    );
    this.#validators.set(schema, validate);
    return validate;
  }

  #operation(method: string, path: string, operation: Json): Operation {
    const parameters = ((operation.parameters ?? []) as readonly Json[]).map(
      (parameter) => this.#resolve(parameter) ?? {},
    );
    const rest = new Set(parameters.filter((p) => p['x-rest-of-path'] === true).map((p) => p.name));
    const pattern = path
      .split(/(\{\w+\})/)
      .map((part) =>
        part.startsWith('{')
          ? rest.has(part.slice(1, -1))
            ? '.*'
            : '[^/]*'
          : part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`),
      )
      .join('');
    return {
      name: `${method.toUpperCase()} ${path}`,
      pattern: new RegExp(`^${pattern}/?$`),
      parameters,
      requestBody: operation.requestBody as Json | undefined,
      responses: operation.responses as Operation['responses'],
    };
  }

  #find(method: string, path: string): Operation | undefined {
    return this.#operations.get(method.toLowerCase())?.find(({ pattern }) => pattern.test(path));
  }

  #resolve(value: Json | undefined): Json | undefined {
    const reference = value?.$ref;
    if (typeof reference !== 'string') return value;
    return reference
      .slice(2)
      .split('/')
      .reduce<unknown>((inner, key) => (inner as Json)[key], this.#document) as Json;
  }
}

function errorText({ instancePath, message, params }: ErrorObject): string {
  return `${instancePath || 'the body'} ${message} ${JSON.stringify(params)}`;
}

const checkers = new WeakMap<Json, OpenApiConformance>();

/** Throws when an answer is not as the document says. */
export function checkAgainstOpenapi(document: Json, exchange: ApiExchange): void {
  const checker = checkers.get(document) ?? new OpenApiConformance(document);
  checkers.set(document, checker);
  const problems = checker.problems(exchange);
  if (problems.length > 0) throw new Error(`an answer is not as the API's description says:\n${problems.join('\n')}`);
}

/** `/apps/default` before `/apps/{guid}` before `/{rest}`. */
function mostParticularFirst(a: Operation, b: Operation): number {
  const key = ({ name }: Operation): string => name.replaceAll('{rest}', '\uffff').replaceAll(/\{\w+\}/g, '\ufffe');
  return key(a) < key(b) ? -1 : 1;
}

function contentType({ headers }: ApiExchange): string {
  return String(headers['content-type'] ?? 'none').split(';')[0] ?? '';
}

/** Parameters that worked, and that the document does not name. */
function unknownParameters({ parameters }: Operation, path: string): readonly string[] {
  const query = new URLSearchParams(path.split('?')[1] ?? '');
  const known = new Set(parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name));
  // An endpoint without parameters looks at none.
  if (known.size === 0) return [];
  return [...query.keys()].filter((name) => !known.has(name)).map((name) => `the parameter ${name} is not described`);
}
