import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Platform } from '../actions/platform.ts';
import type { ActualState } from '../adapters/nats/actual-state.ts';
import type { Db } from '../adapters/sql/schema.ts';
import type { Writer } from '../adapters/sql/writer.ts';
import type { TokenVerifier } from '../adapters/uaa/token-verifier.ts';
import type { UserDirectory } from '../adapters/uaa/user-directory.ts';
import type { SshEndpoint } from '../resources/root.ts';
import type { Links } from '../resources/shapes.ts';

/** What the endpoints work with. */
export interface ApiContext {
  readonly db: Db;
  readonly writer: Writer;
  readonly platform: Platform;
  readonly link: Links;
  readonly tokens: TokenVerifier;
  readonly users: UserDirectory;
  /** Undefined on a platform without SSH. */
  readonly ssh: SshEndpoint | undefined;
  readonly now: () => Date;
  /** Undefined until the bus was reached for the first time. */
  readonly actual: () => ActualState | undefined;
}

export type Api = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;
