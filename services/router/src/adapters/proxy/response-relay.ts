import { interimHeadOut, type ResponseOut } from '../../domain/forwarding/response-head-out.ts';
import type { BodyScanner } from '../../domain/http/body-scanner.ts';
import { createBodyScanner } from '../../domain/http/create-body-scanner.ts';
import type { RequestHead } from '../../domain/http/request-head.ts';
import { parseResponseHead, type ResponseHead } from '../../domain/http/response-head.ts';
import type { UpstreamFailure } from '../../domain/upstream-failure.ts';
import type { ClientPort } from './client-port.ts';
import { brokenFailure } from './dial-failure.ts';
import { HeadReader } from './head-reader.ts';
import type { ProxySettings } from './proxy-settings.ts';

/** More interim responses than any app sends; each goes to the client, who need not be reading. */
const MAX_INTERIM_RESPONSES = 64;

/** What came of some of the backend's bytes. */
export type RelayStep =
  /** More is to come; not `clear`: the client must drain first. */
  | { readonly kind: 'more'; readonly clear: boolean }
  /** The response is sent whole. */
  | { readonly kind: 'done'; readonly reusable: boolean }
  | { readonly kind: 'switching'; readonly response: ResponseHead; readonly rest: Buffer | undefined }
  | { readonly kind: 'failed'; readonly failure: UpstreamFailure };

const MORE: RelayStep = { kind: 'more', clear: true };
const BLOCKED: RelayStep = { kind: 'more', clear: false };

/** Passes one response on, from the first byte that a backend sends to the last that the client is sent. */
export class ResponseRelay {
  /** The final response, once its head went out to the client. */
  response: ResponseHead | undefined;
  readonly #request: RequestHead;
  readonly #client: ClientPort;
  readonly #settings: ProxySettings;
  readonly #onFinalHead: (response: ResponseHead) => ResponseOut;
  readonly #heads: HeadReader;
  #interims = 0;
  #body: BodyScanner | undefined;

  /** @param onFinalHead called once, before anything of the final response is sent */
  constructor(
    request: RequestHead,
    client: ClientPort,
    settings: ProxySettings,
    onFinalHead: (response: ResponseHead) => ResponseOut,
  ) {
    this.#request = request;
    this.#client = client;
    this.#settings = settings;
    this.#onFinalHead = onFinalHead;
    this.#heads = new HeadReader(settings.maxHeadBytes);
  }

  get payloadBytes(): number {
    return this.#body?.payloadBytes ?? 0;
  }

  /** Any byte of a response came. */
  get answered(): boolean {
    return this.response !== undefined || this.#interims > 0 || this.#heads.started;
  }

  read(bytes: Buffer): RelayStep {
    return this.#body === undefined ? this.#readHeads(bytes) : this.#readBody(this.#body, bytes);
  }

  /** The backend will send no more. */
  end(): RelayStep {
    const pieces: Uint8Array[] = [];
    if (this.#body?.finish(pieces) !== true) return { kind: 'failed', failure: brokenFailure(undefined) };
    if (pieces.length > 0) this.#client.sendPieces(pieces);
    return { kind: 'done', reusable: false };
  }

  #readHeads(bytes: Buffer): RelayStep {
    let rest: Buffer | undefined = bytes;
    while (rest !== undefined) {
      const reading = this.#heads.read(rest);
      if (reading.kind === 'more') return MORE;
      if (reading.kind === 'too-large') return failed('too-large', 'Too many response headers');
      if (reading.kind === 'bare-lf') return malformed('bare LF');
      const response = parseResponseHead(reading.text, this.#request.method, this.#settings.maxFields);
      if (typeof response === 'string') return malformed(response);
      rest = reading.rest;
      if (response.status === 101) return { kind: 'switching', response, rest };
      if (response.status >= 200) return this.#begin(response, rest);
      if (++this.#interims > MAX_INTERIM_RESPONSES) return malformed('too many interim responses');
      if (this.#request.minorVersion === 1) this.#client.send(interimHeadOut(response), []);
    }
    return MORE;
  }

  #begin(response: ResponseHead, rest: Buffer | undefined): RelayStep {
    const out = this.#onFinalHead(response);
    const { maxHeadBytes, maxFields } = this.#settings;
    const body = createBodyScanner(response.framing, out.delivery, { maxTrailerBytes: maxHeadBytes, maxFields });
    const pieces: Uint8Array[] = [];
    const end = rest === undefined ? 0 : body.scan(rest, 0, pieces);
    if (end < 0) return malformed('chunked body');
    this.response = response;
    this.#body = body;
    const clear = this.#client.send(out.head, pieces);
    if (body.done) return { kind: 'done', reusable: response.persistent && end === (rest?.length ?? 0) };
    return clear ? MORE : BLOCKED;
  }

  #readBody(body: BodyScanner, bytes: Buffer): RelayStep {
    const pieces: Uint8Array[] = [];
    const end = body.scan(bytes, 0, pieces);
    if (end < 0) return malformed('chunked body');
    const clear = pieces.length === 0 || this.#client.sendPieces(pieces);
    if (body.done) return { kind: 'done', reusable: this.response?.persistent === true && end === bytes.length };
    return clear ? MORE : BLOCKED;
  }
}

function failed(kind: UpstreamFailure['kind'], text: string): RelayStep {
  return { kind: 'failed', failure: { kind, text } };
}

function malformed(what: string): RelayStep {
  return failed('malformed', `malformed HTTP response: ${what}`);
}
