import { type FormFields, readField } from './form.ts';

export type ClientAuthentication =
  | { readonly outcome: 'given'; readonly clientId: string; readonly secret: string }
  | { readonly outcome: 'missing' }
  | { readonly outcome: 'invalid'; readonly description: string };

/**
 * Which client asks for a token: by `Authorization: Basic`, which cf uses with an empty secret, or by `client_id` and
 * `client_secret` in the form (RFC 6749 2.3.1). As in UAA the Basic credentials are not percent-decoded.
 */
export function readClientAuthentication(authorization: string | undefined, form: FormFields): ClientAuthentication {
  const clientId = readField(form, 'client_id');
  const secret = readField(form, 'client_secret');
  if (clientId.outcome === 'repeated' || secret.outcome === 'repeated') {
    return { outcome: 'invalid', description: 'client_id and client_secret may be given once' };
  }
  if (authorization === undefined) {
    if (clientId.value === undefined) return { outcome: 'missing' };
    return { outcome: 'given', clientId: clientId.value, secret: secret.value ?? '' };
  }
  const basic = parseBasic(authorization);
  if (basic === undefined) return { outcome: 'invalid', description: 'the Authorization header is not Basic' };
  if (clientId.value !== undefined && clientId.value !== basic.clientId) {
    return { outcome: 'invalid', description: 'the Authorization header and client_id name different clients' };
  }
  if (secret.value !== undefined) {
    return { outcome: 'invalid', description: 'a client may authenticate in one way only' };
  }
  return { outcome: 'given', ...basic };
}

function parseBasic(header: string): { readonly clientId: string; readonly secret: string } | undefined {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header)?.[1];
  if (encoded === undefined) return undefined;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.fromBase64(encoded));
    const colon = text.indexOf(':');
    // Without a colon there is no secret, and nobody writes that by intent.
    return colon <= 0 ? undefined : { clientId: text.slice(0, colon), secret: text.slice(colon + 1) };
  } catch {
    // Neither base64 nor UTF-8: not Basic credentials.
    return undefined;
  }
}
