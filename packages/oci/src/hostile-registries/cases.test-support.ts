import type { OciErrorCode } from '../errors.ts';
import type {
  Handler,
  HostileRegistry,
  Outcome,
  Play,
  RawHandler,
  Served,
  ServerOptions,
  World,
} from './hostile-registry.test-support.ts';

/** A case in which one server, `registry.test`, answers everything. */
export function lying(
  name: string,
  expect: Outcome,
  handler: Handler,
  play: Partial<Play> = {},
  options: ServerOptions = {},
): HostileRegistry {
  return {
    name,
    expect,
    play: async (world) => ({ registry: at(await world.serve(handler, options)), ...play }),
  };
}

/** The same with a server of sockets: what it says need not be HTTP. */
export function raw(name: string, expect: Outcome, handler: RawHandler, play: Partial<Play> = {}): HostileRegistry {
  return { name, expect, play: async (world) => ({ registry: at(await world.serveRaw(handler)), ...play }) };
}

/** A case with a stranger who would like to be sent something. */
export function luring(
  name: string,
  expect: Outcome,
  stranger: Handler,
  registry: (stranger: Served) => Handler,
  play: Partial<Play> = {},
  options: { readonly registry?: ServerOptions; readonly stranger?: ServerOptions } = {},
): HostileRegistry {
  return {
    name,
    expect,
    play: async (world: World) => {
      // The registry is the first server of a case, but it has to know where the stranger is.
      let lure: Handler = (_request, response) => void response.writeHead(503).end();
      const server = await world.serve((request, response) => lure(request, response), options.registry ?? {});
      lure = registry(await world.serve(stranger, options.stranger ?? {}));
      return { registry: at(server), ...play };
    },
  };
}

export const at = ({ port }: Served, name = 'registry.test'): string => `${name}:${port}`;
export const refused = (code: OciErrorCode): Outcome => ({ refused: code });
export const PULLED: Outcome = { pulled: true };

export const REALM: Outcome = refused('TOKEN_REALM_REFUSED');
export const REDIRECT: Outcome = refused('REDIRECT_REFUSED');
export const ADDRESS: Outcome = refused('ADDRESS_REFUSED');
export const UNAUTHORIZED: Outcome = refused('REGISTRY_UNAUTHORIZED');
export const TIMEOUT: Outcome = refused('REGISTRY_TIMEOUT');
export const PROTOCOL: Outcome = refused('REGISTRY_PROTOCOL');
export const UNREACHABLE: Outcome = refused('REGISTRY_UNREACHABLE');
export const TOO_LARGE: Outcome = refused('DOCUMENT_TOO_LARGE');
export const TLS: Outcome = refused('REGISTRY_TLS_FAILED');

export const BLOB: Partial<Play> = { action: 'blob' };
/** The registry is asked over https, for it is on no list. */
export const HTTPS: Partial<Play> = { options: { plainHttp: [] } };

/** A server that is first connected to. */
export function first(
  name: string,
  expect: Outcome,
  handler: (socket: Parameters<RawHandler>[0]) => void,
  play: Partial<Play> = {},
): HostileRegistry {
  return { name, expect, play: async (world) => ({ registry: at(await world.serveFirst(handler)), ...play }) };
}
