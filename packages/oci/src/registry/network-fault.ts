import { errors } from 'undici';
import type { OciErrorCode } from '../errors.ts';
import { AddressRefusedError } from './connector.ts';

/** What a failed exchange means, in the words of the error that will be thrown. */
export interface NetworkFault {
  readonly code: OciErrorCode;
  readonly detail: string;
  /** Asking again may help. */
  readonly transient: boolean;
}

const BY_CODE: Readonly<Record<string, NetworkFault>> = {
  UND_ERR_CONNECT_TIMEOUT: {
    code: 'REGISTRY_TIMEOUT',
    detail: 'it did not accept a connection in time',
    transient: true,
  },
  UND_ERR_HEADERS_TIMEOUT: { code: 'REGISTRY_TIMEOUT', detail: 'it did not answer in time', transient: true },
  UND_ERR_BODY_TIMEOUT: { code: 'REGISTRY_TIMEOUT', detail: 'it stopped in the middle of its answer', transient: true },
  UND_ERR_HEADERS_OVERFLOW: {
    code: 'REGISTRY_PROTOCOL',
    detail: 'its answer has too many header bytes',
    transient: false,
  },
  UND_ERR_SOCKET: {
    code: 'REGISTRY_UNREACHABLE',
    detail: 'it closed the connection in the middle of its answer',
    transient: true,
  },
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: {
    code: 'REGISTRY_PROTOCOL',
    detail: 'its answer is not as long as it announced',
    transient: true,
  },
  ENOTFOUND: { code: 'REGISTRY_UNREACHABLE', detail: 'no such host name', transient: false },
  EAI_AGAIN: {
    code: 'REGISTRY_UNREACHABLE',
    detail: 'the host name cannot be resolved at the moment',
    transient: true,
  },
  ECONNREFUSED: { code: 'REGISTRY_UNREACHABLE', detail: 'it refuses connections', transient: true },
  ECONNRESET: { code: 'REGISTRY_UNREACHABLE', detail: 'it reset the connection', transient: true },
  EPIPE: { code: 'REGISTRY_UNREACHABLE', detail: 'it reset the connection', transient: true },
  EHOSTUNREACH: { code: 'REGISTRY_UNREACHABLE', detail: 'no route to the host', transient: true },
  ENETUNREACH: { code: 'REGISTRY_UNREACHABLE', detail: 'no route to its network', transient: true },
  ETIMEDOUT: { code: 'REGISTRY_TIMEOUT', detail: 'it did not accept a connection in time', transient: true },
};

/** Node's and OpenSSL's words for a certificate or handshake that does not do. */
const TLS_CODE = /^(?:ERR_TLS|ERR_SSL|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/;

/** Alerts of the other side: they are about what we showed, not about what it shows. */
const CLIENT_CERTIFICATE_CODE =
  /^ERR_SSL_.*ALERT_(?:CERTIFICATE_REQUIRED|UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_(?:UNKNOWN|EXPIRED|REVOKED)|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED)/;

export function networkFault(error: unknown): NetworkFault {
  if (error instanceof AddressRefusedError) {
    return { code: 'ADDRESS_REFUSED', detail: error.message, transient: false };
  }
  const code = errorCode(error);
  const known = BY_CODE[code];
  if (known) {
    return known;
  }
  if (CLIENT_CERTIFICATE_CODE.test(code)) {
    const detail = `it wants a client certificate, and got none or one that it does not take (${code})`;
    return { code: 'REGISTRY_TLS_FAILED', detail, transient: false };
  }
  if (TLS_CODE.test(code)) {
    return { code: 'REGISTRY_TLS_FAILED', detail: `its TLS is not acceptable (${code})`, transient: false };
  }
  if (error instanceof errors.HTTPParserError) {
    return { code: 'REGISTRY_PROTOCOL', detail: 'its answer is not HTTP', transient: false };
  }
  return { code: 'REGISTRY_UNREACHABLE', detail: `the exchange failed${code ? ` (${code})` : ''}`, transient: true };
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
