import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';
import { z } from 'zod';
import { checkAgainstOpenapi } from './openapi-conformance.ts';

/** Cloud Foundry's v3 error body, or what came instead of one. */
export class CfApiError extends Error {
  readonly status: number;
  readonly errors: readonly { readonly code: number; readonly title: string; readonly detail: string }[];

  constructor(what: string, status: number, body: string) {
    const parsed = errorBodySchema.safeParse(parseJson(body));
    const errors = parsed.success ? parsed.data.errors : [];
    const detail = errors.length > 0 ? errors.map((e) => `${e.title}: ${e.detail}`).join('; ') : body.slice(0, 500);
    super(`${what}: ${status} ${detail}`);
    this.name = 'CfApiError';
    this.status = status;
    this.errors = errors;
  }
}

export interface CfClientOptions {
  /** Where the platform answers, e.g. `http://localhost:8080`. */
  readonly url: string;
  readonly username: string;
  readonly password: string;
  /** Compare every answer of API v3 with the description at `/v3/openapi.json`, and throw when it differs. */
  readonly checkAnswers?: boolean;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

const POLL_MS = 100;
const DEFAULT_DEADLINE_MS = 120_000;

/**
 * A client of the public API, and of nothing else: Cloud Foundry API v3 and UAA over HTTP. Names under `.localhost` need
 * no resolver: it connects to loopback and sends the name as Host.
 */
export class CfClient {
  readonly #options: CfClientOptions;
  readonly #origin: URL;
  #description: Promise<Record<string, unknown>> | undefined;
  #token: { readonly value: string; readonly expiresAt: number } | undefined;

  constructor(options: CfClientOptions) {
    this.#options = options;
    this.#origin = new URL(options.url);
  }

  /** One request to any host of the platform. Never throws for a status. */
  async fetch(
    host: string,
    path: string,
    options: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: string } = {},
  ): Promise<HttpAnswer> {
    const answer = await this.#exchange(host, path, options);
    if (this.#options.checkAnswers === true && host === this.#origin.hostname && path.startsWith('/v3')) {
      this.#description ??= this.#exchange(host, '/v3/openapi.json', {}).then(
        ({ body }) => JSON.parse(body) as Record<string, unknown>,
      );
      checkAgainstOpenapi(await this.#description, { method: options.method ?? 'GET', path, ...answer });
    }
    return answer;
  }

  async #exchange(
    host: string,
    path: string,
    options: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: string },
  ): Promise<HttpAnswer> {
    const local = /(^|\.)localhost$/.test(host) ? '127.0.0.1' : host;
    const port = this.#origin.port === '' ? '' : `:${this.#origin.port}`;
    const response = await request(`${this.#origin.protocol}//${local}${port}${path}`, {
      method: (options.method ?? 'GET') as 'GET',
      headers: { host: `${host}${port}`, ...options.headers },
      ...(options.body === undefined ? {} : { body: options.body }),
    });
    return { status: response.statusCode, headers: response.headers, body: await response.body.text() };
  }

  /** A call of the API with a token; the parsed JSON body. Throws CfApiError for 400 and above. */
  async call<T>(method: string, path: string, schema: z.ZodType<T>, body?: unknown): Promise<T> {
    const answer = await this.#send(method, path, body);
    return schema.parse(parseJson(answer.body));
  }

  async organization(name: string): Promise<string> {
    const found = await this.call('GET', `/v3/organizations?names=${encodeURIComponent(name)}`, guidListSchema);
    return found.resources[0]?.guid ?? (await this.call('POST', '/v3/organizations', guidSchema, { name })).guid;
  }

  async space(name: string, organizationGuid: string): Promise<string> {
    const query = `names=${encodeURIComponent(name)}&organization_guids=${organizationGuid}`;
    const found = await this.call('GET', `/v3/spaces?${query}`, guidListSchema);
    const relationships = { organization: { data: { guid: organizationGuid } } };
    return (
      found.resources[0]?.guid ?? (await this.call('POST', '/v3/spaces', guidSchema, { name, relationships })).guid
    );
  }

  async findApp(name: string, spaceGuid: string): Promise<string | undefined> {
    const query = `names=${encodeURIComponent(name)}&space_guids=${spaceGuid}`;
    return (await this.call('GET', `/v3/apps?${query}`, guidListSchema)).resources[0]?.guid;
  }

  async createApp(name: string, spaceGuid: string, environment: Record<string, string> = {}): Promise<string> {
    const body = {
      name,
      lifecycle: { type: 'docker', data: {} },
      relationships: { space: { data: { guid: spaceGuid } } },
      environment_variables: environment,
    };
    return (await this.call('POST', '/v3/apps', guidSchema, body)).guid;
  }

  async createPackage(
    appGuid: string,
    image: string,
    credentials?: { readonly username: string; readonly password: string },
  ): Promise<string> {
    const body = {
      type: 'docker',
      relationships: { app: { data: { guid: appGuid } } },
      data: { image, ...credentials },
    };
    return (await this.call('POST', '/v3/packages', guidSchema, body)).guid;
  }

  async createBuild(packageGuid: string): Promise<string> {
    return (await this.call('POST', '/v3/builds', guidSchema, { package: { guid: packageGuid } })).guid;
  }

  /** Waits for the build's end. Throws with the build's own error when it failed. Returns the droplet's guid. */
  async waitForBuild(buildGuid: string, deadlineMs: number = DEFAULT_DEADLINE_MS): Promise<string> {
    return this.#poll(`build ${buildGuid}`, deadlineMs, async () => {
      const build = await this.call('GET', `/v3/builds/${buildGuid}`, buildSchema);
      if (build.state === 'FAILED') throw new Error(build.error ?? 'the build failed and says no reason');
      return build.state === 'STAGED' ? build.droplet?.guid : undefined;
    });
  }

  async setDroplet(appGuid: string, dropletGuid: string): Promise<void> {
    const body = { data: { guid: dropletGuid } };
    await this.#send('PATCH', `/v3/apps/${appGuid}/relationships/current_droplet`, body);
  }

  async droplet(guid: string): Promise<z.infer<typeof dropletSchema>> {
    return this.call('GET', `/v3/droplets/${guid}`, dropletSchema);
  }

  /** Finds or creates `host.domain` and leads it to the app. Returns the route's URL without scheme. */
  async mapRoute(appGuid: string, spaceGuid: string, host: string): Promise<string> {
    const domains = await this.call('GET', '/v3/domains', domainListSchema);
    const domain = domains.resources.find((d) => !d.internal);
    if (domain === undefined) throw new Error('the platform has no domain for apps');
    const found = await this.call('GET', `/v3/routes?domain_guids=${domain.guid}&hosts=${host}`, routeListSchema);
    const route =
      found.resources[0] ??
      (await this.call('POST', '/v3/routes', routeSchema, {
        host,
        relationships: { space: { data: { guid: spaceGuid } }, domain: { data: { guid: domain.guid } } },
      }));
    const body = { destinations: [{ app: { guid: appGuid } }] };
    await this.#send('POST', `/v3/routes/${route.guid}/destinations`, body);
    return route.url;
  }

  async action(appGuid: string, action: 'start' | 'stop' | 'restart'): Promise<void> {
    await this.#send('POST', `/v3/apps/${appGuid}/actions/${action}`);
  }

  async scale(appGuid: string, instances: number, processType = 'web'): Promise<void> {
    await this.#send('POST', `/v3/apps/${appGuid}/processes/${processType}/actions/scale`, { instances });
  }

  async stats(appGuid: string, processType = 'web'): Promise<readonly InstanceStats[]> {
    const { guid } = await this.call('GET', `/v3/apps/${appGuid}/processes/${processType}`, guidSchema);
    return (await this.call('GET', `/v3/processes/${guid}/stats`, statsSchema)).resources;
  }

  /** Waits until `instances` run and no other is there. Throws, with what is known of each, when they do not in time. */
  async waitForRunning(
    appGuid: string,
    instances: number,
    deadlineMs: number = DEFAULT_DEADLINE_MS,
    onChange: (stats: readonly InstanceStats[]) => void = () => undefined,
  ): Promise<readonly InstanceStats[]> {
    let last: readonly InstanceStats[] = [];
    let shown = '';
    try {
      return await this.#poll(`${instances} running instances`, deadlineMs, async () => {
        last = await this.stats(appGuid);
        const now = describeStats(last);
        if (now !== shown) onChange(last);
        shown = now;
        return last.length === instances && last.every((s) => s.state === 'RUNNING') ? last : undefined;
      });
    } catch (cause) {
      throw new Error(`the app does not run: ${describeStats(last)}`, { cause });
    }
  }

  /** Deletes the app and waits for the job. */
  async deleteApp(appGuid: string, deadlineMs: number = DEFAULT_DEADLINE_MS): Promise<void> {
    const { headers } = await this.#send('DELETE', `/v3/apps/${appGuid}`);
    const location = headers.location;
    if (typeof location !== 'string') throw new Error('the deletion of an app answered with no job');
    const { pathname } = new URL(location);
    await this.#poll(`deletion of app ${appGuid}`, deadlineMs, async () => {
      const job = await this.call('GET', pathname, jobSchema);
      if (job.state === 'FAILED') throw new Error(`deleting the app failed: ${JSON.stringify(job.errors)}`);
      return job.state === 'COMPLETE' ? true : undefined;
    });
  }

  async #send(method: string, path: string, body?: unknown): Promise<HttpAnswer> {
    const answer = await this.fetch(this.#origin.hostname, path, {
      method,
      headers: {
        authorization: `bearer ${await this.token()}`,
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (answer.status >= 400) throw new CfApiError(`${method} ${path}`, answer.status, answer.body);
    return answer;
  }

  /** An access token of the password grant with the cf CLI's client, renewed a minute before it ends. */
  async token(): Promise<string> {
    if (this.#token !== undefined && this.#token.expiresAt > Date.now() + 60_000) return this.#token.value;
    const { username, password } = this.#options;
    const answer = await this.fetch(this.#origin.hostname, '/uaa/oauth/token', {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from('cf:').toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'application/json',
      },
      body: new URLSearchParams({ grant_type: 'password', username, password }).toString(),
    });
    if (answer.status >= 400) throw new CfApiError('login', answer.status, answer.body);
    const { access_token: value, expires_in: seconds } = tokenSchema.parse(parseJson(answer.body));
    this.#token = { value, expiresAt: Date.now() + seconds * 1_000 };
    return value;
  }

  async #poll<T>(what: string, deadlineMs: number, attempt: () => Promise<T | undefined>): Promise<T> {
    const deadline = Date.now() + deadlineMs;
    for (;;) {
      const result = await attempt();
      if (result !== undefined) return result;
      if (Date.now() > deadline) throw new Error(`${what}: not there after ${deadlineMs / 1_000} s`);
      await delay(POLL_MS);
    }
  }
}

function describeStats(stats: readonly InstanceStats[]): string {
  if (stats.length === 0) return 'no instance is known';
  return stats.map((s) => `#${s.index} ${s.state}${s.details ? ` (${s.details})` : ''}`).join(', ');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const errorBodySchema = z.object({
  errors: z.array(z.object({ code: z.number(), title: z.string(), detail: z.string() })).min(1),
});
const guidSchema = z.object({ guid: z.string() });
const guidListSchema = z.object({ resources: z.array(guidSchema) });
const domainListSchema = z.object({ resources: z.array(z.object({ guid: z.string(), internal: z.boolean() })) });
const routeSchema = z.object({ guid: z.string(), url: z.string() });
const routeListSchema = z.object({ resources: z.array(routeSchema) });
const jobSchema = z.object({ state: z.string(), errors: z.array(z.unknown()).optional() });
const tokenSchema = z.object({ access_token: z.string(), expires_in: z.number() });
const buildSchema = z.object({
  state: z.enum(['STAGING', 'STAGED', 'FAILED']),
  error: z.string().nullish(),
  droplet: guidSchema.nullish(),
});
const dropletSchema = z.looseObject({ guid: z.string(), image: z.string().nullable() });
const instanceStatsSchema = z.looseObject({
  index: z.int(),
  state: z.string(),
  details: z.string().nullish(),
  instance_guid: z.string().nullish(),
  instance_internal_ip: z.string().nullish(),
});
const statsSchema = z.object({ resources: z.array(instanceStatsSchema) });

/** One entry of a process's stats. */
export type InstanceStats = z.infer<typeof instanceStatsSchema>;
