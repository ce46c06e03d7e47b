import type { RouteOptions } from 'fastify';
import type { ZodType } from 'zod';
import type { Api } from '../api-context.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** It asks for a token. */
    readonly authenticated?: boolean;
  }
}

/** One endpoint, as it was registered. */
export interface RegisteredRoute {
  readonly method: string;
  /** In Fastify's form: `/v3/apps/:guid`. */
  readonly path: string;
  readonly authenticated: boolean;
  readonly schema: {
    readonly params?: ZodType;
    readonly querystring?: ZodType;
    readonly body?: ZodType;
    readonly response?: Readonly<Record<string, ZodType>>;
    /** Where what is derived from the path says too little. */
    readonly summary?: string;
    readonly description?: string;
    readonly operationId?: string;
  };
}

/** Methods that OpenAPI describes, but HEAD, which is GET without a body. */
const METHODS = new Set(['GET', 'PUT', 'POST', 'DELETE', 'PATCH']);

/** Notes all endpoints that are registered from now on. What is returned tells of those up to when it is asked. */
export function routesOf(api: Api): () => readonly RegisteredRoute[] {
  const found: Pick<RouteOptions, 'method' | 'url' | 'config' | 'schema'>[] = [];
  api.addHook('onRoute', (route) => {
    found.push(route as RouteOptions);
  });
  return () =>
    found.flatMap((route) =>
      [route.method]
        .flat()
        .filter((method) => METHODS.has(method))
        .map((method) => ({
          method,
          path: route.url,
          authenticated: route.config?.authenticated === true,
          schema: (route.schema ?? {}) as RegisteredRoute['schema'],
        })),
    );
}
