import type { Backend } from '../../domain/routes/backend.ts';
import type { UpstreamFailure } from '../../domain/upstream-failure.ts';

const UNTRUSTED: ReadonlySet<string> = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'CERT_UNTRUSTED',
  'CERT_REJECTED',
  'CERT_SIGNATURE_FAILURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);
/** Alerts by which the other side refuses our certificate, or the lack of one. */
const CLIENT_REFUSED = /ALERT_(BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_(REQUIRED|UNKNOWN|EXPIRED|REVOKED))/;

/** Go's words for what the kernel says. */
const connectErrors: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  ECONNRESET: 'connection reset by peer',
  ETIMEDOUT: 'connection timed out',
};

/** Why a connection did not come about. */
export function dialFailure(backend: Backend, error: Error | undefined): UpstreamFailure {
  const code = codeOf(error);
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return { kind: 'tls-hostname', text: `x509: certificate is not valid for ${backend.serverCertDomainSan}` };
  }
  if (UNTRUSTED.has(code)) return { kind: 'tls-untrusted', text: `x509: ${code}` };
  const refused = clientRefusal(error);
  if (refused !== undefined) return refused;
  if (backend.tls && (code.startsWith('ERR_SSL') || code === 'EPROTO')) {
    return { kind: 'tls-handshake', text: 'tls: handshake failure' };
  }
  const reason = connectErrors[code] ?? (code === '' ? 'EOF' : code);
  return { kind: 'dial', text: `dial tcp ${backend.address}: connect: ${reason}` };
}

/** Why an established connection ended before its response did. */
export function brokenFailure(error: Error | undefined): UpstreamFailure {
  const code = codeOf(error);
  if (code === '') return { kind: 'eof', text: 'EOF' };
  return clientRefusal(error) ?? { kind: 'reset', text: `read tcp: ${connectErrors[code] ?? code}` };
}

/** Under TLS 1.3 the refusal comes after the handshake, as the first thing read. */
function clientRefusal(error: Error | undefined): UpstreamFailure | undefined {
  const code = codeOf(error);
  return CLIENT_REFUSED.test(code) ? { kind: 'tls-client-refused', text: `remote error: tls: ${code}` } : undefined;
}

function codeOf(error: Error | undefined): string {
  if (error === undefined) return '';
  return 'code' in error && typeof error.code === 'string' ? error.code.replace(/[^\w-]/g, '') : error.name;
}
